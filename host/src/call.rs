//! One running call: who calls what, what it may send, and its records.

use crate::datasource_state::DatasourceState;
use crate::error::Error;
use portcullis_audit::{
    AuditError, Decision, ErrorKind, Event, Latencies, Outcome, Record, Usage, next_call, subject,
};
use portcullis_gate::{BodyCheck, Failure, Progress, RequestHead, Rules};
use portcullis_policy::{ActionName, Denial, Limits, Rule, TenantName};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// A running call. The gate applies its rules to each request.
pub(crate) struct Call {
    datasource: Arc<DatasourceState>,
    number: u64,
    /// The action that the caller named.
    action: Option<ActionName>,
    /// For whom it runs.
    pub(crate) caller: Caller,
    /// The operations that the call may send.
    pub(crate) operations: Vec<ActionName>,
    progress: Arc<Progress>,
    /// The number of refusals, recorded or only counted.
    refusals: AtomicU32,
}

/// For whom a call runs, for its records.
#[derive(Clone, Default)]
pub(crate) struct Caller {
    /// The caller's own id for what it is doing.
    pub(crate) request_id: Option<Arc<str>>,
    /// The name of its token.
    pub(crate) name: Option<Arc<str>>,
    /// The address of its machine.
    pub(crate) peer: Option<IpAddr>,
    /// Where it reads how many requests were sent.
    pub(crate) attempts: Option<Arc<AtomicU32>>,
}

/// Refusals of one call that are recorded each: more than an honest plugin can cause.
const MAX_RECORDED_REFUSALS: u32 = 32;

impl Call {
    /// Starts a call of `export`, which ends at `deadline`.
    pub(crate) fn new(
        datasource: &Arc<DatasourceState>,
        export: &'static str,
        action: Option<ActionName>,
        deadline: Instant,
    ) -> Self {
        // One request at a time: a plugin has one task.
        let progress = Progress::new(export, datasource.limits(), deadline, 1);
        Self {
            datasource: datasource.clone(),
            number: next_call(),
            action,
            caller: Caller::default(),
            operations: Vec::new(),
            progress: Arc::new(progress),
            refusals: AtomicU32::new(0),
        }
    }

