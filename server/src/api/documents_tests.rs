//! Property tests of the documents that contain credentials: of calls, and of datasources to save.

use super::draft::Draft;
use super::inline::InlineCall;
use super::problem::Problem;
use axum::response::IntoResponse;
use proptest::prelude::*;
use serde_json::{Map, Value};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// A value that may have the secret anywhere, but not as a name.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(SECRET.to_string()),
        Just(format!("{{{{a}}}} {SECRET}")),
        "[a-z{}\"\\\\\u{0}-\u{1f}é😀]{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner),
        ]
    })
}

/// An object with names of the documents, and others.
fn object(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "settings",
            "credentials",
            "input",
            "template",
            "values",
            "options",
            "name",
            "accessKeyId",
            "secretAccessKey",
            "sessionToken",
            "region",
            "format",
            "deadline",
        ])
        .prop_map(str::to_string),
        "[a-z]{0,3}",
    ];
    prop::collection::vec((name, value), 0..7)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

/// The text of a document, perhaps with a fault: a piece of it is missing, or there twice.
fn document() -> impl Strategy<Value = String> {
    let piece = (any::<prop::sample::Index>(), 0..12_usize, 0..3_usize);
    (object(value()), prop::option::of(piece)).prop_map(|(document, piece)| {
        let mut text = document.to_string();
        if let Some((start, length, times)) = piece {
            let start = text.floor_char_boundary(start.index(text.len()));
            let end = text.ceil_char_boundary((start + length).min(text.len()));
            let piece = text[start..end].repeat(times);
            text.replace_range(start..end, &piece);
        }
        text
    })
}

fn check<T>(document: &str, parsed: Result<T, Problem>) -> Result<(), TestCaseError> {
    let Err(problem) = parsed else { return Ok(()) };
    let response = problem.into_response();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let body = runtime.block_on(axum::body::to_bytes(response.into_body(), 100_000)).unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    prop_assert!(!body.contains(&SECRET[..12]), "{document}: {body}");
    prop_assert!(body.len() < 10_000, "{document}: {body}");
    Ok(())
}

proptest! {
    #[test]
    fn no_document_stops_the_reader_or_makes_it_quote_a_secret(document in document()) {
        check(&document, InlineCall::parse(&document, 1000))?;
        check(&document, Draft::parse(&document))?;
    }

    #[test]
    fn any_bytes_are_read_or_refused(document in "\\PC{0,60}|[{}\\[\\]\",:a-z0-9 ]{0,60}") {
        check(&document, InlineCall::parse(&document, 1000))?;
        check(&document, Draft::parse(&document))?;
    }
}
