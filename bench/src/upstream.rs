//! The service that all clients call. It sends fixed responses on loopback. It is a separate
//! process, so that its processor time and memory are not measured with those of a client.

use crate::cases::{Case, page};
use crate::certificate::Certificate;
use crate::constants::{PEAK_SIZES, RESPONSE_SIZES};
use crate::cores::Core;
use crate::process::{Process, bound_self};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Where the server listens.
#[derive(serde::Serialize, serde::Deserialize, Clone, Debug)]
pub struct Endpoints {
    /// The port for HTTP.
    pub http: u16,
    /// The port for HTTP over TLS.
    pub https: u16,
    /// The port for HTTP over TLS that closes each connection after its response.
    pub closing: u16,
    /// The port for HTTP that delays each response by [`SLOW`].
    pub slow: u16,
    /// The certificate of the authority that issued the server's certificate, in PEM format.
    pub ca: String,
}

/// The line that the server prints last, after its ports and the certificate.
const END: &str = "listening";

/// The delay of the slow port. It is long enough that 64 calls are in flight at the same time.
pub const SLOW: Duration = Duration::from_millis(400);

/// A running process of it. It ends when this value is dropped.
pub struct Upstream {
    _process: Process,
    /// Where the server listens.
    pub endpoints: Endpoints,
}

impl Upstream {
    /// Starts this program a second time, as the upstream, on this core.
    pub fn start(core: Core) -> Result<Self> {
        let mut command = bound_self(Some(core), "upstream")?;
        let mut process = Process::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let output = process.child().stdout.take().context("its output is a pipe")?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let ports: Vec<u16> = line.split_whitespace().flat_map(str::parse).collect();
        let [http, https, closing, slow] = ports[..] else {
            bail!("the upstream did not start; its message is above");
        };
        let ca: Vec<String> = output
            .lines()
            .take_while(|line| line.as_ref().is_ok_and(|line| line != END))
            .collect::<Result<_, _>>()?;
        let endpoints = Endpoints { http, https, closing, slow, ca: ca.join("\n") };
        Ok(Self { _process: process, endpoints })
    }
}

/// Serves until the standard input is closed.
pub fn serve() -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(respond_to_all())
}

async fn respond_to_all() -> Result<()> {
    let responses = Arc::new(responses());
    let certificate = Certificate::new()?;
    let acceptor = TlsAcceptor::from(Arc::new(certificate.server()?));
    let ca = certificate.authority;
    let mut ports = Vec::new();
    for (tls, closing, slow) in
        [(false, false, false), (true, false, false), (true, true, false), (false, false, true)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        ports.push(listener.local_addr()?.port().to_string());
        let (responses, acceptor) = (responses.clone(), tls.then(|| acceptor.clone()));
        tokio::spawn(async move {
            loop {
                // It may fail for one connection, which its client notices.
                let Ok((stream, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                };
                let (responses, acceptor) = (responses.clone(), acceptor.clone());
                tokio::spawn(async move {
                    // Errors are ignored: the client notices them.
                    let _ = stream.set_nodelay(true);
                    match acceptor {
                        None => serve_connection(stream, responses, closing, slow).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve_connection(stream, responses, closing, slow).await;
                            }
                        }
                    }
                });
            }
        });
    }
    let mut out = std::io::stdout();
    writeln!(out, "{}\n{ca}{END}", ports.join(" "))?;
    out.flush()?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

struct CannedResponse {
    body: Bytes,
    crc32: HeaderValue,
}

/// Returns the responses by action, and those of `Scan` by the size that the input asks for.
fn responses() -> HashMap<String, CannedResponse> {
    let mut responses: HashMap<String, CannedResponse> = HashMap::new();
    for case in Case::ALL {
        responses.insert(
            format!("DynamoDB_20120810.{}", case.action()),
            CannedResponse::new(case.response()),
        );
    }
    for size in RESPONSE_SIZES.into_iter().chain(PEAK_SIZES) {
        responses.insert(format!("size-{size}"), CannedResponse::new(page(size)));
    }
    responses
}

impl CannedResponse {
    fn new(body: Bytes) -> Self {
        let crc32 = HeaderValue::from(crc32fast::hash(&body));
        Self { body, crc32 }
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    responses: Arc<HashMap<String, CannedResponse>>,
    closing: bool,
    slow: bool,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let responses = &responses;
        async move {
            let key = target(request.headers());
            // Read the whole body, as a service does.
            let input = request
                .into_body()
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default();
            let key = if key.ends_with(".Scan") { size_of(&input) } else { key };
            if slow {
                tokio::time::sleep(SLOW).await;
            }
            let mut response = match responses.get(&key) {
                Some(canned) => {
                    let mut response = Response::new(Full::new(canned.body.clone()));
                    response.headers_mut().insert("x-amz-crc32", canned.crc32.clone());
                    response
                }
                None => Response::builder()
                    .status(400)
                    .body(Full::new(Bytes::from_static(b"{}")))
                    .expect("the response is valid"),
            };
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.0"));
            headers.insert(
                "x-amzn-requestid",
                HeaderValue::from_static("0000000000000000000000000000000000000000000000000000"),
            );
            if closing {
                headers.insert("connection", HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

fn target(headers: &HeaderMap) -> String {
    headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_string()
}

/// Returns the key of a `Scan` response: its size is the `Limit` of the input.
fn size_of(body: &[u8]) -> String {
    let input: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    format!("size-{}", input["Limit"])
}
