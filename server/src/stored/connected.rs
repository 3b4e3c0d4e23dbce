//! The saved datasources that are in use, found by their name.

use super::open_store::{OpenStore, StoreFailure};
use crate::credentials;
use crate::deployment::{Deployment, ServedTemplate};
use crate::setup::SetupError;
use parking_lot::Mutex;
use portcullis::{Datasource, Host, Policy, Tenant, TenantError, TenantName, TenantSettings};
use portcullis_cache::FairCache;
use portcullis_store::{DatasourceName, Saved, Sealed, StoreError};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use zeroize::Zeroizing;

/// The datasources that callers have saved.
pub(crate) struct StoredDatasources {
    store: Option<OpenStore>,
    kept: Mutex<FairCache<Arc<Connected>>>,
    /// Counts changes of the store, so that what was read before one is not kept.
    changes: AtomicU64,
}

/// A saved datasource in use.
pub(crate) struct Connected {
    pub(crate) name: DatasourceName,
    pub(crate) tenant: Option<TenantName>,
    pub(crate) template: Arc<ServedTemplate>,
    pub(crate) datasource: Datasource,
}

/// A saved datasource, and what fills in its template.
pub(crate) struct Owned {
    pub(crate) saved: Saved,
    /// The credentials, as JSON.
    pub(crate) secret: Option<Zeroizing<String>>,
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
    #[error("what was saved cannot be read; save it again")]
    Unreadable,
    /// The store cannot be used.
    #[error("{0}")]
    Store(#[from] StoreFailure),
}

/// The most saved datasources in use, and their bytes: as for those that calls bring along.
const MOST: usize = 4096;
const MOST_BYTES: usize = 64 << 20;
/// The bytes of a datasource with its keys, without settings and credentials.
const DATASOURCE_BYTES: usize = 8 << 10;

impl StoredDatasources {
    pub(crate) fn new(store: Option<OpenStore>) -> Self {
        let kept = Mutex::new(FairCache::new(MOST, MOST_BYTES));
        Self { store, kept, changes: AtomicU64::new(0) }
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
        if let Some(known) = self.kept(name) {
            if known.tenant.as_ref() != tenant {
                return Err(StoredError::NotFound);
            }
            if deployment.templates.get(known.template.name()).is_some_and(|template| {
                // After a reload that changed the template it is another one.
                Arc::ptr_eq(template, &known.template)
            }) {
                return Ok(known);
            }
        }
        // Boxed, since it is rare and large.
        Box::pin(self.connect(host, deployment, name, tenant)).await
    }

    fn kept(&self, name: &DatasourceName) -> Option<Arc<Connected>> {
        self.kept.lock().get(&digest(name))
    }

    /// Whether the datasource of that name is in use.
    pub(crate) fn is_connected(&self, name: &DatasourceName) -> bool {
        self.kept.lock().contains(&digest(name))
    }

    async fn connect(
        &self,
        host: &Host,
        deployment: &Deployment,
        name: &DatasourceName,
        tenant: Option<&TenantName>,
    ) -> Result<Arc<Connected>, StoredError> {
        let changes = self.changes.load(Ordering::Acquire);
        let Owned { saved, secret } = self.read(name, tenant).await?;
        let template = deployment.templates.get(&saved.template);
        let template = template.ok_or_else(|| StoredError::NoTemplate(saved.template.clone()))?;
        let loaded = template.loaded(host).await.map_err(StoredError::Template)?;
        let bytes = saved.settings.len() + secret.as_ref().map_or(0, |secret| secret.len());
        let filled = filled(&saved, secret.as_deref().map(String::as_str))?;
        let datasource = host.configure_template(&loaded, &filled).map_err(StoredError::Tenant)?;
        let owner = filled.owner().into();
        let connected = Arc::new(Connected {
            name: saved.name,
            tenant: saved.tenant,
            template: template.clone(),
            datasource,
        });
        let evicted = {
            let mut kept = self.kept.lock();
            let digest = digest(name);
            let replaced = kept.remove(&digest);
            // Somebody may have saved another one meanwhile. Then this one serves this call alone.
            let evicted = if self.changes.load(Ordering::Acquire) == changes {
                kept.insert(digest, owner, bytes + DATASOURCE_BYTES, connected.clone()).1
            } else {
                Vec::new()
            };
            (replaced, evicted)
        };
        // Dropping instances takes time, and others must not wait for it.
        drop(evicted);
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
            Ok::<_, StoreError>(Some(Owned { saved, secret }))
        });
        found.await?.ok_or(StoredError::NotFound)
    }

    /// Forgets what is in use under a name: something else was saved, or nothing is any more.
    pub(crate) fn forget(&self, name: &DatasourceName) {
        let removed = {
            let mut kept = self.kept.lock();
            self.changes.fetch_add(1, Ordering::AcqRel);
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
