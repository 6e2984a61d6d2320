//! Build tool: from the compiled islands and the style sheets to the folder that the server serves.
//!
//! ```text
//! bundle --wasm FILE --islands FOLDER --style FOLDER --site FOLDER [--wasm-opt PROGRAM]
//!
//! SITE/manifest.json      logical name → file name
//! SITE/pkg/NAME.HASH.EXT  and .br, .gz beside it
//! ```
//! The name changes with the content, so browsers may keep a file for ever and never mix two versions.
#![expect(clippy::print_stdout, reason = "a build tool says what it made")]

mod exported;
mod site;
mod style;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use site::Site;
use wasm_bindgen_cli_support::Bindgen;

const START_SCRIPT: &str = include_str!("islands.js");

#[derive(Debug, Default)]
struct Arguments {
    wasm: PathBuf,
    islands: PathBuf,
    style: PathBuf,
    site: PathBuf,
    wasm_opt: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read()?;
    let work = arguments.site.with_extension("work");
    remove(&work)?;
    bind(&arguments.wasm, &work)?;
    if let Some(program) = &arguments.wasm_opt {
        optimise(program, &work.join("app_bg.wasm"))?;
    }
    let glue = fs::read_to_string(work.join("app.js"))?;
    exported::check(&arguments.islands, &glue)?;
    ensure!(!work.join("snippets").exists(), "a dependency brings script of its own (snippets/): the start script does not load it");

    let mut site = Site::begin(&arguments.site, arguments.wasm_opt.is_some())?;
    let wasm = site.add("app_bg.wasm", &fs::read(work.join("app_bg.wasm"))?)?;
    let glue = site.add("app.js", glue.as_bytes())?;
    let start = START_SCRIPT.replace("./app.js", &format!("./{glue}")).replace("./app_bg.wasm", &format!("./{wasm}"));
    site.add("islands.js", start.as_bytes())?;
    site.add("style.css", style::concatenate(&arguments.style)?.as_bytes())?;
    for file in style::other_files(&arguments.style)? {
        let name = file.file_name().and_then(|n| n.to_str()).context("a file name in the style folder is not text")?;
        site.add(name, &fs::read(&file)?)?;
    }
    for line in site.finish()? {
        println!("{line}");
    }
    remove(&work)
}

impl Arguments {
    #[expect(clippy::disallowed_methods, reason = "a build tool takes arguments")]
    fn read() -> anyhow::Result<Self> {
        let mut all = Self::default();
        let mut words = std::env::args_os().skip(1);
        while let Some(name) = words.next() {
            let name = name.to_string_lossy().into_owned();
            let value = PathBuf::from(words.next().with_context(|| format!("{name} needs a value"))?);
            match name.as_str() {
                "--wasm" => all.wasm = value,
                "--islands" => all.islands = value,
                "--style" => all.style = value,
                "--site" => all.site = value,
                "--wasm-opt" => all.wasm_opt = Some(value),
                _ => bail!("{name} is unknown"),
            }
        }
        for (name, path) in [("--wasm", &all.wasm), ("--islands", &all.islands), ("--style", &all.style), ("--site", &all.site)] {
            ensure!(!path.as_os_str().is_empty(), "{name} is missing");
        }
        Ok(all)
    }
}

fn bind(wasm: &Path, out: &Path) -> anyhow::Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name("app").typescript(false).remove_name_section(true).remove_producers_section(true);
    bindgen.omit_default_module_path(true).web(true)?;
    bindgen.generate(out).with_context(|| format!("bind {}", wasm.display()))
}

fn optimise(program: &Path, wasm: &Path) -> anyhow::Result<()> {
    let status = Command::new(program).arg("-Oz").arg("--all-features").arg(wasm).arg("-o").arg(wasm).status();
    ensure!(status.with_context(|| format!("run {}", program.display()))?.success(), "{} failed", program.display());
    Ok(())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).with_context(|| format!("remove {}", folder.display())),
        _ => Ok(()),
    }
}
