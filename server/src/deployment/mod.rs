//! What is served at a time: the datasources of a policy file, and who may use them.
//!
//! What the operator wrote is in force as a whole or not at all. What others wrote (settings files,
//! plugins, manifests) is read when its datasource is used, and can make only that unavailable.

mod changes;
mod failure;
mod fingerprint;
mod plugins;
mod served;
mod switch;
mod template;

pub use changes::{Changes, NameChanges};
pub(crate) use served::{Condition, Served, Unavailable};
pub(crate) use switch::{Disabled, Switch};
pub(crate) use template::ServedTemplate;

use crate::connections::TrustedProxies;
use crate::memory::Accounts;
use crate::overrides::Overrides;
use crate::setup::{self, Embedded, PolicyLocation, SetupError};
use crate::tokens::Tokens;
use dynamodb_plugin::catalogue::OPERATIONS;
pub(crate) use plugins::PluginSlot;
use portcullis::Host;
use portcullis_config::{
    AuditConfig, DatasourceEntry, HostConfig, PluginSource, PolicyFile, ServerConfig,
    ServerConfigError, TemplateEntry,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What is served at a time. It never changes, but for the state of its datasources; a reload
/// creates another one.
pub(crate) struct Deployment {
    pub(crate) server: ServerConfig,
    pub(crate) proxies: Arc<TrustedProxies>,
    pub(crate) tokens: Tokens,
    pub(crate) datasources: BTreeMap<String, Arc<Served>>,
    pub(crate) templates: BTreeMap<String, Arc<ServedTemplate>>,
    audit: Option<AuditConfig>,
    host: HostConfig,
    plugins: Plugins,
    /// The switches of disabled datasources that the policy does not have now. They stay disabled.
    disabled: BTreeMap<String, Arc<Switch>>,
}

/// The plugins by their source.
type Plugins = BTreeMap<String, Arc<PluginSlot>>;

/// The name of the only datasource of `--local`.
const LOCAL: &str = "local";

impl Deployment {
    /// The deployment that `file` describes. A datasource that has not changed since `before` keeps
    /// its instances and connections.
    pub(crate) async fn new(
        host: &Host,
        policy: &PolicyLocation,
        file: PolicyFile,
        overrides: &Overrides,
        accounts: &Accounts,
        before: Option<&Self>,
    ) -> Result<Self, SetupError> {
        let wrong = |message: String| {
            SetupError::configuration(format!("{}: {message}", policy.path().display()))
        };
        let server =
            overrides.apply(file.server.clone().unwrap_or_default(), file.datasources.keys())?;
        server
            .check(|name| file.datasources.contains_key(name), |name| needs_tenant(&file, name))
            .map_err(|error| wrong(error.to_string()).because(error))?;
        if let Some(before) = before
            && let Some(key) = before.fixed_key_that_differs(&server, &file)
        {
            return Err(wrong(format!("{key} has changed, which requires a restart")));
        }
        check_token_actions(&server, sources(&file))
            .map_err(|error| wrong(error.to_string()).because(error))?;
        check_built_in(&file).map_err(wrong)?;
        let policy = Arc::new(policy.clone());
        let folder = policy.folder();
        let plugins = plugins_of(sources(&file), folder, before).await;
        let current = match before {
            Some(before) => current(before, &file.datasources, &plugins).await,
            None => BTreeMap::new(),
        };
        let (mut datasources, mut new) = (BTreeMap::new(), Vec::new());
        for (name, entry) in file.datasources {
            let datasource = if let Some(known) = current.get(&name) {
                known.clone()
            } else {
                let switch = before.and_then(|before| before.switch(&name)).unwrap_or_default();
                let plugin = plugins[&key(&entry.plugin)].clone();
                let datasource = Served::new(&name, entry, plugin, policy.clone(), switch);
                let datasource = Arc::new(datasource);
                new.push(datasource.clone());
                datasource
            };
            datasources.insert(name, datasource);
        }
        check_settings(host, &new).await?;
        let template = |(name, entry): (String, TemplateEntry)| {
            let plugin = &plugins[&key(&entry.plugin)];
            let known = before.and_then(|before| before.templates.get(&name));
            if let Some(known) = known.filter(|known| known.is_from(&entry, plugin)) {
                return (name, known.clone());
            }
            let (plugin, policy) = (plugin.clone(), policy.clone());
            let template = ServedTemplate::new(&name, entry, plugin, policy);
            (name, Arc::new(template))
        };
        let templates = file.templates.into_iter().map(template).collect();
        Ok(Self {
            proxies: Arc::new(TrustedProxies(server.trusted_proxies.clone())),
            tokens: Tokens::new(&server.tokens, accounts),
            server,
            disabled: before.map(|before| before.disabled(&datasources)).unwrap_or_default(),
            datasources,
            templates,
            audit: file.audit,
            host: file.host,
            plugins,
        })
    }

    /// The datasource `local`, connected to an embedded DynamoDB-compatible server.
    pub(crate) async fn embedded(
        host: &Host,
        embedded: &Embedded,
        overrides: &Overrides,
        accounts: &Accounts,
    ) -> Result<Self, SetupError> {
        let server = overrides.apply(ServerConfig::default(), [LOCAL.to_string()].iter())?;
        server
            .check(|name| name == LOCAL, |_| None)
            .map_err(|error| SetupError::usage(error.to_string()))?;
        let plugin = setup::built_in(host)?;
        let datasource = embedded.connect(LOCAL, host, &plugin).await?;
        let only = Served::embedded(LOCAL, embedded.policy()?, plugin, datasource);
        Ok(Self {
            server,
            proxies: Arc::default(),
            tokens: Tokens::new(&BTreeMap::new(), accounts),
            datasources: [(LOCAL.to_string(), Arc::new(only))].into(),
            templates: BTreeMap::new(),
            disabled: BTreeMap::new(),
            audit: None,
            host: HostConfig::default(),
            plugins: Plugins::new(),
        })
    }

    /// The changes since `before`.
    pub(crate) fn changes_since(&self, before: &Self) -> Changes {
        let is_same = Arc::ptr_eq;
        let datasources = NameChanges::between(&before.datasources, &self.datasources, is_same);
        let templates = NameChanges::between(&before.templates, &self.templates, Arc::ptr_eq);
        let (old, new) = (&before.server.tokens, &self.server.tokens);
        let tokens = NameChanges::between(old, new, PartialEq::eq);
        let known = datasources.added.len() + datasources.changed.len();
        let unchanged = self.datasources.len() - known;
        Changes::new(datasources, unchanged, templates, tokens)
    }

    /// Loads the plugins, so that no call waits for that, and finds out which datasources cannot be
    /// connected. It ends early when the deployment is replaced.
    pub(crate) async fn verify(deployment: std::sync::Weak<Self>, host: Host) {
        let Some(current) = deployment.upgrade() else { return };
        let (plugins, datasources) = (current.plugins.clone(), current.datasources.clone());
        let templates = current.templates.clone();
        drop(current);
        for plugin in plugins.into_values() {
            // What is wrong with it is reported for its datasources.
            let _ = plugin.get(&host).await;
        }
        for template in templates.into_values() {
            if let Err(error) = template.loaded(&host).await {
                let reason = error.to_string().replace('\n', "; ");
                tracing::warn!(
                    target: "portcullis::serve",
                    template = template.name(), reason, "this template is not available"
                );
            }
        }
        for source in datasources.into_values() {
            if deployment.strong_count() == 0 {
                return;
            }
            source.verify(&host).await;
            if let Some(error) = source.failure() {
                let reason = error.to_string().replace('\n', "; ");
                tracing::warn!(
                    target: "portcullis::serve",
                    datasource = source.name(), reason, "this datasource is not available"
                );
            }
            // Calls come first.
            tokio::task::yield_now().await;
        }
    }

    /// The number of datasources in each condition.
    pub(crate) fn conditions(&self) -> BTreeMap<&'static str, usize> {
        let mut counts: BTreeMap<_, _> =
            Condition::ALL.iter().map(|condition| (condition.as_str(), 0)).collect();
        for source in self.datasources.values() {
            *counts.entry(source.condition().as_str()).or_default() += 1;
        }
        counts
    }

    /// The switch of a datasource that the policy has or had.
    fn switch(&self, name: &str) -> Option<Arc<Switch>> {
        let known = self.datasources.get(name).map(|known| known.switch.clone());
        known.or_else(|| self.disabled.get(name).cloned())
    }

    /// The switches of disabled datasources that are not among the next ones.
    fn disabled(&self, next: &BTreeMap<String, Arc<Served>>) -> BTreeMap<String, Arc<Switch>> {
        let known = self.datasources.iter().map(|(name, known)| (name, &known.switch));
        known
            .chain(&self.disabled)
            .filter(|(name, switch)| switch.is_disabled() && !next.contains_key(*name))
            .map(|(name, switch)| (name.clone(), switch.clone()))
            .collect()
    }

    /// A key of the policy file that a reload cannot change, and that has changed.
    fn fixed_key_that_differs(
        &self,
        server: &ServerConfig,
        file: &PolicyFile,
    ) -> Option<&'static str> {
        let fixed = [
            (server.listen == self.server.listen, "server.listen"),
            (server.health == self.server.health, "server.health"),
            (server.wire == self.server.wire, "server.wire"),
            (server.store == self.server.store, "server.store"),
            (server.connections == self.server.connections, "server.connections"),
            (
                server.tls.is_some() == self.server.tls.is_some(),
                "server.tls (whether there is one)",
            ),
            (file.audit == self.audit, "audit"),
            (file.host == self.host, "host"),
        ];
        fixed.iter().find(|(is_same, _)| !is_same).map(|(_, key)| *key)
    }
}

