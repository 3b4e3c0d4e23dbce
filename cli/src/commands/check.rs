//! `portcullis check`: checks a policy file and shows what it allows. It sends nothing.

use super::listed_actions::check_actions;
use super::{check_template, check_warnings, describe_template, describe_token};
use crate::args::PolicyArgs;
use crate::compiler::small_host;
use crate::failure::Failure;
use crate::out::out;
use portcullis::policy::CredentialSource;
use portcullis::{CheckedRequest, DryRun, Error, Host, Isolation, Plugin, Rule};
use portcullis_config::{DatasourceEntry, PluginSource, PolicyFile, ServerConfig, SettingsSource};
use portcullis_server::setup::{
    PolicyLocation, beside, check_token_actions, connect_dry, load, open_host, read_policy_text,
};
use portcullis_server::{check_certificate, check_store};
use std::sync::Arc;
use std::time::SystemTime;

pub(crate) async fn run(arguments: &PolicyArgs) -> Result<(), Failure> {
    let policy = arguments.location();
    let text = read_policy_text(policy.path())?;
    let file = PolicyFile::parse(&text)
        .map_err(|error| Failure::configuration(format!("{}: {error}", policy.path().display())))?;
    let host = open_host(small_host)?;
    // Compiles a plugin that several datasources share only once.
    let mut loaded: Vec<(&PluginSource, Plugin)> = Vec::new();
    let mut failures = Vec::new();
    for (name, config) in &file.datasources {
        show(name, describe_datasource(config))?;
        let known = loaded.iter().find(|(source, _)| *source == &config.plugin);
        let plugin = match known.map(|(_, plugin)| plugin.clone()) {
            Some(plugin) => Ok(plugin),
            None => load(&host, &config.plugin, policy.folder()).map_err(Failure::from),
        };
        let checked = match plugin {
            Ok(plugin) => {
                loaded.push((&config.plugin, plugin.clone()));
                check_datasource(&host, &plugin, name, config, &policy).await
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = checked {
            failures.push(failure.in_configuration().with(format!("datasource: {name}")));
        }
    }
    for (name, entry) in &file.templates {
        let mut rows = vec![("plugin", describe_plugin(&entry.plugin))];
        rows.extend(describe_template::describe(entry));
        show(&format!("template {name}"), rows)?;
        let known = loaded.iter().find(|(source, _)| *source == &entry.plugin);
        let plugin = match known.map(|(_, plugin)| plugin.clone()) {
            Some(plugin) => Ok(plugin),
            None => load(&host, &entry.plugin, policy.folder()).map_err(Failure::from),
        };
        let checked = match plugin {
            Ok(plugin) => {
                loaded.push((&entry.plugin, plugin.clone()));
                check_template::check(&host, &plugin, name, entry, &policy).await
            }
            Err(failure) => Err(failure),
        };
        if let Err(failure) = checked {
            failures.push(failure.in_configuration().with(format!("template: {name}")));
        }
    }
    if let Some(server) = &file.server {
        let plugins = loaded.iter().map(|(_, plugin)| plugin);
        let checked = server
            .check(
                |name| file.datasources.contains_key(name),
                |name| Some(file.templates.get(name)?.template.needs_tenant()),
            )
            .map_err(|error| error.to_string())
            .and_then(|()| check_token_actions(server, plugins).map_err(|error| error.to_string()))
            .and_then(|()| check_certificate(server, &policy).map_err(|error| error.to_string()))
            .and_then(|()| match &server.store {
                Some(store) => {
                    check_store(store, policy.folder()).map_err(|error| error.to_string())
                }
                None => Ok(()),
            });
        match checked {
            Ok(()) => {
                show("server", describe_server(server))?;
                for (name, token) in &server.tokens {
                    let rows = describe_token::describe(token, SystemTime::now());
                    show(&format!("token {name}"), rows)?;
                }
            }
            Err(error) => failures
                .push(Failure::configuration(format!("{}: {error}", policy.path().display()))),
        }
    }
    if let Err(failure) = check_audit(&file, &policy) {
        failures.push(failure);
    }
    if let Some(last) = failures.pop() {
        for failure in failures {
            failure.report();
        }
        return Err(last);
    }
    let bold = anstyle::Style::new().bold();
    for key in PolicyFile::deprecated_keys(&text) {
        out!("{bold}deprecated{bold:#}  {key}")?;
    }
    for warning in check_warnings::of(&file) {
        out!("{bold}warning{bold:#}  {warning}")?;
    }
    let plural =
        |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let mut counts = plural(file.datasources.len(), "datasource");
    if !file.templates.is_empty() {
        counts = format!("{counts} and {}", plural(file.templates.len(), "template"));
    }
    out!("{} is a valid policy with {counts}", policy.path().display())
}

/// Prints keys and values below a heading.
fn show(heading: &str, rows: Vec<(&str, String)>) -> Result<(), Failure> {
    let bold = anstyle::Style::new().bold();
    out!("{bold}{heading}{bold:#}")?;
    for (key, value) in rows {
        out!("  {key:<12} {value}")?;
    }
    Ok(())
}

/// Checks that the audit file can be where the policy names it. It is not created.
fn check_audit(file: &PolicyFile, policy: &PolicyLocation) -> Result<(), Failure> {
    let Some(audit) = &file.audit else { return Ok(()) };
    let path = beside(policy.folder(), &audit.file);
    let wrong = |reason: &str| {
        let message = format!("audit.file: {} {reason}", path.display());
        Err(Failure::configuration(message))
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if path.is_dir() {
        return wrong("is a folder; expected a file");
    }
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return wrong("is in a folder that does not exist; create the folder");
    }
    Ok(())
}

/// Checks that a datasource can work: that its plugin accepts the settings, and that the policy lets
/// the requests of the plugin's own test go where they go. Nothing is sent, and no credentials are
/// fetched.
async fn check_datasource(
    host: &Host,
    plugin: &Plugin,
    name: &str,
    config: &DatasourceEntry,
    policy: &PolicyLocation,
) -> Result<(), Failure> {
    // Without credentials the plugin would not come as far as the request.
    let mut signed = config.clone();
    signed.credentials.get_or_insert(CredentialSource::Container);
    let datasource = connect_dry(host, plugin, name, &signed, policy, Arc::new(Discard)).await?;
    check_actions(plugin, &config.policy)?;
    check_credentials_file(config, policy)?;
    match datasource.test().await {
        Err(error @ Error::Trapped { .. }) => Err(error.into()),
        Err(Error::Denied(denial)) if is_about_destination(denial.rule) => {
            Err(Error::Denied(denial).into())
        }
        // The request was not sent, so that the test fails. What else fails depends on the action
        // that the plugin tests with.
        _ => Ok(()),
    }
}

/// Drops requests.
struct Discard;

impl DryRun for Discard {
    fn checked(&self, _: CheckedRequest) {}
}

/// Whether the rule is about where requests go, and not about what they do.
fn is_about_destination(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::Egress
            | Rule::Methods
            | Rule::Paths
            | Rule::Networks
            | Rule::Metadata
            | Rule::Signing
    )
}

/// Checks the file of credentials, if they come from one. Nothing in it is kept.
fn check_credentials_file(
    config: &DatasourceEntry,
    policy: &PolicyLocation,
) -> Result<(), Failure> {
    let Some(CredentialSource::File { path }) = &config.credentials else { return Ok(()) };
    let read = portcullis_files::read_secret(&beside(policy.folder(), path));
    read.map(drop).map_err(|error| Failure::configuration(format!("the credentials file {error}")))
}

fn describe_plugin(source: &PluginSource) -> String {
    match source {
        PluginSource::BuiltIn(name) => format!("{name} (built in)"),
        PluginSource::File { file, sha256: Some(_), .. } => {
            format!("{} (pinned by its digest)", file.display())
        }
        PluginSource::File { file, .. } => {
            format!("{} (not pinned: any component in this file is run)", file.display())
        }
        other => format!("{other:?}"),
    }
}

/// Describes a datasource, as keys and values.
fn describe_datasource(config: &DatasourceEntry) -> Vec<(&'static str, String)> {
    let policy = &config.policy;
    let plugin = describe_plugin(&config.plugin);
    let inline = matches!(config.settings, SettingsSource::Inline(_));
    let settings = match &config.settings {
        SettingsSource::Inline(_) => "in this file".to_string(),
        SettingsSource::File(path) => format!("{} (not trusted)", path.display()),
    };
    let networks = policy
        .networks
        .iter()
        .map(|(origin, blocks)| format!("{origin} at {}", join_or(blocks, "no address")));
    let is_pinned = matches!(
        config.plugin,
        PluginSource::BuiltIn(_) | PluginSource::File { sha256: Some(_), .. }
    );
    let isolation = match policy.isolation {
        None if is_pinned => "reuse, because the plugin is built in or pinned",
        None => "fresh, because the plugin is not pinned",
        Some(Isolation::Reuse) => "reuse",
        Some(Isolation::Fresh) => "fresh",
    };
    let optional = |items: Option<String>, none: String| items.unwrap_or(none);
    let actions = policy.actions.as_ref().map(|actions| join_or(actions, "none"));
    let signing = policy.signing.as_ref().map(|scopes| join_or(scopes, "nothing"));
    let limits = &policy.limits;
    let mut rows = vec![
        ("plugin", plugin),
        ("settings", settings),
        (
            "credentials",
            config.credentials.as_ref().map_or_else(|| "none".to_string(), ToString::to_string),
        ),
        ("may reach", join_or(&policy.egress, "nothing")),
        ("networks", join_or(&networks.collect::<Vec<_>>(), "public addresses only")),
        ("access", policy.access.to_string()),
        ("actions", optional(actions, format!("all with access {} or lower", policy.access))),
        (
            "tables",
            optional(
                policy.tables.as_ref().map(|tables| join_or(tables, "none")),
                "all".to_string(),
            ),
        ),
        (
            "signs for",
            optional(
                signing,
                if inline { "the settings' region".to_string() } else { "nothing".to_string() },
            ),
        ),
        ("isolation", isolation.to_string()),
        (
            "limits",
            format!(
                "per call: {}, {} of memory, {} requests of {}, responses of {}; {} concurrent \
                 calls",
                humantime::format_duration(limits.deadline),
                limits.memory,
                limits.requests,
                limits.request_bytes,
                limits.response_bytes,
                limits.concurrent_calls
            ),
        ),
    ];
    if let Some(tls) = &config.tls {
        let ca = tls.ca.as_ref().map(|path| format!("trusts only {}", path.display()));
        let identity =
            tls.client_certificate.as_ref().map(|path| format!("presents {}", path.display()));
        rows.push((
            "tls",
            join_or(&ca.into_iter().chain(identity).collect::<Vec<_>>(), "the default"),
        ));
    }
    if !policy.report_only.is_empty() {
        let lists = policy.report_only.iter().map(|list| format!("{list:?}").to_lowercase());
        rows.push((
            "report-only",
            format!(
                "{}: requests that these lists would refuse are allowed and recorded",
                join_or(&lists.collect::<Vec<_>>(), "")
            ),
        ));
    }
    rows
}

/// Describes the server, as keys and values.
fn describe_server(server: &ServerConfig) -> Vec<(&'static str, String)> {
    let wire: Vec<String> =
        server.wire.iter().map(|(address, name)| format!("{address} for {name}")).collect();
    let tls = server
        .tls
        .as_ref()
        .map_or_else(|| "none".to_string(), |tls| tls.certificate.display().to_string());
    let health = server.health.map_or_else(
        || "on the address of the API".to_string(),
        |address| format!("{address}, without tokens and TLS"),
    );
    let mut rows = vec![
        ("listens on", server.listen.to_string()),
        ("wire", join_or(&wire, "only below /ddb/")),
        ("health", health),
        ("tls", tls),
        ("proxies", join_or(&server.trusted_proxies, "none is trusted")),
        ("limits", describe_limits(server)),
        (
            "store",
            server.store.as_ref().map_or_else(
                || "none: no datasources can be saved".to_string(),
                |store| format!("{}, {} for one tenant", store.file.display(), store.per_tenant),
            ),
        ),
    ];
    if server.tokens.is_empty() {
        rows.push(("tokens", "none: everyone on this machine may use the server".to_string()));
    }
    rows
}

fn describe_limits(server: &ServerConfig) -> String {
    let time = humantime::format_duration;
    format!(
        "{} connections; requests of {}; {} for headers, {} for a body, {} for a reload, {} for \
         calls when it stops; a datasource is disconnected when unused for {}",
        server.connections,
        server.body_bytes,
        time(server.header_timeout),
        time(server.body_timeout),
        time(server.reload_timeout),
        time(server.drain_timeout),
        time(server.idle_timeout),
    )
}

/// Joins items with commas. Returns `empty` if there are none.
fn join_or<T: ToString>(items: &[T], empty: &str) -> String {
    if items.is_empty() {
        empty.to_string()
    } else {
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}
