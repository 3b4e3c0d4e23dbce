//! `portcullis demo --open`: the console in a browser, with tables to look at.

use super::demo_tables;
use super::serve::stopped;
use crate::compiler;
use crate::failure::Failure;
use crate::out::out;
use portcullis_server::{Options, RunningServer, Served};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

pub(crate) async fn run() -> Result<(), Failure> {
    let mut options = Options::new(Served::Embedded(None));
    options.overrides.listen = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    options.compiler = compiler::process();
    let running = portcullis_server::open(options).await?;
    demo_tables::create(&running).await?;
    let url = page(&running);
    out!("{url}\nThe console, with the tables `orders` and `users`, in memory. Ctrl-C ends it.")?;
    open(&url);
    Ok(running.serve(stopped()).await?)
}

/// The page with the list of tables.
fn page(running: &RunningServer) -> String {
    let endpoints = running.endpoints();
    let server = endpoints.first().map_or("", |endpoint| endpoint.url.as_str());
    format!("{server}/console/#/d/local/tables")
}

/// Opens a page in the browser of this machine. If there is none, the address was printed.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(program);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It runs as long as the browser does.
    let _ = command.spawn();
}
