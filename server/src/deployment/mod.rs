//! What is served at a time: the datasources of a policy file, and who may use them.
//!
//! What the operator wrote is in force as a whole or not at all. What others wrote (settings files,
//! plugins, manifests) is read when its datasource is used, and can make only that unavailable.

mod changes;
mod fingerprint;
mod plugins;
mod served;
mod switch;

use changes::Difference;
pub use changes::{Changes, TokenChanges};
pub(crate) use served::{Condition, Served, Unavailable};
pub(crate) use switch::Disabled;

use crate::connections::TrustedProxies;
use crate::memory::Accounts;
use crate::overrides::Overrides;
use crate::setup::{self, Embedded, SetupError};
use crate::tokens::Tokens;
use dynamodb_plugin::catalogue::OPERATIONS;
use plugins::PluginSlot;
use portcullis::Host;
use portcullis_config::{
    AuditConfig, DatasourceEntry, HostConfig, PluginSource, PolicyFile, ServerConfig,
    ServerConfigError,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// What is served at a time. It never changes, but for the state of its datasources; a reload
/// creates another one.
pub(crate) struct Deployment {
    pub(crate) server: ServerConfig,
    pub(crate) proxies: Arc<TrustedProxies>,
    pub(crate) tokens: Tokens,
    pub(crate) datasources: BTreeMap<String, Arc<Served>>,
    audit: Option<AuditConfig>,
    host: HostConfig,
    plugins: Vec<Arc<PluginSlot>>,
}

/// The name of the only datasource of `--local`.
const LOCAL: &str = "local";

impl Deployment {
    /// The deployment that `file` describes. A datasource that has not changed since `before` keeps
    /// its instances and connections.
    pub(crate) async fn new(
        host: &Host,
        path: &Path,
        file: PolicyFile,
        overrides: &Overrides,
        accounts: &Accounts,
        before: Option<&Self>,
    ) -> Result<Self, SetupError> {
        let wrong =
            |message: String| SetupError::configuration(format!("{}: {message}", path.display()));
        let server =
            overrides.apply(file.server.clone().unwrap_or_default(), file.datasources.keys())?;
        server
            .check(|name| file.datasources.contains_key(name))
            .map_err(|error| wrong(error.to_string()).because(error))?;
        if let Some(before) = before
            && let Some(key) = before.fixed_key_that_differs(&server, &file)
        {
            return Err(wrong(format!("{key} has changed, which requires a restart")));
        }
        check_token_actions(&server, file.datasources.values())
            .map_err(|error| wrong(error.to_string()).because(error))?;
        let folder = path.parent().map(Path::to_path_buf);
        let mut plugins: Vec<Arc<PluginSlot>> = Vec::new();
        let (mut datasources, mut new) = (BTreeMap::new(), Vec::new());
        for (name, entry) in file.datasources {
            let plugin =
                if let Some(slot) = plugins.iter().find(|slot| *slot.source() == entry.plugin) {
                    slot.clone()
                } else {
                    let slot = match before {
                        Some(before) => before.current_plugin(&entry.plugin).await,
                        None => None,
                    };
                    let slot = slot.unwrap_or_else(|| {
                        Arc::new(PluginSlot::new(entry.plugin.clone(), folder.clone()))
                    });
                    plugins.push(slot.clone());
                    slot
                };
            let known = before.and_then(|before| before.datasources.get(&name));
            let source = match known {
                Some(known) if known.is_current(&entry, &plugin).await => known.clone(),
                _ => {
                    let switch = known.map(|known| known.switch.clone()).unwrap_or_default();
                    let source = Served::new(&name, entry, plugin, folder.clone(), switch);
                    let source = Arc::new(source);
                    new.push(source.clone());
                    source
                }
            };
            datasources.insert(name, source);
        }
        check_settings(host, &new).await?;
        Ok(Self {
            proxies: Arc::new(TrustedProxies(server.trusted_proxies.clone())),
            tokens: Tokens::new(&server.tokens, accounts),
            server,
            datasources,
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
        server.check(|name| name == LOCAL).map_err(|error| SetupError::usage(error.to_string()))?;
        let plugin = setup::built_in(host)?;
        let datasource = embedded.connect(LOCAL, host, &plugin).await?;
        let only = Served::embedded(LOCAL, embedded.policy()?, plugin, datasource);
        Ok(Self {
            server,
            proxies: Arc::default(),
            tokens: Tokens::new(&BTreeMap::new(), accounts),
            datasources: [(LOCAL.to_string(), Arc::new(only))].into(),
            audit: None,
            host: HostConfig::default(),
            plugins: Vec::new(),
        })
    }

    /// The changes since `before`.
    pub(crate) fn changes_since(&self, before: &Self) -> Changes {
        let is_same = Arc::ptr_eq;
        let datasources = Difference::between(&before.datasources, &self.datasources, is_same);
        let (old, new) = (&before.server.tokens, &self.server.tokens);
        let tokens = Difference::between(old, new, PartialEq::eq);
        let known = datasources.added.len() + datasources.changed.len();
        let unchanged = self.datasources.len() - known;
        Changes::new(datasources, unchanged, tokens)
    }

    /// Loads the plugins, so that no call waits for that, and finds out which datasources cannot be
    /// connected. It ends early when the deployment is replaced.
    pub(crate) async fn verify(deployment: std::sync::Weak<Self>, host: Host) {
        let Some(current) = deployment.upgrade() else { return };
        let (plugins, datasources) = (current.plugins.clone(), current.datasources.clone());
        drop(current);
        for plugin in plugins {
            // What is wrong with it is reported for its datasources.
            let _ = plugin.get(&host).await;
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

    async fn current_plugin(&self, source: &PluginSource) -> Option<Arc<PluginSlot>> {
        let slot = self.plugins.iter().find(|slot| slot.source() == source)?;
        slot.is_current().await.then(|| slot.clone())
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

/// The most datasources whose settings are checked before they are served: it takes a fraction of a
/// millisecond for each.
const CHECKED_FIRST: usize = 100;

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
    mut entries: impl Iterator<Item = &'e DatasourceEntry>,
) -> Result<(), ServerConfigError> {
    if entries.any(|entry| !matches!(entry.plugin, PluginSource::BuiltIn(_))) {
        return Ok(());
    }
    server.check_actions(&OPERATIONS.iter().map(|operation| operation.name).collect())
}
