//! The built site: style, start script and islands, by names that change with their content.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use app::assets::Assets;
use axum::Router;
use http::{HeaderValue, header::CACHE_CONTROL};
use tower::ServiceBuilder;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::config::{Environment, Settings};

/// The folder that `app/bundle` writes.
#[derive(Debug, Clone)]
pub struct Site {
    folder: PathBuf,
    assets: Assets,
}

/// Why there is no site.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// Not found anywhere.
    #[error(
        "the built site is missing: no manifest.json in {looked}. Build it with `make build`, or name its folder with DRYDOCK_SITE_DIR."
    )]
    Missing {
        /// The folders looked at.
        looked: String,
    },
    /// Found and unusable.
    #[error("the built site in {} is unusable: {why}. Build it anew with `make build`.", folder.display())]
    Broken {
        /// Its folder.
        folder: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl Site {
    /// `DRYDOCK_SITE_DIR`, else `site` beside the program, above it (`target/site`), or in `share/drydock` beside `bin`.
    pub fn find(settings: &Settings, environment: &Environment) -> Result<Self, SiteError> {
        let candidates: Vec<PathBuf> = match (&settings.site_dir, environment.executable().and_then(Path::parent)) {
            (Some(chosen), _) => vec![chosen.clone()],
            (None, Some(program)) => ["site", "../site", "../share/drydock/site"].iter().map(|place| program.join(place)).collect(),
            (None, None) => Vec::new(),
        };
        let found = candidates.iter().find(|folder| folder.join("manifest.json").is_file());
        let looked = || candidates.iter().map(|c| c.display().to_string()).collect::<Vec<_>>().join(", ");
        Self::load(found.ok_or_else(|| SiteError::Missing { looked: looked() })?)
    }

    /// Read the manifest and see that everything it names is there.
    pub fn load(folder: &Path) -> Result<Self, SiteError> {
        let broken = |why: String| SiteError::Broken { folder: folder.to_owned(), why };
        let text = fs::read_to_string(folder.join("manifest.json")).map_err(|e| broken(format!("manifest.json: {e}")))?;
        let names: BTreeMap<String, String> = serde_json::from_str(&text).map_err(|e| broken(format!("manifest.json: {e}")))?;
        if let Some(absent) = Assets::NEEDED.iter().find(|needed| !names.contains_key(**needed)) {
            return Err(broken(format!("manifest.json does not name {absent}")));
        }
        if let Some(absent) = names.values().find(|name| !folder.join("pkg").join(name).is_file()) {
            return Err(broken(format!("pkg/{absent} is missing")));
        }
        Ok(Self { folder: folder.to_owned(), assets: Assets::new(names) })
    }

    /// The names, for the pages.
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// `/pkg/…`: the name changes with the content, so a browser may keep it for ever.
    pub fn routes(&self) -> Router {
        let files = ServeDir::new(self.folder.join("pkg")).precompressed_br().precompressed_gzip();
        let keep = SetResponseHeaderLayer::if_not_present(CACHE_CONTROL, |response: &http::Response<_>| {
            response.status().is_success().then(|| HeaderValue::from_static("public, max-age=31536000, immutable"))
        });
        Router::new().nest_service("/pkg", ServiceBuilder::new().layer(keep).service(files))
    }
}
