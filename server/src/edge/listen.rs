//! Listeners: opening them, accepting connections, and stopping.

use super::connection::{self, Context};
use super::open_files;
use crate::connections::Connections;
use crate::server::Server;
use crate::setup::SetupError;
use crate::{api, wire};
use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use parking_lot::Mutex;
use portcullis_config::ServerConfig;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// Open listeners.
pub(crate) struct Listeners(Vec<(TcpListener, Serves)>);

/// What a listener serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    /// The JSON API.
    Api,
    /// A datasource in DynamoDB's protocol.
    Wire(String),
    /// Health checks.
    Health,
}

/// The end of a server whose calls did not end in time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Calls were still running. The service may have carried out what they had sent.
    #[error(
        "calls were still running after server.drain-timeout, {}",
        humantime::format_duration(*.0)
    )]
    DrainTimeout(Duration),
}

/// Opens all listeners, or none.
pub(crate) async fn open(server: &ServerConfig) -> Result<Listeners, SetupError> {
    open_files::raise_limit();
    let wire = server.wire.iter().map(|(address, name)| (*address, Serves::Wire(name.clone())));
    let health = server.health.map(|address| (address, Serves::Health));
    let mut open = Vec::new();
    for (address, serves) in std::iter::once((server.listen, Serves::Api)).chain(wire).chain(health)
    {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            let key = match &serves {
                Serves::Api => "--listen ADDRESS:PORT, or server.listen",
                Serves::Wire(_) => "--wire ADDRESS:PORT, or server.wire",
                Serves::Health => "server.health",
            };
            SetupError::environment(format!("cannot listen on {address}: {error}"))
                .remedy(format!("choose another address: {key}"))
                .because(error)
        })?;
        open.push((listener, serves));
    }
    Ok(Listeners(open))
}

impl Listeners {
    /// The addresses, with the ports that the system chose for 0.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (SocketAddr, &Serves)> {
        self.0.iter().filter_map(|(listener, serves)| Some((listener.local_addr().ok()?, serves)))
    }
}

/// The connections of health checks: more than the load balancers and probes of one server.
const HEALTH_CONNECTIONS: usize = 64;

/// Serves until `stopped` is ready, and then until all connections have ended or their time is
/// over.
pub(crate) async fn serve(
    server: &Arc<Server>,
    listeners: Listeners,
    stopped: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let graceful = Arc::new(Mutex::new(Some(GracefulShutdown::new())));
    let (stop, stopping) = watch::channel(false);
    let health = Connections::new(HEALTH_CONNECTIONS);
    let mut accepting = Vec::new();
    for (listener, serves) in listeners.0 {
        let (app, connections) = match &serves {
            Serves::Api => (api::router(server), server.connections.clone()),
            Serves::Wire(name) => (wire::router(server, name), server.connections.clone()),
            Serves::Health => (api::health_router(server), health.clone()),
        };
        let acceptor = Acceptor {
            server: server.clone(),
            app,
            connections,
            graceful: graceful.clone(),
            is_encrypted: serves != Serves::Health,
        };
        accepting.push(tokio::spawn(acceptor.run(listener, stopping.clone())));
    }
    stopped.await;
    server.drain();
    // Fails if all acceptors have ended by themselves.
    let _ = stop.send(true);
    for acceptor in accepting {
        // A panic in it was printed. What is left to do is to stop.
        let _ = acceptor.await;
    }
    let graceful = graceful.lock().take();
    let drained = async {
        if let Some(graceful) = graceful {
            graceful.shutdown().await;
        }
    };
    let unused = async {
        loop {
            server.connections.close_unused();
            health.close_unused();
            tokio::time::sleep(BREATHER).await;
        }
    };
    let time = server.current().server.drain_timeout;
    tokio::select! {
        () = drained => Ok(()),
        () = tokio::time::sleep(time) => match server.connections.busy() {
            0 => Ok(()),
            _ => Err(ServeError::DrainTimeout(time)),
        },
        () = unused => Ok(()),
    }
}

/// Accepts the connections of one listener.
struct Acceptor {
    server: Arc<Server>,
    app: Router,
    connections: Arc<Connections>,
    graceful: Arc<Mutex<Option<GracefulShutdown>>>,
    is_encrypted: bool,
}

/// How long to wait after the system had no socket to give: others must be closed first. Also how
/// often unused connections are closed when the server stops.
const BREATHER: Duration = Duration::from_millis(50);
/// Grace period after shutdown in which the kernel's accept backlog is still served.
const BACKLOG: Duration = Duration::from_millis(50);

impl Acceptor {
    async fn run(self, listener: TcpListener, mut stopping: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                _ = stopping.changed() => break,
            };
            self.begin(accepted).await;
        }
        let backlog = async {
            loop {
                self.begin(listener.accept().await).await;
            }
        };
        let _: Result<Infallible, _> = timeout(BACKLOG, backlog).await;
    }

    async fn begin(&self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                let made_room = self.connections.make_room();
                tracing::warn!(
                    target: "portcullis::serve",
                    made_room, "a connection cannot be accepted: {error}"
                );
                return tokio::time::sleep(BREATHER).await;
            }
        };
        let Some(watcher) = self.graceful.lock().as_ref().map(GracefulShutdown::watcher) else {
            return;
        };
        let context = Context {
            server: self.server.clone(),
            app: self.app.clone(),
            connections: self.connections.clone(),
            is_encrypted: self.is_encrypted,
        };
        tokio::spawn(connection::serve(context, watcher, stream, from.ip().to_canonical()));
    }
}
