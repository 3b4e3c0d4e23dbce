//! The service that all clients call. It sends fixed responses on loopback. It is a separate
//! process, so that its processor time and memory are not measured with those of a client.

use crate::cases::{Case, page};
use crate::constants::RESPONSE_SIZES;
use anyhow::{Context, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Where the server listens.
#[derive(Clone, Debug)]
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

/// A running server process. It is killed when this value is dropped.
pub struct Server {
    child: Child,
    /// Where the server listens.
    pub endpoints: Endpoints,
}

impl Server {
    /// Starts this program a second time, as the server.
    pub fn start() -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut child = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().context("its output is a pipe")?);
        let mut ports = String::new();
        output.read_line(&mut ports)?;
        let ports: Vec<u16> = ports
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .context("the server did not start")?;
        let ca: Vec<String> = output
            .lines()
            .take_while(|line| line.as_ref().is_ok_and(|line| line != END))
            .collect::<Result<_, _>>()?;
        let ca = ca.join("\n");
        let endpoints =
            Endpoints { http: ports[0], https: ports[1], closing: ports[2], slow: ports[3], ca };
        Ok(Self { child, endpoints })
    }
}

/// Binds the server's process to the last core, so that it does not move between cores in some runs
/// and not in others. Does nothing on a machine with one core.
fn bind_to_last_core() -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 {
        return Ok(());
    }
    let mut last = CpuSet::new();
    last.set(cores - 1)?;
    sched_setaffinity(Pid::from_raw(0), &last).context("the server cannot be bound to a core")
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server ends when its input is closed. This is for a server that hangs.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until the standard input is closed.
pub fn serve() -> Result<()> {
    bind_to_last_core()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(respond_to_all())
}

async fn respond_to_all() -> Result<()> {
    let responses = Arc::new(responses());
    let (acceptor, ca) = tls()?;
    let mut ports = Vec::new();
    for (tls, closing, slow) in
        [(false, false, false), (true, false, false), (true, true, false), (false, false, true)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        ports.push(listener.local_addr()?.port().to_string());
        let (responses, acceptor) = (responses.clone(), tls.then(|| acceptor.clone()));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
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
    for size in RESPONSE_SIZES {
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

/// Creates a certificate authority and a certificate for `localhost`.
fn tls() -> Result<(TlsAcceptor, String)> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(vec!["localhost".to_string()])?.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), issuer.pem()))
}
