//! One connection, from its first byte to its end.

use super::exchange::{Exchanges, exchange};
use super::proxy_protocol::{FIXED_BYTES, SIGNATURE, client, rest_length};
use super::socket::Socket;
use crate::connections::{Connections, Doing, Peer, State};
use crate::deployment::Deployment;
use crate::server::Server;
use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;

/// How long a connection may take until the head of its first request is complete, with its TLS
/// handshake: a client connects when it has something to send. `server.header-timeout`, if that is
/// shorter.
const FIRST_REQUEST: Duration = Duration::from_secs(5);
/// About the most bytes of a request line and headers, up to the chunk that was read last. A
/// session token has some kilobytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// What a connection needs of its listener.
pub(super) struct Context {
    pub(super) server: Arc<Server>,
    pub(super) app: Router,
    pub(super) connections: Arc<Connections>,
    /// Whether the listener has TLS, if the server has.
    pub(super) is_encrypted: bool,
}

/// Serves a connection to its end. When the server stops, the current request is its last.
pub(super) async fn serve(context: Context, watcher: Watcher, mut stream: TcpStream, from: IpAddr) {
    let deployment = context.server.current();
    let state = State::new();
    let end = Instant::now() + FIRST_REQUEST.min(deployment.server.header_timeout);
    let admit = async |address: IpAddr| {
        let peer = deployment.proxies.share(Peer(address));
        let admitted = context.connections.admit(peer, &state, end).await;
        if admitted.is_err() {
            context.server.refused_connection(Peer(address), "connections");
        }
        admitted.ok()
    };
    let Some(mut place) = admit(from).await else { return };
    let mut peer = from;
    if deployment.proxies.contain(from) {
        let header = tokio::time::timeout_at(end, proxy_header(&mut stream)).await;
        match header {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(client))) => {
                peer = client;
                drop(place);
                let Some(next) = admit(client).await else { return };
                place = next;
            }
            Ok(Err(error)) => {
                tracing::debug!(
                    target: "portcullis::serve",
                    "the PROXY header of a load balancer cannot be used: {error}"
                );
                return context.server.refused_connection(Peer(from), "proxy-header");
            }
            Err(_) => return,
        }
    }
    let socket = Socket::new(stream, deployment.server.body_timeout, state.clone());
    let exchanges = Exchanges {
        app: context.app.clone(),
        state: state.clone(),
        connections: context.connections.clone(),
        place: Arc::new(place),
        proxies: deployment.proxies.clone(),
        peer,
    };
    tokio::select! {
        () = requests(&context, &deployment, watcher, socket, exchanges) => {}
        () = state.closed() => {}
        () = silent_at(end, &state) => {}
    }
}

/// Ready at `end` if no request has arrived by then.
async fn silent_at(end: Instant, state: &State) {
    sleep_until(end).await;
    if state.doing() != Doing::Silent {
        std::future::pending::<()>().await;
    }
}

/// Reads the PROXY header of a load balancer. `None` if there is none, or if the load balancer
/// connects for itself.
async fn proxy_header(stream: &mut TcpStream) -> io::Result<Option<IpAddr>> {
    let mut start = [0; SIGNATURE.len()];
    loop {
        let length = stream.peek(&mut start).await?;
        if start[..length] != SIGNATURE[..length] || length == 0 {
            return Ok(None);
        }
        if length == SIGNATURE.len() {
            break;
        }
        // `peek` is ready as long as there is anything to read.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut fixed = [0; FIXED_BYTES];
    stream.read_exact(&mut fixed).await?;
    let mut rest = vec![0; rest_length(&fixed).map_err(io::Error::other)?];
    stream.read_exact(&mut rest).await?;
    client(&fixed, &rest).map_err(io::Error::other)
}

async fn requests(
    context: &Context,
    deployment: &Deployment,
    watcher: Watcher,
    socket: Socket,
    exchanges: Exchanges,
) {
    let tls = context.server.certificate.current().filter(|_| context.is_encrypted);
    match tls.map(TlsAcceptor::from) {
        None => http(context, deployment, watcher, socket, exchanges).await,
        // The client notices a failed handshake itself.
        Some(tls) => {
            if let Ok(stream) = tls.accept(socket).await {
                http(context, deployment, watcher, stream, exchanges).await;
            }
        }
    }
}

async fn http(
    context: &Context,
    deployment: &Deployment,
    watcher: Watcher,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    exchanges: Exchanges,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(deployment.server.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES);
    let peer = exchanges.peer;
    let service =
        service_fn(move |request: Request<Incoming>| exchange(exchanges.clone(), request));
    let connection = http.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        if error.is_parse() {
            context.server.refused_connection(Peer(peer), "malformed-request");
        }
        // The client left, was too slow, or does not speak HTTP.
        tracing::debug!(target: "portcullis::serve", "a connection ended: {error}");
    }
}
