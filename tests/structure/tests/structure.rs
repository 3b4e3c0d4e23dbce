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

#[test]
fn a_crate_depends_only_on_crates_further_down_in_the_architecture_page() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = rows(&page, "## Crates");
    let names: Vec<&str> = rows.iter().map(|row| row[1]).collect();
    assert!(names.len() > 10, "the page lists the crates");
    for (index, row) in rows.iter().enumerate() {
        let manifest = root().join(row[0]).join("../Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        let (normal, _) = manifest.split_once("[dev-dependencies]").unwrap_or((&manifest, ""));
        for line in normal.lines() {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if let Some(other) = names.iter().position(|name| *name == dependency) {
                assert!(other > index, "{} depends on {dependency}, further up", row[1]);
            }
        }
    }
}

#[test]
fn a_file_of_the_host_imports_only_files_further_down_in_the_architecture_page() {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = rows(&page, "## Layers of the host");
    let layer = |file: &Path| {
        let path = Path::new("host/src").join(file);
        rows.iter()
            .position(|row| row[0].split("`, `").any(|name| path.starts_with(name)))
            .unwrap_or_else(|| panic!("ARCHITECTURE.md does not name {}", path.display()))
    };
    let host = structure::crates(&root()).unwrap();
    let host = host.iter().find(|one| one.folder == Path::new("host")).unwrap();
    let graph = structure::file_graph(&root(), host).unwrap();
    for file in &host.files {
        for imported in graph.edges(file) {
            let (from, to) = (file.display(), imported.display());
            assert!(layer(imported) >= layer(file), "{from} imports {to}, further up");
        }
    }
}

#[test]
fn the_tests_in_the_threat_model_exist() {
    let page = std::fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let mut sources = String::new();
    for folder in ["cli", "guest", "host", "server", "tests"] {
        read_sources(&root().join(folder), &mut sources);
    }
    let names: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| "))
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .filter(|code| code.bytes().filter(|byte| *byte == b'_').count() > 2)
        .collect();
    assert!(names.len() > 100, "the page names the tests of each attack");
    for name in names {
        let is_test = sources.contains(&format!("fn {name}("));
        assert!(is_test, "docs/threat-model.md names {name}, which does not exist");
    }
}

/// Appends all Rust sources in `folder` to `text`.
fn read_sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            read_sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn log_lines_have_no_debug_text() {
    let mut calls = 0;
    for one in structure::crates(&root()).unwrap() {
        if !["host", "cli", "server"].iter().any(|folder| one.folder.starts_with(folder)) {
            continue;
        }
        for file in &one.files {
            let path = root().join(&one.folder).join("src").join(file);
            let text = std::fs::read_to_string(&path).unwrap();
            for level in ["trace", "debug", "info", "warn", "error", "event"] {
                for call in log_calls(&text, level) {
                    calls += 1;
                    assert!(!has_debug_text(call), "{}: {call}", path.display());
                }
            }
        }
    }
    assert!(calls > 5, "the calls are found");
    for (call, expected) in [
        ("(?changes, \"x\")", true),
        ("(reason = ?error, \"x\")", true),
        ("(\"failed: {error:?}\")", true),
        ("(\"failed: {:#?}\", error)", true),
        ("(%error, count = count()?, \"why?\")", false),
    ] {
        assert_eq!(has_debug_text(call), expected, "{call}");
    }
}

/// Each call of a macro of `tracing` in the text of a file.
fn log_calls<'t>(text: &'t str, level: &str) -> Vec<&'t str> {
    let name = format!("tracing::{level}!");
    let starts = text.match_indices(&name).map(|(at, _)| at);
    let ends = |at: usize| text[at..].find(");").map_or(text.len(), |length| at + length);
    starts.map(|at| &text[at..ends(at)]).collect()
}

/// Whether a log call writes a value as Rust's debug text, which other programs cannot read.
fn has_debug_text(call: &str) -> bool {
    let field = |(at, _): (usize, &str)| {
        call[..at].ends_with([' ', '(', '\n'])
            && call[at + 1..].starts_with(|c: char| c.is_alphabetic() || c == '_')
    };
    call.contains(":?}") || call.contains(":#?}") || call.match_indices('?').any(field)
}

/// The cells of the table below a heading, without the backquotes around each.
fn rows<'p>(page: &'p str, heading: &str) -> Vec<Vec<&'p str>> {
    let (_, after) = page.split_once(heading).unwrap();
    let (section, _) = after.split_once("\n## ").unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    let cell = |cell: &'p str| cell.trim().trim_matches('`');
    lines.map(|line| line.trim_matches('|').split('|').map(cell).collect()).collect()
}
