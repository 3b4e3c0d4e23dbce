//! The token that clients must have, if `PORTCULLIS_TOKEN` is set.

use crate::failure::{problem, wire};
use crate::reply::Reply;
use alloc::string::{String, ToString};
use core::hint::black_box;

/// The token.
pub struct Token(Option<String>);

/// A client without the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// There is no header `authorization`, or one of another form.
    Missing,
    /// There are two.
    Twice,
    /// It is another one.
    Wrong,
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

    /// Checks the values of the header `authorization`: a bearer token, or the signature of an AWS SDK with the
    /// token as its access key id.
    ///
    /// # Errors
    /// Returns an error if there is a token and the header does not have it, or is there twice.
    pub fn check(&self, authorization: &[String]) -> Result<(), TokenError> {
        let Some(token) = &self.0 else { return Ok(()) };
        let value = match authorization {
            [] => return Err(TokenError::Missing),
            [value] => value,
            _ => return Err(TokenError::Twice),
        };
        let signed = || value.strip_prefix("AWS4-HMAC-SHA256 Credential=")?.split('/').next();
        let given = bearer(value).or_else(signed).ok_or(TokenError::Missing)?;
        if are_equal(token.as_bytes(), given.as_bytes()) { Ok(()) } else { Err(TokenError::Wrong) }
    }
}

/// The token after the scheme, whose case does not matter (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
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
        let message = match self {
            Self::Missing => "the token is missing",
            Self::Twice => "the header Authorization is there more than once; send it once",
            Self::Wrong => "the token is wrong",
        };
        if is_wire {
            let message = alloc::format!("{message}; pass it as the access key id");
            return wire(400, "UnrecognizedClientException", &message);
        }
        problem(401, "unauthorized", message, "send Authorization: Bearer TOKEN")
            .with("www-authenticate", "Bearer")
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
            "bearer 0123456789abcdef",
            "BEARER  0123456789abcdef",
            "AWS4-HMAC-SHA256 Credential=0123456789abcdef/20260101/a/dynamodb/aws4_request, x",
        ] {
            assert_eq!(token.check(&[right.to_string()]), Ok(()), "{right}");
        }
        for wrong in [
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdeff",
            "Bearer ",
            "Basic x",
            "0123456789abcdef",
        ] {
            assert!(token.check(&[wrong.to_string()]).is_err(), "{wrong}");
        }
        assert_eq!(token.check(&[]), Err(TokenError::Missing));
        let twice = ["Bearer 0123456789abcdef", "Bearer x"].map(ToString::to_string);
        assert_eq!(token.check(&twice), Err(TokenError::Twice));
    }

    #[test]
    fn a_refusal_says_how_the_token_is_sent() {
        for (error, part) in [
            (TokenError::Missing, "the token is missing"),
            (TokenError::Twice, "more than once"),
            (TokenError::Wrong, "the token is wrong"),
        ] {
            let reply = error.reply(false);
            let challenge = ("www-authenticate".to_string(), b"Bearer".to_vec());
            assert!(reply.status == 401 && reply.headers.contains(&challenge));
            for body in [reply.body, error.reply(true).body] {
                assert!(String::from_utf8(body).unwrap().contains(part));
            }
        }
    }

    #[test]
    fn an_unset_token_is_not_asked_for_and_an_empty_or_weak_one_is_refused() {
        assert_eq!(Token::parse(None).unwrap().check(&[]), Ok(()));
        assert!(!Token::parse(None).unwrap().is_set());
        let error = Token::parse(Some("")).err().unwrap();
        assert!(error.starts_with("PORTCULLIS_TOKEN: it is empty"), "{error}");
        for wrong in ["short", "0123456789abcde\n", "0123456789 abcdef"] {
            let error = Token::parse(Some(wrong)).err().unwrap();
            assert!(error.starts_with("PORTCULLIS_TOKEN: ") && !error.contains(wrong), "{error}");
        }
    }
}
