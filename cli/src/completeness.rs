//! Whether a result that several requests made up is complete.

use crate::failure::Failure;
use crate::rows::missing;
use portcullis_server::OrderedFields;
use serde::Deserialize;

/// What a result says about its requests.
#[derive(Deserialize)]
struct Described {
    #[serde(rename = "Paging")]
    paging: Option<Stopped>,
    #[serde(rename = "Resubmission")]
    resubmission: Option<Stopped>,
}

#[derive(Deserialize)]
struct Stopped {
    #[serde(rename = "StoppedBy")]
    by: String,
    #[serde(rename = "Error")]
    error: Option<StoppedByError>,
}

#[derive(Deserialize)]
struct StoppedByError {
    case: String,
    code: Option<String>,
    message: String,
}

/// Fails if a result is only a part, unless the caller's own limit `max_items` stopped it: also if the
/// service left entries of a batch unprocessed, or if statements of it failed.
pub(crate) fn check_complete(response: &str, max_items: Option<u64>) -> Result<(), Failure> {
    // What is no object has no such fields.
    let Ok(fields) = serde_json::from_str::<OrderedFields>(response) else { return Ok(()) };
    let described = serde_json::from_str::<Described>(response).map_err(|error| {
        Failure::other(format!("the result does not say how it was fetched: {error}"))
    })?;
    let Some(stopped) = described.paging.or(described.resubmission) else {
        return Failure::if_missing(&missing(&fields));
    };
    match (stopped.by.as_str(), stopped.error) {
        ("the last page" | "nothing is left", _) => Ok(()),
        ("the limit maxItems", _) if max_items.is_some() => Ok(()),
        (by @ "the limit maxItems", _) => Err(Failure::incomplete(by, None)
            .with("raise it with --max-items, or print pages as they arrive: --output ndjson")),
        (by @ "the limit maxBytes", _) => Err(Failure::incomplete(by, None)
            .with("print pages as they arrive, with --output ndjson, or fewer with --max-items")),
        (by, None) => Err(Failure::incomplete(by, None)),
        (by, Some(error)) => {
            let code = error.code.map(|code| format!("{code}: ")).unwrap_or_default();
            let failure = Failure::incomplete(by, Some(&error.case));
            Err(failure.with(format!("{code}{}", error.message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(response: &str, max_items: Option<u64>) -> String {
        match check_complete(response, max_items) {
            Ok(()) => String::new(),
            Err(failure) => failure.lines().collect::<Vec<_>>().join("; "),
        }
    }

    #[test]
    fn a_part_is_a_failure_unless_the_callers_limit_made_it() {
        for complete in [
            "{}",
            "[1]",
            r#"{"Paging":{"Pages":2,"StoppedBy":"the last page"}}"#,
            r#"{"Resubmission":{"Requests":2,"StoppedBy":"nothing is left"}}"#,
            r#"{"UnprocessedItems":{}}"#,
        ] {
            assert_eq!(lines(complete, None), "", "{complete}");
        }
        for (part, text) in [
            (r#"{"UnprocessedItems":{"t":[{}]}}"#, "--resubmit"),
            (r#"{"Responses":[{},{"Error":{"Code":"DuplicateItem"}}]}"#, "statement 2 failed"),
        ] {
            assert!(lines(part, None).contains(text), "{part}");
        }
        let limited = r#"{"Paging":{"Pages":2,"StoppedBy":"the limit maxItems"}}"#;
        assert_eq!(lines(limited, Some(2)), "");
        assert!(lines(limited, None).contains("--max-items"));
        let failed = r#"{"Paging":{"Pages":2,"StoppedBy":"an error","Error":
            {"case":"service","code":"ThrottlingException","message":"slow down"}}}"#;
        assert_eq!(
            lines(failed, Some(2)),
            "the result is incomplete: it was stopped by an error; ThrottlingException: slow down"
        );
        for stopped in ["the deadline", "a cursor that did not move", "the limit maxBytes"] {
            let response = format!(r#"{{"Paging":{{"Pages":2,"StoppedBy":"{stopped}"}}}}"#);
            assert!(lines(&response, Some(2)).contains(stopped));
        }
    }
}
