//! The database of `--local`.

use crate::support::Serve;
use serde_json::{Value, json};

fn tables(serve: &Serve) -> Value {
    let (status, tables) = serve.post("/v1/datasources/local/actions/ListTables", "{}");
    assert_eq!(status, 200, "{tables}");
    tables["TableNames"].clone()
}

#[test]
fn it_begins_with_the_tables_of_the_demo() {
    let serve = Serve::start("", &["--local"]);
    assert_eq!(tables(&serve), json!(["orders", "users"]));
    let count = r#"{"TableName": "orders", "Select": "COUNT"}"#;
    let (status, counted) = serve.post("/v1/datasources/local/actions/Scan", count);
    assert!(status == 200 && counted["Count"] == 120, "{counted}");
}

#[test]
fn it_begins_without_tables_if_it_is_to_be_empty_or_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data.db");
    for arguments in [&["--local", "--empty"][..], &["--local", file.to_str().unwrap()]] {
        assert_eq!(tables(&Serve::start("", arguments)), json!([]), "{arguments:?}");
    }
}
