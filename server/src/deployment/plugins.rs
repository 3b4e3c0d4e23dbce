//! The plugins of a deployment, each loaded once.

use super::failure::Failure;
use super::fingerprint::{Fingerprint, of_parts};
use crate::setup::{PluginFiles, SetupError, read_others};
use dynamodb_plugin::catalogue::{json_schema, operation};
use portcullis::{Host, Plugin};
use portcullis_config::PluginSource;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

/// A plugin that is loaded once, for all datasources that name it.
pub(crate) struct PluginSlot {
    source: PluginSource,
    folder: Option<PathBuf>,
    loaded: OnceCell<Loaded>,
    described: OnceCell<Arc<Value>>,
    undescribed: Failure,
}

struct Loaded {
    plugin: Result<Plugin, Arc<SetupError>>,
    files: Option<Fingerprint>,
}

impl PluginSlot {
    pub(crate) fn new(source: PluginSource, folder: Option<PathBuf>) -> Self {
        Self {
            source,
            folder,
            loaded: OnceCell::new(),
            described: OnceCell::new(),
            undescribed: Failure::default(),
        }
    }

    /// A plugin that is loaded already.
    pub(crate) fn of(plugin: Plugin, name: &str) -> Self {
        let slot = Self::new(PluginSource::BuiltIn(name.to_string()), None);
        let loaded = OnceCell::new_with(Some(Loaded { plugin: Ok(plugin), files: None }));
        Self { loaded, ..slot }
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

    /// What the plugin says about itself. It is asked until it has said so.
    pub(crate) async fn description(&self, host: &Host) -> Result<Arc<Value>, Arc<SetupError>> {
        let described = self.described.get_or_try_init(|| async {
            // A failure may pass, and is not kept for long.
            if let Some(error) = self.undescribed.recent() {
                return Err(error);
            }
            let described = self.describe(host).await;
            self.undescribed.set(described.as_ref().err());
            described
        });
        described.await.cloned()
    }

    async fn describe(&self, host: &Host) -> Result<Arc<Value>, Arc<SetupError>> {
        let plugin = self.get(host).await?;
        let text = host.describe(&plugin).await.map_err(SetupError::from)?;
        let wrong = |reason: String| {
            SetupError::environment(format!("the plugin's description of itself {reason}"))
        };
        if text.len() > MAX_DESCRIPTION_BYTES {
            return Err(Arc::new(wrong(format!("has more than {MAX_DESCRIPTION_BYTES} bytes"))));
        }
        let mut description: Value =
            serde_json::from_str(&text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        if matches!(self.source, PluginSource::BuiltIn(_)) {
            add_schemas(&mut description);
        }
        if description.is_object() {
            return Ok(Arc::new(description));
        }
        Err(Arc::new(wrong("is not an object".to_string())))
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

/// Adds the schema of its input to each action. The built-in plugin's own description leaves it out:
/// as a component it would be larger by a fifth.
fn add_schemas(description: &mut Value) {
    for action in description["actions"].as_array_mut().into_iter().flatten() {
        if let Some(known) = action["name"].as_str().and_then(operation) {
            action["input"] = json_schema(known.input);
        }
    }
}

/// The most bytes of a plugin's description of itself. 1 MiB: ten times that of the DynamoDB plugin
/// with its 62 actions. It is kept as long as the plugin.
const MAX_DESCRIPTION_BYTES: usize = 1 << 20;
/// How long the files of a plugin may take: 16 MiB from a slow disk.
const READ: Duration = Duration::from_secs(5);
