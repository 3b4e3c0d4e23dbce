//! Names → addresses, once for each connection.

use portcullis_policy::{Host, Origin};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use wasmtime_wasi_http::Error;

/// Resolves the names of hosts. What it answers is judged; it need not be trusted.
pub trait Resolve: Send + Sync {
    /// The addresses of `name`.
    fn resolve<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect()) })
    }
}

/// The addresses of an origin's host; at least one.
pub(super) async fn addresses(resolver: &dyn Resolve, origin: &Origin) -> Result<Vec<IpAddr>, Error> {
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
