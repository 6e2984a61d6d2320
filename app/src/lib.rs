#[cfg(all(feature = "ssr", feature = "hydrate"))]
compile_error!("`ssr` and `hydrate` never meet in one build: use `--workspace --exclude hydrate`");

#[cfg(feature = "ssr")]
pub mod assets;
