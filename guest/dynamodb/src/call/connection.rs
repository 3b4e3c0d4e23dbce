//! A connection: the checked settings of a datasource, and the calls made with them.

use super::date;
use super::error::{Error, TransportError};
use super::fields::{has_field, unprocessed_field, with_field};
use super::platform::{Platform, Request, SendError, SigningError, SigningMaterial};
use crate::catalogue::{Operation, operation, suggested};
use crate::endpoint::{Endpoint, Service};
use crate::hints::HintContext;
use crate::json::{push_string, text};
use crate::response::{Response, ServiceError, error_code};
use crate::retry::{CLOCK_ERRORS, CLOCK_TOLERANCE_MS, RETURN_WITHOUT_RETRY, Reason, delay_ms};
use crate::settings::{Options, Settings};
use crate::sigv4::{self, RequestPrefix, Scope, Signer, Timestamp};
use crate::transcode::{EncodeOptions, Format, decode, encode};
use alloc::borrow::Cow;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{OnceCell, RefCell};

/// A connection to a datasource: its settings and its current signing key.
pub struct Connection<P> {
    pub(super) platform: P,
    settings: Settings,
    data: Destination,
    search: Destination,
    /// The last signing key. All calls of its day use it until it expires.
    signer: RefCell<Option<Rc<DaySigner>>>,
}

impl<P: Platform> Connection<P> {
    /// Checks the settings. Sends nothing.
    ///
    /// # Errors
    /// Returns [`Error::InvalidSettings`] with all problems if the settings are invalid.
    pub fn open(settings: &str, platform: P) -> Result<Self, Error> {
        let settings = Settings::parse(settings).map_err(Error::InvalidSettings)?;
        let destination = |service| {
            Endpoint::from_settings(&settings, service)
                .map(Destination::new)
                .map_err(|diagnostic| Error::InvalidSettings([diagnostic].into()))
        };
        let (data, search) = (destination(Service::Data)?, destination(Service::Search)?);
        Ok(Self { platform, settings, data, search, signer: RefCell::new(None) })
    }

    /// Runs an action and returns the response as JSON.
    ///
    /// `options` is a JSON object; see [`Options::parse`]. Without it, the settings apply.
    ///
    /// # Errors
    /// Returns an error if the input is invalid, if the request cannot be sent or signed, or if the
    /// service responds with an error.
    pub fn execute(
        &self,
        action: &str,
        input: &str,
        options: Option<&str>,
    ) -> Result<String, Error> {
        let options = match options {
            Some(text) => Options::parse(text, &self.settings).map_err(Error::InvalidInput)?,
            None => self.settings.options(),
        };
        self.run(action, input, options)
    }

    /// Runs an action with parsed options.
    pub(super) fn run(&self, action: &str, input: &str, options: Options) -> Result<String, Error> {
        let operation = find_operation(action)?;
        let encode_options = EncodeOptions { format: options.format, strict: options.strict };
        let body = encode(input, operation.input, encode_options).map_err(Error::InvalidInput)?;
        let with_token = self.add_idempotency_token(operation, &body);
        let kind = if with_token.is_some() { Kind::ActionWithToken } else { Kind::Action };
        let body = with_token.map_or(body, Cow::Owned);
        let text = match (&operation.paging, unprocessed_field(operation.name)) {
            (Some(paging), _) if options.all_pages => {
                self.fetch_all_pages(operation, paging, &body, &options)?
            }
            (_, Some(unprocessed)) if options.resubmit => {
                self.resubmit_batch(operation, unprocessed, &body, &options)?
            }
            _ => {
                let progress = Progress { kind, ..Progress::default() };
                let response =
                    self.send_attempts(operation.name, body.as_bytes(), options.format, progress)?;
                if response.has_no_text() {
                    // `TagResource` and `UntagResource` respond with an empty body.
                    return Ok("{}".to_string());
                }
                response_text(response.body)?
            }
        };
        decode(text, operation.output, options.format).map_err(|error| {
            Error::Other(format!(
                "the service's response is not JSON: at byte {}, {}",
                error.offset, error.message
            ))
        })
    }

