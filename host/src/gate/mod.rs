//! The gate: the only code that sends bytes for a guest.
//!
//! A request is parsed once into an [`Origin`]; rules decide on it; its name is resolved once, every address is
//! judged, and a judged address is dialled, with the name in TLS. There is no other way out: wasmtime is built without
//! its own, and clippy forbids sockets elsewhere in this crate.

mod response;

use crate::aws::request as bind;
use crate::call::Call;
use crate::datasource::state::Shared;
use crate::error::LimitKind;
use crate::imports::outgoing_handler::Outgoing;
use crate::net::body::{Outbound, RequestBody, too_large};
use crate::net::connection::Connection;
use crate::net::target::Target;
use crate::net::{dial, resolver};
use crate::runtime::scheduler::Place;
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri};
use http_body::Body as _;
use http_body_util::BodyExt;
use portcullis_policy::{Denial, Origin, Rule, Scheme};
use response::AnswerBody;
use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::time::Instant;
use tokio::time::timeout;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, WasiBody,
    WasiHttpHooks,
};

/// The gate of one instance.
pub(crate) struct Gate {
    shared: Arc<Shared>,
    /// The call that runs; no request leaves without one.
    pub(crate) call: Option<Arc<Call>>,
    /// Where the guest computes, when it does so for long.
    place: Place,
}

impl Gate {
    pub(crate) fn new(shared: Arc<Shared>, place: Place) -> Self {
        Self { shared, call: None, place }
    }

    /// Sends a request for the call that runs.
    pub(crate) fn send(
        &self,
        request: Outgoing,
        body: RequestBody,
    ) -> impl Future<Output = Result<Response<WasiBody>, Error>> + Send + 'static {
        // It waits now, and does not compute.
        self.place.give_back();
        let (shared, call) = (self.shared.clone(), self.call.clone());
        async move {
            let call = call.ok_or(Error::HttpRequestDenied)?;
            let admitted = Admitted::new(&call)?;
            let sending = pin!(send(&shared, &call, admitted, request, body));
            shared
                .timers
                .until(call.deadline, sending)
                .await
                .unwrap_or(Err(Error::HttpResponseTimeout))
        }
    }
}

/// Headers that belong to the connection, or would have the service answer in another form than it is read in.
static FORBIDDEN: LazyLock<ForbiddenHeaderFilter> = LazyLock::new(|| {
    /// A constant is made anew wherever it stands.
    static DEFAULT: [HeaderName; 9] = DEFAULT_FORBIDDEN_HEADERS;
    Arc::new(|name: &HeaderName| {
        DEFAULT.contains(name)
            || matches!(
                name.as_str(),
                "accept-encoding"
                    | "expect"
                    | "te"
                    | "trailer"
                    | "via"
                    | "forwarded"
                    | "sec-websocket-key"
                    | "http2-settings"
            )
            || name.as_str().starts_with("proxy-")
            || name.as_str().starts_with("x-forwarded-")
    })
});

impl WasiHttpHooks for Gate {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        FORBIDDEN(name)
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        FORBIDDEN.clone()
    }

    fn set_host_header(&mut self) -> bool {
        // It is written from the origin that was judged.
        false
    }

    /// Never called: [`outgoing_handler`](crate::imports::outgoing_handler) is linked in the place of what would.
    fn send_request(
        &mut self,
        _: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Worker), Error>> + Send> {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}

pub(crate) type Worker = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// The one request in flight of a call; dropped when its answer is at its end, or nobody wants it any more.
pub(crate) struct Admitted(pub(crate) Arc<Call>);

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
    if matches!(denial.rule, Rule::Actions | Rule::Access | Rule::Tables) && !call.runs_an_action()
    {
        call.note_partial_denial(denial);
    } else {
        call.note_denial(denial);
    }
    if matches!(denial.rule, Rule::Networks | Rule::Metadata) {
        Error::DestinationIpProhibited
    } else {
        Error::HttpRequestDenied
    }
}

/// Judges a request, and sends it.
async fn send(
    shared: &Arc<Shared>,
    call: &Arc<Call>,
    admitted: Admitted,
    request: Outgoing,
    body: RequestBody,
) -> Result<Response<WasiBody>, Error> {
    let judged = judge(shared, call, &request);
    let (Target { origin, host }, operation) = judged.map_err(|denial| deny(call, &denial))?;
    let body = bounded_body(shared, call, &operation, &request.headers, body).await?;

    let mut head =
        Request::new(Outbound::new(body, call.clone(), shared.policy.limits.request_bytes));
    *head.method_mut() = request.method;
    *head.headers_mut() = request.headers;
    direct(&mut head, request.path, host);

    let (response, connection) = exchange(shared, call, &origin, head).await?;
    let limit = shared.policy.limits.response_bytes;
    // As the connection understood it: a length may be written in several ways.
    if response.body().size_hint().lower() > limit.as_u64() {
        call.note_limit(LimitKind::ResponseBytes, limit.to_string());
        return Err(Error::HttpResponseBodySize(Some(limit.as_u64())));
    }
    Ok(response.map(|body| {
        AnswerBody::new(body, connection, origin, shared.clone(), admitted).boxed_unsync()
    }))
}

