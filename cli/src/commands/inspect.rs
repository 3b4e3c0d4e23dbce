//! `portcullis inspect`: shows what a plugin contains, imports and exports, and how it describes
//! itself.

use crate::args::{Inspect, Output};
use crate::compiler::small_host;
use crate::described::{Field, fields};
use crate::failure::Failure;
use crate::json;
use crate::out::out;
use crate::terminal::visible_line;
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
    let description = host.describe(&plugin).await?;
    if arguments.json {
        return json::print(&description, Some(Output::Pretty));
    }
    let described: Value = serde_json::from_str(&description).unwrap_or_default();
    let bold = anstyle::Style::new().bold();
    let text = |name: &str| visible_line(described[name].as_str().unwrap_or("?"));
    out!("{bold}{} {}{bold:#} (the plugin's own claim)", text("name"), text("version"))?;
    out!("  size     {} bytes", plugin.size())?;
    out!("  sha256   {}", plugin.digest())?;
    out!("{bold}imports{bold:#}: the only host functions that it can call")?;
    for import in plugin.imports() {
        out!("  {}", visible_line(import))?;
    }
    out!("{bold}exports{bold:#}")?;
    for export in plugin.exports() {
        out!("  {}", visible_line(export))?;
    }
    print_fields("settings", "what a datasource is connected with", &described["settings"])?;
    print_fields("options", "what one call may change", &described["options"])?;
    let actions = described["actions"].as_array().map(Vec::as_slice).unwrap_or_default();
    out!("{bold}actions{bold:#}: {}", actions.len())?;
    let names: Vec<&str> = actions.iter().filter_map(|action| action["name"].as_str()).collect();
    for row in names.chunks(3) {
        out!("  {}", visible_line(&row.join(", ")))?;
    }
    Ok(())
}

/// Prints the fields of a JSON Schema: of each its name and values, and its description below.
fn print_fields(title: &str, meaning: &str, schema: &Value) -> Result<(), Failure> {
    let bold = anstyle::Style::new().bold();
    let fields = fields(schema);
    if fields.is_empty() {
        return out!("{bold}{title}{bold:#}: the plugin describes none");
    }
    out!("{bold}{title}{bold:#}: {meaning}")?;
    let width = fields.iter().map(|field| field.name.chars().count()).max().unwrap_or(0);
    for Field { name, required, values, description } in fields {
        let required = if required { "required " } else { "" };
        out!("  {name:<width$}  {required}{values}")?;
        if !description.is_empty() {
            out!("  {:<width$}  {description}", "")?;
        }
    }
    Ok(())
}

/// Loads a component with a manifest without actions, so that it cannot send anything.
fn load(host: &Host, file: &Path) -> Result<Plugin, Failure> {
    let manifest =
        "name = \"inspected\"\n[binding]\nmethod = \"POST\"\npath = \"/{operation}\"\n[actions]\n";
    host.load(file, manifest, None).map_err(|error| Failure::configuration(error.to_string()))
}
