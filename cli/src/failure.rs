//! Failures of commands: what is printed, and the exit code.

use crate::signals;
use crate::terminal::visible;
use portcullis::{Denial, Error, ErrorKind, LimitKind, PluginError};
use portcullis_server::setup::SetupError;
use portcullis_server::{ProblemKind, ServeError};
use std::process::ExitCode;

/// A failure of a command, ready to be printed.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
    /// The lines below the message: hints, remedies, details.
    more: Vec<String>,
}

// The exit codes. `EXIT_CODES` in args/mod.rs describes them to users; 2 is also clap's code.
const OTHER: u8 = 1;
const USAGE: u8 = 2;
const CONFIGURATION: u8 = 3;
const UNKNOWN_ACTION: u8 = 4;
const INPUT: u8 = 5;
const CREDENTIALS: u8 = 6;
const DENIED: u8 = 7;
const SERVICE: u8 = 8;
const CONNECTION: u8 = 9;
const TIMEOUT: u8 = 10;
const LIMIT: u8 = 11;
const CRASH: u8 = 12;

/// Returns the exit code for a kind of error. `limit` is the name of the limit that was reached.
fn exit_code(kind: ErrorKind, limit: Option<&str>) -> u8 {
    match kind {
        ErrorKind::Config | ErrorKind::InvalidSettings => CONFIGURATION,
        ErrorKind::UnknownAction => UNKNOWN_ACTION,
        ErrorKind::InvalidInput => INPUT,
        ErrorKind::Credentials => CREDENTIALS,
        ErrorKind::Denied | ErrorKind::Refused => DENIED,
        ErrorKind::Service => SERVICE,
        ErrorKind::Transport => CONNECTION,
        ErrorKind::Timeout => TIMEOUT,
        ErrorKind::Limit if limit == Some(LimitKind::Deadline.key()) => TIMEOUT,
        ErrorKind::Limit | ErrorKind::Busy => LIMIT,
        ErrorKind::Trapped => CRASH,
        _ => OTHER,
    }
}

