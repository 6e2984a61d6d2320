//! The start of the islands in the browser. Without the first line the wasm would build and hold no island at all.

// As in `app`, whose views are laid out here.
#![recursion_limit = "512"]

#[allow(unused_imports, reason = "the import alone makes the linker keep the islands")]
use app::islands::*;

/// Called by the start script before it walks the page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
