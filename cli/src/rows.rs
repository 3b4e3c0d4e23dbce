//! The items of an answer as rows: tables for people, CSV for spreadsheets, a line each for programs. Values stay texts,
//! so no number loses a digit.

use crate::terminal::visible;
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;

/// The rows of an answer, each as JSON: the elements of the list that the action gives, or else its item, or the answer
/// itself.
pub(crate) fn rows(answer: &OrderedFields, results: Option<&str>) -> Vec<Box<RawValue>> {
    let list = results
        .and_then(|name| answer.get(name))
        .and_then(|list| serde_json::from_str(list.get()).ok());
    if let Some(list) = list {
        return list;
    }
    if let Some(item) = answer.get("Item").or_else(|| answer.get("Attributes")) {
        return vec![item.to_owned()];
    }
    // A list that is not there is an empty one: Select COUNT.
    if results.is_some() || answer.0.is_empty() {
        return Vec::new();
    }
    RawValue::from_string(answer.to_json()).into_iter().collect()
}

/// Rows with the same columns: every attribute that any of them has, in the order in which they come.
pub(crate) struct Grid {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl Grid {
    /// `single` names the column of rows that are no objects: names of tables.
    pub(crate) fn new(rows: &[Box<RawValue>], single: &str) -> Self {
        let mut grid = Self { columns: Vec::new(), rows: Vec::new() };
        for row in rows {
            let members = serde_json::from_str::<OrderedFields>(row.get()).map(|members| members.0);
            let members = members.unwrap_or_else(|_| vec![(single.to_string(), row.clone())]);
            let mut cells = vec![None; grid.columns.len()];
            for (name, value) in members {
                let at =
                    grid.columns.iter().position(|known| *known == name).unwrap_or_else(|| {
                        grid.columns.push(name);
                        cells.push(None);
                        cells.len() - 1
                    });
                cells[at] = Some(cell(&value));
            }
            grid.rows.push(cells);
        }
        grid
    }

    fn lines(&self) -> impl Iterator<Item = Vec<&str>> {
        let width = self.columns.len();
        self.rows.iter().map(move |row| {
            (0..width)
                .map(|at| row.get(at).and_then(Option::as_deref).unwrap_or_default())
                .collect()
        })
    }

    /// For a terminal, as wide as it is.
    pub(crate) fn table(&self) -> String {
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

    /// By RFC 4180. What a spreadsheet would take for a formula is left as it is: this is data.
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

/// A value in its cell: a text without its quotes, nothing for null, and all else as JSON.
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

    fn grid(answer: &str, results: Option<&str>) -> Grid {
        Grid::new(
            &rows(&serde_json::from_str(answer).unwrap(), results),
            results.unwrap_or("value"),
        )
    }

    #[test]
    fn columns_are_all_attributes_and_numbers_keep_their_digits() {
        let answer = r#"{"Items":[{"id":"1","n":12345678901234567890.10},{"id":"2","note":"a, \"b\"\nc","tags":["x"]}],"Count":2}"#;
        let csv = String::from_utf8(grid(answer, Some("Items")).csv().unwrap()).unwrap();
        assert_eq!(
            csv,
            "id,n,note,tags\n1,12345678901234567890.10,,\n2,,\"a, \"\"b\"\"\nc\",\"[\"\"x\"\"]\"\n"
        );
        let table = grid(answer, Some("Items")).table();
        assert!(table.contains("12345678901234567890.10") && table.contains("note"), "{table}");
    }

    #[test]
    fn an_answer_without_a_list_is_one_row() {
        for (answer, results, expected) in [
            (r#"{"Item":{"id":"1"}}"#, None, "id\n1\n"),
            (r#"{"TableNames":["a","b"]}"#, Some("TableNames"), "TableNames\na\nb\n"),
            (r#"{"Table":{"TableName":"a"}}"#, None, "Table\n\"{\"\"TableName\"\":\"\"a\"\"}\"\n"),
            ("{}", None, ""),
            (r#"{"Count":3}"#, Some("Items"), ""),
        ] {
            assert_eq!(
                String::from_utf8(grid(answer, results).csv().unwrap()).unwrap(),
                expected,
                "{answer}"
            );
        }
    }

    #[test]
    fn a_cell_cannot_command_a_terminal() {
        let table =
            grid("{\"Items\":[{\"i\\u001b[31md\":\"a\\u001b[2Jb\\u202e\"}]}", Some("Items"))
                .table();
        assert!(!table.contains(['\u{1b}', '\u{202e}']), "{table:?}");
    }
}
