//! The plugins of a deployment, each loaded once.

use super::fingerprint::{Fingerprint, fingerprint};
use crate::setup::{self, SetupError, beside};
use portcullis::{Host, MAX_COMPONENT_BYTES, Plugin};
use portcullis_config::PluginSource;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A plugin that is loaded once, for all datasources that name it.
pub(crate) struct PluginSlot {
    source: PluginSource,
    folder: Option<PathBuf>,
    loaded: OnceCell<Loaded>,
}

struct Loaded {
    plugin: Result<Plugin, Arc<SetupError>>,
    files: Option<Fingerprint>,
}

impl PluginSlot {
    pub(crate) fn new(source: PluginSource, folder: Option<PathBuf>) -> Self {
        Self { source, folder, loaded: OnceCell::new() }
    }

    pub(crate) fn source(&self) -> &PluginSource {
        &self.source
    }

    /// The plugin's name, if it is known.
    pub(crate) fn name(&self) -> Option<&str> {
        match (&self.source, self.plugin()) {
            (_, Some(plugin)) => Some(plugin.manifest().name()),
            (PluginSource::BuiltIn(name), None) => Some(name),
            _ => None,
        }
    }

    /// The plugin, if it is loaded.
    pub(crate) fn plugin(&self) -> Option<&Plugin> {
        self.loaded.get()?.plugin.as_ref().ok()
    }

    /// Loads the plugin, or waits until somebody else has. It may compile for a second, on a thread
    /// of its own.
    pub(crate) async fn get(&self, host: &Host) -> Result<Plugin, Arc<SetupError>> {
        let load = async || {
            let files = fingerprint(self.files(), MAX_COMPONENT_BYTES as u64).await;
            let (host, source, folder) = (host.clone(), self.source.clone(), self.folder.clone());
            let load = move || setup::load(&host, &source, folder.as_deref());
            let plugin = match tokio::task::spawn_blocking(load).await {
                Ok(plugin) => plugin.map_err(Arc::new),
                Err(error) => Err(Arc::new(SetupError::configuration(format!(
                    "the plugin cannot be loaded: {error}"
                )))),
            };
            Loaded { plugin, files }
        };
        self.loaded.get_or_init(load).await.plugin.clone()
    }

    /// Whether the plugin is still what it was. One that could not be loaded is tried again.
    pub(crate) async fn is_current(&self) -> bool {
        match self.loaded.get() {
            None => true,
            Some(Loaded { plugin: Err(_), .. }) => false,
            Some(Loaded { files, .. }) => {
                let now = fingerprint(self.files(), MAX_COMPONENT_BYTES as u64).await;
                now.is_some() && now == *files
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        match &self.source {
            PluginSource::File { file, manifest, .. } => {
                [file, manifest].map(|path| beside(self.folder.as_deref(), path)).into()
            }
            _ => Vec::new(),
        }
    }
}
