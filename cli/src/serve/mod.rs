//! `portcullis serve`: the datasources of a policy, for clients in any language.
//!
//! | module | role |
//! |---|---|
//! | `listen` | sockets, TLS, the times that a slow client gets, the end |
//! | `door` | who is asking: tokens, hosts, request ids, the access log |
//! | `deployment` | a policy file as datasources that are connected; reloading it |
//! | `api` | the JSON API; `problem` is how it says what is wrong, `openapi` its description |
//! | `wire` | DynamoDB's own protocol |
//! | `metrics` | figures for Prometheus |

mod api;
mod body;
mod deployment;
mod door;
mod listen;
mod metrics;
mod openapi;
mod problem;
mod wire;

use crate::args::Serve;
use crate::failure::Failure;
use crate::local::Local;
use crate::out::out;
use crate::target::{audited_host, host, read_policy};
use arc_swap::ArcSwap;
use deployment::Deployment;
pub(crate) use door::random_hex;
use metrics::Metrics;
use portcullis::{Host, JsonLines};
use portcullis_config::ServerConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Mutex;

/// A running server, as its handlers see it.
pub(crate) struct Server {
    host: Host,
    /// The policy file; none where a DynamoDB in this process is served.
    file: Option<PathBuf>,
    /// What was typed beside it.
    typed: Typed,
    current: ArcSwap<Deployment>,
    /// The certificate that new connections get.
    certificate: listen::Certificate,
    audit: Option<Arc<JsonLines>>,
    metrics: Metrics,
    /// Whether it is about to end.
    draining: AtomicBool,
    /// One reload at a time.
    reloading: Mutex<()>,
}

/// What the command line says of the server; it stands above the file.
#[derive(Clone, Debug)]
struct Typed {
    listen: Option<std::net::SocketAddr>,
    wire: Vec<(std::net::SocketAddr, Option<String>)>,
    public: bool,
}

pub(crate) async fn run(arguments: Serve) -> Result<(), Failure> {
    let typed =
        Typed { listen: arguments.listen, wire: arguments.wire.clone(), public: arguments.public };
    let (server, local) = if let Some(file) = &arguments.local {
        let host = host(Host::builder)?;
        let local = Local::start(file.as_deref()).await?;
        let deployment = Deployment::of_local(&host, &local, &typed).await?;
        (Server::new(host, None, typed, deployment, None)?, Some(local))
    } else {
        let path = arguments.policy.policy;
        let file = read_policy(&path)?;
        let (host, audit) = audited_host(&file, path.parent(), Host::builder)?;
        let deployment = Deployment::connect(&host, &path, file, &typed, None).await?;
        (Server::new(host, Some(path), typed, deployment, audit)?, None)
    };
    let server = Arc::new(server);
    let listeners = listen::open(&server.config()).await?;
    announce(&server, &listeners)?;
    spawn_reloading(&server);
    let ended = listen::serve(&server, listeners, stopped()).await;
    if let Some(local) = local {
        local.stop().await;
    }
    ended
}

impl Server {
    fn new(
        host: Host,
        file: Option<PathBuf>,
        typed: Typed,
        deployment: Deployment,
        audit: Option<Arc<JsonLines>>,
    ) -> Result<Self, Failure> {
        let certificate = listen::Certificate::new(listen::read_certificate(
            &deployment.server,
            file.as_deref(),
        )?);
        Ok(Self {
            host,
            file,
            typed,
            current: ArcSwap::from_pointee(deployment),
            certificate,
            audit,
            metrics: Metrics::default(),
            draining: AtomicBool::new(false),
            reloading: Mutex::new(()),
        })
    }

    /// The deployment that a request which comes now uses to its end.
    fn current(&self) -> Arc<Deployment> {
        self.current.load_full()
    }

    fn config(&self) -> ServerConfig {
        self.current().server.clone()
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Reads the policy again: all of it, or nothing. Calls in flight end under the policy they began with.
    async fn reload(&self) -> Result<deployment::Changes, Failure> {
        let _alone = self.reloading.lock().await;
        let result = self.read_again().await;
        match &result {
            Ok(changes) => {
                tracing::info!(target: "portcullis::serve", ?changes, "the policy was read again")
            }
            Err(failure) => {
                let reason = failure.lines().collect::<Vec<_>>().join("; ");
                tracing::error!(target: "portcullis::serve", reason, "the policy cannot be used; the one before stays");
            }
        }
        self.metrics.count_reload(result.is_ok());
        result
    }

    async fn read_again(&self) -> Result<deployment::Changes, Failure> {
        let Some(path) = &self.file else {
            return Err(Failure::configuration(
                "there is no policy file: the server was started with --local",
            ));
        };
        let before = self.current();
        let next =
            Deployment::connect(&self.host, path, read_policy(path)?, &self.typed, Some(&before))
                .await?;
        let certificate = listen::read_certificate(&next.server, Some(path))?;
        // From here on nothing fails. Whoever rotates logs wants a new file; where there is none, the old one serves.
        if let Some(Err(error)) = self.audit.as_ref().map(|audit| audit.reopen()) {
            tracing::error!(target: "portcullis::serve", "the audit file cannot be opened again: {error}");
        }
        self.certificate.replace(certificate);
        let changes = next.changes(&before);
        self.current.store(Arc::new(next));
        Ok(changes)
    }
}

fn announce(server: &Arc<Server>, listeners: &listen::Listeners) -> Result<(), Failure> {
    let deployment = server.current();
    let scheme = if deployment.server.tls.is_some() { "https" } else { "http" };
    let bold = anstyle::Style::new().bold();
    for (address, wire) in listeners.addresses() {
        match wire {
            None => {
                out!(
                    "{bold}{scheme}://{address}{bold:#}  the JSON API, described at /openapi.json"
                )?;
                for name in deployment.datasources.keys() {
                    out!(
                        "  {scheme}://{address}/ddb/{name}/  an endpoint for DynamoDB's SDKs and tools"
                    )?;
                }
            }
            Some(name) => out!(
                "{bold}{scheme}://{address}{bold:#}  an endpoint for DynamoDB's SDKs and tools: {name}"
            )?,
        }
    }
    match deployment.tokens.len() {
        0 => out!("no tokens: whoever can use this machine may use it"),
        count => out!("{count} token{}", if count == 1 { "" } else { "s" }),
    }
}

/// SIGHUP means: read the policy again.
#[cfg(unix)]
fn spawn_reloading(server: &Arc<Server>) {
    use tokio::signal::unix::{SignalKind, signal};
    let server = server.clone();
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // What became of it is in the log.
            let _ = server.reload().await;
        }
    });
}

#[cfg(not(unix))]
fn spawn_reloading(_: &Arc<Server>) {}

/// Ends when the server is told to stop.
async fn stopped() {
    let signal = crate::interrupted().await;
    tracing::info!(target: "portcullis::serve", signal, "stopping: no more connections, and calls may end");
}
