//! A connection: settings that were checked, and the calls made with them.

use super::pages::{left_member, with_member};
use super::{
    Error, Interruption, Platform, Request, SendError, SigningError, SigningMaterial, date,
};
use crate::answer::{Answer, ServiceError};
use crate::catalogue::{OPERATIONS, Operation, operation};
use crate::endpoint::{Endpoint, Service};
use crate::hints::Asked;
use crate::json::{Kind, Scanner, push_string, unescape};
use crate::nearest::nearest;
use crate::retry::{CLOCK_ERRORS, CLOCK_TOLERANCE_MS, RETURN_WITHOUT_RETRY, Reason, delay_ms};
use crate::settings::{Options, Settings};
use crate::sigv4::{Beginning, Scope, Signer, Timestamp};
use crate::transcode::{Format, Rules, decode, encode};
use alloc::borrow::Cow;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::RefCell;

/// A datasource as the plugin sees it.
pub struct Connection<P> {
    pub(super) platform: P,
    settings: Settings,
    data: Destination,
    search: Destination,
    /// The last signing key. It serves all calls of its day until it expires.
    key: RefCell<Option<Rc<Signing>>>,
}

impl<P: Platform> Connection<P> {
    /// Checks settings; sends nothing.
    ///
    /// # Errors
    /// [`Error::InvalidSettings`] with every fault.
    pub fn open(settings: &str, platform: P) -> Result<Self, Error> {
        let settings = Settings::parse(settings).map_err(Error::InvalidSettings)?;
        let destination = |service| {
            Endpoint::of(&settings, service)
                .map(Destination::new)
                .map_err(|fault| Error::InvalidSettings([fault].into()))
        };
        let (data, search) = (destination(Service::Data)?, destination(Service::Search)?);
        Ok(Self { platform, settings, data, search, key: RefCell::new(None) })
    }

    /// Runs an action and returns the answer's JSON. `options` is JSON too; none for the settings' own.
    ///
    /// # Errors
    /// Whatever [`Error`] names.
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

    /// Runs an action with options that were read.
    pub(super) fn run(&self, action: &str, input: &str, options: Options) -> Result<String, Error> {
        let operation = known(action)?;
        let rules = Rules { format: options.format, strict: options.strict };
        let body = encode(input, operation.input, rules).map_err(Error::InvalidInput)?;
        let body = self.with_token(operation, body);
        let text = match (&operation.paging, left_member(operation.name)) {
            (Some(paging), _) if options.all_pages => {
                self.all_pages(operation, paging, &body, &options)?
            }
            (_, Some(left)) if options.resubmit => {
                self.whole_batch(operation, left, &body, &options)?
            }
            _ => {
                let answer = self.exchange(operation.name, body.as_bytes(), options.format)?;
                if answer.body.is_empty() {
                    // TagResource and UntagResource answer with nothing at all.
                    return Ok("{}".to_string());
                }
                String::from_utf8(answer.body)
                    .map_err(|_| Error::Other("the service's answer is not UTF-8".to_string()))?
            }
        };
        decode(text, operation.output, options.format).map_err(|malformed| {
            Error::Other(format!(
                "the service's answer is not JSON: at byte {}, {}",
                malformed.at, malformed.message
            ))
        })
    }

    /// Sends `body` as it is and returns the answer as it is, in one attempt.
    ///
    /// # Errors
    /// There is no answer.
    pub fn relay(&self, action: &str, body: &[u8]) -> Result<Answer, Error> {
        let well_formed = (1..=64).contains(&action.len())
            && action.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !well_formed {
            return Err(Error::UnknownAction(
                "the name of an action is 1 to 64 letters and digits".to_string(),
            ));
        }
        let mut progress = Progress { wants_headers: true, ..Progress::default() };
        let answer = self.attempt(action, body, &mut progress)?;
        answer.map_err(|error| self.interruption(error, &progress))
    }

    /// The options of a call that gives none.
    pub(super) fn options(&self) -> Options {
        self.settings.options()
    }

    /// The region that signs.
    pub(super) fn region(&self) -> &str {
        &self.data.endpoint.signing_region
    }