    /// The export that runs.
    pub(crate) fn export(&self) -> &'static str {
        self.progress.name()
    }

    /// The deadline, the counters and the failures of the call.
    pub(crate) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    /// The limits of its policy.
    pub(crate) fn limits(&self) -> &Limits {
        self.datasource.limits()
    }

    /// The first failure that the gate or a limiter recorded. It overrides whatever the guest
    /// returns.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.progress.take_failure().map(Error::from)
    }

    /// Denies the whole call.
    pub(crate) fn deny(&self, denial: &Denial) {
        self.record_refusal(denial, Decision::Denied);
        self.progress.fail(denial.clone());
    }

    /// Turns a denial into an audit record if its rule is in report-only mode.
    pub(crate) fn enforce(&self, checked: Result<(), Denial>) -> Result<(), Denial> {
        self.datasource.policy.enforce(checked, |denial| self.reported(denial))
    }

    /// Counts and records the call, now that it has ended.
    pub(crate) fn finish<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Some(attempts) = &self.caller.attempts {
            attempts.store(self.progress.requests(), Ordering::Relaxed);
        }
        let (outcome, rule) = match &result {
            Ok(_) => (Outcome::Ok, None),
            Err(Error::Denied(denial)) => (Outcome::Error(ErrorKind::Denied), Some(denial.rule)),
            Err(error) => (Outcome::Error(error.kind()), None),
        };
        let recorded = self.record_end(outcome, rule);
        let maybe_applied = self.progress.reached();
        recorded.map_err(|source| Error::Audit { source, maybe_applied })?;
        result
    }

    /// Records that nobody waits for the call any more.
    pub(crate) fn abandon(&self) {
        // Nobody is left who could be told that the record cannot be written.
        let _ = self.record_end(Outcome::Dropped, None);
    }

    fn record_refusal(&self, denial: &Denial, decision: Decision) {
        self.datasource.counters.count_refusal(denial.rule);
        // A guest that is refused again and again must not fill the disk. The record of the call
        // counts the refusals that are left out.
        if self.refusals.fetch_add(1, Ordering::Relaxed) >= MAX_RECORDED_REFUSALS {
            return;
        }
        let mut record = self.record(Event::Refusal, decision, self.usage());
        record.rule = Some(denial.rule.name());
        record.subject = Some(subject(denial, |text| self.datasource.service.redact(text)));
        // A refusal that cannot be recorded is still a refusal.
        let _ = self.datasource.audit.write(record);
    }

    fn record_end(&self, outcome: Outcome, rule: Option<Rule>) -> Result<(), AuditError> {
        let more = self.refusals.load(Ordering::Relaxed).saturating_sub(MAX_RECORDED_REFUSALS);
        let usage = self.usage();
        self.datasource.counters.count_call(outcome, &usage);
        self.datasource.audit.latencies().record(self.label(), outcome, usage.elapsed());
        if !self.datasource.audit.is_read() {
            return Ok(());
        }
        let decision = if rule.is_some() { Decision::Denied } else { Decision::Allowed };
        let mut record = self.record(Event::Call, decision, usage);
        record.outcome = Some(outcome);
        record.rule = rule.map(Rule::name);
        record.unrecorded = (more > 0).then_some(more);
        self.datasource.audit.write(record)
    }

    fn usage(&self) -> Usage {
        Usage {
            attempts: self.progress.requests(),
            bytes_sent: self.progress.bytes_sent(),
            bytes_received: self.progress.bytes_received(),
            micros: u64::try_from(self.progress.elapsed().as_micros()).unwrap_or(u64::MAX),
        }
    }

    fn record(&self, event: Event, decision: Decision, usage: Usage) -> Record<'_> {
        let Usage { attempts, bytes_sent, bytes_received, micros } = usage;
        let destination = self.progress.destination();
        let mut record = Record::new(event, decision);
        record.call = Some(self.number);
        record.request = self.caller.request_id.as_deref();
        record.caller = self.caller.name.as_deref();
        record.peer = self.caller.peer;
        record.datasource = Some(&self.datasource.name);
        record.tenant = self.datasource.tenant.as_ref().map(TenantName::as_str);
        record.plugin = Some(self.datasource.manifest.name());
        record.export = Some(self.export());
        record.action = self.action.as_ref().map(ActionName::as_str);
        record.address = destination.as_ref().and_then(|destination| destination.address);
        record.origin = destination.map(|destination| destination.origin.to_string());
        record.attempts = Some(attempts);
        record.bytes_sent = Some(bytes_sent);
        record.bytes_received = Some(bytes_received);
        record.micros = Some(micros);
        record
    }

    /// The name under which the call's time is counted. What callers make up has none of its own.
    fn label(&self) -> &str {
        match &self.action {
            Some(action) if self.datasource.min_access(action).is_some() => action.as_str(),
            None if !self.runs_named_action() => self.export(),
            _ => Latencies::OTHER,
        }
    }

    /// The operation that a request carries, if the running export may send it.
    fn operation(&self, head: &RequestHead) -> Result<&ActionName, Denial> {
        let manifest = &self.datasource.manifest;
        let binding = manifest.binding();
        let path = head.path.as_str();
        let carries =
            |operation: &&ActionName| binding.matches(operation, &head.method, path, &head.headers);
        if let Some(found) = self.operations.iter().find(carries) {
            return Ok(found);
        }
        // If the manifest gives the operation to this export and the policy does not, the policy's
        // own denial says why.
        if let Some(listed) = manifest.export(self.export()).iter().find(carries) {
            let access = self.datasource.min_access(listed);
            self.datasource.policy.check_action(listed, access)?;
        }
        let allowed: Vec<&str> = self.operations.iter().map(ActionName::as_str).collect();
        let allowed = if allowed.is_empty() { "nothing".to_string() } else { allowed.join(", ") };
        let sent = binding.header().and_then(|name| head.headers.get(name)?.to_str().ok());
        let shown: String = sent.unwrap_or(path).chars().take(100).collect();
        let message = format!(
            "the plugin sent {} {shown:?}, but {} may send {allowed}",
            head.method,
            self.export()
        );
        let remedy = "nothing allows this; to run this action, call it by its name";
        Err(Denial::new(Rule::Binding, shown, message, remedy))
    }

    /// Whether the caller named the action that runs.
    fn runs_named_action(&self) -> bool {
        matches!(self.export(), "execute" | "execute-with" | "relay")
    }
}

