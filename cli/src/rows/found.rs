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
    /// What the response says is missing among the rows, in words.
    pub(crate) missing: Vec<String>,
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
                found.counted = Counted::of(response).filter(|_| found.rows.is_empty());
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
            Some(Rows::Wrapped(field)) => found.unwrap(&list(response.get(field))),
            None if response.0.is_empty() => {}
            None => found.rows.extend(RawValue::from_string(response.to_json())),
        }
        if rows.is_some() {
            for field in ["UnprocessedKeys", "UnprocessedItems"] {
                let left = response.get(field).and_then(object).unwrap_or_default().0;
                if !left.is_empty() {
                    let tables: Vec<&str> = left.iter().map(|(table, _)| table.as_str()).collect();
                    found.missing.push(format!(
                        "the service did not process all of {}; --resubmit sends the rest again",
                        tables.join(", ")
                    ));
                }
            }
        }
        found
    }

    /// Takes the field `Item` of each element. An element without one is of an item that does not
    /// exist, or of a statement that failed or returns nothing.
    fn unwrap(&mut self, elements: &[Box<RawValue>]) {
        let mut failed = 0;
        for (index, element) in elements.iter().enumerate() {
            let Some(element) = object(element) else { continue };
            if let Some(item) = element.get("Item") {
                self.rows.push(item.to_owned());
            }
            let Some(error) = element.get("Error").and_then(object) else { continue };
            failed += 1;
            if failed <= MAX_LISTED {
                let text = |name| error.get(name).map(text_of).unwrap_or_default();
                let position = index + 1;
                self.missing.push(format!(
                    "statement {position} failed: {}: {}",
                    text("Code"),
                    text("Message")
                ));
            }
        }
        if failed > MAX_LISTED {
            self.missing.push(format!("{} more statements failed", failed - MAX_LISTED));
        }
    }
}

impl Counted {
    fn of(response: &OrderedFields) -> Option<Self> {
        let number = |name: &str| response.get(name)?.get().parse::<u64>().ok();
        let count = number("Count").filter(|count| *count > 0)?;
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
        assert!(found.missing.is_empty(), "{:?}", found.missing);
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
    }

    #[test]
    fn what_a_batch_could_not_do_is_not_lost() {
        let response = r#"{"Responses":[{"Item":{"a":1}},
            {"Error":{"Code":"DuplicateItem","Message":"there is one"},"TableName":"t"}]}"#;
        let batch = found(response, Some(Rows::Wrapped("Responses")));
        assert_eq!(batch.missing, ["statement 2 failed: DuplicateItem: there is one"]);
        let response = r#"{"Responses":{"t":[]},"UnprocessedKeys":{"t":{"Keys":[]}}}"#;
        let keys = found(response, Some(Rows::ByTable("Responses")));
        assert!(keys.missing[0].contains("--resubmit"), "{:?}", keys.missing);
    }
}
