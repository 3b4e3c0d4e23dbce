//! Sockets: connections are accepted, get their certificate and their times, and are let end.

use super::{Server, api, wire};
use crate::failure::Failure;
use crate::target::beside;
use arc_swap::ArcSwapOption;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use portcullis::read_private;
use portcullis_config::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

/// Sockets that are open, each with the datasource that it serves alone, or none for the API.
pub(crate) struct Listeners(Vec<(TcpListener, Option<String>)>);

/// Opens all of them, or none.
pub(crate) async fn open(server: &ServerConfig) -> Result<Listeners, Failure> {
    let wire = server.wire.iter().map(|(address, name)| (*address, Some(name.clone())));
    let mut open = Vec::new();
    for (address, name) in std::iter::once((server.listen, None)).chain(wire) {
        let listener = TcpListener::bind(address).await.map_err(|error| {
            Failure::other(format!("cannot listen on {address}: {error}"))
                .with("another address: --listen ADDRESS:PORT, or server.listen")
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

/// The certificate of new connections.
pub(crate) struct Certificate(ArcSwapOption<rustls::ServerConfig>);

impl Certificate {
    pub(crate) fn new(first: Option<Arc<rustls::ServerConfig>>) -> Self {
        Self(ArcSwapOption::new(first))
    }

    pub(crate) fn replace(&self, next: Option<Arc<rustls::ServerConfig>>) {
        self.0.store(next);
    }
}

/// Reads certificate and key; none where the server speaks plain HTTP.
pub(crate) fn read_certificate(
    server: &ServerConfig,
    file: Option<&Path>,
) -> Result<Option<Arc<rustls::ServerConfig>>, Failure> {
    let Some(tls) = &server.tls else { return Ok(None) };
    let folder = file.and_then(Path::parent);
    let wrong = |what: &str, reason: &dyn std::fmt::Display| {
        Failure::configuration(format!("server.tls.{what}: {reason}"))
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(beside(folder, &tls.certificate))
        .and_then(Iterator::collect)
        .map_err(|error| {
            wrong("certificate", &format_args!("{}: {error}", tls.certificate.display()))
        })?;
    let key = read_private(&beside(folder, &tls.key)).map_err(|message| wrong("key", &message))?;
    // What is wrong with a key is not said in detail: the text could quote it.
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| wrong("key", &"there is no private key in PEM"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| wrong("certificate", &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(config)))
}

/// Serves until `stopped` ends, and then until all calls have ended or their time is over.
pub(crate) async fn serve(
    server: &Arc<Server>,
    listeners: Listeners,
    stopped: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let config = server.config();
    let places = Arc::new(Semaphore::new(config.connections as usize));
    let (stop, stopping) = watch::channel(false);
    let mut accepting = Vec::new();
    for (listener, wire) in listeners.0 {
        let app = wire.map_or_else(|| api::router(server), |name| wire::router(server, &name));
        let accept =
            Accept { server: server.clone(), app, places: places.clone(), config: config.clone() };
        accepting.push(tokio::spawn(accept.run(listener, stopping.clone())));
    }
    stopped.await;
    server.draining.store(true, Ordering::Release);
    // Nobody else holds the other end if all have ended by themselves.
    let _ = stop.send(true);
    for accepted in accepting {
        // A panic there was printed; what is left is to end.
        let _ = accepted.await;
    }
    // Each connection has a place: when all are free, all have ended.
    match tokio::time::timeout(config.drain_timeout, places.acquire_many(config.connections)).await
    {
        Ok(_) => Ok(()),
        Err(_) => Err(Failure::other(format!(
            "calls were still running after server.drain-timeout, {:?}",
            config.drain_timeout
        ))
        .with("what they had sent, the service may have done")),
    }
}

/// What one socket's connections get.
struct Accept {
    server: Arc<Server>,
    app: Router,
    places: Arc<Semaphore>,
    config: ServerConfig,
}

/// How long to wait after the system had no socket to give.
const BREATHER: Duration = Duration::from_millis(50);
/// Whoever is connected already when the server stops is still served; others may come as long.
const BACKLOG: Duration = Duration::from_millis(50);

impl Accept {
    async fn run(self, listener: TcpListener, mut stopping: watch::Receiver<bool>) {
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&listener) => accepted,
                _ = stopping.changed() => break,
            };
            self.begin(accepted, &stopping).await;
        }
        let backlog = async {
            loop {
                let accepted = self.accept(&listener).await;
                self.begin(accepted, &stopping).await;
            }
        };
        // It has no end but this one.
        let _: Result<std::convert::Infallible, _> = tokio::time::timeout(BACKLOG, backlog).await;
    }

    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        // Where all places are taken, the system's own queue holds whoever comes.
        let place = self.places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
        let (stream, _) = listener.accept().await?;
        Ok((stream, place))
    }

    async fn begin(
        &self,
        accepted: std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)>,
        stopping: &watch::Receiver<bool>,
    ) {
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(target: "portcullis::serve", "a connection cannot be accepted: {error}");
                tokio::time::sleep(BREATHER).await;
                return;
            }
        };
        // Small answers are not to wait for others.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.config.body_timeout));
        let stream: Pin<Box<TimeoutStream<TcpStream>>> = Box::pin(stream);
        let (app, stopping, patience) =
            (self.app.clone(), stopping.clone(), self.config.header_timeout);
        let tls = self.server.certificate.0.load_full().map(TlsAcceptor::from);
        tokio::spawn(async move {
            match tls {
                None => connection(stream, app, stopping, patience).await,
                Some(tls) => {
                    // A handshake that fails is for the client to notice.
                    if let Ok(Ok(stream)) = tokio::time::timeout(patience, tls.accept(stream)).await
                    {
                        connection(Box::pin(stream), app, stopping, patience).await;
                    }
                }
            }
            drop(place);
        });
    }
}

/// One connection, to its end. When the server stops, the request that it is at is its last.
async fn connection<S>(
    stream: Pin<Box<S>>,
    app: Router,
    mut stopping: watch::Receiver<bool>,
    patience: Duration,
) where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience).max_buf_size(MAX_HEAD_BYTES);
    let mut served =
        pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app)));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = told(&mut stopping) => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        // It is the client's affair: it left, was too slow, or does not speak HTTP.
        tracing::debug!(target: "portcullis::serve", "a connection ended: {error}");
    }
}

/// Ends when the server is told to stop, which may have been before.
async fn told(stopping: &mut watch::Receiver<bool>) {
    // Who tells it has gone: that is an end as well.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// About the most bytes of a request's line and headers, up to a piece that was read at once: a session token has some kilobytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;
