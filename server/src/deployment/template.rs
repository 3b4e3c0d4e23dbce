//! One template of the policy: loaded on first use.

use super::failure::Failure;
use super::plugins::PluginSlot;
use crate::setup::{self, PolicyLocation, SetupError};
use arc_swap::ArcSwapOption;
use portcullis::{Counters, Host, LoadedTemplate, Plugin};
use portcullis_config::TemplateEntry;
use std::sync::Arc;

/// A template that tenants fill in.
pub(crate) struct ServedTemplate {
    name: String,
    entry: TemplateEntry,
    plugin: Arc<PluginSlot>,
    policy: Arc<PolicyLocation>,
    loaded: ArcSwapOption<LoadedTemplate>,
    /// Held while it is being loaded: one call does that, and others wait.
    loading: tokio::sync::Mutex<()>,
    failed: Failure,
}

impl ServedTemplate {
    pub(super) fn new(
        name: &str,
        entry: TemplateEntry,
        plugin: Arc<PluginSlot>,
        policy: Arc<PolicyLocation>,
    ) -> Self {
        Self {
            name: name.to_string(),
            entry,
            plugin,
            policy,
            loaded: ArcSwapOption::empty(),
            loading: tokio::sync::Mutex::default(),
            failed: Failure::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn entry(&self) -> &TemplateEntry {
        &self.entry
    }

    /// Where its plugin is loaded.
    pub(crate) fn plugin(&self) -> &PluginSlot {
        &self.plugin
    }

    /// The plugin's name; none if the plugin was not loaded yet, or cannot be loaded.
    pub(crate) fn plugin_name(&self) -> Option<&str> {
        self.plugin.name()
    }

    /// The plugin, if it is loaded.
    pub(crate) fn loaded_plugin(&self) -> Option<&Plugin> {
        self.plugin.plugin()
    }

    /// What the datasources of all its tenants have done; none if it was never used.
    pub(crate) fn counters(&self) -> Option<Counters> {
        self.loaded.load().as_ref().map(|loaded| loaded.counters())
    }

    /// The template for a call. The first call loads it.
    pub(crate) async fn loaded(&self, host: &Host) -> Result<LoadedTemplate, Arc<SetupError>> {
        if let Some(loaded) = &*self.loaded.load() {
            return Ok(LoadedTemplate::clone(loaded));
        }
        let _alone = self.loading.lock().await;
        if let Some(loaded) = &*self.loaded.load() {
            return Ok(LoadedTemplate::clone(loaded));
        }
        if let Some(error) = self.failed.recent() {
            return Err(error);
        }
        let loaded = self.load(host).await;
        self.failed.set(loaded.as_ref().err());
        if let Ok(loaded) = &loaded {
            self.loaded.store(Some(Arc::new(loaded.clone())));
        }
        loaded
    }

    /// Whether it can be used, for an operator.
    pub(crate) fn state(&self) -> &'static str {
        if self.loaded.load().is_some() {
            "loaded"
        } else if self.failed.last().is_some() {
            "unavailable"
        } else {
            "idle"
        }
    }

    /// Why it could not be loaded.
    pub(crate) fn failure(&self) -> Option<Arc<SetupError>> {
        self.failed.last()
    }

    async fn load(&self, host: &Host) -> Result<LoadedTemplate, Arc<SetupError>> {
        let plugin = self.plugin.get(host).await?;
        let loaded = setup::load_template(host, &plugin, &self.name, &self.entry, &self.policy);
        Ok(loaded.await?)
    }

    /// Whether it is the template that `entry` describes. One with TLS files is not: they may have
    /// changed.
    pub(super) fn is_from(&self, entry: &TemplateEntry, plugin: &Arc<PluginSlot>) -> bool {
        self.entry == *entry && Arc::ptr_eq(&self.plugin, plugin) && entry.tls.is_none()
    }
}
