//! The server's edge: what happens to connections and requests before anybody knows who sent them.
//!
//! | module | role |
//! |---|---|
//! | `listen` | listeners: opening them, accepting connections, stopping |
//! | `connection` | one connection: the load balancer's header, TLS, HTTP |
//! | `exchange` | one request and its response |
//! | `unread` | request bodies that a response does not wait for |
//! | `socket` | slow readers, and an end that does not lose the last response |
//! | `open_files` | how many sockets the process may open |
//! | `proxy_protocol` | the header of a load balancer; no I/O |

mod connection;
mod exchange;
mod listen;
mod open_files;
mod proxy_protocol;
mod socket;
mod unread;

pub use listen::ServeError;
pub(crate) use listen::{Listeners, Serves, open, serve};
