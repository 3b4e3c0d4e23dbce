//! Resolves names to addresses, once for each connection.

use portcullis_policy::{HostName, Origin};
use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::Error;

/// Resolves host names. It need not be trusted: the policy checks every address that it returns.
///
/// ```
/// use portcullis_gate::Resolve;
/// use std::{future::Future, io, net::IpAddr, pin::Pin};
///
/// /// Resolves every name to this machine.
/// struct Loopback;
///
/// impl Resolve for Loopback {
///     fn resolve<'a>(
///         &'a self,
///         _name: &'a str,
///     ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
///         Box::pin(async { Ok(vec![IpAddr::from([127, 0, 0, 1])]) })
///     }
/// }
/// ```
pub trait Resolve: Send + Sync {
    /// Returns the addresses of `name`.
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;
}

/// Lookups at the same time, of all tenants of the process: each blocks a thread of tokio's pool,
/// which has 512.
static LOOKUPS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(64)));
/// Lookups of one tenant at the same time: an eighth of all, so that a tenant whose names do not
/// resolve leaves threads to the others. A lookup takes a millisecond, and a connection lasts.
const LOOKUPS_OF_TENANT: usize = 8;

/// The lookups of one tenant.
pub(crate) struct Lookups {
    resolver: Arc<dyn Resolve>,
    permits: Arc<Semaphore>,
}

impl Lookups {
    pub(crate) fn new(resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, permits: Arc::new(Semaphore::new(LOOKUPS_OF_TENANT)) }
    }

    /// Resolves an origin's host. Returns at least one address.
    pub(crate) async fn addresses(&self, origin: &Origin) -> Result<Vec<IpAddr>, Error> {
        if let HostName::Address(address) = origin.host() {
            return Ok(vec![*address]);
        }
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Error::InternalError(None))?;
        let (resolver, origin) = (self.resolver.clone(), origin.clone());
        // A lookup goes on when nobody waits for it any more, and keeps its permit until it ends.
        let lookup = tokio::spawn(async move {
            let _permit = permit;
            addresses(&*resolver, &origin).await
        });
        lookup.await.map_err(|_| Error::InternalError(None))?
    }
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async move {
            // A lookup that nobody waits for any more still occupies its thread, so the permit
            // stays with the thread.
            let permit = LOOKUPS.clone().acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_string();
            let lookup = move || {
                let _permit = permit;
                Ok((name.as_str(), 0).to_socket_addrs()?.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)?
        })
    }
}

/// Resolves an origin's host. Returns at least one address.
pub(crate) async fn addresses(
    resolver: &dyn Resolve,
    origin: &Origin,
) -> Result<Vec<IpAddr>, Error> {
    let name = match origin.host() {
        HostName::Address(address) => return Ok(vec![*address]),
        HostName::Name(name) => name,
    };
    let fail = |what: String| Error::DnsError { rcode: Some(what), info_code: None };
    match resolver.resolve(name).await {
        Ok(addresses) if addresses.is_empty() => Err(fail(format!("{name} has no address"))),
        Ok(addresses) => Ok(addresses),
        Err(error) => Err(fail(format!("{name}: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Never gets an answer, and counts who asks.
    #[derive(Default)]
    struct Silent(AtomicUsize);

    impl Resolve for Silent {
        fn resolve<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn tenant_whose_names_do_not_resolve_takes_an_eighth_of_the_lookups() {
        let silent = Arc::new(Silent::default());
        let (lookups, other) = (Lookups::new(silent.clone()), Lookups::new(silent.clone()));
        let origin: Origin = "https://example.com".parse().unwrap();
        let asked = || silent.0.load(Ordering::SeqCst);
        for _ in 0..20 {
            // Also those that nobody waits for any more count.
            let waiting = lookups.addresses(&origin);
            assert!(tokio::time::timeout(Duration::from_millis(2), waiting).await.is_err());
        }
        assert_eq!(asked(), LOOKUPS_OF_TENANT);
        let waiting = other.addresses(&origin);
        assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
        assert_eq!(asked(), LOOKUPS_OF_TENANT + 1);
    }
}
