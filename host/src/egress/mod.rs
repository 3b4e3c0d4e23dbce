//! The gate: the only code that sends bytes for a guest.
//!
//! A request is parsed once into an [`Origin`]; rules decide on it; its name is resolved once, every address is
//! judged, and a judged address is dialled, with the name in TLS. There is no other way out: wasmtime is built without
//! its own, and clippy forbids sockets elsewhere in this crate.

mod answer;
mod bind;
mod connections;
mod dial;
mod resolve;

pub(crate) use bind::known_access;
pub(crate) use connections::Connections;
pub use resolve::{Resolve, SystemResolver};

use crate::call::Call;
use crate::error::LimitKind;
use crate::shared::Shared;
use answer::AnswerBody;
use bytes::Bytes;
use connections::Connection;
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use portcullis_policy::{Denial, Origin, Rule, Scheme};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::time::timeout;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody, WasiHttpHooks};

/// The gate of one instance.
pub(crate) struct Gate {
    shared: Arc<Shared>,
    /// The call that runs; no request leaves without one.
    pub(crate) call: Option<Arc<Call>>,
}

type Sending = Box<dyn Future<Output = Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>> + Send>;

impl Gate {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, call: None }
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
    let (parts, body) = request.into_parts();
    let origin = origin(&parts.uri).map_err(|denial| deny(call, &denial))?;
    shared.policy.judge_origin(&origin).map_err(|denial| deny(call, &denial))?;
    let operation = bind::operation(shared, call, &parts).map_err(|denial| deny(call, &denial))?;
    bind::identity(shared, &operation, &parts.headers).map_err(|denial| deny(call, &denial))?;
    let body = bounded_body(shared, call, &operation, &parts.headers, body).await?;

    let mut request = Request::from_parts(parts, body);
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str).parse::<Uri>();
    *request.uri_mut() = path.map_err(|_| Error::HttpRequestUriInvalid)?;
    *request.version_mut() = http::Version::HTTP_11;
    let host = HeaderValue::from_str(&origin.authority()).map_err(|_| Error::HttpRequestUriInvalid)?;
    request.headers_mut().insert(HOST, host);

    let (response, connection) = exchange(shared, call, &origin, request).await?;
    let limit = shared.policy.limits.response_bytes.as_u64();
    if content_length(response.headers()).is_some_and(|length| length > limit) {
        call.note_limit(LimitKind::ResponseBytes, shared.policy.limits.response_bytes.to_string());
        return Err(Error::HttpResponseBodySize(Some(limit)));
    }
    Ok(response.map(|body| AnswerBody::new(body, connection, origin, shared.clone(), admitted).boxed_unsync()))
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
    let too_large = |call: &Call| {
        call.note_limit(LimitKind::RequestBytes, limit.to_string());
        Error::HttpRequestBodySize(Some(limit.as_u64()))
    };
    if content_length(headers).is_some_and(|length| length > limit.as_u64()) {
        return Err(too_large(call));
    }
    let limited = Limited::new(body, usize::try_from(limit.as_u64()).unwrap_or(usize::MAX));
    if !bind::needs_body(shared, operation) {
        let call = call.clone();
        let bounded = limited.map_err(move |error| {
            if error.is::<LengthLimitError>() {
                call.note_limit(LimitKind::RequestBytes, limit.to_string());
                return Error::HttpRequestBodySize(Some(limit.as_u64()));
            }
            error.downcast::<Error>().map_or(Error::HttpProtocolError, |error| *error)
        });
        return Ok(bounded.boxed_unsync());
    }
    let whole = match limited.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Err(too_large(call)),
        Err(error) => return Err(error.downcast::<Error>().map_or(Error::HttpProtocolError, |error| *error)),
    };
    bind::judge_body(shared, operation, &whole).map_err(|denial| deny(call, &denial))?;
    Ok(Full::<Bytes>::new(whole).map_err(|never| match never {}).boxed_unsync())
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
        let (mut connection, pooled) = match shared.connections.take(origin).await {
            Some(connection) => (connection, true),
            None => (dial(shared, call, origin).await?, false),
        };
        if call.is_over() {
            return Err(Error::HttpRequestDenied);
        }
        call.note_reached();
        match connection.try_send_request(request).await {
            Ok(response) => return Ok((response, connection)),
            Err(mut error) => match error.take_message() {
                Some(unsent) if pooled => request = unsent,
                _ => return Err(send_error(&error.into_error())),
            },
        }
    }
}

async fn dial(shared: &Arc<Shared>, call: &Arc<Call>, origin: &Origin) -> Result<Connection, Error> {
    let limit: Duration = shared.policy.limits.connect_timeout;
    let connecting = async {
        let addresses = resolve::addresses(&*shared.resolver, origin).await?;
        shared.policy.judge_addresses(origin, &addresses).map_err(|denial| deny(call, &denial))?;
        dial::connect(shared, origin, &addresses).await
    };
    timeout(limit, connecting).await.unwrap_or(Err(Error::ConnectionTimeout))
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What became of a request that was handed to a connection.
fn send_error(error: &hyper::Error) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(Error::HttpRequestBodySize(limit)) = inner.downcast_ref::<Error>() {
            return Error::HttpRequestBodySize(*limit);
        }
        source = inner.source();
    }
    if error.is_parse() { Error::HttpProtocolError } else { Error::ConnectionTerminated }
}
