//! `portcullis test` and `portcullis structure`.

use super::items;
use crate::args::{Output, Structure, Target};
use crate::failure::Failure;
use crate::json;
use crate::out::out;
use crate::target::Opened;
use crate::terminal::visible;
use serde_json::{Map, Value};

pub(crate) async fn test(target: &Target) -> Result<(), Failure> {
    let opened = Opened::open(target).await?;
    let result = opened.test().await;
    opened.close().await;
    let answer: Value = serde_json::from_str(&result?)
        .map_err(|error| Failure::other(format!("the plugin's answer is not JSON: {error}")))?;
    let green = anstyle::AnsiColor::Green.on_default().bold();
    out!("{green}ok{green:#}: {}", visible(answer["message"].as_str().unwrap_or_default()))?;
    if let Some(missing) = answer["missing"].as_str() {
        out!("missing permission: {}", visible(missing))?;
    }
    Ok(())
}

pub(crate) async fn structure(arguments: Structure) -> Result<(), Failure> {
    let opened = Opened::open(&arguments.at.target()).await?;
    let options = [
        ("prefix".to_string(), arguments.prefix.into()),
        ("limit".to_string(), arguments.limit.into()),
    ];
    let result = opened.structure(&Map::from_iter(options)).await;
    opened.close().await;
    let answer = result?;
    match arguments.output.output {
        Some(output @ (Output::Table | Output::Csv | Output::Ndjson)) => {
            items::print_answer(&answer, Some("tables"), output)
        }
        output => json::print(&answer, output),
    }
}
