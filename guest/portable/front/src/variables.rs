//! The variables of the environment that this component uses.

use crate::failure::{problem, wire};
use crate::reply::Reply;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The variables of the environment that this component uses. All others are the platform's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// `PORTCULLIS_TOKEN`.
    pub token: Option<String>,
    /// `PORTCULLIS_SETTINGS`.
    pub settings: Option<String>,
    /// Whether `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are there. Their values are the platform's.
    pub has_credentials: bool,
    request_bytes: Option<String>,
}

/// The largest body of a client, in bytes: the default of `PORTCULLIS_REQUEST_BYTES`, 16 MiB, and the
/// most that DynamoDB accepts.
const MAX_BODY: u64 = 16 << 20;

impl Variables {
    /// Takes the values out of an environment.
    ///
    /// # Errors
    /// Returns an error if one of them is set twice: the platform could take the other value.
    pub fn take(environment: &mut [(String, String)]) -> Result<Self, String> {
        let mut taken = Self::default();
        let is_set = |wanted: &str| {
            environment.iter().any(|(name, value)| name == wanted && !value.is_empty())
        };
        taken.has_credentials = is_set("AWS_ACCESS_KEY_ID") && is_set("AWS_SECRET_ACCESS_KEY");
        for (name, value) in environment {
            let place = match name.as_str() {
                "PORTCULLIS_TOKEN" => &mut taken.token,
                "PORTCULLIS_SETTINGS" => &mut taken.settings,
                "PORTCULLIS_REQUEST_BYTES" => &mut taken.request_bytes,
                _ => continue,
            };
            if place.replace(core::mem::take(value)).is_some() {
                return Err(format!("{name}: it is set twice; set it once"));
            }
        }
        Ok(taken)
    }

    /// Returns the largest body that a client may send: no more is buffered than may be sent on. A value
    /// that is no size is the platform's to report.
    #[must_use]
    pub fn max_body(&self) -> u64 {
        self.request_bytes.as_deref().and_then(bytes).unwrap_or(MAX_BODY).min(MAX_BODY)
    }
}

/// Returns the response to a client whose body is larger than this.
#[must_use]
pub fn too_large(max_body: u64, is_wire: bool) -> Reply {
    let message = format!("the body has more than {max_body} bytes");
    let remedy = if max_body < MAX_BODY {
        "raise PORTCULLIS_REQUEST_BYTES, or send less at a time"
    } else {
        "send less at a time; PORTCULLIS_REQUEST_BYTES cannot allow more here"
    };
    if is_wire {
        return wire(413, "RequestEntityTooLargeException", &format!("{message}; {remedy}"));
    }
    problem(413, "too-large", &message, remedy)
}

/// Parses a size as the platform does.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (digits, unit) = match (text.strip_suffix("KiB"), text.strip_suffix("MiB")) {
        (Some(digits), _) => (digits, 1 << 10),
        (_, Some(digits)) => (digits, 1 << 20),
        _ => (text, 1),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| plain)?;
    number.checked_mul(unit)
}

/// Returns whether a request says that its body is larger than this. It can then be refused before
/// anything is read. A length that cannot be read says nothing; the body is counted in any case.
#[must_use]
pub fn exceeds(content_length: &[Vec<u8>], max_body: u64) -> bool {
    content_length.iter().any(|value| {
        let text = core::str::from_utf8(value).unwrap_or_default().trim();
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        plain && text.parse::<u64>().map_or(true, |length| length > max_body)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pairs: &[(&str, &str)]) -> Result<Variables, String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string()));
        Variables::take(&mut pairs.collect::<Vec<_>>())
    }

    #[test]
    fn a_variable_that_is_set_twice_is_refused() {
        for name in ["PORTCULLIS_TOKEN", "PORTCULLIS_SETTINGS", "PORTCULLIS_REQUEST_BYTES"] {
            let error = taken(&[(name, ""), ("PATH", "/bin"), (name, "b")]).unwrap_err();
            assert_eq!(error, format!("{name}: it is set twice; set it once"));
        }
        assert!(taken(&[("PATH", "/a"), ("PATH", "/b")]).is_ok());
    }

    #[test]
    fn only_an_identity_that_is_not_empty_counts() {
        let pairs = [("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "S")];
        assert!(taken(&pairs).unwrap().has_credentials);
        assert!(!taken(&pairs[..1]).unwrap().has_credentials);
        assert!(!taken(&[pairs[0], ("AWS_SECRET_ACCESS_KEY", "")]).unwrap().has_credentials);
    }

    #[test]
    fn a_body_that_is_too_large_names_the_variable() {
        for (max, part) in [(1000, "raise PORTCULLIS_REQUEST_BYTES"), (MAX_BODY, "cannot allow")] {
            for is_wire in [false, true] {
                let reply = too_large(max, is_wire);
                assert_eq!(reply.status, 413);
                let text = String::from_utf8(reply.body).unwrap();
                assert!(text.contains(part) && text.contains(&max.to_string()), "{text}");
            }
        }
    }

    #[test]
    fn no_more_is_buffered_than_may_be_sent_on() {
        let max = |value| taken(&[("PORTCULLIS_REQUEST_BYTES", value)]).unwrap().max_body();
        for (value, expected) in [
            ("1000", 1000),
            (" 2KiB ", 2048),
            ("1MiB", 1 << 20),
            ("64MiB", MAX_BODY),
            ("99999999999999999999", MAX_BODY),
            ("18446744073709551615MiB", MAX_BODY),
            ("much", MAX_BODY),
            ("", MAX_BODY),
        ] {
            assert_eq!(max(value), expected, "{value}");
        }
        assert_eq!(taken(&[]).unwrap().max_body(), MAX_BODY);
    }

    #[test]
    fn a_stated_length_above_the_limit_is_refused_before_the_body_is_read() {
        let exceeds = |values: &[&str]| {
            let values: Vec<_> = values.iter().map(|value| value.as_bytes().to_vec()).collect();
            exceeds(&values, 1000)
        };
        for too_long in [&["1001"][..], &["99999999999999999999999"], &["1", " 1001 "]] {
            assert!(exceeds(too_long), "{too_long:?}");
        }
        for other in [&[][..], &["1000"], &[""], &["-1"], &["1e9"]] {
            assert!(!exceeds(other), "{other:?}");
        }
    }
}