/// What distinguishes the sources of plugins.
fn key(source: &PluginSource) -> String {
    format!("{source:?}")
}

/// The kind and the name of what has a plugin, and where the plugin comes from.
type Sourced<'f> = (&'static str, &'f str, &'f PluginSource);

/// Where the plugins of a policy come from.
fn sources(file: &PolicyFile) -> impl Iterator<Item = Sourced<'_>> {
    let datasources = file.datasources.iter();
    let datasources = datasources.map(|(name, entry)| ("datasource", name.as_str(), &entry.plugin));
    let templates = file.templates.iter();
    datasources.chain(templates.map(|(name, entry)| ("template", name.as_str(), &entry.plugin)))
}

/// Whether a template needs the name of a tenant. None if there is no such template.
fn needs_tenant(file: &PolicyFile, name: &str) -> Option<bool> {
    Some(file.templates.get(name)?.template.needs_tenant())
}

/// The plugins of a policy: those that are loaded and have not changed, and others.
async fn plugins_of(
    sources: impl Iterator<Item = Sourced<'_>>,
    folder: Option<&Path>,
    before: Option<&Deployment>,
) -> Plugins {
    let mut checks = JoinSet::new();
    let mut plugins = Plugins::new();
    for (_, _, source) in sources {
        let key = key(source);
        if plugins.contains_key(&key) {
            continue;
        }
        if let Some(slot) = before.and_then(|before| before.plugins.get(&key)).cloned() {
            let key = key.clone();
            checks.spawn(async move { slot.is_current().await.then_some((key, slot)) });
        }
        let slot = PluginSlot::new(source.clone(), folder.map(Path::to_path_buf));
        plugins.insert(key, Arc::new(slot));
    }
    // The files of all are read at the same time, so that those that do not respond add up to no
    // more than the time of one.
    for (key, slot) in checks.join_all().await.into_iter().flatten() {
        plugins.insert(key, slot);
    }
    plugins
}

