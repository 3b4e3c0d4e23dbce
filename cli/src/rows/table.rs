//! Rows as a table or CSV. Numbers are kept as text, so that they keep every digit.

use crate::failure::Failure;
use crate::terminal::visible;
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Which columns a table has, and in which order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    /// The columns that the user chose. Without them, every attribute that a row has is a column.
    pub(crate) chosen: Option<Vec<String>>,
    /// The attributes that come first: the table's keys. The others are sorted.
    pub(crate) first: Vec<String>,
}

/// Rows with the same columns.
pub(crate) struct Table {
    columns: Vec<String>,
    /// For each row its cells by the position of their column.
    rows: Vec<BTreeMap<usize, String>>,
}

/// The most columns of a table as text: a terminal has no room for more.
const MAX_TEXT_COLUMNS: usize = 50;
/// The most cells of a CSV file: with the empty ones, they take a quarter of a gigabyte at least.
const MAX_CSV_CELLS: usize = 250_000_000;

impl Table {
    /// Creates a table. Rows that are not objects, such as the names of tables, are in the column
    /// `single`.
    pub(crate) fn new(rows: &[Box<RawValue>], single: &str, columns: &Columns) -> Self {
        let rows: Vec<OrderedFields> = rows
            .iter()
            .map(|row| {
                let fields = serde_json::from_str::<OrderedFields>(row.get());
                fields.unwrap_or_else(|_| OrderedFields(vec![(single.to_string(), row.clone())]))
            })
            .collect();
        let columns = columns.of(&rows);
        let positions: HashMap<&str, usize> =
            columns.iter().enumerate().map(|(position, name)| (name.as_str(), position)).collect();
        let cells = |row: &OrderedFields| {
            let fields = row.0.iter();
            let known = fields
                .filter_map(|(name, value)| Some((*positions.get(name.as_str())?, cell(value))));
            known.collect()
        };
        let rows = rows.iter().map(cells).collect();
        Self { columns, rows }
    }

    /// The cells of each row in the first `width` columns.
    fn lines(&self, width: usize) -> impl Iterator<Item = impl Iterator<Item = &str>> {
        self.rows.iter().map(move |row| {
            (0..width).map(|column| row.get(&column).map(String::as_str).unwrap_or_default())
        })
    }

    /// The columns that no row has.
    pub(crate) fn empty_columns(&self) -> impl Iterator<Item = &str> {
        let used: BTreeSet<usize> = self.rows.iter().flat_map(|row| row.keys().copied()).collect();
        let columns = self.columns.iter().enumerate();
        columns.filter(move |(at, _)| !used.contains(at)).map(|(_, name)| name.as_str())
    }

    /// Returns the table as text that fits the terminal's width, and the number of columns that
    /// have no room.
    pub(crate) fn text(&self) -> (String, usize) {
        if self.rows.is_empty() {
            return ("no items".to_string(), 0);
        }
        let width = self.columns.len().min(MAX_TEXT_COLUMNS);
        let mut table = comfy_table::Table::new();
        table
            .load_preset(comfy_table::presets::UTF8_FULL_CONDENSED)
            .set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        table.set_header(self.columns[..width].iter().map(|name| visible(name)));
        for line in self.lines(width) {
            table.add_row(line.map(visible));
        }
        (table.to_string(), self.columns.len() - width)
    }

    /// Returns the table as CSV (RFC 4180). Text that a spreadsheet would take for a formula is not
    /// changed, because other programs read CSV too.
    pub(crate) fn csv(&self) -> Result<Vec<u8>, Failure> {
        let width = self.columns.len();
        if width.saturating_mul(self.rows.len()) > MAX_CSV_CELLS {
            let rows = self.rows.len();
            return Err(Failure::limit(format!(
                "{rows} rows with {width} columns are too many cells for CSV"
            ))
            .with("choose columns with --columns, or print lines with --output ndjson"));
        }
        self.write()
            .map_err(|error| Failure::other(format!("the items cannot be written as CSV: {error}")))
    }

    fn write(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        if !self.columns.is_empty() {
            writer.write_record(&self.columns)?;
            for line in self.lines(self.columns.len()) {
                writer.write_record(line)?;
            }
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }
}

impl Columns {
    /// Adds columns that come first, unless they are known.
    pub(crate) fn add_keys(&mut self, keys: Vec<String>) {
        for key in keys {
            if !self.first.contains(&key) {
                self.first.push(key);
            }
        }
    }

