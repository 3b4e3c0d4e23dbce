//! The saved datasources that are in use, found by their name.

use super::open_store::{OpenStore, StoreFailure};
use super::switches::Switches;
use crate::credentials;
use crate::deployment::{Deployment, ServedTemplate, Switch};
use crate::setup::SetupError;
use parking_lot::Mutex;
use portcullis::{Datasource, Host, Policy, Tenant, TenantError, TenantName, TenantSettings};
use portcullis_cache::FairCache;
use portcullis_store::{DatasourceName, Saved, SealError, Sealed, StoreError};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The datasources that callers have saved.
pub(crate) struct StoredDatasources {
    store: Option<OpenStore>,
    kept: Mutex<FairCache<Arc<Connected>>>,
    /// The names that are being read, so that what was read before a change is not kept.
    reading: Mutex<HashMap<DatasourceName, Reading>>,
    switches: Switches,
}

#[derive(Default)]
struct Reading {
    readers: usize,
    /// How often something else was saved since the first of them began.
    changes: u64,
}

/// A saved datasource in use.
pub(crate) struct Connected {
    pub(crate) name: DatasourceName,
    pub(crate) tenant: Option<TenantName>,
    /// Who its calls count for. Without a tenant, each datasource counts on its own.
    pub(crate) owner: Arc<str>,
    pub(crate) template: Arc<ServedTemplate>,
    pub(crate) datasource: Datasource,
    pub(crate) switch: Arc<Switch>,
    /// Which file of the store it was read from.
    epoch: u64,
}

/// A saved datasource, and what fills in its template.
pub(crate) struct Owned {
    pub(crate) saved: Saved,
    /// The credentials, as JSON.
    pub(crate) secret: Option<Zeroizing<String>>,
    /// Which file of the store it was read from.
    epoch: u64,
}

/// Why a saved datasource cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoredError {
    /// There is none of this name, or it is that of another tenant.
    #[error("there is no such datasource")]
    NotFound,
    /// The policy has no template of this name any more.
    #[error("its template {0:?} is not in the policy file any more")]
    NoTemplate(String),
    /// The template cannot be loaded.
    #[error("its template cannot be loaded")]
    Template(Arc<SetupError>),
    /// The template cannot be filled in with what was saved: it has changed since.
    #[error("it does not fit its template any more: {0}")]
    Tenant(TenantError),
    /// What was saved cannot be read.
    #[error("what was saved cannot be read")]
    Unreadable,
    /// Its credentials cannot be opened.
    #[error("its credentials cannot be read: {0}")]
    Sealed(SealError),
    /// The store cannot be used.
    #[error("{0}")]
    Store(StoreFailure),
}

/// The most saved datasources in use, and their bytes: as for those that calls bring along.
const MOST: usize = 4096;
const MOST_BYTES: usize = 64 << 20;
/// The bytes of a datasource with its keys, without settings and credentials.
const DATASOURCE_BYTES: usize = 8 << 10;

impl StoredDatasources {
    pub(crate) fn new(store: Option<OpenStore>) -> Self {
        let kept = Mutex::new(FairCache::new(MOST, MOST_BYTES));
        Self { store, kept, reading: Mutex::default(), switches: Switches::default() }
    }

    /// The store; none if datasources cannot be saved.
    pub(crate) fn store(&self) -> Option<&OpenStore> {
        self.store.as_ref()
    }

    /// The datasource of that name and tenant for a call. What is in use is found without the store,
    /// and so also if the store cannot be used.
    pub(crate) async fn find(
        &self,
        host: &Host,
        deployment: &Deployment,
        name: &DatasourceName,
        tenant: Option<&TenantName>,
    ) -> Result<Arc<Connected>, StoredError> {
        let known = self.kept.lock().get(&digest(name));
        if let Some(known) = known.filter(|known| self.is_current(known, deployment)) {
            return if known.tenant.as_ref() == tenant {
                Ok(known)
            } else {
                Err(StoredError::NotFound)
            };
        }
        // Boxed, since it is rare and large.
        Box::pin(self.connect(host, deployment, name, tenant)).await
    }

    /// Whether the datasource of that name is in use.
    pub(crate) fn is_connected(&self, name: &DatasourceName, deployment: &Deployment) -> bool {
        let known = self.kept.lock().peek(&digest(name)).cloned();
        known.is_some_and(|known| self.is_current(&known, deployment))
    }

    /// Whether nothing has changed since it was connected: neither its template, nor the file.
    fn is_current(&self, known: &Connected, deployment: &Deployment) -> bool {
        let template = deployment.templates.get(known.template.name());
        template.is_some_and(|template| Arc::ptr_eq(template, &known.template))
            && self.store.as_ref().is_some_and(|store| store.epoch() == known.epoch)
    }

