//! `portcullis test` and `portcullis structure`.

use crate::args::{Structure, Target};
use crate::failure::Failure;
use crate::json;
use crate::out::{out, visible};
use crate::target::Opened;
use serde_json::{Value, json};

pub(crate) async fn test(target: &Target) -> Result<(), Failure> {
    let opened = Opened::open(target).await?;
    let result = opened.datasource.test().await;
    opened.close().await;
    let answer: Value =
        serde_json::from_str(&result?).map_err(|error| Failure::other(format!("the plugin's answer is not JSON: {error}")))?;
    let green = anstyle::AnsiColor::Green.on_default().bold();
    out!("{green}ok{green:#}: {}", visible(answer["message"].as_str().unwrap_or_default()))?;
    if let Some(missing) = answer["missing"].as_str() {
        out!("missing permission: {}", visible(missing))?;
    }
    Ok(())
}

pub(crate) async fn structure(arguments: Structure) -> Result<(), Failure> {
    let opened = Opened::open(&arguments.at.target()).await?;
    let result = opened.datasource.structure(&json!({"prefix": arguments.prefix, "limit": arguments.limit}).to_string()).await;
    opened.close().await;
    json::print(&result?, arguments.output.output)
}
