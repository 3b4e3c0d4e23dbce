//! Builds the plugin as a component, and passes its path and hash to the library. Build
//! scripts of dependent crates get the path too.

use sha2::{Digest, Sha256};
use std::error::Error as _;
use std::path::Path;

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match component_builder::build(
        &workspace,
        "dynamodb-plugin",
        &["guest/dynamodb/src", "guest/dynamodb/Cargo.toml", "guest/json", "guest/syntax", "wit"],
    ) {
        Ok(component) => {
            let bytes = std::fs::read(&component).expect("the component was just built");
            println!("cargo::rustc-env=DYNAMODB_COMPONENT={}", component.display());
            println!("cargo::metadata=file={}", component.display());
            println!(
                "cargo::rustc-env=DYNAMODB_COMPONENT_SHA256={}",
                hex::encode(Sha256::digest(bytes))
            );
        }
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            eprintln!("{error}{cause}");
            std::process::exit(1);
        }
    }
}
