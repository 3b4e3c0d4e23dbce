//! `portcullis check`: a policy file, read and explained. Nothing is sent.

use crate::args::PolicyArgs;
use crate::failure::Failure;
use crate::out::out;
use crate::target::{connect, read_policy};
use dynamodb_plugin::nearest::nearest;
use portcullis::policy::{CredentialSource, DatasourceConfig, PluginSource, Settings};
use portcullis::{Host, Isolation, Plugin};

pub(crate) async fn run(arguments: &PolicyArgs) -> Result<(), Failure> {
    let file = read_policy(&arguments.policy)?;
    let host = Host::new()?;
    let bold = anstyle::Style::new().bold();
    for (name, config) in &file.datasources {
        out!("{bold}{name}{bold:#}")?;
        for (key, value) in rows(config) {
            out!("  {key:<12} {value}")?;
        }
        // The plugin is loaded and looks at the settings; connecting sends nothing and fetches no credentials.
        let named = |failure: Failure| failure.with(format!("datasource: {name}"));
        let (plugin, _) = connect(&host, config, arguments.policy.parent()).await.map_err(named)?;
        check_actions(&plugin, config).map_err(named)?;
    }
    let count = file.datasources.len();
    out!("{} is a policy with {count} datasource{}", arguments.policy.display(), if count == 1 { "" } else { "s" })?;
    Ok(())
}

/// Actions that the manifest does not know may be newer than it, or misspelt.
fn check_actions(plugin: &Plugin, config: &DatasourceConfig) -> Result<(), Failure> {
    let known: Vec<&str> = plugin.manifest().actions().map(|(name, _)| name.as_str()).collect();
    for action in config.policy.actions.iter().flatten().filter(|action| !known.contains(&action.as_str())) {
        let guess = nearest(action.as_str(), known.iter().copied());
        let guess = guess.map(|guess| format!("; did you mean {guess}?")).unwrap_or_default();
        out!("  {:<12} the plugin's manifest does not know {action}{guess}", "warning")?;
    }
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
            "isolation",
            policy
                .isolation
                .map_or(
                    "reuse if pinned or built in, else fresh",
                    |isolation| if isolation == Isolation::Reuse { "reuse" } else { "fresh" },
                )
                .to_string(),
        ),
        (
            "limits",
            format!(
                "{:?} a call, {} memory, {} requests of {}, answers of {}",
                limits.deadline, limits.memory, limits.requests, limits.request_bytes, limits.response_bytes
            ),
        ),
    ]
}
