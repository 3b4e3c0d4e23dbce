//! The progress of one call: its deadline, its counters, and the first reason to end it.

use crate::interruption::{Cause, Interruption, Stage};
use bytesize::ByteSize;
use parking_lot::Mutex;
use portcullis_memory::Exceeded;
use portcullis_policy::{Denial, Limit, LimitKind, Limits, Origin, Rule};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wasmtime_wasi_http::Error;

/// The progress of one call of a guest. The gate counts in it and stores failures in it, where no
/// guest can reach them.
#[derive(Debug)]
pub struct Progress {
    /// The name of the call, for messages: the export that runs.
    name: &'static str,
    started: Instant,
    deadline: Instant,
    max_requests: u32,
    max_in_flight: u32,
    requests: AtomicU32,
    in_flight: AtomicU32,
    /// Requests that may have reached the service.
    reached: AtomicU32,
    over: AtomicBool,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    destination: Mutex<Option<Destination>>,
    /// What the last request waits for, and why it got no complete response.
    stage: Mutex<Option<Stage>>,
    interruption: Mutex<Option<Interruption>>,
    first_failure: Mutex<Option<Failure>>,
    soft_failure: Mutex<Option<Failure>>,
}

/// Where the last request of a call went, or would have gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destination {
    /// The origin.
    pub origin: Arc<Origin>,
    /// The address of the connection; none before there is one.
    pub address: Option<IpAddr>,
}

/// Why the gate ends a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The policy denied a request.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// The call reached a limit of the policy.
    #[error(transparent)]
    Limit(#[from] Limit),
}

impl Progress {
    /// Starts a call that may send requests until `deadline`, `limits.requests` in all and
    /// `max_in_flight` at a time. `name` names the call in messages.
    #[must_use]
    pub fn new(name: &'static str, limits: &Limits, deadline: Instant, max_in_flight: u32) -> Self {
        Self {
            name,
            started: Instant::now(),
            deadline,
            max_requests: limits.requests,
            max_in_flight,
            requests: AtomicU32::new(0),
            in_flight: AtomicU32::new(0),
            reached: AtomicU32::new(0),
            over: AtomicBool::new(false),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            destination: Mutex::default(),
            stage: Mutex::default(),
            interruption: Mutex::default(),
            first_failure: Mutex::default(),
            soft_failure: Mutex::default(),
        }
    }