impl Failure {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), more: Vec::new() }
    }

    /// A failure without a specific exit code.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self::new(OTHER, message)
    }

    /// A signal interrupted the command.
    pub(crate) fn interrupted(signal: u8) -> Self {
        let message = "interrupted; if a request was sent, the service may have carried it out";
        Self::new(signals::EXIT + signal, message)
    }

    /// A signal interrupted the command between two pages.
    pub(crate) fn interrupted_in_pages(signal: u8) -> Self {
        Self::new(
            signals::EXIT + signal,
            "interrupted; the printed items are complete, but more follow",
        )
    }

    /// Arguments that cannot be used.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    /// A command that names no datasource, where there are several.
    pub(crate) fn which_datasource(names: &[&str]) -> Self {
        Self::usage("which datasource?").with(format!("name one of: {}", names.join(", ")))
    }

    /// A policy, settings or a plugin that cannot be used.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(CONFIGURATION, message)
    }

    /// An input that cannot be sent.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(INPUT, message)
    }

    /// An action that the service does not have.
    pub(crate) fn unknown_action(message: impl Into<String>) -> Self {
        Self::new(UNKNOWN_ACTION, message)
    }

    /// Something that is larger than a limit allows.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::new(LIMIT, message)
    }

    /// A response of the service that cannot be right.
    pub(crate) fn service(message: impl Into<String>) -> Self {
        Self::new(SERVICE, message)
    }

    /// A failure if something is missing in a response, with what it is.
    pub(crate) fn if_missing(missing: &[String]) -> Result<(), Self> {
        let Some((first, more)) = missing.split_first() else { return Ok(()) };
        Err(more.iter().fold(Self::service(first), Self::with))
    }

    /// A result of several requests that stopped before its end. `reason` says why, and `case` is
    /// the kind of the error that stopped it, if one did.
    pub(crate) fn incomplete(reason: &str, case: Option<&str>) -> Self {
        let code = match case.map(str::parse) {
            Some(Ok(ProblemKind::Call(kind))) => exit_code(kind, None),
            Some(_) => OTHER,
            None if reason == "the deadline" => TIMEOUT,
            None if reason.starts_with("the limit") || reason.starts_with("the maximum") => LIMIT,
            None => SERVICE,
        };
        Self::new(code, format!("the result is incomplete: it was stopped by {reason}"))
    }

    /// A server that cannot be reached.
    pub(crate) fn connection(message: impl Into<String>) -> Self {
        Self::new(CONNECTION, message)
    }

    /// Reads the problem document of a server.
    pub(crate) fn from_problem(text: &str) -> Self {
        let Ok(problem) = serde_json::from_str::<ProblemDocument>(text) else {
            let shown: String = text.chars().take(300).collect();
            return Self::connection("the response is not from a Portcullis server").with(shown);
        };
        let code = match problem.case.parse() {
            Ok(ProblemKind::Call(kind)) => exit_code(kind, problem.limit.as_deref()),
            Ok(ProblemKind::Unauthorized | ProblemKind::Forbidden) => DENIED,
            Ok(ProblemKind::NotFound) => CONFIGURATION,
            Ok(ProblemKind::BadRequest) => INPUT,
            Ok(ProblemKind::TooLarge | ProblemKind::TooSlow) => LIMIT,
            _ => OTHER,
        };
        let mut failure = Self::new(code, problem.detail);
        if problem.case == ProblemKind::Unauthorized.as_str() {
            return failure
                .with("the token is read from PORTCULLIS_TOKEN, or from --token-file FILE");
        }
        let details = problem.details.map(|details| details.get().to_string());
        for (name, text) in
            [("hint", problem.hint), ("details", details), ("remedy", problem.remedy)]
        {
            if let Some(text) = text {
                failure = failure.with(format!("{name}: {text}"));
            }
        }
        failure
    }

    fn from_setup(error: &SetupError) -> Self {
        match error {
            SetupError::Usage { message, remedy } => {
                Self::usage(message).with_optional(remedy.clone())
            }
            SetupError::Configuration { message, remedy, .. } => {
                Self::configuration(message).with_optional(remedy.clone())
            }
            SetupError::Call(error) => error.clone().into(),
            SetupError::Datasource { name, source } => {
                Self::from_setup(source).with(format!("datasource: {name}"))
            }
            SetupError::Environment { message, remedy, .. } => {
                Self::other(message).with_optional(remedy.clone())
            }
            other => Self::other(other.to_string()),
        }
    }

    /// Whether the input is the problem.
    pub(crate) fn is_about_input(&self) -> bool {
        self.code == INPUT
    }

    /// The same failure of a command whose policy its options imply: what a line of the policy would
    /// allow, an option allows.
    pub(crate) fn remedied_by_option(mut self) -> Self {
        let access = self.more.iter().find_map(|line| line.trim().strip_prefix("access = "));
        if let Some(access) = access.map(|access| access.trim_matches('"').to_string()) {
            self.more = vec![format!("to allow it, add --access {access}")];
        } else if self.more.iter().any(|line| line.contains("change the datasource's policy")) {
            self.more.push("write a policy file for it: `portcullis init`".to_string());
        }
        self
    }

    /// The same failure as one of a policy, whatever it would be of a call.
    pub(crate) fn in_configuration(self) -> Self {
        Self { code: CONFIGURATION, ..self }
    }

    /// Adds a line below the message.
    pub(crate) fn with(mut self, line: impl Into<String>) -> Self {
        self.more.push(line.into());
        self
    }

    fn with_optional(self, line: Option<String>) -> Self {
        match line {
            Some(line) => self.with(line),
            None => self,
        }
    }

    /// Returns the lines to print, without colours.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.message.as_str()).chain(self.more.iter().map(String::as_str))
    }

    /// Prints the failure and returns its exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let red = anstyle::AnsiColor::Red.on_default().bold();
        // A service's text may have several lines. They are indented, so that none of them looks
        // like a line of this program.
        anstream::eprintln!("{red}error{red:#}: {}", visible(&self.message).replace('\n', "\n  "));
        for line in &self.more {
            for part in line.lines() {
                anstream::eprintln!("  {}", visible(part));
            }
        }
        ExitCode::from(self.code)
    }
}

