//! Who is asking: tokens, hosts and request ids.

use super::Server;
use super::deployment::{Deployment, Served};
use super::problem::{Case, Problem};
use crate::telemetry::SPANS;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use portcullis_config::{ServerConfig, Token};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use subtle::ConstantTimeEq;
use tracing::Instrument;
use tracing::field::Empty;

/// Who may use the server.
pub(crate) struct Tokens(Vec<(Arc<str>, Arc<Token>)>);

impl Tokens {
    pub(crate) fn new(tokens: &BTreeMap<String, Token>) -> Self {
        Self(
            tokens
                .iter()
                .map(|(holder, token)| (holder.as_str().into(), Arc::new(token.clone())))
                .collect(),
        )
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The holder of a token. How long it takes tells nothing: all digests are compared, and to their ends.
    fn holder(&self, presented: &str) -> Option<&(Arc<str>, Arc<Token>)> {
        let digest: [u8; 32] = Sha256::digest(presented).into();
        let mut found = None;
        for known in &self.0 {
            if bool::from(digest.ct_eq(&known.1.sha256.0)) {
                found = Some(known);
            }
        }
        found
    }
}

/// Whoever makes a request, and the deployment that it uses to its end.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) request_id: Arc<str>,
    /// None where the server has no tokens, and this machine is trusted.
    token: Option<(Arc<str>, Arc<Token>)>,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stranger {
    /// No token.
    Missing,
    /// A token that nobody has.
    Wrong,
    /// A host name that is not this machine's, where no token protects it: a page in a browser may have asked for it.
    Host,
    /// A page in a browser asks, where no token protects the server.
    Page,
}

impl Stranger {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Missing => "a token is needed",
            Self::Wrong => "nobody has this token",
            Self::Host => {
                "this server has no tokens and answers to this machine's own names only: localhost, or its address on loopback"
            }
            Self::Page => {
                "this server has no tokens and answers to no page in a browser (the request has an Origin)"
            }
        }
    }

    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Missing | Self::Wrong => {
                "send Authorization: Bearer TOKEN; to the endpoint for DynamoDB's SDKs, the token as the access key id. `portcullis token NAME` makes one"
            }
            Self::Host | Self::Page => "give the server tokens: `portcullis token NAME` makes one",
        }
    }
}

impl Caller {
    /// Lets somebody in, by the token that was presented.
    fn admit(
        deployment: &Arc<Deployment>,
        headers: &HeaderMap,
        presented: Option<&str>,
        request_id: Arc<str>,
    ) -> Result<Self, Stranger> {
        let deployment = deployment.clone();
        if deployment.tokens.len() == 0 {
            if !is_local(headers, &deployment.server) {
                return Err(Stranger::Host);
            }
            if headers.contains_key(header::ORIGIN) {
                return Err(Stranger::Page);
            }
            return Ok(Self { deployment, request_id, token: None });
        }
        let presented = presented.ok_or(Stranger::Missing)?;
        let token = Some(deployment.tokens.holder(presented).ok_or(Stranger::Wrong)?.clone());
        Ok(Self { deployment, request_id, token })
    }

    fn holder(&self) -> &str {
        self.token.as_ref().map_or("", |(holder, _)| holder)
    }

    /// Whether it may use a datasource of that name, be there one or not.
    pub(crate) fn may_use(&self, datasource: &str) -> bool {
        self.token.as_ref().is_none_or(|(_, token)| token.allows(datasource))
    }

    /// Whether it may look at the server itself.
    pub(crate) fn is_operator(&self) -> bool {
        self.token.as_ref().is_none_or(|(_, token)| token.operator)
    }

    /// The datasource, for an action or for none.
    pub(crate) fn datasource(&self, name: &str, action: Option<&str>) -> Result<&Served, Refusal> {
        if !self.may_use(name) {
            // It does not say whether there is one.
            return Err(Refusal {
                case: Case::Forbidden,
                message: format!(
                    "the token of {:?} may not use a datasource {name:?}",
                    self.holder()
                ),
                remedy: format!("server.tokens.{}.datasources must list {name:?}", self.holder()),
            });
        }
        let served = self.deployment.datasources.get(name).ok_or_else(|| Refusal {
            case: Case::NotFound,
            message: format!("there is no datasource {name:?}"),
            remedy: "GET /v1/datasources lists those that may be used".to_string(),
        })?;
        let allowed =
            |action: &str| self.token.as_ref().is_none_or(|(_, token)| token.allows_action(action));
        match action.filter(|action| !allowed(action)) {
            Some(action) => Err(Refusal {
                case: Case::Forbidden,
                message: format!(
                    "the token of {:?} may not use the action {action:?}",
                    self.holder()
                ),
                remedy: format!("server.tokens.{}.actions must list {action:?}", self.holder()),
            }),
            None => Ok(served),
        }
    }
}

/// Something that a token does not allow, or that is not there.
pub(crate) struct Refusal {
    pub(crate) case: Case,
    pub(crate) message: String,
    pub(crate) remedy: String,
}