    /// Sends `body` unchanged, in one attempt, and returns the response unchanged.
    ///
    /// # Errors
    /// Returns an error if there is no response. An error of the service is a response.
    pub fn relay(&self, action: &str, body: &[u8]) -> Result<Response, Error> {
        let well_formed = (1..=64).contains(&action.len())
            && action.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !well_formed {
            return Err(Error::UnknownAction(
                "expected the name of an action: 1 to 64 letters and digits, such as GetItem"
                    .to_string(),
            ));
        }
        let mut progress = Progress { kind: Kind::Relay, ..Progress::default() };
        let response = self
            .send_once(action, body, &mut progress)?
            .map_err(|error| self.transport_error(error, &progress))?;
        // The caller decides about a retry, which is signed with the right time then.
        if !response.is_success() {
            self.correct_clock(&error_code(&response), &mut progress);
        }
        Ok(response)
    }

    /// Returns the options of a call that has none of its own.
    pub(super) fn options(&self) -> Options {
        self.settings.options()
    }

    /// Returns the region, if the endpoint is AWS.
    pub(super) fn region(&self) -> Option<&str> {
        let endpoint = &self.data.endpoint;
        endpoint.is_aws.then_some(endpoint.signing_region.as_str())
    }

    /// Sends a request, with retries, until the service responds with success or no retry is
    /// allowed.
    pub(super) fn send_with_retries(
        &self,
        action: &str,
        body: &[u8],
        format: Format,
    ) -> Result<Response, Error> {
        self.send_attempts(action, body, format, Progress::default())
    }

    fn send_attempts(
        &self,
        action: &str,
        body: &[u8],
        format: Format,
        mut progress: Progress,
    ) -> Result<Response, Error> {
        let mut last_cost = None;
        loop {
            let sent = self.send_once(action, body, &mut progress)?;
            let this_maybe_applied = maybe_applied(&sent);
            let (reason, requested_delay, error) = match sent {
                Ok(response) if response.is_success() => {
                    if !self.settings.verify_checksums || response.checksum_matches() {
                        self.platform.return_retry(last_cost.unwrap_or(RETURN_WITHOUT_RETRY));
                        return Ok(response);
                    }
                    let message =
                        "the response is corrupted: its CRC-32 does not match x-amz-crc32"
                            .to_string();
                    (
                        Some(Reason::Transient),
                        None,
                        Error::Transport(TransportError {
                            message,
                            maybe_applied: true,
                            attempts: progress.attempts,
                        }),
                    )
                }
                Ok(response) => {
                    let request = str::from_utf8(body).unwrap_or_default();
                    let region = self.region();
                    let context = HintContext {
                        action,
                        region,
                        request,
                        format,
                        token_is_generated: progress.kind == Kind::ActionWithToken,
                        maybe_applied: progress.maybe_applied,
                    };
                    let error = ServiceError::from_response(&response, &context, progress.attempts);
                    let reason = Reason::from_service_error(error.http_status, &error.code)
                        .or_else(|| self.correct_clock(&error.code, &mut progress));
                    (
                        reason,
                        response.header("x-amz-retry-after").and_then(|ms| ms.trim().parse().ok()),
                        Error::Service(error.into()),
                    )
                }
                Err(error) => {
                    let reason =
                        matches!(error, SendError::Failed { .. }).then_some(Reason::Transient);
                    (reason, None, self.transport_error(error, &progress))
                }
            };
            let Some(reason) = reason else { return Err(error) };
            if progress.attempts >= self.settings.max_attempts {
                return Err(error);
            }
            let delay =
                delay_ms(reason, progress.attempts - 1, self.platform.random(), requested_delay);
            // Do not start a retry that the deadline would interrupt: this error tells the caller
            // more than a timeout would.
            if delay.saturating_mul(1_000_000) >= self.platform.now().remaining_ns
                || !self.platform.take_retry(reason.cost())
            {
                return Err(error);
            }
            progress.maybe_applied |= this_maybe_applied;
            last_cost = Some(reason.cost());
            if delay > 0 {
                self.platform.sleep_ms(delay);
            }
        }
    }

