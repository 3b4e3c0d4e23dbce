//! The tables of `docs/threat-model.md`: they are made from the rows and from the names of the
//! tests, and compared with the page, so the page cannot become outdated.

use super::list::{OF_BEHAVIOURS, OTHERS, Test};
use super::threat_rows::FAMILIES;
use std::fmt::Write;
use std::path::Path;

fn tests_of(row: &str) -> impl Iterator<Item = &'static Test> {
    OF_BEHAVIOURS.iter().chain(OTHERS).filter(move |test| test.row == row)
}

pub(crate) async fn every_row_has_a_test() {
    let rows: Vec<&str> =
        FAMILIES.iter().flat_map(|family| family.rows).map(|(row, _)| *row).collect();
    for row in &rows {
        assert!(tests_of(row).next().is_some(), "row {row} has no test");
    }
    for test in OF_BEHAVIOURS.iter().chain(OTHERS) {
        assert!(
            rows.contains(&test.row),
            "{} belongs to row {}, which does not exist",
            test.name,
            test.row
        );
    }
}

/// The part of the page between these two lines is generated.
const BEGIN: &str = "<!-- The rows below are written by the tests; do not edit. -->\n";
const END: &str = "<!-- The rows end here. -->\n";

pub(crate) async fn threat_model_page_lists_every_row_and_test() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/threat-model.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) =
        page.split_once(BEGIN).expect("the page has the line before the generated part");
    let (_, after) = rest.split_once(END).expect("the page has the line after the generated part");
    let expected = format!("{before}{BEGIN}{}{END}{after}", tables());
    if std::env::var_os("PORTCULLIS_UPDATE").is_some() {
        std::fs::write(&path, expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "docs/threat-model.md is not up to date; \
         run: PORTCULLIS_UPDATE=1 cargo test --workspace --test attacks"
    );
}

fn tables() -> String {
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