/// Whether the name that was asked for is one of this machine's own: what a name of somebody else's resolves to may
/// change (DNS rebinding).
fn is_local(headers: &HeaderMap, server: &ServerConfig) -> bool {
    let Some(host) = only(headers, &header::HOST) else { return false };
    let Ok(authority) = host.parse::<http::uri::Authority>() else { return false };
    let name = authority.host().trim_matches(['[', ']']);
    let listens = std::iter::once(&server.listen)
        .chain(server.wire.keys())
        .any(|address| name.parse() == Ok(address.ip()));
    name.eq_ignore_ascii_case("localhost")
        || listens
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What the JSON API takes as a token.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = authorization(headers)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// What the endpoint for DynamoDB's SDKs takes as a token: a bearer's too, or the access key id of a signature, which is
/// not looked at.
fn bearer_or_key(headers: &HeaderMap) -> Option<&str> {
    bearer(headers)
        .or_else(|| authorization(headers)?.split_once("Credential=")?.1.split('/').next())
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    only(headers, &header::AUTHORIZATION)
}

/// The only header of that name; two would be two opinions.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    let only = all.next().filter(|_| all.next().is_none())?;
    only.to_str().ok()
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The JSON API's door.
pub(crate) async fn api(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    pass(&server, request, next, bearer, |stranger| {
        let case = if matches!(stranger, Stranger::Missing | Stranger::Wrong) {
            Case::Unauthorized
        } else {
            Case::Forbidden
        };
        Problem::new(case, stranger.message()).remedy(stranger.remedy()).into_response()
    })
    .await
}

/// The door of the endpoint for DynamoDB's SDKs.
pub(crate) async fn wire(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = pass(&server, request, next, bearer_or_key, super::wire::stranger).await;
    if let Some(id) = response.headers().get(REQUEST_ID).cloned() {
        response.headers_mut().entry(super::wire::REQUEST_ID).or_insert(id);
    }
    response
}

/// Lets a request through to its handler, with its [`Caller`]; and writes it down, however it ends.
async fn pass(
    server: &Arc<Server>,
    mut request: Request<Body>,
    next: Next,
    presented: impl Fn(&HeaderMap) -> Option<&str>,
    refuse: impl Fn(Stranger) -> Response,
) -> Response {
    let began = Instant::now();
    let request_id = request_id(request.headers());
    let route =
        request.extensions().get::<MatchedPath>().map_or("none", |path| route(path.as_str()));
    let method = method(request.method());
    let deployment = server.current();
    let (mut response, holder) = match Caller::admit(
        &deployment,
        request.headers(),
        presented(request.headers()),
        request_id.clone(),
    ) {
        Ok(caller) => {
            let holder = caller.holder().to_string();
            request.extensions_mut().insert(caller);
            let span = tracing::info_span!(target: SPANS, "request", request = &*request_id, method, route, status = Empty, holder);
            #[cfg(feature = "opentelemetry")]
            crate::telemetry::export::follow(&span, request.headers());
            let response = next.run(request).instrument(span.clone()).await;
            span.record("status", response.status().as_u16());
            (response, holder)
        }
        Err(stranger) => (refuse(stranger), String::new()),
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, elapsed) = (response.status().as_u16(), began.elapsed());
    server.metrics.count(route, status, elapsed);
    // Nothing here is the caller's own text but the id, whose letters are bounded.
    let micros = elapsed.as_micros() as u64;
    tracing::info!(target: "portcullis::serve", request = &*request_id, method, route, status, micros, holder, "request");
    response
}

/// The methods that are written down as they are.
fn method(method: &http::Method) -> &'static str {
    match *method {
        http::Method::GET => "GET",
        http::Method::POST => "POST",
        http::Method::HEAD => "HEAD",
        _ => "other",
    }
}

/// A route as logs and metrics name it.
fn route(matched: &str) -> &'static str {
    super::api::ROUTES.iter().copied().find(|route| *route == matched).unwrap_or("/ddb")
}

/// The caller's own id of the request, or one that is made here.
fn request_id(headers: &HeaderMap) -> Arc<str> {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let bounded = |id: &&str| {
        (1..=64).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    given.filter(bounded).map_or_else(|| random_hex::<16>().into(), Into::into)
}

/// Random bytes in hexadecimal.
pub(crate) fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random numbers");
    hex::encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn a_token_is_a_bearers_or_an_access_key_id() {
        let authorization = |value: &str| headers(&[(header::AUTHORIZATION, value)]);
        assert_eq!(bearer(&authorization("bearer  pcl_1 ")), Some("pcl_1"));
        let signed = authorization(
            "AWS4-HMAC-SHA256 Credential=pcl_1/20260101/x/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
        );
        assert_eq!((bearer(&signed), bearer_or_key(&signed)), (None, Some("pcl_1")));
        for wrong in ["", "Bearer", "Basic cGNsXzE=", "pcl_1"] {
            assert_eq!(bearer_or_key(&authorization(wrong)), None, "{wrong}");
        }
        let mut two = authorization("Bearer a");
        two.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer b"));
        assert_eq!(bearer(&two), None);
    }

    #[test]
    fn without_tokens_only_names_of_this_machine_are_answered_to() {
        let server = ServerConfig::default();
        for local in ["localhost", "LOCALHOST:8700", "127.0.0.1:1", "127.9.9.9", "[::1]:8700"] {
            assert!(is_local(&headers(&[(header::HOST, local)]), &server), "{local}");
        }
        for other in [
            "evil.example",
            "localhost.evil.example:8700",
            "10.0.0.1",
            "[::2]",
            "a@127.0.0.1.evil.example",
            "",
        ] {
            assert!(!is_local(&headers(&[(header::HOST, other)]), &server), "{other}");
        }
        let mut two = headers(&[(header::HOST, "localhost")]);
        two.append(header::HOST, HeaderValue::from_static("evil.example"));
        assert!(!is_local(&two, &server));
    }

    #[test]
    fn only_a_bounded_id_is_taken_over() {
        assert_eq!(&*request_id(&headers(&[(REQUEST_ID, "abc-1.2_3")])), "abc-1.2_3");
        for wrong in ["a b", "a\tb", "", "\u{e9}", &"a".repeat(65)] {
            let given = HeaderValue::from_bytes(wrong.as_bytes()).unwrap();
            let id = request_id(&[(REQUEST_ID, given)].into_iter().collect());
            assert!(id.len() == 32 && *id != *wrong, "{wrong}");
        }
    }
}
