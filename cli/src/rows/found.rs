//! Finds the rows of a response.

use dynamodb_plugin::catalogue::Rows;
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;

/// The rows of one response.
#[derive(Default)]
pub(crate) struct Found {
    /// The rows, each as JSON.
    pub(crate) rows: Vec<Box<RawValue>>,
    /// What `Select: COUNT` counted: items that the response does not have.
    pub(crate) counted: Option<Counted>,
}

/// Items that were counted, and those that were read for it.
#[derive(Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) count: u64,
    pub(crate) scanned: u64,
}

/// The most statements that failed whose errors are listed.
const MAX_LISTED: usize = 10;

impl Found {
    /// The rows of a response. `rows` says where they are; without it, a response is one row.
    pub(crate) fn new(response: &OrderedFields, rows: Option<Rows>) -> Self {
        let mut found = Self::default();
        match rows {
            Some(Rows::List(field)) => {
                found.rows = list(response.get(field));
                let is_absent = response.get(field).is_none();
                found.counted = Counted::of(response)
                    .filter(|counted| found.rows.is_empty() && (is_absent || counted.count > 0));
            }
            Some(Rows::Item(field)) => {
                found.rows.extend(response.get(field).map(RawValue::to_owned));
            }
            Some(Rows::ByTable(field)) => {
                let tables = response.get(field).and_then(object);
                for (_, items) in tables.unwrap_or_default().0 {
                    found.rows.extend(list(Some(&items)));
                }
            }
            Some(Rows::Wrapped(field)) => {
                // An element without an item is of one that does not exist, or of a statement that
                // failed or returns nothing.
                let elements = list(response.get(field));
                let items = elements.iter().filter_map(|element| object(element));
                found.rows =
                    items.filter_map(|one| one.get("Item").map(RawValue::to_owned)).collect();
            }
            None if response.0.is_empty() => {}
            None => found.rows.extend(RawValue::from_string(response.to_json())),
        }
        found
    }
}

/// What a response says that the service did not do, in words: entries of a batch that were not
/// processed, and statements that failed.
pub(crate) fn missing(response: &OrderedFields) -> Vec<String> {
    let mut missing = Vec::new();
    for field in ["UnprocessedKeys", "UnprocessedItems"] {
        let left = response.get(field).and_then(object).unwrap_or_default().0;
        if !left.is_empty() {
            let tables: Vec<&str> = left.iter().map(|(table, _)| table.as_str()).collect();
            missing.push(format!(
                "the service did not process all of {}; --resubmit sends the rest again",
                tables.join(", ")
            ));
        }
    }
    let mut failed = 0;
    for (index, element) in list(response.get("Responses")).iter().enumerate() {
        let error = object(element).and_then(|element| object(element.get("Error")?));
        let Some(error) = error else { continue };
        failed += 1;
        if failed <= MAX_LISTED {
            let text = |name| error.get(name).map(text_of).unwrap_or_default();
            let position = index + 1;
            missing.push(format!(
                "statement {position} failed: {}: {}",
                text("Code"),
                text("Message")
            ));
        }
    }
    if failed > MAX_LISTED {
        missing.push(format!("{} more statements failed", failed - MAX_LISTED));
    }
    missing
}

impl Counted {
    fn of(response: &OrderedFields) -> Option<Self> {
        let number = |name: &str| response.get(name)?.get().parse::<u64>().ok();
        let count = number("Count")?;
        Some(Self { count, scanned: number("ScannedCount").unwrap_or(count) })
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.scanned += other.scanned;
    }
}

/// A row with the numbers.
pub(crate) fn counted(counted: Counted) -> Option<Box<RawValue>> {
    let row = format!("{{\"Count\":{},\"ScannedCount\":{}}}", counted.count, counted.scanned);
    RawValue::from_string(row).ok()
}

fn list(value: Option<&RawValue>) -> Vec<Box<RawValue>> {
    value.and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default()
}

fn object(value: &RawValue) -> Option<OrderedFields> {
    serde_json::from_str(value.get()).ok()
}

/// The text of a string, or a value as JSON.
fn text_of(value: &RawValue) -> String {
    serde_json::from_str(value.get()).unwrap_or_else(|_| value.get().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(response: &str, rows: Option<Rows>) -> Found {
        Found::new(&serde_json::from_str(response).unwrap(), rows)
    }

    fn rows(response: &str, rows: Option<Rows>) -> String {
        let found = found(response, rows);
        found.rows.iter().map(|row| row.get()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn rows_are_found_wherever_an_operation_has_them() {
        for (response, place, expected) in [
            (
                r#"{"Items":[{"a":1},{"a":2}],"Count":2}"#,
                Some(Rows::List("Items")),
                r#"{"a":1} {"a":2}"#,
            ),
            (r#"{"TableNames":["a","b"]}"#, Some(Rows::List("TableNames")), r#""a" "b""#),
            (r#"{"Item":{"a":1}}"#, Some(Rows::Item("Item")), r#"{"a":1}"#),
            ("{}", Some(Rows::Item("Item")), ""),
            (
                r#"{"Responses":[{"Item":{"a":1}},{},{"Item":{"a":2}}]}"#,
                Some(Rows::Wrapped("Responses")),
                r#"{"a":1} {"a":2}"#,
            ),
            (
                r#"{"Responses":{"t":[{"a":1}],"u":[{"a":2}]},"UnprocessedKeys":{}}"#,
                Some(Rows::ByTable("Responses")),
                r#"{"a":1} {"a":2}"#,
            ),
            (r#"{"Table":{"TableName":"a"}}"#, None, r#"{"Table":{"TableName":"a"}}"#),
            ("{}", None, ""),
        ] {
            assert_eq!(rows(response, place), expected, "{response}");
        }
    }

    #[test]
    fn items_that_were_only_counted_are_a_row_of_their_own() {
        for response in
            [r#"{"Count":3,"ScannedCount":5}"#, r#"{"Items":[],"Count":3,"ScannedCount":5}"#]
        {
            let counts = found(response, Some(Rows::List("Items"))).counted.unwrap();
            assert_eq!(counted(counts).unwrap().get(), r#"{"Count":3,"ScannedCount":5}"#);
        }
        assert!(found(r#"{"Items":[],"Count":0}"#, Some(Rows::List("Items"))).counted.is_none());
        let none = found(r#"{"Count":0,"ScannedCount":5}"#, Some(Rows::List("Items")));
        assert_eq!(none.counted.map(|counted| counted.count), Some(0));
    }

    #[test]
    fn what_a_batch_could_not_do_is_not_lost() {
        let response = r#"{"Responses":[{"Item":{"a":1}},
            {"Error":{"Code":"DuplicateItem","Message":"there is one"},"TableName":"t"}]}"#;
        let failed = missing(&serde_json::from_str(response).unwrap());
        assert_eq!(failed, ["statement 2 failed: DuplicateItem: there is one"]);
        let response = r#"{"Responses":{"t":[]},"UnprocessedKeys":{"t":{"Keys":[]}}}"#;
        let left = missing(&serde_json::from_str(response).unwrap());
        assert!(left[0].contains("--resubmit"), "{left:?}");
    }
}
