//! `portcullis test`: checks connectivity and credentials.

use crate::args::Target;
use crate::failure::Failure;
use crate::out::out;
use crate::target::Opened;
use crate::terminal::visible;
use serde_json::Value;

pub(crate) async fn run(target: &Target) -> Result<(), Failure> {
    let opened = Opened::open(target, false).await?;
    let result = opened.test().await;
    opened.close().await;
    let response: Value = serde_json::from_str(&result?)
        .map_err(|error| Failure::other(format!("the plugin's response is not JSON: {error}")))?;
    let green = anstyle::AnsiColor::Green.on_default().bold();
    out!("{green}ok{green:#}: {}", visible(response["message"].as_str().unwrap_or_default()))?;
    if let Some(missing) = response["missing"].as_str() {
        out!("missing permission: {}", visible(missing))?;
    }
    Ok(())
}
