//! The structure of this repository: layers without import cycles, a small core, and a description
//! that matches the files.

use std::path::Path;
use structure::{figures, root};

#[test]
fn no_files_and_no_folders_import_each_other() {
    let figures = figures(&root()).unwrap();
    assert!(figures.crates.len() > 10, "the crates are found");
    for one in &figures.crates {
        assert!(one.file_cycles.is_empty(), "{}: {:?}", one.folder.display(), one.file_cycles);
        assert!(one.folder_cycles.is_empty(), "{}: {:?}", one.folder.display(), one.folder_cycles);
    }
}

/// A small wasmtime host can be read in a day. What does not need wasmtime belongs to other crates.
const MAX_CORE_LINES: usize = 3200;

#[test]
fn the_core_of_the_host_is_small() {
    let figures = figures(&root()).unwrap();
    let core = figures.of("host").unwrap();
    assert!(core.code > 1000, "its files are found");
    assert!(core.code <= MAX_CORE_LINES, "host/src has {} lines of code", core.code);
}

#[test]
fn the_files_in_the_architecture_page_exist() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut count = 0;
    for code in page.split('`').skip(1).step_by(2) {
        let is_path = code.contains('/') && !code.contains([' ', '{', '*', ':', '(']);
        if !is_path {
            continue;
        }
        count += 1;
        assert!(root().join(code).exists(), "ARCHITECTURE.md names {code}, which does not exist");
    }
    assert!(count > 40, "the page names the files of one call");
}

#[test]
fn the_architecture_page_names_every_folder_of_the_host() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for one in structure::crates(&root()).unwrap() {
        let folder = one.folder.display().to_string();
        if folder.starts_with("host") || folder == "server" || folder == "cli" {
            assert!(
                page.contains(&format!("`{folder}/")),
                "ARCHITECTURE.md does not name {folder}/"
            );
        }
    }
    assert!(Path::new(&root()).join("ARCHITECTURE.md").is_file());
}
