//! Resolves names to addresses, once for each connection.

use crate::interruption::Cause;
use crate::net::share::TenantShare;
use portcullis_policy::{HostName, Origin};
use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;

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

/// The lookups of one datasource.
pub(crate) struct Lookups {
    resolver: Arc<dyn Resolve>,
    share: Arc<TenantShare>,
}

impl Lookups {
    pub(crate) fn new(resolver: Arc<dyn Resolve>, share: Arc<TenantShare>) -> Self {
        Self { resolver, share }
    }

    /// Resolves an origin's host. Returns at least one address.
    pub(crate) async fn addresses(&self, origin: &Origin) -> Result<Vec<IpAddr>, Cause> {
        if let HostName::Address(address) = origin.host() {
            return Ok(vec![*address]);
        }
        let permit = self.share.lookups().acquire_owned().await;
        let permit = permit.map_err(|_| gone())?;
        let (resolver, origin) = (self.resolver.clone(), origin.clone());
        let share = self.share.clone();
        // A lookup goes on when nobody waits for it any more, and keeps its permit until it ends. With
        // the share: else the tenant would get another one when its datasource is gone.
        let lookup = tokio::spawn(async move {
            let _kept = (permit, share);
            addresses(&*resolver, &origin).await
        });
        lookup.await.map_err(|_| gone())?
    }
}

/// The error of a lookup that this process gave up, as it does when it ends.
fn gone() -> Cause {
    Cause::Unresolved("the lookup of its name was given up".to_string())
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
) -> Result<Vec<IpAddr>, Cause> {
    let name = match origin.host() {
        HostName::Address(address) => return Ok(vec![*address]),
        HostName::Name(name) => name,
    };
    match resolver.resolve(name).await {
        Ok(addresses) if addresses.is_empty() => {
            Err(Cause::Unresolved(format!("the name {name} has no address")))
        }
        Ok(addresses) => Ok(addresses),
        Err(error) => Err(Cause::Unresolved(unresolved(name, &error))),
    }
}

/// Why a name has no address. The operating system says it only in words.
fn unresolved(name: &str, error: &io::Error) -> String {
    let text = error.to_string();
    let says = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if error.kind() == io::ErrorKind::NotFound || says(&UNKNOWN) {
        format!("the name {name} is not known; check its spelling, and the DNS of this machine")
    } else if says(&["Temporary failure", "Try again"]) {
        format!(
            "the name {name} could not be resolved, since no DNS server answered; check the \
             network and the DNS of this machine"
        )
    } else {
        format!("the name {name} could not be resolved: {text}")
    }
}

/// What glibc, musl and the BSDs say about a name that does not exist or has no address.
const UNKNOWN: [&str; 5] = [
    "Name or service not known",
    "Name does not resolve",
    "No address associated with",
    "Name has no usable address",
    "nodename nor servname provided",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::share;
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
        let lookups = |share: &Arc<TenantShare>| Lookups::new(silent.clone(), share.clone());
        let [tenant, other] = [(); 2].map(|()| Arc::<TenantShare>::default());
        // A tenant may have many datasources.
        let datasources: Vec<Lookups> = (0..20).map(|_| lookups(&tenant)).collect();
        let other = lookups(&other);
        let origin: Origin = "https://example.com".parse().unwrap();
        let asked = || silent.0.load(Ordering::SeqCst);
        for lookups in &datasources {
            // Also those that nobody waits for any more count.
            let waiting = lookups.addresses(&origin);
            assert!(tokio::time::timeout(Duration::from_millis(2), waiting).await.is_err());
        }
        assert_eq!(asked(), share::LOOKUPS);
        let waiting = other.addresses(&origin);
        assert!(tokio::time::timeout(Duration::from_millis(20), waiting).await.is_err());
        assert_eq!(asked(), share::LOOKUPS + 1);
    }

    #[tokio::test]
    async fn name_that_does_not_exist_is_reported_as_such() {
        for (text, expected) in [
            ("Name or service not known", "the name db.test is not known; check its spelling"),
            ("Temporary failure in name resolution", "no DNS server answered"),
            ("the resolver is out of order", "could not be resolved: the resolver is out of order"),
        ] {
            let error = io::Error::other(format!("failed to lookup address information: {text}"));
            let found = unresolved("db.test", &error);
            let expected =
                expected.replace("resolved: ", "resolved: failed to lookup address information: ");
            assert!(found.contains(&expected), "{found}");
        }
        let origin: Origin = "http://no-such-host.invalid".parse().unwrap();
        let Err(Cause::Unresolved(text)) = addresses(&SystemResolver, &origin).await else {
            panic!("RFC 6761 reserves .invalid")
        };
        assert!(text.contains("the name no-such-host.invalid"), "{text}");
    }
}
