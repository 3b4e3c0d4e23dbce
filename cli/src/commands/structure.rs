//! `portcullis structure`: lists tables with their keys and indexes.

use crate::args::{Output, Structure};
use crate::failure::Failure;
use crate::json;
use crate::print_rows::{Values, View, print_response};
use crate::rows::Columns;
use crate::target::Opened;
use dynamodb_plugin::catalogue::Rows;
use serde_json::Map;

pub(crate) async fn run(arguments: Structure) -> Result<(), Failure> {
    let opened = Opened::open(&arguments.target.into_target(), false).await?;
    let options = [
        ("prefix".to_string(), arguments.prefix.into()),
        ("limit".to_string(), arguments.limit.into()),
    ];
    let result = opened.structure(&Map::from_iter(options)).await;
    opened.close().await;
    let response = result?;
    match arguments.output.output {
        Some(output @ (Output::Table | Output::Csv | Output::Ndjson)) => {
            let columns = Columns { chosen: None, first: vec!["name".to_string()] };
            let rows = Some(Rows::List("tables"));
            print_response(
                &response,
                View { output, columns, rows, paging: None, values: Values::AsTheyAre },
            )
        }
        output => json::print(&response, output),
    }
}
