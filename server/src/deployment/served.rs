//! One datasource: connected on first use, and released when nobody uses it.

use super::failure::Failure;
use super::fingerprint::{Fingerprint, of_files};
use super::plugins::PluginSlot;
use super::switch::{Disabled, Switch};
use crate::setup::{self, MAX_TEXT_BYTES, PolicyLocation, SetupError, beside};
use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use portcullis::{Counters, Datasource, Error, Host, Limit, LimitKind, Plugin, Policy};
use portcullis_config::{DatasourceEntry, PluginSource, SettingsSource};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// One datasource.
pub(crate) struct Served {
    name: String,
    origin: ConnectsBy,
    pub(crate) switch: Arc<Switch>,
    connected: ArcSwapOption<Connected>,
    /// Held while it is being connected: one call does that, and others wait.
    connecting: tokio::sync::Mutex<()>,
    failed: Failure,
    /// Whether it could be connected once.
    is_verified: AtomicBool,
    began: Instant,
    /// When it was used last, in seconds after `began`.
    used: AtomicU64,
    /// What it had counted when it was released. Boxed, since most datasources of a large policy
    /// are not used.
    retired: Mutex<Option<Box<Counters>>>,
}

/// How a datasource is connected.
enum ConnectsBy {
    /// As the policy file says.
    Entry { entry: Box<DatasourceEntry>, plugin: Arc<PluginSlot>, policy: Arc<PolicyLocation> },
    /// It is connected, and stays so.
    Embedded { policy: Box<Policy>, plugin: Arc<PluginSlot> },
}

struct Connected {
    datasource: Datasource,
    files: Option<Fingerprint>,
}

/// Why a datasource cannot be used now.
pub(crate) enum Unavailable {
    Disabled(Disabled),
    Failed(Arc<SetupError>),
    /// It is still being connected at the end of the call's time.
    Late(Limit),
}

/// What a datasource is, for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It is connected.
    Connected,
    /// It will be connected on its next use.
    Idle,
    /// It could not be connected.
    Unavailable,
    /// An operator has disabled it.
    Disabled,
}

impl Condition {
    pub(crate) const ALL: [Self; 4] =
        [Self::Connected, Self::Idle, Self::Unavailable, Self::Disabled];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Idle => "idle",
            Self::Unavailable => "unavailable",
            Self::Disabled => "disabled",
        }
    }
}

impl Served {
    pub(crate) fn new(
        name: &str,
        entry: DatasourceEntry,
        plugin: Arc<PluginSlot>,
        policy: Arc<PolicyLocation>,
        switch: Arc<Switch>,
    ) -> Self {
        let origin = ConnectsBy::Entry { entry: Box::new(entry), plugin, policy };
        Self::with_origin(name, origin, switch, None)
    }

    /// A datasource that is connected already, and stays so.
    pub(crate) fn embedded(
        name: &str,
        policy: Policy,
        plugin: Plugin,
        datasource: Datasource,
    ) -> Self {
        let connected = Connected { datasource, files: None };
        let plugin_name = plugin.manifest().name().to_string();
        let plugin = Arc::new(PluginSlot::of(plugin, &plugin_name));
        let origin = ConnectsBy::Embedded { policy: Box::new(policy), plugin };
        Self::with_origin(name, origin, Arc::default(), Some(Arc::new(connected)))
    }

