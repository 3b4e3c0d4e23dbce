//! The passage of one request: from the check of its head to the head of its response.

use crate::dry_run::{CheckedRequest, DryRun};
use crate::egress::Egress;
use crate::interruption::{Cause, Stage, Suspicion};
use crate::net::body::{Outbound, RequestBody, too_large};
use crate::net::connection::Connection;
use crate::net::dialer::Dialer;
use crate::net::head::{RequestHead, direct};
use crate::net::observed::Observed;
use crate::net::target::Target;
use crate::progress::RequestPermit;
use crate::response::ResponseBody;
use crate::rules::{BodyCheck, Rules};
use crate::tls_problem::{TlsProblem, refuses_certificate, rustls_error};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use portcullis_memory::{Account, Charge};
use portcullis_policy::{Denial, HostName, LimitKind, Origin, Rule, Scheme};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;
use tokio::time::timeout_at;
use wasmtime_wasi_http::{Error, WasiBody};

/// Checks a request, and sends it if it passes.
pub(crate) async fn send(
    egress: Arc<Egress>,
    rules: Arc<dyn Rules>,
    account: Arc<Account>,
    head: RequestHead,
    body: RequestBody,
) -> Result<Response<WasiBody>, Error> {
    let passage = Passage { egress: &egress, rules: &rules, account: &account };
    let permit = passage.admit()?;
    let progress = rules.progress();
    let sending = pin!(passage.send(permit, head, body));
    let sent = egress.timers.timeout_at(progress.deadline(), sending).await;
    sent.unwrap_or_else(|| Err(progress.interrupt_at_deadline()))
}

/// The largest body that is checked on the worker of the call, in bytes: it takes a fraction of a
/// millisecond.
const MAX_INLINE_CHECK: usize = 128 * 1024;

/// The passage of one request through the gate.
struct Passage<'p> {
    egress: &'p Arc<Egress>,
    rules: &'p Arc<dyn Rules>,
    /// What the host holds for the guest.
    account: &'p Arc<Account>,
}

