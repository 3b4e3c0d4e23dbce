//! The digests of tokens.

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A SHA-256 digest, written as 64 hexadecimal digits.
///
/// ```
/// use portcullis_config::Digest;
///
/// let text = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
/// let digest: Digest = text.parse()?;
/// assert_eq!(digest.0[..2], [0x9f, 0x86]);
/// assert_eq!(digest.to_string(), text);
/// # Ok::<(), portcullis_config::DigestError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(pub [u8; 32]);

/// The SHA-256 of the empty text, and of a line break.
const EMPTY: [&str; 2] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
];

impl Digest {
    /// Whether this is the digest of the empty text or of a line break. It gets into a file when the command that
    /// should have printed a token failed: `printf '%s' "$TOKEN" | sha256sum`.
    pub(super) fn is_of_nothing(&self) -> bool {
        EMPTY.contains(&self.to_string().as_str())
    }
}

/// The error of parsing a [`Digest`]. It does not quote the text, which may be the token itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error(
    "sha256 of a token must be 64 hexadecimal digits; `portcullis token NAME` makes a token and \
     prints this line"
)]
#[non_exhaustive]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let mut bytes = [0; 32];
        // The error of `hex` would quote a character of the text.
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DigestError)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// The digest of a token, or two: during a rotation, clients may still present the old token while
/// others already present the new one. There are never more than two, so that an old token is
/// removed before the next rotation.
///
/// ```
/// use portcullis_config::{Digest, Digests};
///
/// let (old, new) = (Digest([1; 32]), Digest([2; 32]));
/// assert!(Digests::from(old).iter().eq([&old]));
/// assert!(Digests::pair(old, new).iter().eq([&old, &new]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    first: Digest,
    second: Option<Digest>,
}

impl Digests {
    /// The digests of two tokens.
    #[must_use]
    pub fn pair(first: Digest, second: Digest) -> Self {
        Self { first, second: Some(second) }
    }

    /// The one or two digests.
    pub fn iter(&self) -> impl Iterator<Item = &Digest> {
        std::iter::once(&self.first).chain(&self.second)
    }
}

impl From<Digest> for Digests {
    fn from(digest: Digest) -> Self {
        Self { first: digest, second: None }
    }
}

impl Serialize for Digests {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.second {
            None => self.first.serialize(serializer),
            Some(second) => [self.first, second].serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Digests {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrTwo;
        impl<'de> Visitor<'de> for OneOrTwo {
            type Value = Digests;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a SHA-256 digest as a text, or a list of one or two")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Digests, E> {
                Ok(text.parse::<Digest>().map_err(E::custom)?.into())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Digests, A::Error> {
                let first = list.next_element()?;
                let second = list.next_element()?;
                match (first, list.next_element::<Digest>()?) {
                    (Some(first), None) => Ok(Digests { first, second }),
                    _ => Err(serde::de::Error::custom(
                        "sha256 of a token lists one digest, or two during a rotation: that of \
                         the old token and that of the new one",
                    )),
                }
            }
        }
        deserializer.deserialize_any(OneOrTwo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_64_hexadecimal_digits() {
        let text = "0123456789abcdef".repeat(4);
        let digest: Digest = text.parse().unwrap();
        assert_eq!(digest.to_string(), text);
        assert_eq!(text.to_uppercase().parse::<Digest>(), Ok(digest));
        for wrong in ["", &text[1..], &format!("{text}0"), &text.replace('f', "g"), "é"] {
            assert_eq!(wrong.parse::<Digest>(), Err(DigestError), "{wrong}");
        }
    }

    #[derive(Debug, Deserialize, Serialize)]
    struct Line {
        sha256: Digests,
    }

    #[test]
    fn a_token_has_one_digest_or_a_list_of_one_or_two() {
        let (old, new) = (Digest([1; 32]), Digest([2; 32]));
        let parse = |value: String| toml::from_str::<Line>(&format!("sha256 = {value}"));
        for (value, expected) in [
            (format!("\"{old}\""), Digests::from(old)),
            (format!("[\"{old}\"]"), Digests::from(old)),
            (format!("[\"{old}\", \"{new}\"]"), Digests::pair(old, new)),
        ] {
            let line = parse(value).unwrap();
            assert_eq!(line.sha256, expected);
            let written = toml::Value::try_from(&line).unwrap();
            assert_eq!(written.try_into::<Line>().unwrap().sha256, expected);
        }
        for wrong in ["[]".to_string(), format!("[{}]", format!("\"{old}\",").repeat(3))] {
            let error = parse(wrong).unwrap_err();
            assert!(error.message().contains("one digest, or two"), "{error}");
        }
        let error = parse("[\"pcl_1\"]".to_string()).unwrap_err();
        assert_eq!(error.message(), DigestError.to_string());
    }
}