    /// Sends until the service answers with success or the rules say to stop.
    pub(super) fn exchange(
        &self,
        action: &str,
        body: &[u8],
        format: Format,
    ) -> Result<Answer, Error> {
        let mut progress = Progress::default();
        let mut last_cost = None;
        loop {
            let sent = self.attempt(action, body, &mut progress)?;
            let (reason, asked_delay, error) = match sent {
                Ok(answer) if answer.is_success() => {
                    if !self.settings.verify_checksums || answer.is_whole() {
                        self.platform.return_retry(last_cost.unwrap_or(RETURN_WITHOUT_RETRY));
                        return Ok(answer);
                    }
                    let message = "the answer is damaged: its CRC-32 is not the one in x-amz-crc32"
                        .to_string();
                    (
                        Some(Reason::Transient),
                        None,
                        Error::Transport(Interruption {
                            message,
                            maybe_applied: true,
                            attempts: progress.attempts,
                        }),
                    )
                }
                Ok(answer) => {
                    let asked = Asked { action, region: &self.data.endpoint.signing_region };
                    let error = ServiceError::read(&answer, &asked, format, progress.attempts);
                    let reason = Reason::of_service(error.http_status, &error.code)
                        .or_else(|| self.clock_was_off(&error.code, &mut progress));
                    (
                        reason,
                        answer.header("x-amz-retry-after").and_then(|ms| ms.trim().parse().ok()),
                        Error::Service(error.into()),
                    )
                }
                Err(error) => {
                    let reason =
                        matches!(error, SendError::Failed { .. }).then_some(Reason::Transient);
                    (reason, None, self.interruption(error, &progress))
                }
            };
            let Some(reason) = reason else { return Err(error) };
            if progress.attempts >= self.settings.max_attempts {
                return Err(error);
            }
            let delay =
                delay_ms(reason, progress.attempts - 1, self.platform.random(), asked_delay);
            // No retry that the deadline would end: the caller learns more from this error than from a timeout.
            if delay.saturating_mul(1_000_000) >= self.platform.now().remaining_ns
                || !self.platform.take_retry(reason.cost())
            {
                return Err(error);
            }
            last_cost = Some(reason.cost());
            if delay > 0 {
                self.platform.sleep_ms(delay);
            }
        }
    }

    /// One request, freshly signed. The outer error ends the call; the inner one may be tried again.
    fn attempt(
        &self,
        action: &str,
        body: &[u8],
        progress: &mut Progress,
    ) -> Result<Result<Answer, SendError>, Error> {
        let now = self.platform.now();
        if now.remaining_ns == 0 {
            let message = "the deadline of the call has passed".to_string();
            return Err(Error::Timeout(Interruption {
                message,
                maybe_applied: progress.reached,
                attempts: progress.attempts,
            }));
        }
        let began = now.unix_ms;
        let seconds = (began + now.clock_offset_ms).div_euclid(1000);
        let timestamp = Timestamp::from_unix(seconds);
        let signing = self.signing(&timestamp, seconds)?;
        let Destination { endpoint, beginning } =
            if action == "SearchVectors" { &self.search } else { &self.data };
        let target = ["DynamoDB_20120810.", action].concat();
        let length = body.len().to_string();
        let mut headers: Vec<(&str, &str)> = Vec::with_capacity(8);
        headers.push(("x-amz-date", &timestamp.date_time));
        if let Some(token) = &signing.session_token {
            headers.push(("x-amz-security-token", token));
        }
        headers.push(("x-amz-target", &target));
        let signed = crate::sigv4::Request { beginning, headers: &headers, body };
        let authorization = signing.signer.authorization(&signed, &timestamp.date_time);
        // Of what is signed first, the host writes `host` itself, from the authority.
        headers.push(CONTENT_TYPE);
        headers.push(("authorization", &authorization));
        headers.push(("content-length", &length));

        progress.attempts += 1;
        let wants_headers = progress.wants_headers;
        let request = Request {
            https: endpoint.https,
            authority: &endpoint.authority,
            headers: &headers,
            body,
            wants_headers,
        };
        let sent = self.platform.send(&request);
        match &sent {
            Ok(answer) => {
                progress.reached = true;
                // A success shows that the clock is right enough.
                if !answer.is_success() {
                    let round_trip_ms = (self.platform.now().unix_ms - began).max(0);
                    progress.clock_offset_ms = service_clock_offset(answer, began, round_trip_ms);
                }
            }
            Err(SendError::Failed { reached, .. }) => progress.reached |= reached,
            Err(SendError::TooLarge(_)) => progress.reached = true,
            Err(SendError::Refused(_) | SendError::Impossible(_)) => {}
        }
        Ok(sent)
    }