impl Passage<'_> {
    fn admit(&self) -> Result<RequestPermit, Error> {
        let admitted = self.rules.progress().admit().map_err(|denial| self.deny(&denial))?;
        admitted.ok_or(Error::ConnectionLimitReached)
    }

    async fn send(
        &self,
        permit: RequestPermit,
        head: RequestHead,
        body: RequestBody,
    ) -> Result<Response<WasiBody>, Error> {
        let (target, check) = self.check_head(&head).map_err(|denial| self.deny(&denial))?;
        let Target { origin, host } = target;
        let (body, _charge) = self.check_body(check, &head, body).await?;

        let progress = self.rules.progress();
        let limits = &self.egress.policy.limits;
        let mut request = Request::new(Outbound::new(body, progress.clone(), limits.request_bytes));
        *request.method_mut() = head.method;
        *request.headers_mut() = head.headers;
        direct(&mut request, head.path, host);
        if let Some(dry_run) = &self.egress.dry_run {
            return Err(Box::pin(self.divert(&**dry_run, &origin, request)).await);
        }

        let (response, connection) = self.exchange(&origin, request).await?;
        let limit = limits.response_bytes;
        // As the connection understood it: a length may be written in several ways.
        if response.body().size_hint().lower() > limit.as_u64() {
            progress.fail_at_limit(LimitKind::ResponseBytes, limit.to_string());
            return Err(Error::HttpResponseBodySize(Some(limit.as_u64())));
        }
        let charge = self.charge(header_bytes(response.headers()))?;
        let egress = self.egress.clone();
        Ok(response.map(|body| {
            ResponseBody::new(body, connection, origin, egress, permit, charge).boxed_unsync()
        }))
    }

    /// Charges memory that is held for the guest. If it does not fit, the call fails.
    fn charge(&self, bytes: u64) -> Result<Charge, Error> {
        self.account.charge(bytes).map_err(|exceeded| {
            self.rules.progress().fail_at_memory(exceeded);
            Error::InternalError(None)
        })
    }

    /// Applies every rule that needs no body: where the request goes, what it carries, and who
    /// signed it.
    fn check_head(&self, head: &RequestHead) -> Result<(Target, BodyCheck), Denial> {
        let target = self.egress.last_target.parse(head.scheme, &head.authority)?;
        let origin = &target.origin;
        self.rules.progress().set_destination(origin, None);
        let policy = &self.egress.policy;
        let (method, path) = (head.method.as_str(), head.path.path());
        policy.check_origin(origin)?;
        if !path.starts_with('/') || path.starts_with("//") {
            // `//host` is a host for those who read it as a reference (RFC 3986, section 4.2).
            let shown: String = path.chars().take(200).collect();
            let message = format!("{shown:?} is not a path");
            let remedy = "this is a defect of the plugin: report it to its publisher";
            return Err(Denial::new(Rule::Paths, shown, message, remedy).always_enforced());
        }
        let report = |denial: &Denial| self.rules.reported(denial);
        policy.enforce(policy.check_method(origin, method), report)?;
        policy.enforce(policy.check_path(origin, method, path), report)?;
        let check = self.rules.check_head(head)?;
        Ok((target, check))
    }

    /// Limits the body, and reads all of it only if a rule must see it. Also returns the charge for
    /// what was read.
    async fn check_body(
        &self,
        check: BodyCheck,
        head: &RequestHead,
        body: RequestBody,
    ) -> Result<(RequestBody, Option<Charge>), Error> {
        let progress = self.rules.progress();
        let limit = self.egress.policy.limits.request_bytes;
        if head.content_length().is_some_and(|length| length > limit.as_u64()) {
            return Err(too_large(progress, limit));
        }
        if check == BodyCheck::Skip {
            return Ok((body, None));
        }
        let mut charge = match &body {
            // Whoever handed it over in one piece has charged it.
            RequestBody::Whole(_) => None,
            RequestBody::Stream { .. } => Some(self.charge(0)?),
        };
        let whole = body.whole(progress, limit, charge.as_mut()).await?;
        let checked = if whole.len() <= MAX_INLINE_CHECK {
            self.rules.check_body(head, &whole)
        } else {
            // It takes milliseconds, in which a worker could serve others.
            let (rules, head, body) = (self.rules.clone(), head.clone(), whole.clone());
            // The charge stays with the body, also if nobody waits for the check any more. A body in one
            // piece carries its own.
            let kept = charge.take();
            let checking = tokio::task::spawn_blocking(move || {
                let result = rules.check_body(&head, &body);
                (result, kept)
            });
            let (result, kept) = checking.await.map_err(|_| Error::InternalError(None))?;
            charge = kept;
            result
        };
        checked.map_err(|denial| self.deny(&denial))?;
        Ok((RequestBody::Whole(Some(whole)), charge))
    }

    /// Gives a request to a dry run instead of sending it. Returns what the guest is told.
    async fn divert(
        &self,
        dry_run: &dyn DryRun,
        origin: &Arc<Origin>,
        request: Request<Outbound>,
    ) -> Error {
        if let HostName::Address(address) = origin.host()
            && let Err(denial) = self.egress.policy.check_addresses(origin, &[*address])
        {
            return self.deny(&denial);
        }
        let (head, body) = request.into_parts();
        match body.collect().await {
            Ok(body) => dry_run.checked(CheckedRequest {
                method: head.method,
                origin: origin.clone(),
                path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
                headers: head.headers,
                body: body.to_bytes(),
            }),
            Err(error) => return error,
        }
        Error::HttpRequestDenied
    }

    /// Sends over a pooled connection, or a new one. A pooled connection that turns out to be
    /// closed before anything was written is replaced. A request that was written is never sent
    /// again from here: that is for the guest to decide.
    async fn exchange(
        &self,
        origin: &Arc<Origin>,
        mut request: Request<Outbound>,
    ) -> Result<(Response<Incoming>, Connection), Error> {
        let progress = self.rules.progress();
        loop {
            let pooled = self.egress.pool.take(origin, self.egress.identity()).await;
            let (mut connection, is_pooled) = match pooled {
                Some(connection) => (connection, true),
                // Boxed, since it is rare and large: a future is as large as the largest future
                // that it awaits, and may be copied.
                None => (Box::pin(self.dial(origin)).await?, false),
            };
            if progress.is_over() {
                return Err(Error::HttpRequestDenied);
            }
            progress.set_destination(origin, Some(connection.address));
            progress.set_reached();
            progress.set_stage(Stage::Waiting);
            if matches!(request.body().body, RequestBody::Stream { .. }) {
                connection.detach();
            }
            let observed = connection.observed.clone();
            let sent = self.response_head(&observed, pin!(connection.send(request))).await;
            match sent {
                Ok(Ok(response)) => return Ok((response, connection)),
                Ok(Err(mut error)) => match error.take_message() {
                    Some(unsent) if is_pooled => {
                        progress.set_unreached();
                        request = unsent;
                    }
                    _ => return Err(self.send_error(&error.into_error(), origin, &connection)),
                },
                Err(cause) => return Err(progress.interrupt(origin, cause)),
            }
        }
    }

    /// Waits for the head of a response: as long as the request makes progress, and then for
    /// `limits.first-byte-timeout`.
    async fn response_head<T>(
        &self,
        observed: &Observed,
        mut sending: Pin<&mut impl Future<Output = T>>,
    ) -> Result<T, Cause> {
        let limit = self.egress.policy.limits.first_byte_timeout;
        let mut end = Instant::now() + limit;
        loop {
            if let Some(sent) = self.egress.timers.timeout_at(end, sending.as_mut()).await {
                return Ok(sent);
            }
            // The timer is not armed again for each write.
            let now_ends = observed.written() + limit;
            if now_ends <= Instant::now() {
                return Err(Cause::NoResponse(limit));
            }
            end = now_ends;
        }
    }

    /// Resolves the origin once, checks every address, and connects to one of them. Resolving and
    /// connecting share `limits.connect-timeout`.
    async fn dial(&self, origin: &Origin) -> Result<Connection, Error> {
        let (egress, progress) = (self.egress, self.rules.progress());
        let limits = &egress.policy.limits;
        let interrupted = |cause| progress.interrupt(origin, cause);
        let end = tokio::time::Instant::now() + limits.connect_timeout;
        progress.set_stage(Stage::Connecting);
        let resolving = timeout_at(end, egress.lookups.addresses(origin)).await;
        let resolved = resolving.unwrap_or(Err(Cause::ResolveTimeout(limits.connect_timeout)));
        let addresses = resolved.map_err(interrupted)?;
        egress.policy.check_addresses(origin, &addresses).map_err(|denial| self.deny(&denial))?;
        let tls = match origin.scheme() {
            Scheme::Http => None,
            // Its certificates and key were checked when the egress was built.
            Scheme::Https => Some(egress.tls.config().map_err(|_| Error::TlsCertificateError)?),
        };
        let identity = egress.identity();
        let on_handshake = &|| progress.set_stage(Stage::Handshake);
        let dialer = Dialer { dial: &*egress.dial, tls, limits, identity, on_handshake };
        dialer.connect(origin, &addresses, end).await.map_err(interrupted)
    }

    fn deny(&self, denial: &Denial) -> Error {
        self.rules.denied(denial);
        if matches!(denial.rule, Rule::Networks | Rule::Metadata) {
            Error::DestinationIpProhibited
        } else {
            Error::HttpRequestDenied
        }
    }

    /// Why a request failed that was given to a connection.
    fn send_error(&self, error: &hyper::Error, origin: &Origin, connection: &Connection) -> Error {
        let progress = self.rules.progress();
        let mut source = std::error::Error::source(error);
        let mut tls = None;
        while let Some(inner) = source {
            if let Some(Error::HttpRequestBodySize(limit)) = inner.downcast_ref::<Error>() {
                return Error::HttpRequestBodySize(*limit);
            }
            tls = tls.or_else(|| rustls_error(inner.downcast_ref()?));
            source = inner.source();
        }
        let limit = self.egress.policy.limits.response_bytes;
        if error.is_parse() && connection.states_more_than(limit.as_u64()) {
            progress.fail_at_limit(LimitKind::ResponseBytes, limit.to_string());
            return Error::HttpResponseBodySize(Some(limit.as_u64()));
        }
        if error.is_parse_too_large() {
            let limit = self.egress.policy.limits.header_bytes.to_string();
            progress.fail_at_limit(LimitKind::HeaderBytes, limit);
            return Error::HttpResponseHeaderSectionSize(None);
        }
        let in_plain = origin.scheme() == Scheme::Http;
        let has_identity = self.egress.tls.has_identity();
        let refused = tls.filter(|error| connection.asked && refuses_certificate(error));
        let cause = if let Some(alert) = refused {
            // In TLS 1.3 a server checks the client's certificate after the client has sent its
            // request. It does not read the request if it refuses the certificate. Any other alert
            // may come after the request was carried out.
            progress.set_unreached();
            Cause::Tls(TlsProblem::of(alert, has_identity))
        } else if in_plain && connection.observed.received_tls() {
            Cause::SpeaksTls
        } else if error.is_parse() {
            Cause::NotHttp
        } else {
            Cause::Closed(match connection.observed.received_nothing() {
                true if in_plain => Suspicion::Tls,
                // The alert is lost if the connection is reset before it is read.
                true if connection.asked && !has_identity => Suspicion::NoClientCertificate,
                true if connection.asked => Suspicion::ClientCertificate,
                _ => Suspicion::None,
            })
        };
        progress.interrupt(origin, cause)
    }
}

/// The memory that the headers of a response take, in bytes.
fn header_bytes(headers: &HeaderMap) -> u64 {
    let each = size_of::<HeaderName>() + size_of::<HeaderValue>();
    headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + each) as u64).sum()
}
