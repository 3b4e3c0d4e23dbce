//! The gate: the only code that sends bytes for a guest.
//!
//! A request is parsed once into an [`Origin`]; rules decide on it; its name is resolved once, every address is
//! judged, and a judged address is dialled, with the name in TLS. There is no other way out: wasmtime is built without
//! its own, and clippy forbids sockets elsewhere in this crate.

mod answer;
mod bind;
mod connections;
mod dial;
#[cfg(feature = "aws-config")]
mod operator;
mod request;
mod resolve;

pub(crate) use bind::known_access;
pub(crate) use connections::Connections;
#[cfg(feature = "aws-config")]
pub(crate) use operator::OperatorGate;
pub use resolve::{Resolve, SystemResolver};

use crate::call::Call;
use crate::error::LimitKind;
use crate::fairness::Place;
use crate::shared::Shared;
use answer::AnswerBody;
use bytes::{Bytes, BytesMut};
use connections::Connection;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use portcullis_policy::{Denial, Origin, Rule, Scheme};
use request::{RequestBody, too_large};
use std::sync::{Arc, LazyLock};
use tokio::time::timeout;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

/// The gate of one instance.
pub(crate) struct Gate {
    shared: Arc<Shared>,
    /// The call that runs; no request leaves without one.
    pub(crate) call: Option<Arc<Call>>,
    /// Where the guest computes, when it does so for long.
    place: Place,
}

type Sending = Box<dyn Future<Output = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>> + Send>;

impl Gate {
    pub(crate) fn new(shared: Arc<Shared>, place: Place) -> Self {
        Self { shared, call: None, place }
    }
}

/// Headers that belong to the connection, or would have the service answer in another form than it is read in.
static FORBIDDEN: LazyLock<ForbiddenHeaderFilter> = LazyLock::new(|| {
    Arc::new(|name: &HeaderName| {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
            || matches!(
                name.as_str(),
                "accept-encoding" | "expect" | "te" | "trailer" | "via" | "forwarded" | "sec-websocket-key" | "http2-settings"
            )
            || name.as_str().starts_with("proxy-")
            || name.as_str().starts_with("x-forwarded-")
    })
});

impl WasiHttpHooks for Gate {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        FORBIDDEN.clone()
    }

    fn set_host_header(&mut self) -> bool {
        // It is written from the origin that was judged.
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Sending {
        // It waits now, and does not compute.
        self.place.give_back();
        // The guest's own timeouts are not read: it has the call's deadline, whatever it asks for.
        let (shared, call) = (self.shared.clone(), self.call.clone());
        Box::new(async move {
            let call = call.ok_or(Error::HttpRequestDenied)?;
            let admitted = Admitted::new(&call)?;
            let response = match timeout(call.remaining(), send(&shared, &call, admitted, request)).await {
                Ok(result) => result?,
                Err(_) => return Err(Error::HttpResponseTimeout),
            };
            Ok((response, Box::new(std::future::ready(Ok(()))) as Box<dyn Future<Output = Result<(), Error>> + Send>))
        })
    }
}

/// The one request in flight of a call; dropped when its answer is at its end, or nobody wants it any more.
struct Admitted(Arc<Call>);

impl Admitted {
    fn new(call: &Arc<Call>) -> Result<Self, Error> {
        if call.admit().map_err(|denial| deny(call, &denial))? {
            return Ok(Self(call.clone()));
        }
        Err(Error::ConnectionLimitReached)
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.release();
    }
}

fn deny(call: &Call, denial: &Denial) -> Error {
    // What `test` and `structure` ask for is the plugin's choice, not the caller's: it may go on without.
    if matches!(denial.rule, Rule::Actions | Rule::Access | Rule::Tables) && !call.runs_an_action() {
        call.note_partial_denial(denial);
    } else {
        call.note_denial(denial);
    }
    if matches!(denial.rule, Rule::Networks | Rule::Metadata) { Error::DestinationIpProhibited } else { Error::HttpRequestDenied }
}

/// Judges a request, and sends it.
async fn send(shared: &Arc<Shared>, call: &Arc<Call>, admitted: Admitted, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
    let (mut parts, body) = request.into_parts();
    let judged = judge(shared, call, &parts);
    let (origin, operation) = judged.map_err(|denial| deny(call, &denial))?;
    let body = bounded_body(shared, call, &operation, &parts.headers, body).await?;

    direct(&mut parts, &origin)?;

    let (response, connection) = exchange(shared, call, &origin, Request::from_parts(parts, body)).await?;
    let limit = shared.policy.limits.response_bytes;
    if content_length(response.headers()).is_some_and(|length| length > limit.as_u64()) {
        call.note_limit(LimitKind::ResponseBytes, limit.to_string());
        return Err(Error::HttpResponseBodySize(Some(limit.as_u64())));
    }
    Ok(response.map(|body| AnswerBody::new(body, connection, origin, shared.clone(), admitted).boxed_unsync()))
}

/// Asks every rule that needs no body: where the request goes, what it carries, and who signed it.
fn judge(shared: &Shared, call: &Call, parts: &http::request::Parts) -> Result<(Origin, portcullis_policy::ActionName), Denial> {
    let origin = origin(&parts.uri)?;
    call.note_place(&origin, None);
    let (policy, method, path) = (&shared.policy, parts.method.as_str(), parts.uri.path());
    policy.judge_origin(&origin)?;
    if !path.starts_with('/') || path.starts_with("//") {
        // `//host` is a host for those who read it as a reference (RFC 3986, section 4.2).
        let shown: String = path.chars().take(200).collect();
        let message = format!("{shown:?} is no path");
        return Err(Denial::new(Rule::Paths, shown, message, "this is a defect of the plugin: report it to its publisher").firm());
    }
    call.weigh(policy.judge_method(&origin, method))?;
    call.weigh(policy.judge_path(&origin, method, path))?;
    let operation = bind::operation(shared, call, parts)?;
    bind::identity(shared, &operation, &parts.headers)?;
    Ok((origin, operation))
}

