//! One running call: what it may send, how long it has, and what the gate noted of it.

use crate::error::{Limit, LimitKind};
use portcullis_policy::{ActionName, Denial, Rule};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running call. The gate decides by it and notes its refusals in it, so that no guest can talk them away.
pub(crate) struct Call {
    /// The running export.
    pub(crate) export: &'static str,
    /// The operations that it may send.
    pub(crate) operations: Vec<ActionName>,
    /// When it is over.
    pub(crate) deadline: Instant,
    /// The most requests.
    max_requests: u32,
    requests: AtomicU32,
    in_flight: AtomicBool,
    /// Whether a request may have reached the service.
    reached: AtomicBool,
    over: AtomicBool,
    /// What the gate or a limiter noted first. What follows from it does not count.
    ending: Mutex<Option<crate::Error>>,
    /// What the plugin may make the best of: it counts only where the plugin has no result.
    shortfall: Mutex<Option<crate::Error>>,
}

impl Call {
    pub(crate) fn new(export: &'static str, operations: Vec<ActionName>, deadline: Instant, max_requests: u32) -> Self {
        Self {
            export,
            operations,
            deadline,
            max_requests,
            requests: AtomicU32::new(0),
            in_flight: AtomicBool::new(false),
            reached: AtomicBool::new(false),
            over: AtomicBool::new(false),
            ending: Mutex::default(),
            shortfall: Mutex::default(),
        }
    }

    /// Whether the caller named the action that runs.
    pub(crate) fn runs_an_action(&self) -> bool {
        matches!(self.export, "execute" | "execute-with" | "relay")
    }

    /// Time left.
    pub(crate) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Admits a request: one at a time, and no more than the limit (then false), as long as the export runs.
    pub(crate) fn admit(&self) -> Result<bool, Denial> {
        let deny = |message: String, remedy: &str| Err(Denial::new(Rule::Requests, self.export, message, remedy));
        if self.over.load(Ordering::Acquire) {
            return deny("a request after the call had ended".to_string(), "this is a defect of the plugin: report it to its publisher");
        }
        if self.ending().is_some() {
            return deny("a request after the call was refused or had reached a limit".to_string(), "mend what was refused first");
        }
        if self.requests.load(Ordering::Acquire) >= self.max_requests {
            // A plugin may still hand out the pages that it has.
            let limit = Limit { which: LimitKind::Requests, bound: self.max_requests.to_string(), maybe_applied: self.reached() };
            self.note_shortfall(crate::Error::Limit(limit));
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

    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Acquire)
    }

    /// The export has returned: nothing more is sent.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    pub(crate) fn note_denial(&self, denial: &Denial) {
        self.audit(denial);
        self.note(denial.clone().into());
    }

    /// Notes a refusal that the plugin may make the best of.
    pub(crate) fn note_partial_denial(&self, denial: &Denial) {
        self.audit(denial);
        self.note_shortfall(denial.clone().into());
    }

    fn audit(&self, denial: &Denial) {
        let Denial { rule, subject, message, .. } = denial;
        tracing::warn!(target: "portcullis::audit", %rule, %subject, export = self.export, "denied: {message}");
    }

    pub(crate) fn note_limit(&self, which: LimitKind, bound: String) {
        self.note(crate::Error::Limit(Limit { which, bound, maybe_applied: self.reached() }));
    }

    /// Notes what ends the call, unless the plugin has a result all the same.
    fn note_shortfall(&self, error: crate::Error) {
        self.shortfall.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
    }

    /// What ends a call without a result.
    pub(crate) fn shortfall(&self) -> Option<crate::Error> {
        self.shortfall.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    fn note(&self, error: crate::Error) {
        self.ending().get_or_insert(error);
    }

    /// What the gate noted: it stands above whatever the guest says.
    pub(crate) fn noted(&self) -> Option<crate::Error> {
        self.ending().take()
    }

    fn ending(&self) -> std::sync::MutexGuard<'_, Option<crate::Error>> {
        self.ending.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(max_requests: u32) -> Call {
        Call::new("execute", Vec::new(), Instant::now() + Duration::from_secs(1), max_requests)
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
        assert!(matches!(counted.shortfall(), Some(crate::Error::Limit(limit)) if limit.which == LimitKind::Requests));
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
        assert!(matches!(call.noted(), Some(crate::Error::Denied(denial)) if denial.message == "first"));
    }
}
