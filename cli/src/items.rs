//! The items of a response, as a table or CSV. Numbers are kept as text, so that they keep every
//! digit.

use crate::terminal::visible;
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;

/// Returns the items of a response, each as JSON: the elements of the field `results`, the single
/// item of `GetItem` and its relatives, or the whole response.
pub(crate) fn items_of(response: &OrderedFields, results: Option<&str>) -> Vec<Box<RawValue>> {
    let list = results
        .and_then(|name| response.get(name))
        .and_then(|list| serde_json::from_str(list.get()).ok());
    if let Some(list) = list {
        return list;
    }
    if let Some(item) = response.get("Item").or_else(|| response.get("Attributes")) {
        return vec![item.to_owned()];
    }
    // With `"Select": "COUNT"` the response has no list.
    if results.is_some() || response.0.is_empty() {
        return Vec::new();
    }
    RawValue::from_string(response.to_json()).into_iter().collect()
}

/// Items as rows. Every attribute that an item has is a column, in the order of first appearance.
pub(crate) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl Table {
    /// Creates a table. Items that are not objects, such as the names of tables, are in the column
    /// `single`.
    pub(crate) fn new(items: &[Box<RawValue>], single: &str) -> Self {
        let mut table = Self { columns: Vec::new(), rows: Vec::new() };
        for item in items {
            let fields = serde_json::from_str::<OrderedFields>(item.get()).map(|fields| fields.0);
            let fields = fields.unwrap_or_else(|_| vec![(single.to_string(), item.clone())]);
            let mut cells = vec![None; table.columns.len()];
            for (name, value) in fields {
                let column =
                    table.columns.iter().position(|known| *known == name).unwrap_or_else(|| {
                        table.columns.push(name);
                        cells.push(None);
                        cells.len() - 1
                    });
                cells[column] = Some(cell(&value));
            }
            table.rows.push(cells);
        }
        table
    }

    fn lines(&self) -> impl Iterator<Item = Vec<&str>> {
        let width = self.columns.len();
        self.rows.iter().map(move |row| {
            (0..width)
                .map(|column| row.get(column).and_then(Option::as_deref).unwrap_or_default())
                .collect()
        })
    }

    /// Returns the table as text that fits the terminal's width.
    pub(crate) fn text(&self) -> String {
        if self.rows.is_empty() {
            return "no items".to_string();
        }
        let mut table = comfy_table::Table::new();
        table
            .load_preset(comfy_table::presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        table.set_header(self.columns.iter().map(|name| visible(name)));
        for line in self.lines() {
            table.add_row(line.into_iter().map(visible));
        }
        table.to_string()
    }

    /// Returns the table as CSV (RFC 4180). Text that a spreadsheet would take for a formula is not
    /// changed, because other programs read CSV too.
    pub(crate) fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        if !self.columns.is_empty() {
            writer.write_record(&self.columns)?;
        }
        for line in self.lines() {
            writer.write_record(line)?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}

/// Returns the text of a cell: a string without its quotes, nothing for null, and otherwise JSON.
fn cell(value: &RawValue) -> String {
    match value.get() {
        "null" => String::new(),
        text if text.starts_with('"') => {
            serde_json::from_str(text).unwrap_or_else(|_| text.to_string())
        }
        json => json.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(response: &str, results: Option<&str>) -> Table {
        Table::new(
            &items_of(&serde_json::from_str(response).unwrap(), results),
            results.unwrap_or("value"),
        )
    }

    #[test]
    fn columns_are_all_attributes_and_numbers_keep_every_digit() {
        let response = concat!(
            r#"{"Items":[{"id":"1","n":12345678901234567890.10},"#,
            r#"{"id":"2","note":"a, \"b\"\nc","tags":["x"]}],"Count":2}"#
        );
        let csv = String::from_utf8(table(response, Some("Items")).csv().unwrap()).unwrap();
        assert_eq!(
            csv,
            "id,n,note,tags\n1,12345678901234567890.10,,\n2,,\"a, \"\"b\"\"\nc\",\"[\"\"x\"\"]\"\n"
        );
        let text = table(response, Some("Items")).text();
        assert!(text.contains("12345678901234567890.10") && text.contains("note"), "{text}");
    }

    #[test]
    fn response_without_a_list_is_one_row() {
        for (response, results, expected) in [
            (r#"{"Item":{"id":"1"}}"#, None, "id\n1\n"),
            (r#"{"TableNames":["a","b"]}"#, Some("TableNames"), "TableNames\na\nb\n"),
            (r#"{"Table":{"TableName":"a"}}"#, None, "Table\n\"{\"\"TableName\"\":\"\"a\"\"}\"\n"),
            ("{}", None, ""),
            (r#"{"Count":3}"#, Some("Items"), ""),
        ] {
            assert_eq!(
                String::from_utf8(table(response, results).csv().unwrap()).unwrap(),
                expected,
                "{response}"
            );
        }
    }

    #[test]
    fn table_contains_no_terminal_escapes() {
        let text =
            table("{\"Items\":[{\"i\\u001b[31md\":\"a\\u001b[2Jb\\u202e\"}]}", Some("Items"))
                .text();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}
