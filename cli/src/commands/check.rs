//! `portcullis check`: a policy file, read and explained. Nothing is sent.

use crate::args::PolicyArgs;
use crate::failure::Failure;
use crate::target::read_policy;
use portcullis::policy::{CredentialSource, DatasourceConfig, PluginSource, Settings};

pub(crate) fn run(arguments: &PolicyArgs) -> Result<(), Failure> {
    let file = read_policy(&arguments.policy)?;
    let bold = anstyle::Style::new().bold();
    for (name, config) in &file.datasources {
        anstream::println!("{bold}{name}{bold:#}");
        for (key, value) in rows(config) {
            println!("  {key:<12} {value}");
        }
    }
    let count = file.datasources.len();
    println!("{} is a policy with {count} datasource{}", arguments.policy.display(), if count == 1 { "" } else { "s" });
    Ok(())
}

fn rows(config: &DatasourceConfig) -> Vec<(&'static str, String)> {
    let policy = &config.policy;
    let list = |items: Vec<String>, none: &str| if items.is_empty() { none.to_string() } else { items.join(", ") };
    let strings = |items: &[_]| items.iter().map(ToString::to_string).collect::<Vec<String>>();
    let plugin = match &config.plugin {
        PluginSource::BuiltIn(name) => format!("{name}, built in"),
        PluginSource::File { file, sha256: Some(_), .. } => format!("{}, pinned by its digest", file.display()),
        PluginSource::File { file, .. } => format!("{}, not pinned: any file of that name is run", file.display()),
    };
    let settings = match &config.settings {
        Settings::Inline(_) => "in this file".to_string(),
        Settings::File(path) => format!("{}, not trusted", path.display()),
    };
    let credentials = match &config.credentials {
        None => "none".to_string(),
        Some(CredentialSource::Env { prefix }) => format!("environment variables {prefix}AWS_…"),
        Some(CredentialSource::File { path }) => path.display().to_string(),
    };
    let actions = policy.actions.as_ref().map_or_else(
        || format!("all that {} allows", policy.access),
        |actions| list(actions.iter().map(ToString::to_string).collect(), "none"),
    );
    let tables =
        policy.tables.as_ref().map_or_else(|| "all".to_string(), |tables| list(tables.iter().map(ToString::to_string).collect(), "none"));
    let signing = policy.signing.as_ref().map_or_else(
        || if matches!(config.settings, Settings::Inline(_)) { "the settings' region".to_string() } else { "nothing".to_string() },
        |scopes| list(scopes.iter().map(ToString::to_string).collect(), "nothing"),
    );
    let limits = &policy.limits;
    vec![
        ("plugin", plugin),
        ("settings", settings),
        ("credentials", credentials),
        ("may reach", list(strings(&policy.egress), "nothing")),
        ("networks", list(policy.networks.iter().map(ToString::to_string).collect(), "public addresses only")),
        ("access", policy.access.to_string()),
        ("actions", actions),
        ("tables", tables),
        ("signs for", signing),
        (
            "limits",
            format!(
                "{:?} a call, {} memory, {} requests of {}, answers of {}",
                limits.deadline, limits.memory, limits.requests, limits.request_bytes, limits.response_bytes
            ),
        ),
    ]
}
