//! The error of reading a policy file. It never quotes a line that may contain a secret.

use crate::deprecated::{current_spelling, quoted};
use crate::nearest::nearest;
use crate::plain::plain;
use crate::text::line_at;
use toml::de::DeTable;

/// The error of parsing a [`PolicyFile`](crate::PolicyFile).
///
/// The message names the line and the reason, and suggests the closest valid key for an unknown
/// one. It quotes the line, unless the line may contain a secret.
///
/// The error has no source. The TOML parser's own error keeps the whole text of the file, so it
/// could show a secret in a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PolicyFileError {
    message: String,
    line: Option<usize>,
}

impl PolicyFileError {
    pub(crate) fn new(error: &toml::de::Error, text: &str) -> Self {
        let line = error.span().map(|span| line_at(text, span.start));
        let message = duplicate(error, text).unwrap_or_else(|| message(error, line));
        Self { message, line: line.map(|(number, _)| number) }
    }

    /// Returns the line with the error, counted from 1, or `None` if the error has no position.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.line
    }
}

/// The message for a table or a key that is there twice. It contains names, but no value.
fn duplicate(error: &toml::de::Error, text: &str) -> Option<String> {
    if error.message() != "duplicate key" {
        return None;
    }
    let span = error.span()?;
    let (number, line) = line_at(text, span.start);
    let Some(path) = path_of_table(line) else {
        let key = text.get(span)?;
        return Some(format!("line {number}: {key} is there twice in one table; remove one"));
    };
    let remedy = match path.as_slice() {
        [server, tokens, _] if server == "server" && tokens == "tokens" => {
            "during a rotation, keep one table that lists the digests of the old and of the new \
             token, sha256 = [\"…\", \"…\"]; otherwise remove one, or rename it"
        }
        _ => "remove one, or rename it",
    };
    Some(format!("line {number}: {} is there twice; {remedy}", path.join(".")))
}

/// The names in the line that begins a table, such as `[server.tokens.app]`.
fn path_of_table(line: &str) -> Option<Vec<String>> {
    if !line.trim_start().starts_with('[') {
        return None;
    }
    let parsed = DeTable::parse(line).ok()?;
    let mut path = Vec::new();
    let mut table = Some(parsed.get_ref());
    while let Some((name, value)) = table.and_then(|table| table.iter().next()) {
        path.push(quoted(name.get_ref()));
        table = value.get_ref().as_table();
    }
    Some(path)
}

fn message(error: &toml::de::Error, line: Option<(usize, &str)>) -> String {
    // The operator may have written a token in place of its digest, or a secret in any other place.
    // Nobody should then find it in a log as well.
    let is_about_token = ["sha256 of a token", "expires of a token"]
        .iter()
        .any(|start| error.message().starts_with(start));
    if let Some((number, _)) = line.filter(|_| is_about_token) {
        return format!("line {number}: {}", error.message());
    }
    // These messages say all that is needed, without the line.
    let says_all = error.message().starts_with("unknown variant");
    if let Some((number, _)) = line.filter(|(_, line)| may_contain_secret(line) && says_all) {
        let message = plain(error.message().trim_end());
        let guess = suggestion(error).map(|key| format!("; did you mean `{key}`?"));
        return format!("line {number}: {message}{}", guess.unwrap_or_default());
    }
    // The line of this message contains only names and paths.
    let is_harmless = error.message().starts_with("role and token-file");
    if let Some((number, line)) = line.filter(|(_, line)| may_contain_secret(line) && !is_harmless)
    {
        let reason = reason_without_quote(error, line);
        return format!(
            "line {number}: {reason} The line is not shown because it may contain a secret. A \
             policy never contains secrets: `credentials` is a reference, as in \
             {{ from = \"env\" }} or {{ from = \"file\", path = \"key.toml\" }}"
        );
    }
    let shown = error.to_string();
    let shown = shown.trim_end();
    // The parser shows the line, and then its message.
    let shown = match shown.strip_suffix(error.message().trim_end()) {
        Some(position) => format!("{position}{}", plain(error.message().trim_end())),
        None => shown.to_string(),
    };
    match suggestion(error) {
        Some(key) => format!("{shown}\ndid you mean `{key}`?"),
        None => shown,
    }
}

fn may_contain_secret(line: &str) -> bool {
    // A line without a key was pasted there, such as a token or a secret access key.
    let is_pasted = !line.contains('=') && line.trim_start().starts_with(char::is_alphanumeric);
    let line = line.to_ascii_lowercase();
    let words = ["credentials", "secret", "password", "token", "@", "pcl_", "akia", "asia"];
    is_pasted || words.iter().any(|word| line.contains(word))
}

/// Returns the reason of an error as a sentence that contains names of keys, but no value.
fn reason_without_quote(error: &toml::de::Error, line: &str) -> String {
    let key = error.message().split('`').nth(1);
    match (key, suggestion(error)) {
        (Some(key), _) if error.message().starts_with("missing field") => {
            format!("`{key}` is missing.")
        }
        (Some(key), Some(other)) if error.message().starts_with("unknown field") => {
            format!("`{key}` is not a key of this table; did you mean `{other}`?")
        }
        (Some(key), None) if error.message().starts_with("unknown field") => {
            format!("`{key}` is not a key of this table.")
        }
        _ if line.contains('@') => "An origin has no user name.".to_string(),
        _ => "The value or its syntax is not valid.".to_string(),
    }
}

/// Returns the valid key or value that is closest to an unknown one.
fn suggestion(error: &toml::de::Error) -> Option<String> {
    let message = error.message();
    if !message.starts_with("unknown field") && !message.starts_with("unknown variant") {
        return None;
    }
    // Serde writes: unknown field `a`, expected one of `b`, `c`
    let mut quoted = message.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    let valid: Vec<&str> = quoted.collect();
    if valid.contains(&"limits") && LIMITS.contains(&unknown) {
        return Some(format!("limits.{unknown}"));
    }
    nearest(unknown, valid.iter().copied()).map(|key| current_spelling(key, &valid).to_string())
}

/// The keys of a datasource's limits, which are easily written one table too high.
const LIMITS: [&str; 17] = [
    "deadline",
    "connect-timeout",
    "tls-timeout",
    "first-byte-timeout",
    "read-timeout",
    "memory",
    "host-memory",
    "wasm-tables",
    "instances",
    "resources",
    "header-bytes",
    "request-bytes",
    "response-bytes",
    "json-depth",
    "requests",
    "concurrent-calls",
    "queued-calls",
];
