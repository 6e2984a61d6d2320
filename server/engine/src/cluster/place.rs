//! Where state may lie: the wanted folder, or another when the server's user cannot get there.

use std::path::{Path, PathBuf};

use super::{ClusterError, account::Account};

/// The folder to use. `instead_of` is set when it is not the wanted one, and then must be said aloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Absolute path; may not exist yet.
    pub folder: PathBuf,
    /// The wanted folder, and the user who cannot enter it.
    pub instead_of: Option<(PathBuf, String)>,
}

/// `wanted` if the server's user can pass through every folder above it (`/root` is closed on Debian), else `fallback`.
/// Changing the modes of other people's folders is not ours to do.
pub fn reachable_folder(wanted: &Path, fallback: &Path) -> Result<Place, ClusterError> {
    let account = Account::for_the_server()?;
    if account.can_enter(wanted) {
        return Ok(Place { folder: wanted.to_owned(), instead_of: None });
    }
    if account.can_enter(fallback) {
        return Ok(Place { folder: fallback.to_owned(), instead_of: Some((wanted.to_owned(), account.name().to_owned())) });
    }
    Err(ClusterError::NotEnterable { folder: wanted.to_owned(), user: account.name().to_owned() })
}
