//! How a command ends without success: what is printed, and the exit code.

use crate::out::visible;
use portcullis::{Denial, Error, LimitKind, LoadError, PluginError};
use std::process::ExitCode;

/// A failure, ready to be shown.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    /// Lines below the message: hints, remedies, details.
    more: Vec<String>,
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), more: Vec::new() }
    }

    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(1, message)
    }

    /// A signal ended it. As shells do, the code is 128 and the signal's number.
    pub(crate) fn interrupted(signal: u8) -> Self {
        Self::new(
            128 + signal,
            "interrupted; if a request had been sent, the service may have done what was asked",
        )
    }

    /// A signal ended it between the pages of a list; what was printed is whole.
    pub(crate) fn interrupted_in_pages(signal: u8) -> Self {
        Self::new(128 + signal, "interrupted; what is printed is whole, and not all")
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(2, message)
    }

    /// A policy, settings or a plugin that cannot be used.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(3, message)
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(5, message)
    }

    pub(crate) fn unknown_action(message: impl Into<String>) -> Self {
        Self::new(4, message)
    }

    /// What stands between here and a server.
    pub(crate) fn connection(message: impl Into<String>) -> Self {
        Self::new(9, message)
    }

    /// What a server said: a problem document.
    pub(crate) fn of_problem(text: &str) -> Self {
        let Ok(problem) = serde_json::from_str::<ProblemDocument>(text) else {
            return Self::connection("what answered is no server of Portcullis")
                .with(text.chars().take(300).collect::<String>());
        };
        let code = match &*problem.case {
            "denied" | "unauthorized" | "forbidden" | "refused" => 7,
            "limit" if problem.limit.as_deref() == Some(LimitKind::Deadline.key()) => 10,
            "busy" | "limit" | "too-large" | "too-slow" => 11,
            "trapped" => 12,
            "invalid-settings" | "not-found" => 3,
            "unknown-action" => 4,
            "invalid-input" | "bad-request" => 5,
            "credentials" => 6,
            "service" => 8,
            "transport" => 9,
            "timeout" => 10,
            _ => 1,
        };
        let mut failure = Self::new(code, problem.detail);
        for (name, text) in [
            ("hint", problem.hint),
            ("details", problem.details.map(|details| details.get().to_string())),
            ("remedy", problem.remedy),
        ] {
            if let Some(text) = text {
                failure = failure.with(format!("{name}: {text}"));
            }
        }
        failure
    }

    pub(crate) fn with(mut self, line: impl Into<String>) -> Self {
        self.more.push(line.into());
        self
    }

    /// The lines to show, without colours.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.message.as_str()).chain(self.more.iter().map(String::as_str))
    }

    /// Prints the failure and gives its exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        // Lines of a service's own stand further in, so that none looks like one of ours.
        anstream::eprintln!("{red}error{red:#}: {}", visible(&self.message).replace('\n', "\n  "));
        for line in &self.more {
            for part in line.lines() {
                anstream::eprintln!("  {}", visible(part));
            }
        }
        ExitCode::from(self.code)
    }
}

/// What is read of a problem document.
#[derive(serde::Deserialize)]
struct ProblemDocument {
    case: String,
    detail: String,
    limit: Option<String>,
    hint: Option<String>,
    remedy: Option<String>,
    details: Option<Box<serde_json::value::RawValue>>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Denied(denial) => denied(&denial, message),
            Error::Busy(_) => Self::new(11, message),
            Error::Limit(limit) => {
                Self::new(if limit.which == LimitKind::Deadline { 10 } else { 11 }, message).with(
                    format!("raise it in the datasource's policy: limits.{}", limit.which.key()),
                )
            }
            Error::Trapped(_) => Self::new(12, message),
            Error::Plugin(error) => plugin(error, message),
            _ => Self::other(message),
        }
    }
}

fn denied(denial: &Denial, message: String) -> Failure {
    let failure = Failure::new(7, message);
    if denial.is_remedied_by_policy() {
        return failure
            .with("to allow it, change the datasource's policy:")
            .with(format!("  {}", denial.remedy));
    }
    failure.with(format!("remedy: {}", denial.remedy))
}

fn plugin(error: PluginError, message: String) -> Failure {
    match error {
        PluginError::InvalidSettings(_) => Failure::configuration(message),
        PluginError::UnknownAction(_) => Failure::unknown_action(message),
        PluginError::InvalidInput(_) => Failure::input(message),
        PluginError::Credentials(_) => Failure::new(6, message),
        PluginError::Refused(_) => Failure::new(7, message),
        PluginError::Service(error) => {
            let mut failure = Failure::new(8, message);
            if let Some(hint) = &error.hint {
                failure = failure.with(format!("hint: {hint}"));
            }
            if let Some(details) = &error.details {
                failure = failure.with(format!("details: {details}"));
            }
            let id = error
                .request_id
                .as_deref()
                .map(|id| format!(", request id {id}"))
                .unwrap_or_default();
            let retry = if error.retryable { ", worth another try later" } else { "" };
            failure.with(format!(
                "status {}, attempts {}{id}{retry}",
                error.http_status, error.attempts
            ))
        }
        PluginError::Transport(_) => Failure::new(9, message),
        PluginError::Timeout(_) => Failure::new(10, message),
        _ => Failure::other(message),
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::configuration(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis::{Busy, Interruption, Rule};

    #[test]
    fn each_error_case_has_its_exit_code() {
        let end = || Interruption { message: String::new(), maybe_applied: false, attempts: 1 };
        for (error, code) in [
            (Error::from(Denial::new(Rule::Egress, "", "", "")), 7),
            (Error::Busy(Busy::Calls { running: 1 }), 11),
            (Error::Trapped(String::new()), 12),
            (Error::Plugin(PluginError::InvalidSettings(Vec::new())), 3),
            (Error::Plugin(PluginError::UnknownAction(String::new())), 4),
            (Error::Plugin(PluginError::InvalidInput(Vec::new())), 5),
            (Error::Plugin(PluginError::Credentials(String::new())), 6),
            (Error::Plugin(PluginError::Transport(end())), 9),
            (Error::Plugin(PluginError::Timeout(end())), 10),
            (Error::Plugin(PluginError::Other(String::new())), 1),
        ] {
            assert_eq!(Failure::from(error.clone()).code, code, "{error:?}");
        }
    }
}