/// The fields of a problem document that are printed.
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
        let limit = match &error {
            Error::Limit(limit) => Some(limit.which.key()),
            _ => None,
        };
        let failure = Self::new(exit_code(error.kind(), limit), error.to_string());
        match error {
            Error::Denied(denial) => denied(failure, &denial),
            Error::Limit(limit) => failure
                .with(format!("raise it in the datasource's policy: limits.{}", limit.which.key())),
            Error::Plugin(PluginError::Service(error)) => {
                let id = error.request_id.as_deref();
                let id = id.map(|id| format!(", request id {id}")).unwrap_or_default();
                let retry = if error.retryable { ", may succeed later" } else { "" };
                let status = error.http_status;
                failure
                    .with_optional(error.hint.map(|hint| format!("hint: {hint}")))
                    .with_optional(error.details.map(|details| format!("details: {details}")))
                    .with(format!("status {status}, attempts {}{id}{retry}", error.attempts))
            }
            Error::Plugin(PluginError::Credentials(_)) => failure.with(
                "correct that, or choose another source: with `credentials` in the policy, or \
                 without a policy with --profile NAME",
            ),
            _ => failure,
        }
    }
}

fn denied(failure: Failure, denial: &Denial) -> Failure {
    if denial.is_remedied_by_policy() {
        let (failure, begin) = match &denial.fix {
            Some(fix) => (failure.with(fix), "or, to allow it, change the datasource's policy:"),
            None => (failure, "to allow it, change the datasource's policy:"),
        };
        return failure.with(begin).with(format!("  {}", denial.remedy));
    }
    failure.with(format!("remedy: {}", denial.remedy))
}

impl From<SetupError> for Failure {
    fn from(error: SetupError) -> Self {
        Self::from_setup(&error)
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        Self::other(error.to_string())
            .with("the service may have carried out requests of the interrupted calls")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::EXIT_CODES;
    use portcullis::{Busy, Rule, TransportError};

    #[test]
    fn help_describes_every_exit_code() {
        let (interrupt, terminate) = (2, 15);
        for (code, text) in [
            (0, "success"),
            (OTHER, "any other error"),
            (USAGE, "wrong usage"),
            (CONFIGURATION, "bad policy, settings or plugin"),
            (UNKNOWN_ACTION, "unknown action"),
            (INPUT, "invalid input"),
            (CREDENTIALS, "no usable credentials"),
            (DENIED, "denied by the policy"),
            (SERVICE, "the service returned an error"),
            (CONNECTION, "the connection failed"),
            (TIMEOUT, "timed out"),
            (LIMIT, "limit reached, or busy"),
            (CRASH, "the plugin crashed"),
            (signals::EXIT + interrupt, "interrupted"),
        ] {
            let line = format!("{code:>4}  {text}");
            assert!(EXIT_CODES.contains(&line), "{line:?} is missing in:\n{EXIT_CODES}");
        }
        assert!(EXIT_CODES.contains(&format!("({}: terminated)", signals::EXIT + terminate)));
    }

    #[test]
    fn every_kind_of_error_has_an_exit_code_that_the_help_describes() {
        for kind in ErrorKind::ALL {
            let code = exit_code(*kind, None);
            assert!(EXIT_CODES.contains(&format!("{code:>4}  ")), "{kind}: {code}");
        }
    }

    #[test]
    fn errors_have_the_exit_codes_of_their_kinds() {
        let failed =
            || TransportError { message: String::new(), maybe_applied: false, attempts: 1 };
        for (error, code) in [
            (Error::from(Denial::new(Rule::Egress, "", "", "")), 7),
            (Error::Busy(Busy::Calls { running: 1 }), 11),
            (Error::Trapped { message: String::new() }, 12),
            (Error::Plugin(PluginError::InvalidSettings(Vec::new())), 3),
            (Error::Plugin(PluginError::UnknownAction(String::new())), 4),
            (Error::Plugin(PluginError::InvalidInput(Vec::new())), 5),
            (Error::Plugin(PluginError::Credentials(String::new())), 6),
            (Error::Plugin(PluginError::Transport(failed())), 9),
            (Error::Plugin(PluginError::Timeout(failed())), 10),
            (Error::Plugin(PluginError::Other(String::new())), 1),
        ] {
            assert_eq!(Failure::from(error.clone()).code, code, "{error:?}");
        }
    }
}