    /// Signs and sends one request. The outer error ends the call. The inner error may be retried.
    fn send_once(
        &self,
        action: &str,
        body: &[u8],
        progress: &mut Progress,
    ) -> Result<Result<Response, SendError>, Error> {
        let now = self.platform.now();
        if now.remaining_ns == 0 {
            let message = "the deadline of the call has passed".to_string();
            return Err(Error::Timeout(TransportError {
                message,
                maybe_applied: progress.reached,
                attempts: progress.attempts,
            }));
        }
        let began = now.unix_ms;
        let seconds = (began + now.clock_offset_ms).div_euclid(1000);
        let timestamp = Timestamp::from_unix(seconds);
        let day = self.signer_for(&timestamp, began.div_euclid(1000))?;
        let destination = if action == "SearchVectors" { &self.search } else { &self.data };
        let endpoint = &destination.endpoint;
        let target = ["DynamoDB_20120810.", action].concat();
        let length = body.len().to_string();
        let mut headers: Vec<(&str, &str)> = Vec::with_capacity(8);
        headers.push(("x-amz-date", &timestamp.date_time));
        if let Some(token) = &day.session_token {
            headers.push(("x-amz-security-token", token));
        }
        headers.push(("x-amz-target", &target));
        let payload_hash = self.payload_hash(body);
        let signed =
            sigv4::Request { prefix: destination.prefix(), headers: &headers, payload_hash };
        let authorization = day.signer.authorization(&signed, &timestamp.date_time);
        // `host` is signed too, but the host of the sandbox adds it, from the authority.
        headers.push(CONTENT_TYPE);
        headers.push(("authorization", &authorization));
        headers.push(("content-length", &length));

        progress.attempts += 1;
        let all_headers = progress.kind == Kind::Relay;
        let request = Request {
            https: endpoint.https,
            authority: &endpoint.authority,
            headers: &headers,
            body,
            all_headers,
        };
        let sent = self.platform.send(&request);
        match &sent {
            Ok(response) => {
                progress.reached = true;
                // A success shows that the clock is accurate enough.
                if !response.is_success() {
                    let round_trip_ms = (self.platform.now().unix_ms - began).max(0);
                    progress.clock_offset_ms = service_clock_offset(response, began, round_trip_ms);
                }
            }
            Err(SendError::Failed { reached, .. }) => progress.reached |= reached,
            Err(SendError::TooLarge(_)) => progress.reached = true,
            Err(SendError::Refused(_) | SendError::NoneLeft | SendError::Impossible(_)) => {}
        }
        Ok(sent)
    }

    fn payload_hash(&self, body: &[u8]) -> [u8; 32] {
        if body.len() < HASHED_BY_HOST {
            sigv4::payload_hash(body)
        } else {
            self.platform.payload_hash(body)
        }
    }

    /// If clock skew caused the error, corrects the datasource's clock, once per call, and returns
    /// the reason to retry.
    fn correct_clock(&self, code: &str, progress: &mut Progress) -> Option<Reason> {
        if !self.settings.correct_clock || progress.clock_corrected || !CLOCK_ERRORS.contains(&code)
        {
            return None;
        }
        let measured = progress.clock_offset_ms?;
        if (measured - self.platform.now().clock_offset_ms).abs() <= CLOCK_TOLERANCE_MS {
            return None;
        }
        self.platform.report_clock(measured);
        progress.clock_corrected = true;
        Some(Reason::Transient)
    }

    /// Returns the signer of the day. The region and the service never change. `now` is the time of the
    /// host, which says until when its key may be used, and the timestamp is that of the service.
    fn signer_for(&self, timestamp: &Timestamp, now: i64) -> Result<Rc<DaySigner>, Error> {
        if let Some(known) = &*self.signer.borrow()
            && known.date == timestamp.date
            && (now.max(0) as u64) < known.expires
        {
            return Ok(known.clone());
        }
        let scope = Scope {
            date: timestamp.date.clone(),
            region: self.data.endpoint.signing_region.clone(),
            service: "dynamodb".to_string(),
        };
        let material = self.platform.derive_key(&scope).map_err(|error| match error {
            SigningError::Refused(message) => Error::Refused(message),
            SigningError::Unavailable(message) => Error::Credentials(message),
        })?;
        let SigningMaterial { access_key_id, session_token, key, expires } = material;
        let signer = Signer::new(&scope, &access_key_id, &key);
        let day = Rc::new(DaySigner { date: scope.date, signer, session_token, expires });
        *self.signer.borrow_mut() = Some(day.clone());
        Ok(day)
    }

    fn transport_error(&self, error: SendError, progress: &Progress) -> Error {
        let transport_error = |message| TransportError {
            message,
            maybe_applied: progress.reached,
            attempts: progress.attempts,
        };
        match error {
            SendError::Refused(message) => Error::Refused(message),
            SendError::NoneLeft => Error::NoRequestsLeft,
            SendError::Impossible(message) => Error::Other(message),
            SendError::Failed { .. } if self.platform.now().remaining_ns == 0 => Error::Timeout(
                transport_error("the deadline passed before the response was complete".to_string()),
            ),
            SendError::Failed { message, .. } | SendError::TooLarge(message) => {
                Error::Transport(transport_error(message))
            }
        }
    }

