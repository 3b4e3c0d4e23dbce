//! The clients that are compared. Each makes the same calls to the same server in its own way.

mod bare;
mod sandbox;
mod sdk;

pub use sandbox::{Format, Sandbox, connect, host, plugin, settings};

use crate::cases::Case;
use crate::upstream::Endpoints;
use anyhow::Result;
use portcullis::{Host, Plugin};

/// Which client makes the calls.
#[derive(
    serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum,
)]
pub enum ClientKind {
    /// hyper-util's pooled client, which sends requests with a fixed signature.
    Bare,
    /// The plugin in a warm instance, with raw requests and responses.
    Relay,
    /// The plugin in a warm instance, with DynamoDB JSON.
    Typed,
    /// The plugin in a warm instance, with ordinary JSON.
    Plain,
    /// The plugin in a new instance for each call, with DynamoDB JSON.
    Fresh,
    /// AWS's SDK for Rust, `aws-sdk-dynamodb`.
    Sdk,
}

impl ClientKind {
    /// All clients, in the order of tables and plots.
    pub const ALL: [Self; 6] =
        [Self::Bare, Self::Relay, Self::Typed, Self::Plain, Self::Fresh, Self::Sdk];

    /// Returns the name for tables and plots.
    pub fn title(self) -> &'static str {
        match self {
            Self::Bare => "bare hyper",
            Self::Relay => "warm, `relay`",
            Self::Typed => "warm, `typed`",
            Self::Plain => "warm, `plain`",
            Self::Fresh => "fresh, `typed`",
            Self::Sdk => "aws-sdk-dynamodb",
        }
    }
}

/// How a client reaches the server.
#[derive(
    serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum,
)]
pub enum Transport {
    /// HTTP, with connections that are reused.
    Http,
    /// TLS, with connections that are reused.
    Tls,
    /// TLS, with a new connection for each call. TLS sessions are resumed.
    Cold,
}

impl Transport {
    /// All transports.
    pub const ALL: [Self; 3] = [Self::Http, Self::Tls, Self::Cold];

    /// Returns the name for tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS, warm connections",
            Self::Cold => "TLS, a new connection each",
        }
    }

    /// Returns the server's URL for this transport.
    pub fn endpoint(self, endpoints: &Endpoints) -> String {
        match self {
            Self::Http => format!("http://localhost:{}", endpoints.http),
            Self::Tls => format!("https://localhost:{}", endpoints.https),
            Self::Cold => format!("https://localhost:{}", endpoints.closing),
        }
    }
}

/// A client of one kind, for one transport.
pub enum Client {
    /// See [`ClientKind::Bare`].
    Bare(Box<bare::Bare>),
    /// All kinds that use the sandbox.
    Sandbox(Sandbox),
    /// See [`ClientKind::Sdk`].
    Sdk(sdk::Sdk),
}

impl Client {
    /// Creates a client of this kind for this transport.
    pub async fn new(
        kind: ClientKind,
        transport: Transport,
        endpoints: &Endpoints,
        host: &Host,
        plugin: &Plugin,
    ) -> Result<Self> {
        if let Some(client) = Self::outside(kind, transport, endpoints)? {
            return Ok(client);
        }
        let endpoint = transport.endpoint(endpoints);
        let sandbox = async |format, isolation| {
            Sandbox::connect(host, plugin, &endpoint, &endpoints.ca, format, isolation)
                .await
                .map(Self::Sandbox)
        };
        match kind {
            ClientKind::Relay => sandbox(Format::Relay, portcullis::Isolation::Reuse).await,
            ClientKind::Typed => sandbox(Format::Typed, portcullis::Isolation::Reuse).await,
            ClientKind::Plain => sandbox(Format::Plain, portcullis::Isolation::Reuse).await,
            _ => sandbox(Format::Typed, portcullis::Isolation::Fresh).await,
        }
    }

    /// Creates a client that needs no sandbox. `None` if this kind needs one.
    pub fn outside(
        kind: ClientKind,
        transport: Transport,
        endpoints: &Endpoints,
    ) -> Result<Option<Self>> {
        let (endpoint, ca) = (transport.endpoint(endpoints), &endpoints.ca);
        Ok(match kind {
            ClientKind::Bare => Some(Self::Bare(bare::Bare::new(&endpoint, ca)?.into())),
            ClientKind::Sdk => Some(Self::Sdk(sdk::Sdk::new(&endpoint, ca)?)),
            _ => None,
        })
    }

    /// Makes one call and drops the response.
    pub async fn call(&self, case: Case) -> Result<()> {
        match self {
            Self::Bare(client) => client.call(case).await,
            Self::Sandbox(client) => client.call(case).await,
            Self::Sdk(client) => client.call(case).await,
        }
    }
}
