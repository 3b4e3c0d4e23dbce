//! `portcullis structure`: lists tables with their keys and indexes.

use crate::args::{Output, Structure};
use crate::failure::Failure;
use crate::target::Opened;
use crate::{json, print_items};
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
            print_items::print_response(&response, Some("tables"), output)
        }
        output => json::print(&response, output),
    }
}