/// The datasources that have not changed.
async fn current(
    before: &Deployment,
    entries: &BTreeMap<String, DatasourceEntry>,
    plugins: &Plugins,
) -> BTreeMap<String, Arc<Served>> {
    let mut checks = JoinSet::new();
    for (name, entry) in entries {
        if let Some(known) = before.datasources.get(name)
            && known.is_from(entry, &plugins[&key(&entry.plugin)])
        {
            let (name, known) = (name.clone(), known.clone());
            checks.spawn(async move { known.has_same_files().await.then_some((name, known)) });
        }
    }
    checks.join_all().await.into_iter().flatten().collect()
}

/// Checks the names of built-in plugins.
fn check_built_in(file: &PolicyFile) -> Result<(), String> {
    for (kind, name, source) in sources(file) {
        if let PluginSource::BuiltIn(plugin) = source
            && plugin != "dynamodb"
        {
            return Err(format!(
                "there is no built-in plugin {plugin:?}; there is \"dynamodb\"\n{kind}: {name}"
            ));
        }
    }
    Ok(())
}

/// The most datasources whose settings are checked before they are served: it takes a fraction of a
/// millisecond for each.
const CHECKED_FIRST: usize = 1000;

/// Checks the settings that the operator wrote into the policy file, for built-in plugins: nothing
/// of this is another's. If there are many, they are checked in the background.
async fn check_settings(host: &Host, new: &[Arc<Served>]) -> Result<(), SetupError> {
    let own: Vec<_> = new.iter().filter(|datasource| datasource.is_operators()).collect();
    if own.len() > CHECKED_FIRST {
        return Ok(());
    }
    for datasource in own {
        datasource.verify(host).await;
        if let Some(source) = datasource.failure() {
            return Err(SetupError::Datasource { name: datasource.name().to_string(), source });
        }
    }
    Ok(())
}

/// Checks that the actions which tokens list exist. Plugins in files have other actions, and are
/// not read here: they may be another's.
fn check_token_actions<'e>(
    server: &ServerConfig,
    mut sources: impl Iterator<Item = Sourced<'e>>,
) -> Result<(), ServerConfigError> {
    if sources.any(|(_, _, source)| !matches!(source, PluginSource::BuiltIn(_))) {
        return Ok(());
    }
    server.check_actions(&OPERATIONS.iter().map(|operation| operation.name).collect())
}