    fn with_origin(
        name: &str,
        origin: ConnectsBy,
        switch: Arc<Switch>,
        connected: Option<Arc<Connected>>,
    ) -> Self {
        Self {
            name: name.to_string(),
            origin,
            switch,
            connected: ArcSwapOption::new(connected),
            connecting: tokio::sync::Mutex::default(),
            failed: Failure::default(),
            is_verified: AtomicBool::new(false),
            began: Instant::now(),
            used: AtomicU64::new(0),
            retired: Mutex::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn policy(&self) -> &Policy {
        match &self.origin {
            ConnectsBy::Entry { entry, .. } => &entry.policy,
            ConnectsBy::Embedded { policy, .. } => policy,
        }
    }

    /// The plugin's name; none if the plugin was not loaded yet, or cannot be loaded.
    pub(crate) fn plugin_name(&self) -> Option<&str> {
        self.plugin_slot().name()
    }

    /// The plugin, if it is loaded.
    pub(crate) fn loaded_plugin(&self) -> Option<&Plugin> {
        self.plugin_slot().plugin()
    }

    /// Where its plugin is loaded.
    pub(crate) fn plugin_slot(&self) -> &PluginSlot {
        match &self.origin {
            ConnectsBy::Entry { plugin, .. } | ConnectsBy::Embedded { plugin, .. } => plugin,
        }
    }

    /// Whether the operator wrote all of it: the settings are in the policy file, and the plugin is
    /// built in.
    pub(crate) fn is_operators(&self) -> bool {
        match &self.origin {
            ConnectsBy::Entry { entry, plugin, .. } => {
                matches!(entry.settings, SettingsSource::Inline(_))
                    && matches!(plugin.source(), PluginSource::BuiltIn(_))
            }
            ConnectsBy::Embedded { .. } => true,
        }
    }

    /// Whether its database is a part of this server.
    pub(crate) fn is_embedded(&self) -> bool {
        matches!(self.origin, ConnectsBy::Embedded { .. })
    }

    pub(crate) fn condition(&self) -> Condition {
        if self.switch.is_disabled() {
            Condition::Disabled
        } else if self.connected.load().is_some() {
            Condition::Connected
        } else if self.failed.last().is_some() {
            Condition::Unavailable
        } else {
            Condition::Idle
        }
    }

    /// Why it could not be connected.
    pub(crate) fn failure(&self) -> Option<Arc<SetupError>> {
        self.failed.last()
    }

    /// What it has done since the policy was loaded; none if it was never used.
    pub(crate) fn counters(&self) -> Option<Counters> {
        // Locked until both are read: what is released meanwhile would count in neither.
        let locked = self.retired.lock();
        let retired = locked.as_deref().cloned();
        let connected = self.connected.load();
        match (retired, connected.as_ref().map(|connected| connected.datasource.counters())) {
            (Some(mut retired), Some(current)) => {
                retired.add(&current);
                Some(retired)
            }
            (retired, current) => current.or(retired),
        }
    }

    /// The datasource for a call, which may have requested that it takes no longer than `time`. The first
    /// call connects it.
    pub(crate) async fn datasource(
        self: &Arc<Self>,
        host: &Host,
        time: Option<Duration>,
    ) -> Result<Datasource, Unavailable> {
        if self.switch.is_disabled() {
            return Err(Unavailable::Disabled(Disabled { maybe_applied: false }));
        }
        self.used.store(self.began.elapsed().as_secs(), Ordering::Relaxed);
        match &*self.connected.load() {
            Some(connected) => Ok(connected.datasource.clone()),
            // Boxed, since it is rare and large.
            None => Box::pin(self.wait_until_connected(host, time)).await,
        }
    }

    async fn wait_until_connected(
        self: &Arc<Self>,
        host: &Host,
        time: Option<Duration>,
    ) -> Result<Datasource, Unavailable> {
        let policy = self.policy().limits.deadline;
        let requested = time.filter(|time| *time < policy);
        let (served, host) = (self.clone(), host.clone());
        // A task of its own: it goes on for others when this caller leaves.
        let connecting = tokio::spawn(async move { served.connect(&host).await });
        let waiting = timeout(requested.unwrap_or(policy), connecting);
        match self.switch.guard(waiting).await {
            // No request was sent.
            Err(_) => Err(Unavailable::Disabled(Disabled { maybe_applied: false })),
            Ok(Err(_)) => Err(Unavailable::Late(Limit::deadline(policy, requested, false))),
            Ok(Ok(Ok(connected))) => connected.map_err(Unavailable::Failed),
            Ok(Ok(Err(error))) => {
                let error = SetupError::environment(format!("connecting it failed: {error}"));
                Err(Unavailable::Failed(Arc::new(error)))
            }
        }
    }

    async fn connect(&self, host: &Host) -> Result<Datasource, Arc<SetupError>> {
        let _alone = self.connecting.lock().await;
        if let Some(connected) = &*self.connected.load() {
            return Ok(connected.datasource.clone());
        }
        if let Some(error) = self.failed.recent() {
            return Err(error);
        }
        let connected = self.try_connect(host).await?;
        let datasource = connected.datasource.clone();
        self.connected.store(Some(Arc::new(connected)));
        Ok(datasource)
    }

    /// Finds out whether it can be connected, unless somebody has already.
    pub(crate) async fn verify(&self, host: &Host) {
        let _alone = self.connecting.lock().await;
        // Without files it cannot have changed: another policy makes another datasource.
        if self.is_verified.load(Ordering::Relaxed) && self.files().is_empty() {
            return;
        }
        if self.connected.load().is_none() && self.failed.last().is_none() {
            // The failure is kept, and nothing else is of interest.
            let _ = self.try_connect(host).await;
        }
    }

    async fn try_connect(&self, host: &Host) -> Result<Connected, Arc<SetupError>> {
        let result = self.open(host).await;
        self.is_verified.fetch_or(result.is_ok(), Ordering::Relaxed);
        self.failed.set(result.as_ref().err().filter(|error| !is_passing(error)));
        result
    }

    async fn open(&self, host: &Host) -> Result<Connected, Arc<SetupError>> {
        let ConnectsBy::Entry { entry, plugin, policy } = &self.origin else {
            let error = SetupError::environment("the embedded server has stopped");
            return Err(Arc::new(error));
        };
        let plugin = plugin.get(host).await?;
        let files = of_files(self.files(), MAX_TEXT_BYTES).await;
        let datasource = setup::connect(host, &plugin, &self.name, entry, policy).await?;
        Ok(Connected { datasource, files })
    }

    /// Whether it is the datasource that `entry` describes, and can be connected.
    pub(crate) fn is_from(&self, entry: &DatasourceEntry, plugin: &Arc<PluginSlot>) -> bool {
        match &self.origin {
            ConnectsBy::Entry { entry: mine, plugin: my_plugin, .. } => {
                **mine == *entry && Arc::ptr_eq(my_plugin, plugin) && self.failed.last().is_none()
            }
            ConnectsBy::Embedded { .. } => false,
        }
    }

    /// Whether its files are still what they were when it was connected.
    pub(crate) async fn has_same_files(&self) -> bool {
        let before = match &*self.connected.load() {
            // It reads its files when it is connected.
            None => return true,
            Some(connected) => connected.files,
        };
        before.is_some() && of_files(self.files(), MAX_TEXT_BYTES).await == before
    }

    /// Releases it if nobody has used it for `time`. Returns whether it did.
    pub(crate) fn release_if_idle(&self, time: Duration) -> bool {
        let unused = self.began.elapsed().as_secs();
        // Somebody may have used it since the time was read.
        let unused = unused.saturating_sub(self.used.load(Ordering::Relaxed));
        let connected = self.connected.load_full();
        let Some(connected) = connected.filter(|_| unused >= time.as_secs()) else { return false };
        let mut counters = connected.datasource.counters();
        if self.is_embedded() || counters.running > 0 || counters.waiting > 0 {
            return false;
        }
        // Its instances go with it.
        (counters.warm, counters.warm_bytes) = (0, 0);
        let mut retired = self.retired.lock();
        match &mut *retired {
            Some(retired) => retired.add(&counters),
            None => *retired = Some(Box::new(counters)),
        }
        self.connected.store(None);
        true
    }

    /// The files that are read when it is connected, without credentials: those are read when they
    /// are needed.
    fn files(&self) -> Vec<PathBuf> {
        let ConnectsBy::Entry { entry, policy, .. } = &self.origin else { return Vec::new() };
        let mut files = Vec::new();
        if let SettingsSource::File(file) = &entry.settings {
            files.push(file);
        }
        if let Some(tls) = &entry.tls {
            files.extend([&tls.ca, &tls.client_certificate, &tls.client_key].into_iter().flatten());
        }
        files.into_iter().map(|file| beside(policy.folder(), file)).collect()
    }
}

/// Whether a failure has nothing to do with the datasource itself: others use the memory now, or no
/// record can be written.
fn is_passing(error: &SetupError) -> bool {
    match error {
        SetupError::Call(Error::Limit(limit)) => limit.which == LimitKind::ProcessMemory,
        SetupError::Call(Error::Busy(_) | Error::Audit { .. }) => true,
        _ => false,
    }
}
