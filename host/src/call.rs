//! One running call: what it may send, how long it has, and what the gate noted of it.

use crate::audit::{self, Decision, Event, Record, Usage};
use crate::datasource::state::Shared;
use crate::error::{Error, Limit, LimitKind};
use portcullis_policy::{ActionName, Denial, Limits, Origin, Rule};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A running call. The gate decides by it and notes its refusals in it, so that no guest can talk them away.
pub(crate) struct Call {
    shared: Arc<Shared>,
    number: u64,
    started: Instant,
    /// The running export.
    pub(crate) export: &'static str,
    /// The action that the caller named.
    action: Option<ActionName>,
    /// The caller's own id for what it is doing.
    pub(crate) request: Option<Arc<str>>,
    /// The operations that it may send.
    pub(crate) operations: Vec<ActionName>,
    /// When it is over.
    pub(crate) deadline: Instant,
    requests: AtomicU32,
    in_flight: AtomicBool,
    /// Whether a request may have reached the service.
    reached: AtomicBool,
    over: AtomicBool,
    bytes_sent: AtomicU64,
    bytes_received: AtomicU64,
    /// Refusals that were written down, and those that were only counted.
    refusals: AtomicU32,
    /// Where the last request went.
    place: Mutex<Option<(Arc<Origin>, Option<IpAddr>)>>,
    /// What the gate or a limiter noted first. What follows from it does not count.
    ending: Mutex<Option<Error>>,
    /// What the plugin may make the best of: it counts only where the plugin has no result.
    shortfall: Mutex<Option<Error>>,
}

/// Refusals of one call that are written down each by itself: more than an honest plugin can meet.
const MOST_REFUSALS: u32 = 32;

