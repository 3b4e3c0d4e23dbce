//! The datasources of a policy file, connected, and who may use them.

use crate::overrides::Overrides;
use crate::setup::{self, Embedded, SetupError};
use crate::tokens::Tokens;
use portcullis::{Datasource, Host, Plugin};
use portcullis_config::{
    AuditConfig, DatasourceEntry, HostConfig, PluginSource, PolicyFile, ServerConfig,
    SettingsSource,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is served at a time. It never changes; a reload creates another one.
pub(crate) struct Deployment {
    pub(crate) server: ServerConfig,
    pub(crate) tokens: Tokens,
    pub(crate) datasources: BTreeMap<String, ServedDatasource>,
    audit: Option<AuditConfig>,
    host: HostConfig,
}

/// One datasource.
#[derive(Clone)]
pub(crate) struct ServedDatasource {
    pub(crate) datasource: Datasource,
    pub(crate) plugin: Plugin,
    pub(crate) policy: Arc<portcullis::Policy>,
    /// The digest of its part of the policy file, and of the files that this names.
    digest: [u8; 32],
}

/// What a reload did to the datasources.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Changes {
    /// Datasources that are new.
    pub added: Vec<String>,
    /// Datasources that were connected again.
    pub changed: Vec<String>,
    /// Datasources that are gone.
    pub removed: Vec<String>,
    /// The number of datasources that kept their instances and connections.
    pub unchanged: usize,
}

/// The name of the only datasource of `--local`.
const LOCAL: &str = "local";

impl Deployment {
    /// Connects the datasources of `file`. A datasource that has not changed since `before` keeps
    /// its instances and connections.
    pub(crate) async fn connect(
        host: &Host,
        path: &Path,
        file: PolicyFile,
        overrides: &Overrides,
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
        let folder = path.parent();
        let mut plugins: Vec<(&PluginSource, Plugin)> = Vec::new();
        let mut datasources = BTreeMap::new();
        for (name, entry) in &file.datasources {
            let named = |error: SetupError| error.in_datasource(name);
            let digest = digest(entry, folder).map_err(named)?;
            let known = before.and_then(|before| before.datasources.get(name));
            let one = if let Some(unchanged) = known.filter(|known| known.digest == digest) {
                unchanged.clone()
            } else {
                let loaded = plugins.iter().find(|(source, _)| *source == &entry.plugin);
                let plugin = match loaded {
                    Some((_, plugin)) => plugin.clone(),
                    // It may compile for a second, while other requests are served.
                    None => tokio::task::block_in_place(|| setup::load(host, entry, folder))
                        .map_err(named)?,
                };
                let datasource =
                    setup::connect(host, &plugin, name, entry, folder).await.map_err(named)?;
                let policy = Arc::new(entry.policy.clone());
                ServedDatasource { datasource, plugin, policy, digest }
            };
            plugins.push((&entry.plugin, one.plugin.clone()));
            datasources.insert(name.clone(), one);
        }
        setup::check_token_actions(&server, plugins.iter().map(|(_, plugin)| plugin))
            .map_err(|error| wrong(error.to_string()).because(error))?;
        let tokens = Tokens::new(&server.tokens);
        Ok(Self { server, tokens, datasources, audit: file.audit, host: file.host })
    }

    /// Connects the datasource `local` to an embedded DynamoDB-compatible server.
    pub(crate) async fn embedded(
        host: &Host,
        embedded: &Embedded,
        overrides: &Overrides,
    ) -> Result<Self, SetupError> {
        let server = overrides.apply(ServerConfig::default(), [LOCAL.to_string()].iter())?;
        server.check(|name| name == LOCAL).map_err(|error| SetupError::usage(error.to_string()))?;
        let plugin = setup::built_in(host)?;
        let only = ServedDatasource {
            datasource: embedded.connect(LOCAL, host, &plugin).await?,
            plugin,
            policy: Arc::new(embedded.policy()?),
            digest: [0; 32],
        };
        Ok(Self {
            server,
            tokens: Tokens::new(&BTreeMap::new()),
            datasources: [(LOCAL.to_string(), only)].into(),
            audit: None,
            host: HostConfig::default(),
        })
    }

    /// The changes since `before`.
    pub(crate) fn changes(&self, before: &Self) -> Changes {
        let names = |of: &Self, keep: &dyn Fn(&str, &ServedDatasource) -> bool| {
            let kept = of.datasources.iter().filter(|(name, served)| keep(name, served));
            kept.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let is_same = |name: &str, served: &ServedDatasource| {
            before.datasources.get(name).is_some_and(|old| old.digest == served.digest)
        };
        let is_known = |name: &str| before.datasources.contains_key(name);
        Changes {
            added: names(self, &|name, _| !is_known(name)),
            changed: names(self, &|name, served| is_known(name) && !is_same(name, served)),
            removed: names(before, &|name, _| !self.datasources.contains_key(name)),
            unchanged: names(self, &is_same).len(),
        }
    }

    /// A key of the policy file that a reload cannot change, and that has changed.
    fn fixed_key_that_differs(
        &self,
        server: &ServerConfig,
        file: &PolicyFile,
    ) -> Option<&'static str> {
        let fixed = [
            (server.listen == self.server.listen, "server.listen"),
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

/// The digest of everything that a datasource is made of. Credentials are left out: they are
/// fetched when they are needed.
fn digest(entry: &DatasourceEntry, folder: Option<&Path>) -> Result<[u8; 32], SetupError> {
    let mut hash = Sha256::new();
    let mut files: Vec<&PathBuf> = Vec::new();
    if let SettingsSource::File(file) = &entry.settings {
        files.push(file);
    }
    if let PluginSource::File { file, manifest, .. } = &entry.plugin {
        files.extend([file, manifest]);
    }
    if let Some(tls) = &entry.tls {
        files.extend([&tls.ca, &tls.client_certificate, &tls.client_key].into_iter().flatten());
    }
    hash.update(format!("{entry:?}"));
    for file in files {
        let path = setup::beside(folder, file);
        let content = std::fs::read(&path).map_err(|error| {
            SetupError::configuration(format!("{} cannot be read: {error}", path.display()))
                .because(error)
        })?;
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(content);
    }
    Ok(hash.finalize().into())
}
