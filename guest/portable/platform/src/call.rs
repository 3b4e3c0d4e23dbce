//! The running call: what it may send, how long it has, and what was refused.

use crate::catalogue;
use crate::denial::{Denial, Rule};
use crate::settings::{Limits, Settings};
use alloc::format;
use alloc::string::String;

/// What the plugin is called for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `connect` or `describe`, which send nothing.
    Nothing,
    /// One action.
    Action(String),
    /// `test` or `structure`: what the manifest lists for it.
    Export(&'static str),
}

/// A running call.
#[derive(Clone, Debug)]
pub struct Call {
    purpose: Purpose,
    /// By the monotonic clock, in nanoseconds.
    deadline: u64,
    requests: u32,
    denial: Option<Denial>,
}

impl Call {
    /// Begins a call at `now`, in nanoseconds of the monotonic clock.
    #[must_use]
    pub fn begin(purpose: Purpose, now: u64, limits: &Limits) -> Self {
        let deadline = now.saturating_add(limits.deadline_ns);
        Self { purpose, deadline, requests: 0, denial: None }
    }

    /// Returns the time until the deadline, in nanoseconds.
    #[must_use]
    pub fn remaining(&self, now: u64) -> u64 {
        self.deadline.saturating_sub(now)
    }

    /// Returns the deadline, by the monotonic clock.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        self.deadline
    }

    /// Counts one more request. Returns false, and records a denial, if the call has sent all that it
    /// may.
    #[must_use]
    pub fn admit(&mut self, limits: &Limits) -> bool {
        let is_admitted = self.requests < limits.requests;
        if is_admitted {
            self.requests += 1;
        } else {
            let message = format!(
                "the call has made {} requests, which is all that it may; those that were sent may \
                 have been carried out",
                limits.requests
            );
            let remedy = "raise PORTCULLIS_REQUESTS, or ask for less at a time";
            self.deny(Denial::new(Rule::Requests, message, remedy));
        }
        is_admitted
    }

    /// Records a denial. The first one that the call cannot go on without is the reason why it fails.
    pub fn deny(&mut self, denial: Denial) {
        if !self.is_optional(&denial) {
            self.denial.get_or_insert(denial);
        }
    }

    /// Returns why the call fails, if something was refused.
    #[must_use]
    pub fn end(self) -> Option<Denial> {
        self.denial
    }

    /// `test` and `structure` may go on without an action that the settings do not allow, and return
    /// what they have.
    fn is_optional(&self, denial: &Denial) -> bool {
        matches!(self.purpose, Purpose::Export(_))
            && matches!(denial.rule, Rule::Access | Rule::Actions)
    }

    /// Checks that the call may use the identity at all.
    ///
    /// # Errors
    /// Returns a denial during `connect` and `describe`.
    pub fn check_sends(&self) -> Result<(), Denial> {
        if self.purpose == Purpose::Nothing {
            let message = "the plugin asked for a key or sent a request before any action";
            return Err(Denial::defect(Rule::Binding, message));
        }
        Ok(())
    }

    /// Checks that the call may send an operation, and that the settings allow it.
    ///
    /// # Errors
    /// Returns a denial that names the operation.
    pub fn check_operation(&self, operation: &str, settings: &Settings) -> Result<(), Denial> {
        self.check_sends()?;
        let shown: String = operation.chars().take(70).collect();
        let (is_bound, purpose) = match &self.purpose {
            Purpose::Nothing => (false, "connect"),
            Purpose::Action(action) => (operation == action, action.as_str()),
            Purpose::Export(name) => (catalogue::export(name).contains(&operation), *name),
        };
        if !is_bound {
            let purpose: String = purpose.chars().take(70).collect();
            let message = format!("the plugin sent {shown:?} during a call of {purpose}");
            return Err(Denial::defect(Rule::Binding, message));
        }
        check_allowed(operation, &shown, settings)
    }
}