impl Call {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        export: &'static str,
        action: Option<ActionName>,
        deadline: Instant,
    ) -> Self {
        Self {
            shared: shared.clone(),
            number: audit::next_call(),
            started: Instant::now(),
            export,
            action,
            request: None,
            operations: Vec::new(),
            deadline,
            requests: AtomicU32::new(0),
            in_flight: AtomicBool::new(false),
            reached: AtomicBool::new(false),
            over: AtomicBool::new(false),
            bytes_sent: AtomicU64::new(0),
            bytes_received: AtomicU64::new(0),
            refusals: AtomicU32::new(0),
            place: Mutex::default(),
            ending: Mutex::default(),
            shortfall: Mutex::default(),
        }
    }

    /// Whether the caller named the action that runs.
    pub(crate) fn runs_an_action(&self) -> bool {
        matches!(self.export, "execute" | "execute-with" | "relay")
    }

    /// The bounds of its policy.
    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.policy.limits
    }

    /// Time left.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Admits a request: one at a time, and no more than the limit (then false), as long as the export runs.
    pub(crate) fn admit(&self) -> Result<bool, Denial> {
        let deny = |message: String, remedy: &str| {
            Err(Denial::new(Rule::Requests, self.export, message, remedy))
        };
        if self.over.load(Ordering::Acquire) {
            return deny(
                "a request after the call had ended".to_string(),
                "this is a defect of the plugin: report it to its publisher",
            );
        }
        if lock(&self.ending).is_some() {
            return deny(
                "a request after the call was refused or had reached a limit".to_string(),
                "mend what was refused first",
            );
        }
        let most = self.shared.policy.limits.requests;
        if self.requests.load(Ordering::Acquire) >= most {
            // A plugin may still hand out the pages that it has.
            let limit = Limit {
                which: LimitKind::Requests,
                bound: most.to_string(),
                maybe_applied: self.reached(),
            };
            self.note_shortfall(Error::Limit(limit));
            return Ok(false);
        }
        if self.in_flight.swap(true, Ordering::AcqRel) {
            return deny(
                "a second request while one is in flight".to_string(),
                "this is a defect of the plugin: report it to its publisher",
            );
        }
        self.requests.fetch_add(1, Ordering::AcqRel);
        Ok(true)
    }

    /// The request in flight has ended.
    pub(crate) fn release(&self) {
        self.in_flight.store(false, Ordering::Release);
    }

    /// A request is about to leave.
    pub(crate) fn note_reached(&self) {
        self.reached.store(true, Ordering::Release);
    }

    pub(crate) fn reached(&self) -> bool {
        self.reached.load(Ordering::Acquire)
    }

    /// Where a request is going.
    pub(crate) fn note_place(&self, origin: &Arc<Origin>, address: Option<IpAddr>) {
        *lock(&self.place) = Some((origin.clone(), address));
    }

    /// A piece of a request's body has left.
    pub(crate) fn note_sent(&self, bytes: u64) {
        self.bytes_sent.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How much of requests' bodies has left.
    pub(crate) fn sent(&self) -> u64 {
        self.bytes_sent.load(Ordering::Relaxed)
    }

    /// A piece of an answer's body has come.
    pub(crate) fn note_received(&self, bytes: u64) {
        self.bytes_received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The export has returned: nothing more is sent.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn note_denial(&self, denial: &Denial) {
        self.record_refusal(denial, Decision::Denied);
        self.note(denial.clone().into());
    }

    /// Notes a refusal that the plugin may make the best of.
    pub(crate) fn note_partial_denial(&self, denial: &Denial) {
        self.record_refusal(denial, Decision::Denied);
        self.note_shortfall(denial.clone().into());
    }

    /// Lets pass what the policy only observes, and writes it down.
    pub(crate) fn weigh(&self, judged: Result<(), Denial>) -> Result<(), Denial> {
        match judged {
            Err(denial) if self.shared.policy.observes(&denial) => {
                self.record_refusal(&denial, Decision::Observed);
                Ok(())
            }
            judged => judged,
        }
    }

    fn record_refusal(&self, denial: &Denial, decision: Decision) {
        self.shared.counting.refusal(denial.rule);
        // A guest that is refused again and again must not fill the disk; what is left out stands in the call's record.
        if self.refusals.fetch_add(1, Ordering::Relaxed) >= MOST_REFUSALS {
            return;
        }
        let mut record = self.record(Event::Refusal, decision, self.usage());
        record.rule = Some(denial.rule.name());
        record.subject = Some(audit::subject(denial, |text| self.shared.issued.redact(text)));
        // A refusal that cannot be written down is still one.
        let _ = self.shared.audit.write(&record);
    }

    /// Counts the call and writes it down, now that it has ended.
    pub(crate) fn conclude<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        let error = result.as_ref().err();
        let decision = if matches!(error, Some(Error::Denied(_))) {
            Decision::Denied
        } else {
            Decision::Allowed
        };
        let rule =
            if let Some(Error::Denied(denial)) = error { Some(denial.rule.name()) } else { None };
        let written = self.record_end(error.map_or("ok", Error::case), decision, rule);
        written.map_err(|reason| Error::Audit { reason, maybe_applied: self.reached() })?;
        result
    }

    /// Writes down that nobody waits for the call any more.
    pub(crate) fn abandon(&self) {
        // Nobody is left to be told.
        let _ = self.record_end("dropped", Decision::Allowed, None);
    }

    fn record_end(
        &self,
        outcome: &'static str,
        decision: Decision,
        rule: Option<&'static str>,
    ) -> Result<(), String> {
        let more = self.refusals.load(Ordering::Relaxed).saturating_sub(MOST_REFUSALS);
        let usage = self.usage();
        self.shared.counting.call(outcome, &usage);
        if !self.shared.audit.is_read() {
            return Ok(());
        }
        let mut record = self.record(Event::Call, decision, usage);
        record.outcome = Some(outcome);
        record.rule = rule;
        record.unrecorded = (more > 0).then_some(more);
        self.shared.audit.write(&record)
    }

    fn usage(&self) -> Usage {
        Usage {
            attempts: self.requests.load(Ordering::Acquire),
            bytes_sent: self.sent(),
            bytes_received: self.bytes_received.load(Ordering::Relaxed),
            micros: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }

    fn record(&self, event: Event, decision: Decision, usage: Usage) -> Record<'_> {
        let Usage { attempts, bytes_sent, bytes_received, micros } = usage;
        let place = lock(&self.place).clone();
        let (origin, address) =
            place.map_or((None, None), |(origin, address)| (Some(origin.to_string()), address));
        Record {
            time: audit::now(),
            event,
            call: self.number,
            request: self.request.as_deref(),
            datasource: &self.shared.name,
            plugin: self.shared.manifest.name(),
            export: self.export,
            action: self.action.as_ref().map(ActionName::as_str),
            decision,
            rule: None,
            subject: None,
            origin,
            address,
            attempts,
            bytes_sent,
            bytes_received,
            micros,
            outcome: None,
            unrecorded: None,
        }
    }

    pub(crate) fn note_limit(&self, which: LimitKind, bound: String) {
        self.note(Error::Limit(Limit { which, bound, maybe_applied: self.reached() }));
    }

    /// Notes what ends the call, unless the plugin has a result all the same.
    fn note_shortfall(&self, error: Error) {
        lock(&self.shortfall).get_or_insert(error);
    }

    /// What ends a call without a result.
    pub(crate) fn shortfall(&self) -> Option<Error> {
        lock(&self.shortfall).take()
    }

    fn note(&self, error: Error) {
        lock(&self.ending).get_or_insert(error);
    }

    /// What the gate noted: it stands above whatever the guest says.
    pub(crate) fn noted(&self) -> Option<Error> {
        lock(&self.ending).take()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_policy::Policy;

    fn call(max_requests: u32) -> Call {
        let policy =
            Policy { limits: Limits::default().with_requests(max_requests), ..Policy::default() };
        Call::new(
            &Arc::new(Shared::of_policy(policy)),
            "execute",
            None,
            Instant::now() + Duration::from_secs(1),
        )
    }

    #[test]
    fn one_request_is_in_flight_at_a_time() {
        let call = call(10);
        assert!(call.admit().is_ok());
        assert_eq!(call.admit().unwrap_err().rule, Rule::Requests);
        call.release();
        assert!(call.admit().is_ok());
    }

    #[test]
    fn requests_are_counted_and_end_with_the_call() {
        let counted = call(1);
        assert!(counted.admit().is_ok());
        counted.release();
        assert_eq!(counted.admit(), Ok(false));
        assert!(counted.noted().is_none());
        assert!(
            matches!(counted.shortfall(), Some(crate::Error::Limit(limit)) if limit.which == LimitKind::Requests)
        );
        let ended = call(10);
        ended.end();
        assert!(ended.admit().is_err());
    }

    #[test]
    fn the_first_denial_stands() {
        let call = call(1);
        call.note_denial(&Denial::new(Rule::Egress, "a", "first", ""));
        call.note_denial(&Denial::new(Rule::Tables, "b", "second", ""));
        call.note_limit(LimitKind::Memory, "1".to_string());
        assert!(
            matches!(call.noted(), Some(crate::Error::Denied(denial)) if denial.message == "first")
        );
    }
}
