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
