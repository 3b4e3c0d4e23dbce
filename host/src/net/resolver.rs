//! Names → addresses, once for each connection.

use portcullis_policy::{Host, Origin};
use std::future::Future;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::Error;

/// Resolves the names of hosts. What it answers is judged; it need not be trusted.
pub trait Resolve: Send + Sync {
    /// The addresses of `name`.
    fn resolve<'a>(
        &'a self,
        name: &'a str,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;
}

/// Lookups at the same time, of all datasources.
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
            // One that is given up goes on in its thread, of which there are a few hundred for the whole process.
            let place = LOOKUPS.clone().acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_string();
            let lookup = move || {
                let _place = place;
                Ok((name.as_str(), 0).to_socket_addrs()?.map(|address| address.ip()).collect())
            };
            tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)?
        })
    }
}

/// The addresses of an origin's host; at least one.
pub(crate) async fn addresses(
    resolver: &dyn Resolve,
    origin: &Origin,
) -> Result<Vec<IpAddr>, Error> {
    let name = match origin.host() {
        Host::Address(address) => return Ok(vec![*address]),
        Host::Name(name) => name,
    };
    let fail = |what: String| Error::DnsError { rcode: Some(what), info_code: None };
    match resolver.resolve(name).await {
        Ok(addresses) if addresses.is_empty() => Err(fail(format!("{name} has no address"))),
        Ok(addresses) => Ok(addresses),
        Err(error) => Err(fail(format!("{name}: {error}"))),
    }
}
