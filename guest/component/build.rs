//! Builds the plugin as a component and leaves its path to the library.

use std::path::Path;

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    match component_builder::build(&workspace, "dynamodb-plugin", &["guest/src", "guest/Cargo.toml", "wit"]) {
        Ok(component) => println!("cargo::rustc-env=DYNAMODB_COMPONENT={}", component.display()),
        Err(message) => {
            eprintln!("{message}");
            std::process::exit(1);
        }
    }
}
