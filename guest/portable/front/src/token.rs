//! The token that clients must have, if `PORTCULLIS_TOKEN` is set.

use crate::failure::{problem, wire};
use crate::reply::Reply;
use alloc::string::{String, ToString};
use core::hint::black_box;

/// The token.
pub struct Token(Option<String>);

/// A client without the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError {
    is_missing: bool,
}

impl Token {
    /// Takes the value of `PORTCULLIS_TOKEN`. Without one, only [`Caller`](crate::Caller) is checked:
    /// then the engine must let only the right clients connect.
    ///
    /// # Errors
    /// Returns what is wrong, without the token itself.
    pub fn parse(value: Option<&str>) -> Result<Self, &'static str> {
        let Some(value) = value else { return Ok(Self(None)) };
        // Such as that of a template which was not filled in: it must not let everyone in.
        if value.is_empty() {
            return Err("PORTCULLIS_TOKEN: it is empty; generate one with `portcullis token`, or \
                        remove the variable");
        }
        let plain =
            value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !plain || !(16..=128).contains(&value.len()) {
            return Err(
                "PORTCULLIS_TOKEN: it is not 16 to 128 letters, digits, hyphens, underscores and \
                 dots; generate one with `portcullis token`",
            );
        }
        Ok(Self(Some(value.to_string())))
    }

    /// Returns whether clients need the token.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.is_some()
    }

    /// Checks the header `authorization`: a bearer token, or the signature of an AWS SDK with the
    /// token as its access key id.
    ///
    /// # Errors
    /// Returns an error if there is a token and the header does not have it.
    pub fn check(&self, authorization: Option<&str>) -> Result<(), TokenError> {
        let Some(token) = &self.0 else { return Ok(()) };
        let given = authorization.and_then(|value| {
            value
                .strip_prefix("Bearer ")
                .or_else(|| value.strip_prefix("AWS4-HMAC-SHA256 Credential=")?.split('/').next())
        });
        let given = given.ok_or(TokenError { is_missing: true })?;
        if are_equal(token.as_bytes(), given.as_bytes()) {
            Ok(())
        } else {
            Err(TokenError { is_missing: false })
        }
    }
}

/// Compares in a time that depends only on the lengths.
fn are_equal(a: &[u8], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(0, |bits, (a, b)| black_box(bits | (a ^ b)));
    a.len() == b.len() && differing == 0
}

impl TokenError {
    /// Returns the response, in the form of the client's protocol.
    #[must_use]
    pub fn reply(self, is_wire: bool) -> Reply {
        let message = if self.is_missing { "the token is missing" } else { "the token is wrong" };
        if is_wire {
            let message = alloc::format!("{message}; pass it as the access key id");
            return wire(400, "UnrecognizedClientException", &message);
        }
        problem(401, "unauthorized", message, "send Authorization: Bearer TOKEN")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_a_bearer_or_an_access_key_id() {
        let token = Token::parse(Some("0123456789abcdef")).unwrap();
        for right in [
            "Bearer 0123456789abcdef",
            "AWS4-HMAC-SHA256 Credential=0123456789abcdef/20260101/a/dynamodb/aws4_request, x",
        ] {
            assert_eq!(token.check(Some(right)), Ok(()), "{right}");
        }
        for wrong in [
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdeff",
            "Bearer ",
            "Basic x",
            "0123456789abcdef",
        ] {
            assert!(token.check(Some(wrong)).is_err(), "{wrong}");
        }
        assert!(token.check(None).is_err());
    }

    #[test]
    fn an_unset_token_is_not_asked_for_and_an_empty_or_weak_one_is_refused() {
        assert_eq!(Token::parse(None).unwrap().check(None), Ok(()));
        assert!(!Token::parse(None).unwrap().is_set());
        let error = Token::parse(Some("")).err().unwrap();
        assert!(error.starts_with("PORTCULLIS_TOKEN: it is empty"), "{error}");
        for wrong in ["short", "0123456789abcde\n", "0123456789 abcdef"] {
            let error = Token::parse(Some(wrong)).err().unwrap();
            assert!(error.starts_with("PORTCULLIS_TOKEN: ") && !error.contains(wrong), "{error}");
        }
    }
}
