//! The programs that are compared under the load of many connections or callers.

use crate::clients::{ClientKind, Transport};
use serde::{Deserialize, Serialize};

/// A program, and how it is called.
#[derive(
    Serialize,
    Deserialize,
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    clap::ValueEnum,
)]
pub enum Program {
    /// `portcullis serve`, called in DynamoDB's own protocol.
    ServeWire,
    /// `portcullis serve`, called by the JSON API.
    ServeJson,
    /// `portcullis serve`, called by the JSON API with settings and credentials in each call.
    ServeInline,
    /// `portcullis serve`, called by the JSON API with the name of a datasource that was saved.
    ServeSaved,
    /// The same as `serve-wire`, without the log.
    QuietWire,
    /// The same as `serve-json`, without the log.
    QuietJson,
    /// nginx as a reverse proxy, which sends DynamoDB's own protocol on.
    Nginx,
    /// The library in the process of the callers: raw requests and responses.
    Relay,
    /// The library in the process of the callers: DynamoDB JSON.
    Typed,
    /// hyper in the process of the callers.
    Bare,
    /// AWS's SDK in the process of the callers.
    Sdk,
}

impl Program {
    /// All programs, in the order of the tables.
    pub const ALL: [Self; 11] = [
        Self::ServeWire,
        Self::ServeJson,
        Self::ServeInline,
        Self::ServeSaved,
        Self::QuietWire,
        Self::QuietJson,
        Self::Nginx,
        Self::Relay,
        Self::Typed,
        Self::Bare,
        Self::Sdk,
    ];

    /// Returns the name for tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::ServeWire => "`serve`, DynamoDB's protocol",
            Self::ServeJson => "`serve`, JSON API",
            Self::ServeInline => "`serve`, JSON API, datasource in the call",
            Self::ServeSaved => "`serve`, JSON API, saved datasource",
            Self::QuietWire => "`serve` without its log, DynamoDB's protocol",
            Self::QuietJson => "`serve` without its log, JSON API",
            Self::Nginx => "nginx",
            Self::Relay => "library, `relay`",
            Self::Typed => "library, `typed`",
            Self::Bare => "bare hyper",
            Self::Sdk => "aws-sdk-dynamodb",
        }
    }

    /// Returns the client that makes the calls in the program's own process. `None` for a server.
    pub fn client(self) -> Option<ClientKind> {
        match self {
            Self::Relay => Some(ClientKind::Relay),
            Self::Typed => Some(ClientKind::Typed),
            Self::Bare => Some(ClientKind::Bare),
            Self::Sdk => Some(ClientKind::Sdk),
            _ => None,
        }
    }

    /// Whether it is measured for this transport and this number of connections.
    pub fn is_measured(self, transport: Transport, connections: u32) -> bool {
        match self {
            Self::ServeWire | Self::ServeJson | Self::Nginx => true,
            // What finding the datasource takes does not depend on the rest either.
            Self::ServeInline | Self::ServeSaved => {
                transport == Transport::Http && matches!(connections, 1 | 64)
            }
            // What the log takes does not depend on the rest.
            Self::QuietWire | Self::QuietJson => transport == Transport::Http && connections == 64,
            // A caller in the same process needs no connection to it.
            Self::Relay | Self::Typed | Self::Bare | Self::Sdk => transport == Transport::Http,
        }
    }
}