/// Checks that the settings allow an operation.
fn check_allowed(operation: &str, shown: &str, settings: &Settings) -> Result<(), Denial> {
    let Some(access) = catalogue::access(operation) else {
        let message = format!("the plugin's manifest does not list {shown:?}");
        return Err(Denial::new(Rule::Actions, message, "use an action of DynamoDB"));
    };
    if access > settings.access {
        let (needed, given) = (access.name(), settings.access.name());
        let message = format!("{shown} needs {needed} access, but this component has {given}");
        return Err(Denial::new(Rule::Access, message, format!("set PORTCULLIS_ACCESS={needed}")));
    }
    match &settings.actions {
        Some(listed) if !listed.iter().any(|action| action == operation) => {
            let message = format!("{shown} is not on the list of actions of this component");
            let remedy = format!("add {shown} to PORTCULLIS_ACTIONS");
            Err(Denial::new(Rule::Actions, message, remedy))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::parse(pairs.iter().copied()).unwrap()
    }

    fn call(purpose: Purpose) -> Call {
        Call::begin(purpose, 5, &Limits::default())
    }

    #[test]
    fn an_action_sends_only_itself_within_the_access_class_and_the_list() {
        let read = settings(&[]);
        let call = call(Purpose::Action("GetItem".to_string()));
        assert_eq!(call.check_operation("GetItem", &read), Ok(()));
        let denial = call.check_operation("Scan", &read).unwrap_err();
        assert_eq!(denial.rule, Rule::Binding);

        let call = self::call(Purpose::Action("PutItem".to_string()));
        let denial = call.check_operation("PutItem", &read).unwrap_err();
        assert_eq!((denial.rule, &*denial.remedy), (Rule::Access, "set PORTCULLIS_ACCESS=write"));
        let listed = settings(&[("PORTCULLIS_ACCESS", "write"), ("PORTCULLIS_ACTIONS", "GetItem")]);
        let denial = call.check_operation("PutItem", &listed).unwrap_err();
        assert_eq!(denial.rule, Rule::Actions);
        assert_eq!(denial.remedy, "add PutItem to PORTCULLIS_ACTIONS");
        let write = settings(&[("PORTCULLIS_ACCESS", "write")]);
        assert_eq!(call.check_operation("PutItem", &write), Ok(()));
    }

    #[test]
    fn connect_sends_nothing_and_test_sends_what_the_manifest_lists() {
        let all = settings(&[("PORTCULLIS_ACCESS", "admin")]);
        assert!(call(Purpose::Nothing).check_operation("ListTables", &all).is_err());
        assert!(call(Purpose::Nothing).check_sends().is_err());
        let test = call(Purpose::Export("test"));
        assert_eq!(test.check_operation("ListTables", &all), Ok(()));
        assert_eq!(test.check_operation("PutItem", &all).unwrap_err().rule, Rule::Binding);
    }

    #[test]
    fn requests_are_counted_and_the_deadline_is_fixed() {
        let limits = Limits { requests: 2, deadline_ns: 100, ..Limits::default() };
        let mut call = Call::begin(Purpose::Nothing, 5, &limits);
        let admitted = [0; 4].map(|_| call.admit(&limits));
        assert_eq!(admitted, [true, true, false, false]);
        let denial = call.clone().end().unwrap();
        assert_eq!(denial.rule, Rule::Requests);
        assert!(denial.message.contains("2 requests"), "{denial}");
        assert!(denial.remedy.contains("PORTCULLIS_REQUESTS"), "{denial}");
        assert_eq!((call.remaining(5), call.remaining(104), call.remaining(106)), (100, 1, 0));
    }

    #[test]
    fn the_first_denial_fails_the_call_and_test_and_structure_go_on_without_an_action() {
        let denial = |rule| Denial::new(rule, "m", "r");
        let ending = |purpose, rule| {
            let mut call = call(purpose);
            call.deny(denial(rule));
            call.deny(denial(Rule::Signing));
            call.end().map(|denial| denial.rule)
        };
        let action = || Purpose::Action("GetItem".to_string());
        assert_eq!(ending(action(), Rule::Egress), Some(Rule::Egress));
        assert_eq!(ending(action(), Rule::Access), Some(Rule::Access));
        // An optional denial must not hide what the plugin tries after it.
        assert_eq!(ending(Purpose::Export("structure"), Rule::Access), Some(Rule::Signing));
        let mut optional = call(Purpose::Export("structure"));
        optional.deny(denial(Rule::Access));
        optional.deny(denial(Rule::Actions));
        assert_eq!(optional.end(), None);
        assert_eq!(ending(Purpose::Export("structure"), Rule::Egress), Some(Rule::Egress));
        assert_eq!(call(action()).end(), None);
    }
}
