//! Builds the page with Node.js, and embeds its files in the library.
//!
//! If the folder `dist` exists, its files are embedded as they are: published packages contain it.

#[path = "build/bundle.rs"]
mod bundle;
#[path = "build/embed.rs"]
mod embed;

use std::error::Error;
use std::path::Path;

fn main() {
    if let Err(error) = run() {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        eprintln!("{error}{cause}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set; cargo sets it")?;
    let out = Path::new(&out);
    let prebuilt = package.join("dist");
    let bundle = if prebuilt.is_dir() {
        println!("cargo::rerun-if-changed={}", prebuilt.display());
        prebuilt
    } else {
        bundle::build(package, out)?
    };
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build");
    std::fs::write(out.join("files.rs"), embed::source(&bundle)?)?;
    Ok(())
}