    /// The columns of these rows.
    fn of(&self, rows: &[OrderedFields]) -> Vec<String> {
        if let Some(chosen) = &self.chosen {
            return chosen.clone();
        }
        let fields = rows.iter().flat_map(|row| &row.0);
        let mut others: BTreeSet<&str> = fields.map(|(name, _)| name.as_str()).collect();
        let mut columns: Vec<&str> = Vec::with_capacity(others.len());
        columns.extend(self.first.iter().map(String::as_str).filter(|key| others.remove(key)));
        columns.extend(others);
        columns.into_iter().map(str::to_string).collect()
    }

    /// A row with the chosen columns only, as JSON.
    pub(crate) fn choose(&self, row: &RawValue) -> Box<RawValue> {
        let fields = serde_json::from_str::<OrderedFields>(row.get());
        let (Some(chosen), Ok(fields)) = (&self.chosen, fields) else { return row.to_owned() };
        let of_row = |name: &String| Some((name.clone(), fields.get(name)?.to_owned()));
        let kept = OrderedFields(chosen.iter().filter_map(of_row).collect());
        RawValue::from_string(kept.to_json()).unwrap_or_else(|_| row.to_owned())
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
    use std::fmt::Write;

    fn table(rows: &str, columns: &Columns) -> Table {
        Table::new(&serde_json::from_str::<Vec<_>>(rows).unwrap(), "value", columns)
    }

    fn csv(rows: &str, columns: &Columns) -> String {
        String::from_utf8(table(rows, columns).csv().unwrap()).unwrap()
    }

    #[test]
    fn columns_are_all_attributes_and_numbers_keep_every_digit() {
        let rows = concat!(
            r#"[{"id":"1","n":12345678901234567890.10},"#,
            r#"{"tags":["x"],"note":"a, \"b\"\nc","id":"2"}]"#
        );
        let columns = Columns::default();
        assert_eq!(
            csv(rows, &columns),
            "id,n,note,tags\n1,12345678901234567890.10,,\n2,,\"a, \"\"b\"\"\nc\",\"[\"\"x\"\"]\"\n"
        );
        let (text, left_out) = table(rows, &columns).text();
        assert!(text.contains("12345678901234567890.10") && text.contains("note"), "{text}");
        assert_eq!(left_out, 0);
        assert_eq!(csv("[\"a\", \"b\"]", &columns), "value\na\nb\n");
        assert_eq!(csv("[]", &columns), "");
    }

    #[test]
    fn keys_come_first_and_the_rest_is_sorted_in_every_run() {
        let columns = Columns { chosen: None, first: vec!["p".to_string(), "a".to_string()] };
        for rows in
            [r#"[{"x":1,"b":2},{"p":1,"a":2,"c":3}]"#, r#"[{"b":2,"x":1},{"c":3,"a":2,"p":1}]"#]
        {
            assert_eq!(csv(rows, &columns), "p,a,b,c,x\n,,2,,1\n1,2,,3,\n");
        }
        assert_eq!(csv(r#"[{"b":1}]"#, &columns), "b\n1\n", "a key that no row has is no column");
    }

    #[test]
    fn chosen_columns_are_the_only_ones() {
        let chosen = vec!["b".to_string(), "no".to_string(), "a".to_string()];
        let columns = Columns { chosen: Some(chosen), first: vec!["a".to_string()] };
        let rows = r#"[{"a":1,"b":2,"c":3}]"#;
        assert_eq!(csv(rows, &columns), "b,no,a\n2,,1\n");
        assert_eq!(table(rows, &columns).empty_columns().collect::<Vec<_>>(), ["no"]);
        let row = RawValue::from_string(r#"{"a":1.50,"b":2,"c":3}"#.to_string()).unwrap();
        assert_eq!(columns.choose(&row).get(), r#"{"b":2,"a":1.50}"#);
        assert_eq!(Columns::default().choose(&row).get(), row.get());
    }

    #[test]
    fn thousands_of_columns_are_no_problem() {
        let mut rows = String::from("[");
        for row in 0..5000 {
            let comma = if row == 0 { "" } else { "," };
            write!(rows, "{comma}{{\"c{row:05}\":{row}}}").unwrap();
        }
        rows.push(']');
        let table = table(&rows, &Columns::default());
        let text = String::from_utf8(table.csv().unwrap()).unwrap();
        assert_eq!(text.lines().count(), 5001);
        let (text, left_out) = table.text();
        assert_eq!(left_out, 5000 - MAX_TEXT_COLUMNS);
        assert!(text.contains("c00049") && !text.contains("c00050"));
    }

    #[test]
    fn table_contains_no_terminal_escapes() {
        let rows = "[{\"i\\u001b[31md\":\"a\\u001b[2Jb\\u202e\"}]";
        let (text, _) = table(rows, &Columns::default()).text();
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }
}
