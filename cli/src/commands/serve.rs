//! `portcullis serve`: serves the datasources of a policy to clients in any language.

use crate::allocator;
use crate::args::Serve;
use crate::compiler;
use crate::failure::Failure;
use crate::out::out;
use crate::signals::{self, Hangups};
use portcullis_server::{Options, RunningServer, Served};

pub(crate) async fn run(arguments: Serve) -> Result<(), Failure> {
    // Before anything else: until then, SIGHUP ends the process.
    let hangups = Hangups::new();
    allocator::trim_regularly()
        .map_err(|error| Failure::other(format!("cannot start a thread: {error}")))?;
    let served = match arguments.local {
        Some(file) => Served::Embedded(file),
        None => Served::Policy(arguments.policy.policy),
    };
    let mut options = Options::new(served);
    options.overrides.listen = arguments.listen;
    options.overrides.wire = arguments.wire;
    options.overrides.public = arguments.public;
    options.overrides.memory = arguments.memory;
    options.compiler = compiler::process();
    let running = portcullis_server::open(options).await?;
    announce(&running)?;
    let reloader = running.reloader();
    tokio::spawn(hangups.reload(async move || {
        // The server logs the result.
        let _ = reloader.reload().await;
    }));
    Ok(running.serve(stopped()).await?)
}

fn announce(server: &RunningServer) -> Result<(), Failure> {
    let bold = anstyle::Style::new().bold();
    for endpoint in server.endpoints() {
        let url = endpoint.url;
        match endpoint.datasource {
            None => {
                out!("{bold}{url}{bold:#}  the JSON API, described at /openapi.json")?;
                for name in server.datasources() {
                    out!("  {url}/ddb/{name}/  an endpoint for AWS SDKs and tools")?;
                }
            }
            Some(name) => {
                out!("{bold}{url}{bold:#}  an endpoint for AWS SDKs and tools: {name}")?;
            }
        }
    }
    match server.token_count() {
        0 => out!("no tokens: everyone on this machine may use the server"),
        1 => out!("1 token"),
        count => out!("{count} tokens"),
    }
}

/// Waits for a signal to stop the server.
async fn stopped() {
    let signal = signals::interrupted().await;
    tracing::info!(
        target: "portcullis::serve",
        signal, "stopping: no new connections; waiting for running calls"
    );
}
