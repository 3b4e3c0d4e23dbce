//! The plugins of a deployment, each loaded once.

use super::fingerprint::{Fingerprint, of_parts};
use crate::setup::{PluginFiles, SetupError, read_others};
use portcullis::{Host, Plugin};
use portcullis_config::PluginSource;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
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
        self.loaded.get_or_init(|| self.load(host)).await.plugin.clone()
    }

    async fn load(&self, host: &Host) -> Loaded {
        let failed = |message: String| Loaded {
            plugin: Err(Arc::new(SetupError::environment(message))),
            files: None,
        };
        let files = match self.read().await {
            Some(Ok(files)) => files,
            Some(Err(error)) => return Loaded { plugin: Err(Arc::new(error)), files: None },
            None => return failed("the files of the plugin cannot be read in time".to_string()),
        };
        let fingerprint = of_parts(files.parts());
        let host = host.clone();
        match tokio::task::spawn_blocking(move || files.load(&host)).await {
            Ok(plugin) => Loaded { plugin: plugin.map_err(Arc::new), files: Some(fingerprint) },
            Err(error) => failed(format!("the plugin cannot be loaded: {error}")),
        }
    }

    /// Reads the files. `None` if that takes too long.
    async fn read(&self) -> Option<Result<PluginFiles, SetupError>> {
        let (source, folder) = (self.source.clone(), self.folder.clone());
        read_others(READ, move || PluginFiles::read(&source, folder.as_deref())).await
    }

    /// Whether the plugin is still what it was. One that could not be loaded is tried again.
    pub(crate) async fn is_current(&self) -> bool {
        match self.loaded.get() {
            None => true,
            Some(Loaded { plugin: Ok(_), files: Some(before) }) => {
                let now = self.read().await.and_then(Result::ok);
                now.is_some_and(|now| of_parts(now.parts()) == *before)
            }
            Some(_) => false,
        }
    }
}

/// How long the files of a plugin may take: 16 MiB from a slow disk.
const READ: Duration = Duration::from_secs(5);
