//! Where the browser finds style, start script and islands: logical names, and the names that change with the content.

use std::{collections::BTreeMap, sync::Arc};

/// From `manifest.json` of the built site. Cheap to clone; the pages get it as context.
#[derive(Debug, Clone, Default)]
pub struct Assets(Arc<BTreeMap<String, String>>);

impl Assets {
    /// Every site has these.
    pub const NEEDED: [&str; 4] = ["style.css", "islands.js", "app.js", "app_bg.wasm"];

    /// `names`: logical name → file name below `/pkg/`.
    pub fn new(names: BTreeMap<String, String>) -> Self {
        Self(Arc::new(names))
    }

    /// The address of an asset, such as `/pkg/style.1f2e3d4c5b6a7988.css` for `style.css`.
    pub fn href(&self, logical: &str) -> String {
        format!("/pkg/{}", self.0.get(logical).map_or(logical, String::as_str))
    }
}
