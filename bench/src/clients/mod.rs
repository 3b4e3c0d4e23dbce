//! The paths that are compared: each makes the same call of the same server in its own way.

mod bare;
mod sandbox;
mod sdk;

pub use sandbox::{Format, Sandbox, connect, host, plugin, settings};

use crate::cases::Case;
use crate::server::Places;
use anyhow::Result;
use portcullis::{Host, Plugin};

/// A path.
#[derive(
    serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum,
)]
pub enum Path {
    /// hyper-util's pooled client, which sends a request that was made and signed beforehand.
    Bare,
    /// The plugin in a warm instance, bytes through.
    Relay,
    /// The plugin in a warm instance, DynamoDB JSON.
    Typed,
    /// The plugin in a warm instance, ordinary JSON.
    Plain,
    /// The plugin in a fresh instance for each call, DynamoDB JSON.
    Fresh,
    /// `aws-sdk-dynamodb`.
    Sdk,
}

impl Path {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Bare, Self::Relay, Self::Typed, Self::Plain, Self::Fresh, Self::Sdk];

    /// For tables and plots.
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

/// How the server is reached.
#[derive(
    serde::Serialize, serde::Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum,
)]
pub enum Wire {
    /// HTTP, connections kept.
    Http,
    /// TLS, connections kept.
    Tls,
    /// TLS, a new connection for each call, sessions resumed.
    Cold,
}

impl Wire {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Http, Self::Tls, Self::Cold];

    /// For tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Tls => "TLS, warm connections",
            Self::Cold => "TLS, a new connection each",
        }
    }

    /// The endpoint.
    pub fn endpoint(self, places: &Places) -> String {
        match self {
            Self::Http => format!("http://localhost:{}", places.http),
            Self::Tls => format!("https://localhost:{}", places.https),
            Self::Cold => format!("https://localhost:{}", places.closing),
        }
    }
}

/// A client for one path and one wire.
pub enum Client {
    /// See [`Path::Bare`].
    Bare(Box<bare::Bare>),
    /// All that go through the sandbox.
    Sandbox(Sandbox),
    /// See [`Path::Sdk`].
    Sdk(sdk::Sdk),
}

impl Client {
    /// A client for `path`.
    pub async fn new(
        path: Path,
        wire: Wire,
        places: &Places,
        host: &Host,
        plugin: &Plugin,
    ) -> Result<Self> {
        let endpoint = wire.endpoint(places);
        let sandbox = async |format, isolation| {
            Sandbox::connect(host, plugin, &endpoint, &places.ca, format, isolation)
                .await
                .map(Self::Sandbox)
        };
        match path {
            Path::Bare => Ok(Self::Bare(bare::Bare::new(&endpoint, &places.ca)?.into())),
            Path::Relay => sandbox(Format::Relay, portcullis::Isolation::Reuse).await,
            Path::Typed => sandbox(Format::Typed, portcullis::Isolation::Reuse).await,
            Path::Plain => sandbox(Format::Plain, portcullis::Isolation::Reuse).await,
            Path::Fresh => sandbox(Format::Typed, portcullis::Isolation::Fresh).await,
            Path::Sdk => Ok(Self::Sdk(sdk::Sdk::new(&endpoint, &places.ca)?)),
        }
    }

    /// Makes one call and drops its answer.
    pub async fn call(&self, case: Case) -> Result<()> {
        match self {
            Self::Bare(client) => client.call(case).await,
            Self::Sandbox(client) => client.call(case).await,
            Self::Sdk(client) => client.call(case).await,
        }
    }
}

/// The credentials that all sign with.
pub const ACCESS_KEY_ID: &str = "AKIDEXAMPLE";
/// See [`ACCESS_KEY_ID`].
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// Where the server pretends to be.
pub const REGION: &str = "eu-west-1";
