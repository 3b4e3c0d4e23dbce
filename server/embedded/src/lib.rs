//! A DynamoDB-compatible database in this process, for the local mode.
//!
//! It has no listener: nothing but this process can reach it. A client speaks HTTP/1.1 on one end
//! of a stream in memory, and [`EmbeddedDatabase::serve`] responds on the other end.
//!
//! The data is kept by [dynoxide](https://docs.rs/dynoxide-rs), whose own HTTP server accepts TCP
//! connections only. This crate takes its place: it reads a request (`exchange.rs`,
//! `request.rs`), checks what would harm the process (`nesting.rs`), and calls dynoxide's
//! `Database` on a thread with a large stack (`threads.rs`, `dispatch.rs`). Responses equal those
//! of dynoxide's server, apart from a few texts (`wording.rs`); a test compares them.
//!
//! ```
//! use portcullis_embedded::EmbeddedDatabase;
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let database = EmbeddedDatabase::open(None, true)?;
//! let (mut client, server) = tokio::io::duplex(64 * 1024);
//! tokio::spawn(database.serve(server));
//!
//! client.write_all(b"GET / HTTP/1.1\r\nhost: local\r\nconnection: close\r\n\r\n").await?;
//! let mut response = String::new();
//! client.read_to_string(&mut response).await?;
//! assert!(response.starts_with("HTTP/1.1 200 OK"));
//! database.stop().await;
//! # Ok(())
//! # }
//! ```

mod absent;
mod booleans;
mod database;
mod decode;
mod deep;
mod dispatch;
mod exchange;
mod layer;
mod members;
mod nesting;
mod open;
mod operations;
mod request;
mod response;
mod threads;
mod type_checks;
mod wording;

pub use database::EmbeddedDatabase;
pub use nesting::MAX_NESTING;
pub use open::OpenError;
pub use request::MAX_BODY_BYTES;
