//! An HTTP server that records every request and sends the responses you give it.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// One request that a [`Recorder`] has received.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    /// The HTTP method, such as `POST`.
    pub method: String,
    /// The path, with the query if there is one.
    pub path: String,
    /// All headers, as they arrived.
    pub headers: HeaderMap,
    /// The whole body. It is empty if the client did not send the body to its end.
    pub body: Bytes,
}

impl RecordedRequest {
    /// Returns the text of a header, or an empty string if the header is missing or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// The response that a [`Recorder`] sends.
///
/// ```
/// use portcullis_testkit::recorder::Response;
///
/// let throttled = Response {
///     status: 429,
///     headers: vec![("retry-after", "1".to_string())],
///     body: "slow down".into(),
/// };
/// assert_eq!(Response::ok("{}").status, 200);
/// # let _ = throttled;
/// ```
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status code.
    pub status: u16,
    /// Headers in addition to those that HTTP needs, such as `content-length`.
    pub headers: Vec<(&'static str, String)>,
    /// The whole body.
    pub body: Bytes,
}

impl Response {
    /// Creates a response with status 200, no extra headers, and this body.
    #[must_use]
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into() }
    }
}

/// A running server that records requests. It stops when this value is dropped.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use portcullis_testkit::recorder::{self, Response};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// let server = recorder::start(Response::ok("hello")).await;
///
/// let mut client = tokio::net::TcpStream::connect(&server.authority).await?;
/// client.write_all(b"GET /items HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await?;
/// let mut response = String::new();
/// client.read_to_string(&mut response).await?;
///
/// assert!(response.ends_with("hello"));
/// assert_eq!(server.requests()[0].path, "/items");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recorder {
    /// Host and port, such as `127.0.0.1:40123`.
    pub authority: String,
    log: Arc<Mutex<Vec<RecordedRequest>>>,
    connections: Arc<Mutex<u32>>,
    task: JoinHandle<()>,
}

/// Starts an HTTP server on `127.0.0.1` that sends `response` to every request.
///
/// # Panics
/// Panics if no port on loopback is free.
pub async fn start(response: Response) -> Recorder {
    start_at("127.0.0.1", response, None).await
}

/// Starts a server on `address` that sends `response` to every request.
///
/// With `tls`, clients must connect over TLS (see [`crate::tls`]).
///
/// # Panics
/// Panics if `address` is not an address of this machine, or if it has no free port.
pub async fn start_at(address: &str, response: Response, tls: Option<TlsAcceptor>) -> Recorder {
    start_with(address, move |_| response.clone(), tls).await
}

/// Starts a server on `address` that asks `respond` for the response to each request.
///
/// With `tls`, clients must connect over TLS (see [`crate::tls`]).
///
/// # Panics
/// Panics if `address` is not an address of this machine, or if it has no free port.
pub async fn start_with(
    address: &str,
    respond: impl Fn(&RecordedRequest) -> Response + Send + Sync + 'static,
    tls: Option<TlsAcceptor>,
) -> Recorder {
    let respond: Arc<dyn Fn(&RecordedRequest) -> Response + Send + Sync> = Arc::new(respond);
    let listener = TcpListener::bind((address, 0)).await.expect("a port on loopback is free");
    let authority = listener.local_addr().expect("a bound socket has an address").to_string();
    let (log, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
    let (seen, opened) = (log.clone(), connections.clone());
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            *opened.lock().expect("no test panics with the lock") += 1;
            let (seen, respond) = (seen.clone(), respond.clone());
            let service = service_fn(move |request| record(seen.clone(), respond.clone(), request));
            let http = hyper::server::conn::http1::Builder::new();
            match tls.clone() {
                None => drop(tokio::spawn(http.serve_connection(TokioIo::new(stream), service))),
                Some(tls) => drop(tokio::spawn(async move {
                    // A failed handshake is ignored: the client under test sees it.
                    if let Ok(stream) = tls.accept(stream).await {
                        let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    }
                })),
            }
        }
    });
    Recorder { authority, log, connections, task }
}

async fn record(
    log: Arc<Mutex<Vec<RecordedRequest>>>,
    respond: Arc<dyn Fn(&RecordedRequest) -> Response + Send + Sync>,
    request: Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = parts.uri.to_string();
    let recorded =
        RecordedRequest { method: parts.method.to_string(), path, headers: parts.headers, body };
    let response = respond(&recorded);
    log.lock().expect("no test panics with the lock").push(recorded);
    let mut builder = http::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        builder = builder.header(*name, value);
    }
    Ok(builder.body(Full::new(response.body)).expect("the test's response is valid HTTP"))
}

impl Recorder {
    /// Returns all requests so far, in the order in which their bodies ended.
    ///
    /// # Panics
    /// Panics only if another thread panicked while it held the lock.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.log.lock().expect("no test panics with the lock").clone()
    }

    /// Forgets all requests so far.
    ///
    /// # Panics
    /// Panics only if another thread panicked while it held the lock.
    pub fn forget(&self) {
        self.log.lock().expect("no test panics with the lock").clear();
    }

    /// Returns the port that the server listens on.
    ///
    /// # Panics
    /// Never panics unless [`Self::authority`] was changed: it ends with a port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .expect("the authority has a port")
    }

    /// Returns how many connections clients have opened so far, closed ones included.
    ///
    /// # Panics
    /// Panics only if another thread panicked while it held the lock.
    #[must_use]
    pub fn connections(&self) -> u32 {
        *self.connections.lock().expect("no test panics with the lock")
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
    }
}
