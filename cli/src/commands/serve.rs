//! `portcullis serve`: serves the datasources of a policy to clients in any language.

use super::demo_tables;
use crate::allocator;
use crate::args::Serve;
use crate::compiler;
use crate::failure::Failure;
use crate::out::out;
use crate::signals::{self, Hangups};
use portcullis_server::{EndpointRole, Options, RunningServer, Served};

pub(crate) async fn run(arguments: Serve) -> Result<(), Failure> {
    // Before anything else: until then, SIGHUP ends the process.
    let hangups = Hangups::new();
    allocator::trim_regularly()
        .map_err(|error| Failure::other(format!("cannot start a thread: {error}")))?;
    // A file has what its owner has put into it.
    let has_demo = matches!(arguments.local, Some(None)) && !arguments.empty;
    let served = match arguments.local {
        Some(file) => Served::Embedded(file),
        None => Served::Policy(arguments.policy.location()),
    };
    let mut options = Options::new(served);
    options.overrides.listen = arguments.listen;
    options.overrides.wire = arguments.wire;
    options.overrides.public = arguments.public;
    options.overrides.memory = arguments.memory;
    options.compiler = compiler::process();
    let running = portcullis_server::open(options).await?;
    if has_demo {
        demo_tables::create(&running).await?;
    }
    announce(&running)?;
    let reloader = running.reloader();
    tokio::spawn(hangups.reload(async move || {
        // The server logs the result.
        let _ = reloader.reload().await;
    }));
    Ok(running.serve(stopped()).await?)
}

/// The most datasources that are listed: more do not fit on a screen.
const MAX_LISTED: usize = 20;

fn announce(server: &RunningServer) -> Result<(), Failure> {
    let bold = anstyle::Style::new().bold();
    for endpoint in server.endpoints() {
        let url = endpoint.url;
        match endpoint.role {
            EndpointRole::Api => {
                out!("{bold}{url}{bold:#}  the JSON API, described at /openapi.json")?;
                out!("  {url}/console/  a page to look at datasources, for people")?;
                let names = server.datasources();
                for name in names.iter().take(MAX_LISTED) {
                    out!("  {url}/ddb/{name}/  an endpoint for AWS SDKs and tools")?;
                }
                if names.len() > MAX_LISTED {
                    out!("  and {} more below {url}/ddb/", names.len() - MAX_LISTED)?;
                }
            }
            EndpointRole::Datasource(name) => {
                out!("{bold}{url}{bold:#}  an endpoint for AWS SDKs and tools: {name}")?;
            }
            EndpointRole::Health => out!("{bold}{url}{bold:#}  /healthz and /readyz")?,
            _ => out!("{bold}{url}{bold:#}")?,
        }
    }
    match server.token_count() {
        0 => out!("no tokens: everyone on this machine may use the server"),
        1 => out!("1 token"),
        count => out!("{count} tokens"),
    }
}

/// Waits for a signal to stop the server. A second one ends it at once.
pub(super) async fn stopped() {
    let signal = signals::interrupted().await;
    tracing::info!(
        target: "portcullis::serve",
        signal, "stopping: no new connections; waiting for running calls; once more ends them"
    );
    tokio::spawn(async {
        let signal = signals::interrupted().await;
        tracing::warn!(
            target: "portcullis::serve",
            signal, "ended; the service may have carried out requests of the interrupted calls"
        );
        std::process::exit(i32::from(signals::EXIT + signal));
    });
}
