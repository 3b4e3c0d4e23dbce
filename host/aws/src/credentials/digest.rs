//! Digests that identify a datasource, credentials included, without revealing anything about it.

use super::identity::Credentials;
use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// The key of digests. Each host has its own, which is never stored: a digest says nothing about
/// what was digested, and is of no use in another process.
///
/// ```
/// use portcullis_aws::{Credentials, DigestKey, Secret};
///
/// let key = DigestKey::new([7; 32]);
/// let credentials = Credentials {
///     access_key_id: "AKIDEXAMPLE".to_string(),
///     secret_access_key: Secret::new("one"),
///     session_token: None,
///     expires: None,
/// };
/// let other = Credentials { secret_access_key: Secret::new("other"), ..credentials.clone() };
/// assert_ne!(key.digest(&[b"a"], Some(&credentials)), key.digest(&[b"a"], Some(&other)));
/// assert_ne!(key.digest(&[b"a", b"b"], None), key.digest(&[b"ab", b""], None));
/// ```
pub struct DigestKey(Zeroizing<[u8; KEY_BYTES]>);

/// The bytes of a key: one block of SHA-256, with random bytes in its first half.
const KEY_BYTES: usize = 64;

impl DigestKey {
    /// A key of random bytes.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key[..random.len()].copy_from_slice(&Zeroizing::new(random)[..]);
        Self(key)
    }

    /// The digest (HMAC-SHA-256, RFC 2104) of some parts and of credentials. Other parts, or the
    /// same bytes divided in another way, have another digest.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]], credentials: Option<&Credentials>) -> [u8; 32] {
        let mut digest = Digest(Hmac::new(&(*self.0).into()));
        digest.number(parts.len());
        for part in parts {
            digest.part(part);
        }
        if let Some(credentials) = credentials {
            digest.part(credentials.access_key_id.as_bytes());
            digest.part(credentials.secret_access_key.expose().as_bytes());
            // A token is never empty when it is used, so that no token is the empty one.
            let token = credentials.session_token.as_ref().map_or("", Secret::expose);
            digest.part(token.as_bytes());
        }
        digest.0.finalize().into_bytes().into()
    }
}

struct Digest(Hmac<Sha256>);

impl Digest {
    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_le_bytes());
    }

    /// A part with its length, so that it cannot be confused with its neighbours.
    fn part(&mut self, part: &[u8]) {
        self.number(part.len());
        self.0.update(part);
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_identifies_a_datasource_changes_its_digest() {
        let key = DigestKey::new([1; 32]);
        let credentials = |id: &str, secret: &str, token: Option<&str>| Credentials {
            access_key_id: id.to_string(),
            secret_access_key: Secret::new(secret),
            session_token: token.map(Secret::new),
            expires: None,
        };
        let digests = [
            key.digest(&[], None),
            key.digest(&[b""], None),
            key.digest(&[b"a", b"b"], None),
            key.digest(&[b"ab"], None),
            key.digest(&[b"b", b"a"], None),
            key.digest(&[], Some(&credentials("a", "b", None))),
            key.digest(&[], Some(&credentials("ab", "", None))),
            key.digest(&[], Some(&credentials("a", "b", Some("c")))),
            key.digest(&[], Some(&credentials("a", "bc", None))),
            DigestKey::new([2; 32]).digest(&[], None),
        ];
        for (index, digest) in digests.iter().enumerate() {
            assert!(!digests[..index].contains(digest), "{index}");
        }
        let same = credentials("a", "b", Some(""));
        assert_eq!(key.digest(&[], Some(&same)), digests[5], "an empty token is none");
    }
}
