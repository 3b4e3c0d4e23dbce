//! Builds the test plugins, and passes the paths of the components to the library as environment
//! variables.

use std::error::Error as _;
use std::path::Path;

fn main() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (package, folder) in [("echo-plugin", "tests/echo"), ("hostile-plugin", "tests/hostile")] {
        match component_builder::build(&workspace, package, &[folder, "wit"]) {
            Ok(component) => {
                let variable = package.replace('-', "_").to_uppercase();
                println!("cargo::rustc-env={variable}={}", component.display());
            }
            Err(error) => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                eprintln!("{error}{cause}");
                std::process::exit(1);
            }
        }
    }
}
