//! Builds the test plugins, and passes the paths of the components to the library as environment
//! variables.

use std::path::Path;

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (package, folder) in [("echo-plugin", "tests/echo"), ("hostile-plugin", "tests/hostile")] {
        match component_builder::build(&workspace, package, &[folder, "wit"]) {
            Ok(component) => {
                let variable = package.replace('-', "_").to_uppercase();
                println!("cargo::rustc-env={variable}={}", component.display());
            }
            Err(message) => {
                eprintln!("{message}");
                std::process::exit(1);
            }
        }
    }
}