impl Rules for Call {
    fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    fn check_head(&self, head: &RequestHead) -> Result<BodyCheck, Denial> {
        let operation = self.operation(head)?;
        let service = &self.datasource.service;
        service.check_signature(operation, &head.headers)?;
        Ok(if service.reads_body(operation) { BodyCheck::Whole } else { BodyCheck::Skip })
    }

    fn check_body(&self, head: &RequestHead, body: &[u8]) -> Result<(), Denial> {
        let operation = self.operation(head)?;
        self.datasource.service.check_body(operation, body, &|checked| self.enforce(checked))
    }

    fn denied(&self, denial: &Denial) {
        // What `test` and `structure` send is the plugin's choice, not the caller's. They may go on
        // without it.
        let is_partial = matches!(denial.rule, Rule::Actions | Rule::Access | Rule::Tables);
        if is_partial && !self.runs_named_action() {
            self.record_refusal(denial, Decision::Denied);
            self.progress.fail_softly(Failure::Denied(denial.clone()));
        } else {
            self.deny(denial);
        }
    }

    fn reported(&self, denial: &Denial) {
        self.record_refusal(denial, Decision::Observed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_policy::{Policy, Scheme};
    use std::time::Duration;

    fn carried(
        operations: &[&str],
        targets: &[&str],
        method: &str,
        path: &str,
    ) -> Result<String, Rule> {
        let datasource = DatasourceState::from_policy(Policy::default());
        let deadline = Instant::now() + Duration::from_secs(1);
        let mut call = Call::new(&datasource, "execute", None, deadline);
        call.operations = operations.iter().map(|name| name.parse().unwrap()).collect();
        let targets = targets
            .iter()
            .map(|target| (http::HeaderName::from_static("x-amz-target"), target.parse().unwrap()));
        let head = RequestHead::new(
            method.parse().unwrap(),
            Scheme::Https,
            "example.com".to_string(),
            path.parse().unwrap(),
            targets.collect(),
        );
        call.operation(&head.unwrap()).map(ToString::to_string).map_err(|denial| denial.rule)
    }

    #[test]
    fn a_request_carries_only_the_running_action() {
        let target = "DynamoDB_20120810.GetItem";
        assert_eq!(carried(&["GetItem"], &[target], "POST", "/"), Ok("GetItem".to_string()));
        for (targets, method, path) in [
            (&["DynamoDB_20120810.DeleteTable"][..], "POST", "/"),
            (&["dynamodb_20120810.getitem"], "POST", "/"),
            (&[], "POST", "/"),
            (&[target, target], "POST", "/"),
            (&[target, "DynamoDB_20120810.DeleteTable"], "POST", "/"),
            (&["DynamoDB_20120810.GetItem "], "POST", "/x"),
            (&[target], "GET", "/"),
            (&[target], "POST", "/other"),
            (&[target], "POST", "/?a=b"),
        ] {
            let carried = carried(&["GetItem"], targets, method, path);
            assert_eq!(carried, Err(Rule::Binding), "{targets:?} {method} {path}");
        }
        assert_eq!(carried(&[], &[target], "POST", "/"), Err(Rule::Binding));
    }
}