    async fn connect(
        &self,
        host: &Host,
        deployment: &Deployment,
        name: &DatasourceName,
        tenant: Option<&TenantName>,
    ) -> Result<Arc<Connected>, StoredError> {
        let reader = Reader::new(self, name);
        let Owned { saved, secret, epoch } = self.read(name, tenant).await?;
        let template = deployment.templates.get(&saved.template);
        let template = template.ok_or_else(|| StoredError::NoTemplate(saved.template.clone()))?;
        let loaded = template.loaded(host).await.map_err(StoredError::Template)?;
        let bytes = saved.settings.len() + secret.as_ref().map_or(0, |secret| secret.len());
        let filled = filled(&saved, secret.as_deref().map(String::as_str))?;
        let datasource = host.configure_template(&loaded, &filled).map_err(StoredError::Tenant)?;
        let owner: Arc<str> = filled.owner().into();
        let connected = Arc::new(Connected {
            name: saved.name,
            tenant: saved.tenant,
            owner: owner.clone(),
            template: template.clone(),
            datasource,
            switch: self.switches.of(name),
            epoch,
        });
        let dropped = {
            let mut kept = self.kept.lock();
            let digest = digest(name);
            let replaced = kept.remove(&digest);
            // Somebody may have saved another one meanwhile. Then this one serves this call alone.
            let evicted = if reader.has_changed() {
                Vec::new()
            } else {
                kept.insert(digest, owner, bytes + DATASOURCE_BYTES, connected.clone()).1
            };
            (replaced, evicted)
        };
        // Dropping instances takes time, and others must not wait for it.
        drop(dropped);
        Ok(connected)
    }

    /// What is saved under a name for a tenant, with its secret.
    pub(crate) async fn read(
        &self,
        name: &DatasourceName,
        tenant: Option<&TenantName>,
    ) -> Result<Owned, StoredError> {
        let store = self.store.as_ref().ok_or(StoredError::NotFound)?;
        let name = name.clone();
        let tenant = tenant.cloned();
        let found = store.run(move |opened| {
            let saved = opened.store.get(&name)?.filter(|saved| saved.tenant == tenant);
            let Some(saved) = saved else { return Ok(None) };
            let open = |sealed: &Sealed| opened.keys.open(&saved.sealing(), sealed);
            let secret = saved.sealed.as_ref().map(open).transpose()?;
            let secret = secret.map(|bytes| {
                // It was a text when it was sealed.
                Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned())
            });
            Ok(Some(Owned { saved, secret, epoch: opened.epoch }))
        });
        let found = found.await.map_err(|failure| match failure.error() {
            Some(StoreError::Seal(error)) => StoredError::Sealed(error.clone()),
            Some(StoreError::Damaged(_)) => StoredError::Unreadable,
            _ => StoredError::Store(failure),
        })?;
        found.ok_or(StoredError::NotFound)
    }

    /// The switch of a datasource, whether it is connected or not.
    pub(crate) fn switch(&self, name: &DatasourceName) -> Arc<Switch> {
        self.switches.of(name)
    }

    /// Disables or enables a datasource.
    pub(crate) fn set_disabled(&self, name: &DatasourceName, is_disabled: bool) {
        self.switches.set_disabled(name, is_disabled);
        // What is disabled needs no instances.
        self.forget(name);
    }

    /// Whether an operator has disabled it.
    pub(crate) fn is_disabled(&self, name: &DatasourceName) -> bool {
        self.switches.is_disabled(name)
    }

    /// Forgets what is in use under a name: something else was saved, or nothing is any more.
    pub(crate) fn forget(&self, name: &DatasourceName) {
        let removed = {
            let mut kept = self.kept.lock();
            if let Some(reading) = self.reading.lock().get_mut(name) {
                reading.changes += 1;
            }
            kept.remove(&digest(name))
        };
        drop(removed);
    }

    /// Releases the datasources that nobody has used for `time`.
    pub(crate) fn release_idle(&self, time: Duration) {
        let released = self.kept.lock().take_idle(time);
        drop(released);
    }

    /// The number of datasources in use.
    pub(crate) fn count(&self) -> usize {
        self.kept.lock().len()
    }
}

/// Somebody who reads what is saved under a name.
struct Reader<'s> {
    stored: &'s StoredDatasources,
    name: DatasourceName,
    /// The changes when it began.
    changes: u64,
}

impl<'s> Reader<'s> {
    fn new(stored: &'s StoredDatasources, name: &DatasourceName) -> Self {
        let mut all = stored.reading.lock();
        let reading = all.entry(name.clone()).or_default();
        reading.readers += 1;
        Self { stored, name: name.clone(), changes: reading.changes }
    }

    /// Whether something else was saved since this reader began.
    fn has_changed(&self) -> bool {
        let all = self.stored.reading.lock();
        all.get(&self.name).is_none_or(|reading| reading.changes != self.changes)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let mut all = self.stored.reading.lock();
        if let Some(reading) = all.get_mut(&self.name) {
            reading.readers -= 1;
            if reading.readers == 0 {
                all.remove(&self.name);
            }
        }
    }
}

impl Connected {
    /// The policy, filled in.
    pub(crate) fn policy(&self) -> &Policy {
        self.datasource.policy()
    }
}

/// What fills in the template of a saved datasource.
pub(crate) fn filled(saved: &Saved, secret: Option<&str>) -> Result<Tenant, StoredError> {
    let settings: TenantSettings =
        serde_json::from_str(&saved.settings).map_err(|_| StoredError::Unreadable)?;
    let credentials = secret.map(credentials::parse).transpose();
    Ok(Tenant {
        name: saved.tenant.clone(),
        settings,
        credentials: credentials.map_err(|_| StoredError::Unreadable)?,
        // No name of a tenant has a colon.
        holder: format!("datasource:{}", saved.name),
        datasource: Some(saved.name.to_string()),
    })
}

fn digest(name: &DatasourceName) -> [u8; 32] {
    Sha256::digest(name.as_str()).into()
}