    /// Returns the body with an idempotency token, so that the service treats all attempts of a call
    /// as one. Returns `None` if the caller has set one, or if none is needed.
    fn add_idempotency_token(&self, operation: &Operation, body: &str) -> Option<String> {
        let name = operation.token.filter(|_| self.settings.idempotency_tokens)?;
        if has_field(body, name) {
            return None;
        }
        let mut token = String::new();
        push_string(&mut token, &uuid(self.platform.random(), self.platform.random()));
        // `encode` has checked that the body is an object, so this succeeds.
        with_field(body, name, &token).ok()
    }
}

/// The body of a response as a text.
pub(super) fn response_text(body: Vec<u8>) -> Result<String, Error> {
    text(body).ok_or_else(|| Error::Other("the service's response is not UTF-8".to_string()))
}

/// The signing material of one day.
struct DaySigner {
    date: String,
    signer: Signer,
    session_token: Option<String>,
    expires: u64,
}

/// An endpoint, and the hashed prefix of all canonical requests to it.
struct Destination {
    endpoint: Endpoint,
    /// None before the first request.
    prefix: OnceCell<RequestPrefix>,
}

impl Destination {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, prefix: OnceCell::new() }
    }

    fn prefix(&self) -> &RequestPrefix {
        self.prefix.get_or_init(|| {
            let host = ("host", self.endpoint.authority.as_str());
            RequestPrefix::new("POST", "/", "", &[CONTENT_TYPE, host])
        })
    }
}

/// The smallest body that the host hashes, in bytes. A call to the host takes about as long as hashing
/// 300 bytes here; at 512, the host was faster on average (docs/performance.md).
const HASHED_BY_HOST: usize = 512;

const CONTENT_TYPE: (&str, &str) = ("content-type", "application/x-amz-json-1.0");

/// What a call sends.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// The request of an action.
    #[default]
    Action,
    /// The same, with an idempotency token that the plugin generated.
    ActionWithToken,
    /// What the caller wrote. The caller needs all headers of the response.
    Relay,
}

/// The state of a call over all its attempts.
#[derive(Default)]
struct Progress {
    kind: Kind,
    attempts: u32,
    /// Whether any request may have reached the service.
    reached: bool,
    /// Whether an attempt before the current one may have been applied: its response was lost or
    /// corrupted, or says that the service failed. All other errors mean that nothing was applied.
    maybe_applied: bool,
    /// The service's time minus ours, according to the last response.
    clock_offset_ms: Option<i64>,
    clock_corrected: bool,
}

/// Returns whether the service may have carried out an attempt that ended in this way. A success
/// counts too: it is tried again only if its response is corrupted.
fn maybe_applied(sent: &Result<Response, SendError>) -> bool {
    match sent {
        Ok(response) => response.is_success() || response.status >= 500,
        Err(SendError::Failed { reached, .. }) => *reached,
        Err(SendError::TooLarge(_)) => true,
        Err(SendError::Refused(_) | SendError::NoneLeft | SendError::Impossible(_)) => false,
    }
}

/// Returns the operation called `action`, or an error that suggests the closest name.
fn find_operation(action: &str) -> Result<&'static Operation, Error> {
    operation(action).ok_or_else(|| {
        let shown: String = action.chars().take(70).collect();
        let rest = suggested(action).map_or("`actions` lists all of them".to_string(), |guess| {
            format!("did you mean {guess}?")
        });
        Error::UnknownAction(format!("DynamoDB has no action {shown:?}; {rest}"))
    })
}

/// Returns the service's time minus ours, according to the `date` header.
///
/// Our time is taken in the middle of the round trip. Returns `None` for a response from a cache
/// (it has the header `age`), and for one that took longer than the 15 minutes for which a
/// signature is valid.
fn service_clock_offset(response: &Response, began_ms: i64, round_trip_ms: i64) -> Option<i64> {
    if response.header("age").is_some() || round_trip_ms > 15 * 60 * 1000 {
        return None;
    }
    Some(date::parse(response.header("date")?)? - (began_ms + round_trip_ms / 2))
}

/// Returns a random UUID (RFC 9562, section 5.4).
fn uuid(high: u64, low: u64) -> String {
    let high = high & !0xf000 | 0x4000;
    let low = low & !(0b11 << 62) | 1 << 63;
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
