//! What people see. Pages and parts are rendered on the server only; islands are the few parts that also run in the browser.

// Views are types within types, and the browser's half keeps them whole: a table in an island is deep.
#![recursion_limit = "512"]

#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("`ssr` and `hydrate` never meet in one build: use `--workspace --exclude hydrate`");

pub mod api;
#[cfg(feature = "ssr")]
pub mod assets;
#[cfg(feature = "ssr")]
pub mod door;
pub mod islands;
#[cfg(feature = "ssr")]
pub mod pages;
pub mod parts;
#[cfg(feature = "ssr")]
pub mod shell;