/// Asks every rule that needs no body: where the request goes, what it carries, and who signed it.
fn judge(
    shared: &Shared,
    call: &Call,
    request: &Outgoing,
) -> Result<(Target, portcullis_policy::ActionName), Denial> {
    let target = shared.last_origin.parse(request.scheme, &request.authority)?;
    let origin = &target.origin;
    call.note_place(origin, None);
    let (policy, method, path) = (&shared.policy, request.method.as_str(), request.path.path());
    policy.judge_origin(origin)?;
    if !path.starts_with('/') || path.starts_with("//") {
        // `//host` is a host for those who read it as a reference (RFC 3986, section 4.2).
        let shown: String = path.chars().take(200).collect();
        let message = format!("{shown:?} is no path");
        return Err(Denial::new(
            Rule::Paths,
            shown,
            message,
            "this is a defect of the plugin: report it to its publisher",
        )
        .firm());
    }
    call.weigh(policy.judge_method(origin, method))?;
    call.weigh(policy.judge_path(origin, method, path))?;
    let operation = bind::operation(shared, call, request)?;
    bind::identity(shared, &operation, &request.headers)?;
    Ok((target, operation))
}

/// Writes the head as a connection wants it: the path alone, and the host from the value that was judged.
pub(crate) fn direct<B>(head: &mut Request<B>, path: PathAndQuery, host: HeaderValue) {
    *head.uri_mut() = Uri::from(path);
    *head.version_mut() = http::Version::HTTP_11;
    head.headers_mut().insert(HOST, host);
}

/// The body, bounded; read as a whole only where the policy must see into it.
async fn bounded_body(
    shared: &Shared,
    call: &Arc<Call>,
    operation: &portcullis_policy::ActionName,
    headers: &HeaderMap,
    body: RequestBody,
) -> Result<RequestBody, Error> {
    let limit = shared.policy.limits.request_bytes;
    if content_length(headers).is_some_and(|length| length > limit.as_u64()) {
        return Err(too_large(call, limit));
    }
    if !bind::needs_body(shared, operation) {
        return Ok(body);
    }
    let whole = body.whole(call, limit).await?;
    bind::judge_body(shared, call, operation, &whole).map_err(|denial| deny(call, &denial))?;
    Ok(RequestBody::Whole(Some(whole)))
}

/// Sends over a pooled connection or a new one. A pooled one that turns out closed before anything was written is
/// replaced; a request that was written is never sent twice from here: that is for the plugin to decide.
async fn exchange(
    shared: &Arc<Shared>,
    call: &Arc<Call>,
    origin: &Arc<Origin>,
    mut request: Request<Outbound>,
) -> Result<(Response<hyper::body::Incoming>, Connection), Error> {
    loop {
        let (mut connection, pooled) =
            match shared.connections.take(origin, shared.identity()).await {
                Some(connection) => (connection, true),
                // Boxed, as it is rare and large: a future is as large as the largest that it awaits, and copied at times.
                None => (Box::pin(dial(shared, call, origin)).await?, false),
            };
        if call.is_over() {
            return Err(Error::HttpRequestDenied);
        }
        call.note_place(origin, Some(connection.address));
        call.note_reached();
        if matches!(request.body().body, RequestBody::Stream { .. }) {
            connection.detach();
        }
        let answered = head(shared, call, pin!(connection.send(request))).await?;
        match answered {
            Ok(response) => return Ok((response, connection)),
            Err(mut error) => match error.take_message() {
                Some(unsent) if pooled => request = unsent,
                _ => return Err(send_error(shared, call, &error.into_error())),
            },
        }
    }
}

/// Waits for the head of an answer: for as long as the request's body moves on, and then for the policy's time.
async fn head<T>(
    shared: &Shared,
    call: &Call,
    mut answering: std::pin::Pin<&mut impl Future<Output = T>>,
) -> Result<T, Error> {
    loop {
        let sent = call.sent();
        let end = Instant::now() + shared.policy.limits.first_byte_timeout;
        match shared.timers.until(end, answering.as_mut()).await {
            Some(answer) => return Ok(answer),
            None if call.sent() > sent => {}
            None => return Err(Error::HttpResponseTimeout),
        }
    }
}

async fn dial(
    shared: &Arc<Shared>,
    call: &Arc<Call>,
    origin: &Origin,
) -> Result<Connection, Error> {
    let limits = &shared.policy.limits;
    let resolving = timeout(limits.connect_timeout, resolver::addresses(&*shared.resolver, origin));
    let addresses = resolving.await.unwrap_or(Err(Error::ConnectionTimeout))?;
    shared.policy.judge_addresses(origin, &addresses).map_err(|denial| deny(call, &denial))?;
    let tls = match origin.scheme() {
        Scheme::Http => None,
        // What it is made of was checked when the datasource was made.
        Scheme::Https => Some(shared.connections.tls().map_err(|_| Error::TlsCertificateError)?),
    };
    dial::Dialler { tls, limits, identity: shared.identity() }.connect(origin, &addresses).await
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
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
