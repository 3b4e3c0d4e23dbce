//! Datasources of tenants that are kept for the next call.

use super::loaded::{LoadedTemplate, Tenant, TenantError};
use crate::datasource::Datasource;
use crate::host::Host;
use parking_lot::Mutex;
use portcullis_aws::{Credentials, DigestKey};
use portcullis_cache::FairCache;
use portcullis_policy::{SettingValue, TenantName};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Keeps the datasources of tenants, with their instances, connections and signing keys, for
/// platforms that send settings and credentials with each call.
///
/// A datasource is found by a keyed digest of all that makes it what it is: template, tenant, name,
/// settings and credentials. So it serves only calls that have all of these in common. The key is
/// random, and differs in each process.
///
/// The cache is limited in number and in bytes. If it is full, a tenant that holds most loses the
/// datasource that it has not used for longest, so that one tenant with thousands of them does not
/// displace those of others.
///
/// ```no_run
/// use portcullis::{CacheSize, DatasourceCache, Host, LoadedTemplate, Tenant};
///
/// # async fn example(
/// #     host: Host, template: LoadedTemplate, tenant: Tenant,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let cache = DatasourceCache::new(&host, CacheSize::default());
/// let first = cache.datasource(&template, &tenant)?;
/// first.execute("ListTables", "{}").await?;
/// // The same instance, connection and signing key:
/// let second = cache.datasource(&template, &tenant)?;
/// assert_eq!(cache.figures().hits, 1);
/// # drop(second);
/// # Ok(())
/// # }
/// ```
pub struct DatasourceCache {
    host: Host,
    key: DigestKey,
    entries: Mutex<FairCache<Datasource>>,
    hits: AtomicU64,
    misses: AtomicU64,
    evicted: AtomicU64,
}

/// How much a [`DatasourceCache`] keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheSize {
    /// The most datasources. 4,096: as many as a host may have instances.
    pub datasources: usize,
    /// The most bytes of settings, credentials and policies; instances are limited by the memory
    /// limit of the host. 64 MiB: 4,096 datasources with 8 KiB of settings and credentials each.
    pub bytes: usize,
}

/// What a [`DatasourceCache`] has done and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheFigures {
    /// Calls that found their datasource.
    pub hits: u64,
    /// Calls that did not.
    pub misses: u64,
    /// Datasources that made room for others.
    pub evicted: u64,
    /// Datasources that are kept.
    pub datasources: usize,
    /// The bytes that are counted for them.
    pub bytes: usize,
    /// Tenants that have a datasource.
    pub tenants: usize,
}

impl Default for CacheSize {
    fn default() -> Self {
        Self { datasources: 4096, bytes: 64 << 20 }
    }
}

/// The bytes of a datasource without its settings: 3 KB on average, and up to 8 KB with keys.
const DATASOURCE_BYTES: usize = 8 << 10;

impl DatasourceCache {
    /// An empty cache.
    ///
    /// # Panics
    /// Panics if the operating system has no random numbers.
    #[must_use]
    pub fn new(host: &Host, size: CacheSize) -> Self {
        let mut random = [0; 32];
        getrandom::fill(&mut random).expect("the operating system has random numbers");
        Self {
            host: host.clone(),
            key: DigestKey::new(random),
            entries: Mutex::new(FairCache::new(size.datasources, size.bytes)),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    /// The datasource of a tenant: the one that served the same template, tenant, settings and
    /// credentials before, or a new one, which is connected on first use.
    ///
    /// # Errors
    /// Returns an error if the template cannot be filled in, or if the credentials are missing or
    /// are not expected.
    pub fn datasource(
        &self,
        template: &LoadedTemplate,
        tenant: &Tenant,
    ) -> Result<Datasource, TenantError> {
        let (digest, bytes) = self.digest(template, tenant);
        if let Some(known) = self.entries.lock().get(&digest) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(known);
        }
        let datasource = self.host.configure_template(template, tenant)?;
        self.misses.fetch_add(1, Ordering::Relaxed);
        let owner: Arc<str> = tenant.owner().into();
        let (kept, evicted) =
            self.entries.lock().insert(digest, owner, bytes + DATASOURCE_BYTES, datasource);
        self.evicted.fetch_add(evicted.len() as u64, Ordering::Relaxed);
        // Dropping instances takes time, and others must not wait for it.
        drop(evicted);
        Ok(kept)
    }

    /// Drops the datasources that nobody has used for `time`.
    pub fn release_idle(&self, time: Duration) {
        let released = self.entries.lock().take_idle(time);
        drop(released);
    }

    /// Drops all datasources. Running calls end as usual.
    pub fn clear(&self) {
        let all = self.entries.lock().take_idle(Duration::ZERO);
        drop(all);
    }

    /// What it has done and holds.
    #[must_use]
    pub fn figures(&self) -> CacheFigures {
        let entries = self.entries.lock();
        CacheFigures {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
            datasources: entries.len(),
            bytes: entries.bytes(),
            tenants: entries.owners(),
        }
    }

    /// The digest of everything that makes a datasource what it is, and the bytes of what the
    /// tenant gave.
    fn digest(&self, template: &LoadedTemplate, tenant: &Tenant) -> ([u8; 32], usize) {
        let mut settings = Vec::new();
        for (name, value) in tenant.settings.iter() {
            let part = |settings: &mut Vec<u8>, kind: u8, bytes: &[u8]| {
                settings.push(kind);
                settings.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
                settings.extend_from_slice(bytes);
            };
            part(&mut settings, 0, name.as_bytes());
            match value {
                SettingValue::Text(text) => part(&mut settings, 1, text.as_bytes()),
                SettingValue::Whole(number) => part(&mut settings, 2, &number.to_le_bytes()),
                SettingValue::Decimal(number) => part(&mut settings, 3, &number.to_le_bytes()),
                SettingValue::Boolean(value) => part(&mut settings, 4, &[u8::from(*value)]),
                // No template allows it, so there is never an entry.
                other => part(&mut settings, 5, other.to_string().as_bytes()),
            }
        }
        let id = template.id().to_le_bytes();
        // No name is empty.
        let name = tenant.name.as_ref().map_or("", TenantName::as_str);
        let datasource = tenant.datasource.as_deref().unwrap_or_default();
        let parts: [&[u8]; 4] = [&id, name.as_bytes(), datasource.as_bytes(), &settings];
        let credentials = tenant.credentials.as_ref();
        let bytes = settings.len() + credentials.map_or(0, Credentials::bytes);
        (self.key.digest(&parts, credentials), bytes)
    }
}

impl fmt::Debug for DatasourceCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatasourceCache").field("figures", &self.figures()).finish_non_exhaustive()
    }
}