    /// The name of the call.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// When the call ends at the latest.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time until the deadline; zero after it.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The time since the call started.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Admits the next request. Returns `None` if the call has sent all requests that its limit
    /// allows: the guest may still return the results that it has.
    ///
    /// # Errors
    /// Returns a denial if the call is over or has failed, or if as many requests as allowed are
    /// in flight.
    pub fn admit(self: &Arc<Self>) -> Result<Option<RequestPermit>, Denial> {
        let deny = |message: String, remedy: &str| {
            Err(Denial::new(Rule::Requests, self.name, message, remedy))
        };
        if self.is_over() {
            return deny("the plugin sent a request after its call had ended".to_string(), DEFECT);
        }
        if self.first_failure.lock().is_some() {
            return deny(
                "the plugin sent a request after its call was denied or had reached a limit"
                    .to_string(),
                "fix the first denial of this call",
            );
        }
        if self.requests() >= self.max_requests {
            self.fail_softly(self.limit(LimitKind::Requests, self.max_requests.to_string()));
            return Ok(None);
        }
        if self.in_flight.fetch_add(1, Ordering::AcqRel) >= self.max_in_flight {
            self.in_flight.fetch_sub(1, Ordering::AcqRel);
            let message = match self.max_in_flight {
                1 => "the plugin sent a second request while one was in flight".to_string(),
                max => format!("the guest sent a request while {max} were in flight"),
            };
            return deny(message, DEFECT);
        }
        let permit = RequestPermit(self.clone());
        // Others may have been admitted since they were counted above.
        let next = |sent: u32| (sent < self.max_requests).then_some(sent + 1);
        if self.requests.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).is_err() {
            self.fail_softly(self.limit(LimitKind::Requests, self.max_requests.to_string()));
            return Ok(None);
        }
        *self.stage.lock() = None;
        *self.interruption.lock() = None;
        Ok(Some(permit))
    }

    /// The number of requests that were admitted.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.requests.load(Ordering::Acquire)
    }

    /// Whether a request may have reached the service.
    #[must_use]
    pub fn reached(&self) -> bool {
        self.reached.load(Ordering::Acquire) > 0
    }

    /// The bytes of request bodies that were sent.
    #[must_use]
    pub fn bytes_sent(&self) -> u64 {
        self.bytes_sent.load(Ordering::Relaxed)
    }

    /// The bytes of response bodies that were received.
    #[must_use]
    pub fn bytes_received(&self) -> u64 {
        self.bytes_received.load(Ordering::Relaxed)
    }

    /// Where the last request went, or would have gone.
    #[must_use]
    pub fn destination(&self) -> Option<Destination> {
        self.destination.lock().clone()
    }

    /// Why the last request got no complete response, if it got none.
    #[must_use]
    pub fn interruption(&self) -> Option<Interruption> {
        self.interruption.lock().clone()
    }

    /// Ends the call. Nothing more is sent.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Whether the call has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Stores why the call fails. Only the first failure counts: later ones may follow from it.
    pub fn fail(&self, failure: impl Into<Failure>) {
        self.first_failure.lock().get_or_insert(failure.into());
    }

    /// Stores a failure that the guest may work around. It counts only if the guest returns no
    /// result.
    pub fn fail_softly(&self, failure: impl Into<Failure>) {
        self.soft_failure.lock().get_or_insert(failure.into());
    }

    /// Fails the call because it reached a limit with the value `bound`.
    pub fn fail_at_limit(&self, which: LimitKind, bound: String) {
        self.fail(self.limit(which, bound));
    }

    /// Fails the call because memory that is held for it does not fit.
    pub fn fail_at_memory(&self, exceeded: Exceeded) {
        let (which, limit) = match exceeded {
            Exceeded::Account { limit } => (LimitKind::HostMemory, limit),
            Exceeded::Process { limit } => (LimitKind::ProcessMemory, limit),
        };
        self.fail_at_limit(which, ByteSize::b(limit).to_string());
    }

    /// Whether the call has failed already.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.first_failure.lock().is_some()
    }

    /// Takes the first failure. It overrides whatever the guest returns.
    #[must_use]
    pub fn take_failure(&self) -> Option<Failure> {
        self.first_failure.lock().take()
    }

    /// Takes the first failure that the guest could work around.
    #[must_use]
    pub fn take_soft_failure(&self) -> Option<Failure> {
        self.soft_failure.lock().take()
    }

    /// A limit that this call has reached.
    #[must_use]
    pub fn limit(&self, which: LimitKind, bound: impl Into<String>) -> Limit {
        Limit::new(which, bound, self.reached())
    }

    pub(crate) fn set_reached(&self) {
        self.reached.fetch_add(1, Ordering::AcqRel);
    }

    /// A request that was written cannot have reached the service after all.
    pub(crate) fn set_unreached(&self) {
        self.reached.fetch_sub(1, Ordering::AcqRel);
    }

    pub(crate) fn set_stage(&self, stage: Stage) {
        *self.stage.lock() = Some(stage);
    }

    /// Stores why a request got no complete response, and returns the code for the guest.
    pub(crate) fn interrupt(&self, origin: &Origin, cause: Cause) -> Error {
        let interruption = Interruption::new(origin, cause);
        let code = interruption.code();
        *self.interruption.lock() = Some(interruption);
        code
    }

    /// The deadline interrupts the last request.
    pub(crate) fn interrupt_at_deadline(&self) -> Error {
        let (stage, destination) = (*self.stage.lock(), self.destination());
        if let (Some(stage), Some(destination)) = (stage, destination) {
            self.interrupt(&destination.origin, Cause::Deadline(stage));
        }
        Error::HttpResponseTimeout
    }

    pub(crate) fn set_destination(&self, origin: &Arc<Origin>, address: Option<IpAddr>) {
        *self.destination.lock() = Some(Destination { origin: origin.clone(), address });
    }

    pub(crate) fn count_sent(&self, bytes: u64) {
        self.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn count_received(&self, bytes: u64) {
        self.bytes_received.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// One request in flight. Dropped when its response is complete, or nobody waits for it any more.
#[derive(Debug)]
pub struct RequestPermit(Arc<Progress>);

impl RequestPermit {
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.0
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Release);
    }
}

const DEFECT: &str = "this is a defect of the plugin: report it to its publisher";

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(max_requests: u32) -> Arc<Progress> {
        let limits = Limits::default().with_requests(max_requests);
        Arc::new(Progress::new("execute", &limits, Instant::now() + Duration::from_secs(1), 1))
    }

    #[test]
    fn one_request_is_in_flight_at_a_time() {
        let progress = progress(10);
        let first = progress.admit().unwrap().unwrap();
        assert_eq!(progress.admit().unwrap_err().rule, Rule::Requests);
        drop(first);
        assert!(progress.admit().unwrap().is_some());
    }

    #[test]
    fn requests_are_counted_and_end_with_the_call() {
        let counted = progress(1);
        drop(counted.admit().unwrap().unwrap());
        assert!(counted.admit().unwrap().is_none());
        assert!(counted.take_failure().is_none());
        let soft = counted.take_soft_failure();
        assert!(matches!(soft, Some(Failure::Limit(limit)) if limit.which == LimitKind::Requests));
        let ended = progress(10);
        ended.end();
        assert!(ended.admit().is_err());
    }

    #[test]
    fn only_the_first_failure_counts() {
        let progress = progress(1);
        progress.fail(Denial::new(Rule::Egress, "a", "first", ""));
        progress.fail(Denial::new(Rule::Tables, "b", "second", ""));
        progress.fail_at_limit(LimitKind::Memory, "1".to_string());
        let first = progress.take_failure();
        assert!(matches!(first, Some(Failure::Denied(denial)) if denial.message == "first"));
    }
}
