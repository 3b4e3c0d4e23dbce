//! Sockets: accepting connections, TLS, timeouts for slow clients, and graceful shutdown.

use crate::server::Server;
use crate::setup::SetupError;
use crate::{api, wire};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use portcullis_config::ServerConfig;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// Open sockets, each with the datasource that it serves, or none for the JSON API.
pub(crate) struct Listeners(Vec<(TcpListener, Option<String>)>);

/// The end of a server whose calls did not end in time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// Calls were still running. The service may have carried out what they had sent.
    #[error("calls were still running after server.drain-timeout, {0:?}")]
    DrainTimeout(Duration),
}

/// Opens all sockets, or none.
pub(crate) async fn open(server: &ServerConfig) -> Result<Listeners, SetupError> {
    let wire = server.wire.iter().map(|(address, name)| (*address, Some(name.clone())));
    let mut open = Vec::new();
    for (address, name) in std::iter::once((server.listen, None)).chain(wire) {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            SetupError::environment(format!("cannot listen on {address}: {error}"))
                .remedy("choose another address: --listen ADDRESS:PORT, or server.listen")
                .because(error)
        })?;
        open.push((listener, name));
    }
    Ok(Listeners(open))
}

impl Listeners {
    /// The addresses, with the ports that the system chose for 0.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (SocketAddr, Option<&str>)> {
        self.0
            .iter()
            .filter_map(|(listener, name)| Some((listener.local_addr().ok()?, name.as_deref())))
    }
}

/// Serves until `stopped` is ready, and then until all connections have ended or their time is
/// over.
pub(crate) async fn serve(
    server: &Arc<Server>,
    listeners: Listeners,
    stopped: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let config = server.config();
    let permits = Arc::new(Semaphore::new(config.connections as usize));
    let graceful = Arc::new(Mutex::new(Some(GracefulShutdown::new())));
    let (stop, stopping) = watch::channel(false);
    let mut accepting = Vec::new();
    for (listener, wire) in listeners.0 {
        let app = wire.map_or_else(|| api::router(server), |name| wire::router(server, &name));
        let acceptor = Acceptor {
            server: server.clone(),
            app,
            permits: permits.clone(),
            graceful: graceful.clone(),
            config: config.clone(),
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
    let drained = timeout(config.drain_timeout, drained).await;
    drained.map_err(|_| ServeError::DrainTimeout(config.drain_timeout))
}

/// Accepts the connections of one socket.
struct Acceptor {
    server: Arc<Server>,
    app: Router,
    /// Limits the connections of all sockets.
    permits: Arc<Semaphore>,
    graceful: Arc<Mutex<Option<GracefulShutdown>>>,
    config: ServerConfig,
}

/// How long to wait after the system had no socket to give: others must be closed first.
const BREATHER: Duration = Duration::from_millis(50);
/// Grace period after shutdown in which the kernel's accept backlog is still served.
const BACKLOG: Duration = Duration::from_millis(50);
/// About the most bytes of a request line and headers, up to the chunk that was read last. A
/// session token has some kilobytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

type Accepted = io::Result<(TcpStream, OwnedSemaphorePermit)>;

impl Acceptor {
    async fn run(self, listener: TcpListener, mut stopping: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&listener) => accepted,
                _ = stopping.changed() => break,
            };
            self.begin(accepted).await;
        }
        let backlog = async {
            loop {
                let accepted = self.accept(&listener).await;
                self.begin(accepted).await;
            }
        };
        let _: Result<std::convert::Infallible, _> = timeout(BACKLOG, backlog).await;
    }

    /// Accepts the next connection. At the limit, connections wait in the kernel's backlog.
    async fn accept(&self, listener: &TcpListener) -> Accepted {
        let permit = self.permits.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, _) = listener.accept().await?;
        Ok((stream, permit))
    }

    async fn begin(&self, accepted: Accepted) {
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(
                    target: "portcullis::serve",
                    "a connection cannot be accepted: {error}"
                );
                tokio::time::sleep(BREATHER).await;
                return;
            }
        };
        let Some(watcher) = self.graceful.lock().as_ref().map(GracefulShutdown::watcher) else {
            return;
        };
        // A small response must not wait for others.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.config.body_timeout));
        let stream: Pin<Box<TimeoutStream<TcpStream>>> = Box::pin(stream);
        let (app, header_timeout) = (self.app.clone(), self.config.header_timeout);
        let tls = self.server.certificate.current().map(TlsAcceptor::from);
        tokio::spawn(async move {
            match tls {
                None => serve_connection(stream, app, watcher, header_timeout).await,
                Some(tls) => {
                    // The client notices a failed handshake itself.
                    if let Ok(Ok(stream)) = timeout(header_timeout, tls.accept(stream)).await {
                        serve_connection(Box::pin(stream), app, watcher, header_timeout).await;
                    }
                }
            }
            drop(permit);
        });
    }
}

/// Serves one connection to its end. When the server stops, the current request is its last.
async fn serve_connection<S>(
    stream: Pin<Box<S>>,
    app: Router,
    watcher: Watcher,
    header_timeout: Duration,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(MAX_HEAD_BYTES);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    if let Err(error) = watcher.watch(connection).await {
        // The client left, was too slow, or does not speak HTTP.
        tracing::debug!(target: "portcullis::serve", "a connection ended: {error}");
    }
}
