//! Builds the platform, the guard and the front, composes the DynamoDB plugin with them, and passes the
//! paths of the files to the library.

use portable_compose::{Parts, library, service};
use std::error::Error;
use std::path::{Path, PathBuf};

fn main() {
    if let Err(error) = run() {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        eprintln!("{error}{cause}");
        std::process::exit(1);
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    // The build script of `dynamodb-component` has built it, and says where it is.
    let plugin = std::env::var_os("DEP_DYNAMODB_COMPONENT_FILE")
        .ok_or("DEP_DYNAMODB_COMPONENT_FILE is not set; guest/component/build.rs sets it")?;

    let part = |name: &str, more: &[&str]| -> Result<Vec<u8>, Box<dyn Error>> {
        let folder = format!("guest/portable/{name}");
        let mut sources = vec![folder.as_str(), "guest/portable/wit", "wit"];
        sources.extend(more);
        let file = component_builder::build(&workspace, &format!("portable-{name}"), &sources)?;
        println!("cargo::rustc-env=PORTABLE_{}={}", name.to_uppercase(), file.display());
        Ok(std::fs::read(file)?)
    };
    let platform = part("platform", &["guest/component/manifest.toml"])?;
    let (guard, front) = (part("guard", &[])?, part("front", &[])?);

    let parts = Parts { platform: &platform, guard: &guard, front: &front };
    let plugin = std::fs::read(plugin)?;
    for (form, bytes) in
        [("library", library(&plugin, &parts)?), ("service", service(&plugin, &parts)?)]
    {
        let file = out.join(format!("{form}.wasm"));
        std::fs::write(&file, bytes)?;
        println!("cargo::rustc-env=PORTABLE_{}={}", form.to_uppercase(), file.display());
    }
    Ok(())
}
