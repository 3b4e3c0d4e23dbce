//! Connections and their peers.
//!
//! | module | role |
//! |---|---|
//! | `table` | how many connections there may be, the share of each peer, and which make room |
//! | `state` | what a connection is doing |
//! | `peer` | who a connection comes from, also behind a load balancer |

mod peer;
mod state;
mod table;

pub(crate) use peer::{Peer, PeerKey, TrustedProxies};
pub(crate) use state::{Doing, State};
pub(crate) use table::{Connections, Place};
