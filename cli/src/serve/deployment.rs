//! A policy file as datasources that are connected, and who may use them.

use super::Typed;
use super::door::Tokens;
use crate::failure::Failure;
use crate::local::Local;
use crate::target::{beside, connect, load};
use portcullis::{Datasource, Host, Plugin};
use portcullis_config::{
    AuditConfig, DatasourceConfig, PluginSource, PolicyFile, ServerConfig, Settings,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is served at a time. It never changes; a reload makes another.
pub(crate) struct Deployment {
    pub(crate) server: ServerConfig,
    pub(crate) tokens: Tokens,
    pub(crate) datasources: BTreeMap<String, Served>,
    audit: Option<AuditConfig>,
}

/// One datasource.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) datasource: Datasource,
    pub(crate) plugin: Plugin,
    pub(crate) policy: Arc<portcullis::Policy>,
    /// Of all that it was made of: its part of the file, and the files that this names.
    digest: [u8; 32],
}

/// What a reload did to the datasources.
#[derive(Debug, Serialize)]
pub(crate) struct Changes {
    added: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    unchanged: usize,
}

/// The name of the only datasource of `--local`.
pub(crate) const LOCAL: &str = "local";

impl Deployment {
    /// Connects the datasources of `file`. What is as it was `before` keeps its instances and connections.
    pub(crate) async fn connect(
        host: &Host,
        path: &Path,
        file: PolicyFile,
        typed: &Typed,
        before: Option<&Self>,
    ) -> Result<Self, Failure> {
        let wrong =
            |message: String| Failure::configuration(format!("{}: {message}", path.display()));
        let server =
            typed.above(file.server.clone().unwrap_or_default(), file.datasources.keys())?;
        server.check(&file).map_err(wrong)?;
        if let Some(before) = before {
            let fixed = [
                (server.listen == before.server.listen, "server.listen"),
                (server.wire == before.server.wire, "server.wire"),
                (server.connections == before.server.connections, "server.connections"),
                (
                    server.tls.is_some() == before.server.tls.is_some(),
                    "server.tls (whether there is one)",
                ),
                (file.audit == before.audit, "audit"),
            ];
            if let Some((_, key)) = fixed.iter().find(|(same, _)| !same) {
                return Err(wrong(format!(
                    "{key} has changed, for which the server must be started again"
                )));
            }
        }
        let folder = path.parent();
        let mut plugins: Vec<(&PluginSource, Plugin)> = Vec::new();
        let mut datasources = BTreeMap::new();
        for (name, config) in &file.datasources {
            let named = |failure: Failure| failure.with(format!("datasource: {name}"));
            let digest = digest(config, folder).map_err(named)?;
            let kept = before
                .and_then(|before| before.datasources.get(name))
                .filter(|served| served.digest == digest);
            let one = if let Some(kept) = kept {
                kept.clone()
            } else {
                let plugin = match plugins.iter().find(|(source, _)| *source == &config.plugin) {
                    Some((_, plugin)) => plugin.clone(),
                    // It may compile for a second, while others are served.
                    None => {
                        tokio::task::block_in_place(|| load(host, config, folder)).map_err(named)?
                    }
                };
                let datasource =
                    connect(host, &plugin, name, config, folder).await.map_err(named)?;
                Served { datasource, plugin, policy: Arc::new(config.policy.clone()), digest }
            };
            plugins.push((&config.plugin, one.plugin.clone()));
            datasources.insert(name.clone(), one);
        }
        let tokens = Tokens::new(&server.tokens);
        Ok(Self { server, tokens, datasources, audit: file.audit })
    }

    /// A DynamoDB in this process, as the datasource `local`.
    pub(crate) async fn of_local(
        host: &Host,
        local: &Local,
        typed: &Typed,
    ) -> Result<Self, Failure> {
        let server = typed.above(ServerConfig::default(), [LOCAL.to_string()].iter())?;
        let file = PolicyFile::parse(&format!("[datasources.{LOCAL}]\nplugin = \"dynamodb\""));
        let file = file.map_err(|error| Failure::other(error.to_string()))?;
        server.check(&file).map_err(Failure::usage)?;
        let plugin = crate::target::built_in(host)?;
        let datasource = local.connect(LOCAL, host, &plugin).await?;
        let only =
            Served { datasource, plugin, policy: Arc::new(local.policy()?), digest: [0; 32] };
        Ok(Self {
            server,
            tokens: Tokens::new(&BTreeMap::new()),
            datasources: [(LOCAL.to_string(), only)].into(),
            audit: None,
        })
    }

    pub(crate) fn changes(&self, before: &Self) -> Changes {
        let names = |of: &Self, keep: &dyn Fn(&str, &Served) -> bool| {
            of.datasources
                .iter()
                .filter(|(name, served)| keep(name, served))
                .map(|(name, _)| name.clone())
                .collect::<Vec<_>>()
        };
        let same = |name: &str, served: &Served| {
            before.datasources.get(name).is_some_and(|old| old.digest == served.digest)
        };
        Changes {
            added: names(self, &|name, _| !before.datasources.contains_key(name)),
            changed: names(self, &|name, served| {
                before.datasources.contains_key(name) && !same(name, served)
            }),
            removed: names(before, &|name, _| !self.datasources.contains_key(name)),
            unchanged: names(self, &same).len(),
        }
    }
}

impl Typed {
    /// The server's part of the file with what was typed above it.
    fn above<'n>(
        &self,
        mut server: ServerConfig,
        mut names: impl Iterator<Item = &'n String>,
    ) -> Result<ServerConfig, Failure> {
        server.listen = self.listen.unwrap_or(server.listen);
        server.public |= self.public;
        let only = names.next().filter(|_| names.next().is_none());
        for (address, name) in &self.wire {
            let Some(name) = name.as_ref().or(only) else {
                return Err(Failure::usage(format!("which datasource is served on {address}?"))
                    .with("name it: --wire ADDRESS=NAME"));
            };
            server.wire.insert(*address, name.clone());
        }
        Ok(server)
    }
}

/// The digest of all that a datasource is made of. Credentials are not: they are fetched when they are needed.
fn digest(config: &DatasourceConfig, folder: Option<&Path>) -> Result<[u8; 32], Failure> {
    let mut hash = Sha256::new();
    let mut files: Vec<&PathBuf> = Vec::new();
    if let Settings::File(file) = &config.settings {
        files.push(file);
    }
    if let PluginSource::File { file, manifest, .. } = &config.plugin {
        files.extend([file, manifest]);
    }
    if let Some(tls) = &config.tls {
        files.extend([&tls.ca, &tls.client_certificate, &tls.client_key].into_iter().flatten());
    }
    hash.update(format!("{config:?}"));
    for file in files {
        let path = beside(folder, file);
        let content = std::fs::read(&path).map_err(|error| {
            Failure::configuration(format!("{} cannot be read: {error}", path.display()))
        })?;
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(content);
    }
    Ok(hash.finalize().into())
}
