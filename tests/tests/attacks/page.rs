//! The page of the threat model: its table is made of the rows and of the names of the tests, so that it cannot drift.

use super::rows::FAMILIES;
use super::{OF_THE_PLUGIN, OTHERS, Test};
use std::fmt::Write;
use std::path::Path;

fn tests_of(row: &str) -> impl Iterator<Item = &'static Test> {
    OF_THE_PLUGIN.iter().chain(OTHERS).filter(move |test| test.row == row)
}

pub(crate) async fn every_row_has_a_test() {
    let rows: Vec<&str> =
        FAMILIES.iter().flat_map(|family| family.rows).map(|(row, _)| *row).collect();
    for row in &rows {
        assert!(tests_of(row).next().is_some(), "row {row} has no test");
    }
    for test in OF_THE_PLUGIN.iter().chain(OTHERS) {
        assert!(rows.contains(&test.row), "{} belongs to no row", test.name);
    }
}

/// Between these lines the page is generated.
const BEGIN: &str = "<!-- The rows below are written by the tests; do not edit. -->\n";
const END: &str = "<!-- The rows end here. -->\n";

pub(crate) async fn the_page_lists_the_rows_with_their_tests() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/threat-model.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) =
        page.split_once(BEGIN).expect("the page has the line that begins the rows");
    let (_, after) = rest.split_once(END).expect("the page has the line that ends the rows");
    let expected = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("PORTCULLIS_UPDATE").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/threat-model.md is not up to date; run: PORTCULLIS_UPDATE=1 cargo test --workspace --test attacks"
    );
}

fn table() -> String {
    let mut text = String::new();
    for family in FAMILIES {
        write!(text, "\n### {}\n\n| row | attack | tests |\n|---|---|---|\n", family.title)
            .unwrap();
        for (row, attack) in family.rows {
            let tests: Vec<String> = tests_of(row).map(|test| format!("`{}`", test.name)).collect();
            writeln!(text, "| {row} | {attack} | {} |", tests.join("<br>")).unwrap();
        }
    }
    text.push('\n');
    text
}
