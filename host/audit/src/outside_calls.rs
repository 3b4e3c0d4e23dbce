//! What is recorded outside of calls: requests that a server refused, and what operators did.

use crate::record::{Decision, Event, Outcome, Record, cut};
use std::net::IpAddr;

/// A request that a server refused before any call began, for the audit. Texts are cut after 300
/// characters. They must not contain secrets, such as a token that is not known.
///
/// ```
/// use portcullis_audit::{Audit, RefusedRequest};
///
/// let mut refused = RefusedRequest::new("token");
/// refused.peer = Some([192, 0, 2, 7].into());
/// refused.subject = Some("no token has this value");
/// // With the crate `portcullis`: `Host::record_refused_request`.
/// Audit::default().record_refused_request(&refused);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RefusedRequest<'r> {
    /// The id of the request.
    pub request: Option<&'r str>,
    /// The name of the caller's token, if it is known.
    pub caller: Option<&'r str>,
    /// The address of the caller's machine.
    pub peer: Option<IpAddr>,
    /// The datasource that the request named.
    pub datasource: Option<&'r str>,
    /// The tenant for whom the request was.
    pub tenant: Option<&'r str>,
    /// The action that the request named.
    pub action: Option<&'r str>,
    /// The server's rule that refused it.
    pub rule: &'static str,
    /// What was refused.
    pub subject: Option<&'r str>,
    /// The number of such refusals before this one that have no record of their own.
    pub unrecorded: Option<u32>,
}

/// Something that an operator did, or somebody who saves datasources, for the audit. Texts are cut
/// after 300 characters.
///
/// ```
/// use portcullis_audit::{Audit, OperatorAction};
///
/// let mut action = OperatorAction::new("reload", true);
/// action.caller = Some("deployment");
/// action.subject = Some("2 datasources changed");
/// // With the crate `portcullis`: `Host::record_operator`.
/// Audit::default().record_operator(&action);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OperatorAction<'r> {
    /// The id of the operator's request; none if it was a signal, for example.
    pub request: Option<&'r str>,
    /// The name of the operator's token; none if there was none.
    pub caller: Option<&'r str>,
    /// The address of the operator's machine; none if there was no request.
    pub peer: Option<IpAddr>,
    /// What was done: `reload`, `tokens`, `disable`, `enable`; and `save` and `delete` of a datasource,
    /// whoever did that.
    pub action: &'static str,
    /// What it concerned, or why it failed.
    pub subject: Option<&'r str>,
    /// Whether it succeeded.
    pub is_ok: bool,
}

impl RefusedRequest<'_> {
    /// A request that `rule` refused, and of which nothing else is known.
    #[must_use]
    pub fn new(rule: &'static str) -> Self {
        Self {
            request: None,
            caller: None,
            peer: None,
            datasource: None,
            tenant: None,
            action: None,
            rule,
            subject: None,
            unrecorded: None,
        }
    }

    pub(crate) fn record(&self) -> Record<'_> {
        Record {
            request: self.request.map(cut),
            caller: self.caller.map(cut),
            peer: self.peer,
            datasource: self.datasource.map(cut),
            tenant: self.tenant.map(cut),
            action: self.action.map(cut),
            rule: Some(self.rule),
            subject: self.subject.map(|subject| cut(subject).to_string()),
            unrecorded: self.unrecorded.filter(|count| *count > 0),
            ..Record::new(Event::Request, Decision::Denied)
        }
    }
}

impl OperatorAction<'_> {
    /// An action that succeeded or failed, and of which nothing else is known.
    #[must_use]
    pub fn new(action: &'static str, is_ok: bool) -> Self {
        Self { request: None, caller: None, peer: None, action, subject: None, is_ok }
    }

    pub(crate) fn record(&self) -> Record<'_> {
        Record {
            request: self.request.map(cut),
            caller: self.caller.map(cut),
            peer: self.peer,
            action: Some(self.action),
            subject: self.subject.map(|subject| cut(subject).to_string()),
            outcome: Some(if self.is_ok { Outcome::Ok } else { Outcome::Failed }),
            ..Record::new(Event::Operator, Decision::Allowed)
        }
    }
}
