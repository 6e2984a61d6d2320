//! Folders of the installation.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// A folder that only we can look into.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", folder.display()));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(named)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(named)
}

/// `/var/lib/x` → `/var/lib/x-1a2b3c4d`, the same for the same `wanted`: two folders chosen apart stay apart.
pub fn named_after(fallback: &str, wanted: &Path) -> PathBuf {
    let hash = Sha256::digest(wanted.as_os_str().as_encoded_bytes());
    PathBuf::from(format!("{fallback}-{}", hex::encode(&hash[..4])))
}
