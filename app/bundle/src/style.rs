//! The style sheets, one after the other. The layers' order is declared in `layers.css`, so the files' order matters for it alone.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

const FIRST: &str = "layers.css";

/// All `*.css` of the folder: `layers.css` first, the others by name.
pub fn concatenate(folder: &Path) -> anyhow::Result<String> {
    let (mut sheets, _) = files(folder)?;
    sheets.sort_by_key(|path| (!path.ends_with(FIRST), path.clone()));
    let mut all = String::new();
    for sheet in sheets {
        all.push_str(&fs::read_to_string(&sheet).with_context(|| format!("read {}", sheet.display()))?);
        all.push('\n');
    }
    Ok(all)
}

/// Everything else there, such as the icon.
pub fn other_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    Ok(files(folder)?.1)
}

fn files(folder: &Path) -> anyhow::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    Ok(paths.into_iter().partition(|path| path.extension().is_some_and(|e| e == "css")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_come_first_then_the_alphabet() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("base.css", "b"), ("layers.css", "l"), ("a.css", "a"), ("icon.svg", "i")] {
            fs::write(folder.path().join(name), text).expect("written");
        }
        assert_eq!(concatenate(folder.path()).expect("read"), "l\na\nb\n");
        assert_eq!(other_files(folder.path()).expect("read"), [folder.path().join("icon.svg")]);
    }
}
