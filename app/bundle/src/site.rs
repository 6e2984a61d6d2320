//! The folder that the server serves, replaced as a whole.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use sha2::{Digest, Sha256};

/// Below this a compressed copy saves no packet.
const WORTH_COMPRESSING_BYTES: usize = 512;

/// A site in the making.
#[derive(Debug)]
pub struct Site {
    folder: PathBuf,
    making: PathBuf,
    names: BTreeMap<String, String>,
    lines: Vec<String>,
    /// Brotli's quality: 11 takes seconds and is for releases.
    quality: i32,
}

impl Site {
    pub fn begin(folder: &Path, for_release: bool) -> anyhow::Result<Self> {
        let making = folder.with_extension("making");
        super::remove(&making)?;
        fs::create_dir_all(making.join("pkg")).with_context(|| format!("make {}", making.display()))?;
        let quality = if for_release { 11 } else { 5 };
        Ok(Self { folder: folder.to_owned(), making, names: BTreeMap::new(), lines: Vec::new(), quality })
    }

    /// Write a file under a name that holds the hash of its content, with compressed copies. Returns that name.
    pub fn add(&mut self, logical: &str, bytes: &[u8]) -> anyhow::Result<String> {
        let name = hashed(logical, bytes);
        let path = self.making.join("pkg").join(&name);
        fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
        let mut line = format!("{name:40} {:>8}", bytes.len());
        if bytes.len() >= WORTH_COMPRESSING_BYTES {
            let (brotli, gzip) = (brotli(bytes, self.quality)?, gzip(bytes)?);
            line.push_str(&format!("   br {:>7}   gz {:>7}", brotli.len(), gzip.len()));
            fs::write(path.with_file_name(format!("{name}.br")), brotli)?;
            fs::write(path.with_file_name(format!("{name}.gz")), gzip)?;
        }
        self.lines.push(line);
        self.names.insert(logical.to_owned(), name.clone());
        Ok(name)
    }

    /// Write the manifest and put the new folder in the place of the old one. Returns a line about each file.
    pub fn finish(self) -> anyhow::Result<Vec<String>> {
        fs::write(self.making.join("manifest.json"), serde_json::to_vec_pretty(&self.names)?)?;
        let old = self.folder.with_extension("old");
        super::remove(&old)?;
        if self.folder.exists() {
            fs::rename(&self.folder, &old)?;
        }
        fs::rename(&self.making, &self.folder).with_context(|| format!("put {} in place", self.folder.display()))?;
        super::remove(&old)?;
        Ok(self.lines)
    }
}

/// `style.css` → `style.1f2e3d4c5b6a7988.css`
fn hashed(logical: &str, bytes: &[u8]) -> String {
    let hash = hex::encode(&Sha256::digest(bytes)[..8]);
    logical.rsplit_once('.').map_or_else(|| format!("{logical}.{hash}"), |(stem, ext)| format!("{stem}.{hash}.{ext}"))
}

fn brotli(bytes: &[u8], quality: i32) -> anyhow::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams { quality, ..Default::default() };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut out, &parameters)?;
    Ok(out)
}

fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_changes_with_its_content_and_the_manifest_finds_it() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("site");
        let text = "a { color: red }\n".repeat(100);
        let mut first = Site::begin(&folder, false).expect("begun");
        let one = first.add("style.css", text.as_bytes()).expect("added");
        first.finish().expect("finished");
        let mut second = Site::begin(&folder, false).expect("begun");
        let two = second.add("style.css", b"a{}").expect("added");
        second.finish().expect("finished");

        assert_ne!(one, two);
        let manifest = fs::read_to_string(folder.join("manifest.json")).expect("there");
        assert_eq!(manifest, format!("{{\n  \"style.css\": \"{two}\"\n}}"));
        assert!(folder.join("pkg").join(&two).is_file());
        assert!(!folder.join("pkg").join(&one).exists(), "nothing of the old site is left");
        assert!(!folder.join("pkg").join(format!("{two}.br")).exists(), "too small to be worth it");
    }

    #[test]
    fn compressed_copies_hold_the_same_bytes() {
        let text = "wasm ".repeat(1000);
        let mut out = Vec::new();
        brotli::BrotliDecompress(&mut &*brotli(text.as_bytes(), 5).expect("packed"), &mut out).expect("unpacked");
        assert_eq!(out, text.as_bytes());
        let packed = gzip(text.as_bytes()).expect("packed");
        let mut out = String::new();
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&*packed), &mut out).expect("unpacked");
        assert_eq!(out, text);
    }
}