/// Writes the head as a connection to `origin` wants it: the path alone, and the host from the value that was judged.
fn direct(parts: &mut http::request::Parts, origin: &Origin) -> Result<(), Error> {
    let path = parts.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).parse::<Uri>();
    parts.uri = path.map_err(|_| Error::HttpRequestUriInvalid)?;
    parts.version = http::Version::HTTP_11;
    let host = HeaderValue::from_str(&origin.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
    parts.headers.insert(HOST, host);
    Ok(())
}

/// The origin of a request, parsed once; everything that follows acts on this value.
fn origin(uri: &Uri) -> Result<Origin, Denial> {
    let scheme = if uri.scheme_str() == Some("http") { Scheme::Http } else { Scheme::Https };
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    Origin::new(scheme, authority).map_err(|error| Denial::new(Rule::Egress, "", error.to_string(), "check the endpoint in the settings"))
}

/// The body, bounded; read as a whole only where the policy must see into it.
async fn bounded_body(
    shared: &Shared,
    call: &Arc<Call>,
    operation: &portcullis_policy::ActionName,
    headers: &HeaderMap,
    body: WasiBody,
) -> Result<WasiBody, Error> {
    let limit = shared.policy.limits.request_bytes;
    if content_length(headers).is_some_and(|length| length > limit.as_u64()) {
        return Err(too_large(call, limit));
    }
    if !bind::needs_body(shared, operation) {
        return Ok(RequestBody::new(body, call.clone(), limit).boxed_unsync());
    }
    // Into one buffer: a body in pieces of a byte each would take many times its size.
    let mut whole = BytesMut::new();
    let mut body = body;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if (whole.len() + data.len()) as u64 > limit.as_u64() {
            return Err(too_large(call, limit));
        }
        whole.extend_from_slice(&data);
    }
    let whole = whole.freeze();
    bind::judge_body(shared, call, operation, &whole).map_err(|denial| deny(call, &denial))?;
    let whole = Full::<Bytes>::new(whole).map_err(|never| match never {}).boxed_unsync();
    Ok(RequestBody::new(whole, call.clone(), limit).boxed_unsync())
}

/// Sends over a pooled connection or a new one. A pooled one that turns out closed before anything was written is
/// replaced; a request that was written is never sent twice from here: that is for the plugin to decide.
async fn exchange(
    shared: &Arc<Shared>,
    call: &Arc<Call>,
    origin: &Origin,
    mut request: Request<WasiBody>,
) -> Result<(Response<hyper::body::Incoming>, Connection), Error> {
    loop {
        let (mut connection, pooled) = match shared.connections.take(origin, shared.identity()).await {
            Some(connection) => (connection, true),
            None => (dial(shared, call, origin).await?, false),
        };
        if call.is_over() {
            return Err(Error::HttpRequestDenied);
        }
        call.note_place(origin, Some(connection.address));
        call.note_reached();
        let answering = std::pin::pin!(connection.sender.try_send_request(request));
        match head(shared, call, answering).await? {
            Ok(response) => return Ok((response, connection)),
            Err(mut error) => match error.take_message() {
                Some(unsent) if pooled => request = unsent,
                _ => return Err(send_error(shared, call, &error.into_error())),
            },
        }
    }
}

/// Waits for the head of an answer: for as long as the request's body moves on, and then for the policy's time.
async fn head<T>(shared: &Shared, call: &Call, mut answering: std::pin::Pin<&mut impl Future<Output = T>>) -> Result<T, Error> {
    loop {
        let sent = call.sent();
        match timeout(shared.policy.limits.first_byte_timeout, answering.as_mut()).await {
            Ok(answer) => return Ok(answer),
            Err(_) if call.sent() > sent => {}
            Err(_) => return Err(Error::HttpResponseTimeout),
        }
    }
}

async fn dial(shared: &Arc<Shared>, call: &Arc<Call>, origin: &Origin) -> Result<Connection, Error> {
    let limits = &shared.policy.limits;
    let resolving = timeout(limits.connect_timeout, resolve::addresses(&*shared.resolver, origin));
    let addresses = resolving.await.unwrap_or(Err(Error::ConnectionTimeout))?;
    shared.policy.judge_addresses(origin, &addresses).map_err(|denial| deny(call, &denial))?;
    let tls = match origin.scheme() {
        Scheme::Http => None,
        // What it is made of was checked when the datasource was made.
        Scheme::Https => Some(shared.connections.tls().map_err(|_| Error::TlsCertificateError)?),
    };
    dial::Dialler { tls, limits, identity: shared.identity() }.connect(origin, &addresses).await
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What became of a request that was handed to a connection.
fn send_error(shared: &Shared, call: &Call, error: &hyper::Error) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(Error::HttpRequestBodySize(limit)) = inner.downcast_ref::<Error>() {
            return Error::HttpRequestBodySize(*limit);
        }
        source = inner.source();
    }
    if error.is_parse_too_large() {
        call.note_limit(LimitKind::HeaderBytes, shared.policy.limits.header_bytes.to_string());
        return Error::HttpResponseHeaderSectionSize(None);
    }
    if error.is_parse() { Error::HttpProtocolError } else { Error::ConnectionTerminated }
}