    /// Whether an error comes of a wrong clock; then the datasource's clock is put right, once a call.
    fn clock_was_off(&self, code: &str, progress: &mut Progress) -> Option<Reason> {
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

    /// The key of a day; region and service are always the same.
    fn signing(&self, timestamp: &Timestamp, now: i64) -> Result<Rc<Signing>, Error> {
        if let Some(known) = &*self.key.borrow()
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
        let signing = Rc::new(Signing { date: scope.date, signer, session_token, expires });
        *self.key.borrow_mut() = Some(signing.clone());
        Ok(signing)
    }

    fn interruption(&self, error: SendError, progress: &Progress) -> Error {
        let interruption = |message| Interruption {
            message,
            maybe_applied: progress.reached,
            attempts: progress.attempts,
        };
        match error {
            SendError::Refused(message) => Error::Refused(message),
            SendError::Impossible(message) => Error::Other(message),
            SendError::Failed { .. } if self.platform.now().remaining_ns == 0 => Error::Timeout(
                interruption("the deadline came before the service's answer was whole".to_string()),
            ),
            SendError::Failed { message, .. } | SendError::TooLarge(message) => {
                Error::Transport(interruption(message))
            }
        }
    }

    /// Adds an idempotency token, so that all attempts of a call count as one.
    fn with_token<'b>(&self, operation: &Operation, body: Cow<'b, str>) -> Cow<'b, str> {
        let Some(name) = operation.token.filter(|_| self.settings.idempotency_tokens) else {
            return body;
        };
        if has_member(&body, name) {
            return body;
        }
        let mut token = String::new();
        push_string(&mut token, &uuid(self.platform.random(), self.platform.random()));
        // The body was read as an object before, so this gives one.
        with_member(&body, name, &token).map_or(body, Cow::Owned)
    }
}

/// What requests of a day are signed with.
struct Signing {
    date: String,
    signer: Signer,
    session_token: Option<String>,
    expires: u64,
}

/// Where requests go, and how all of them begin when they are signed.
struct Destination {
    endpoint: Endpoint,
    beginning: Beginning,
}

impl Destination {
    fn new(endpoint: Endpoint) -> Self {
        let beginning =
            Beginning::new("POST", "/", "", &[CONTENT_TYPE, ("host", &endpoint.authority)]);
        Self { endpoint, beginning }
    }
}

const CONTENT_TYPE: (&str, &str) = ("content-type", "application/x-amz-json-1.0");

/// What a call has done so far.
#[derive(Default)]
struct Progress {
    /// Whether the caller gets the headers of the answer.
    wants_headers: bool,
    attempts: u32,
    /// Whether any request may have reached the service.
    reached: bool,
    /// The service's time less ours, as the last answer told it.
    clock_offset_ms: Option<i64>,
    clock_corrected: bool,
}

fn known(action: &str) -> Result<&'static Operation, Error> {
    operation(action).ok_or_else(|| {
        let shown: String = action.chars().take(70).collect();
        let guess = nearest(action, OPERATIONS.iter().map(|operation| operation.name));
        let rest = guess
            .map_or("`actions` lists all".to_string(), |guess| format!("did you mean {guess}?"));
        Error::UnknownAction(format!("DynamoDB has no action {shown:?}; {rest}"))
    })
}

/// The service's time less ours, by its `date` header: taken in the middle of the round trip. An answer from a
/// cache (`age`), or one that took longer than a signature lives, says nothing.
fn service_clock_offset(answer: &Answer, began_ms: i64, round_trip_ms: i64) -> Option<i64> {
    if answer.header("age").is_some() || round_trip_ms > 15 * 60 * 1000 {
        return None;
    }
    Some(date::parse(answer.header("date")?)? - (began_ms + round_trip_ms / 2))
}

/// Whether a JSON object has a member called `name`; null stands for none.
fn has_member(object: &str, name: &str) -> bool {
    let search = || {
        let mut scanner = Scanner::new(object);
        scanner.space();
        let mut more = scanner.first(b'}')?;
        while more {
            let span = scanner.name()?;
            if unescape(scanner.slice(span.start + 1..span.end - 1)) == name {
                return Ok(scanner.kind()? != Kind::Null);
            }
            scanner.skip()?;
            more = scanner.next(b'}')?;
        }
        Ok::<bool, crate::json::Malformed>(false)
    };
    search().unwrap_or(true)
}

/// A random UUID (RFC 9562, section 5.4).
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
