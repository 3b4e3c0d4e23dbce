//! Compares the embedded database with dynoxide's own HTTP server: same requests, same responses.

mod differences;
mod mutations;
mod operations;
mod protocol;
mod sides;
mod wrong;
