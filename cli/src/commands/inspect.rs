//! `portcullis inspect`: shows what a plugin contains, imports and exports.

use crate::args::Inspect;
use crate::compiler::small_host;
use crate::failure::Failure;
use crate::out::out;
use crate::terminal::visible;
use portcullis::{Host, Plugin};
use portcullis_server::setup::{built_in, open_host};
use serde_json::Value;
use std::path::Path;

pub(crate) async fn run(arguments: &Inspect) -> Result<(), Failure> {
    let host = open_host(small_host)?;
    let plugin = match &arguments.file {
        None => built_in(&host)?,
        Some(file) => load(&host, file)?,
    };
    let described: Value = serde_json::from_str(&host.describe(&plugin).await?).unwrap_or_default();
    let bold = anstyle::Style::new().bold();
    let text = |name: &str| visible(described[name].as_str().unwrap_or("?"));
    out!("{bold}{} {}{bold:#} (the plugin's own claim)", text("name"), text("version"))?;
    out!("  size     {} bytes", plugin.size())?;
    out!("  sha256   {}", plugin.digest())?;
    out!("{bold}imports{bold:#}: the only host functions that it can call")?;
    for import in plugin.imports() {
        out!("  {}", visible(import))?;
    }
    out!("{bold}exports{bold:#}")?;
    for export in plugin.exports() {
        out!("  {}", visible(export))?;
    }
    let actions = described["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    out!("{bold}actions{bold:#}: {}", actions.len())?;
    let names: Vec<&str> = actions.iter().filter_map(|action| action["name"].as_str()).collect();
    for row in names.chunks(3) {
        out!("  {}", visible(&row.join(", ")))?;
    }
    Ok(())
}

/// Loads a component with a manifest without actions, so that it cannot send anything.
fn load(host: &Host, file: &Path) -> Result<Plugin, Failure> {
    let manifest =
        "name = \"inspected\"\n[binding]\nmethod = \"POST\"\npath = \"/{operation}\"\n[actions]\n";
    host.load(file, manifest, None).map_err(|error| Failure::configuration(error.to_string()))
}
