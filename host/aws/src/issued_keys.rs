//! The keys and session tokens that were handed to the sandbox: which signatures are valid, and
//! what a response must not contain.

use crate::secret::Secret;
use aho_corasick::{AhoCorasick, Input, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A signing key that was issued, with the credential that it signs for.
pub(crate) struct IssuedKey {
    /// `{access key id}/{date}/{region}/{service}/aws4_request`.
    pub(crate) credential: String,
    pub(crate) session_token: Option<Secret>,
    pub(crate) key: Zeroizing<[u8; 32]>,
}

/// The signing keys that the instances of one datasource were given, newest last.
#[derive(Default)]
pub(crate) struct IssuedKeys {
    list: Mutex<VecDeque<IssuedKey>>,
    scanner: RwLock<Option<Arc<SecretScanner>>>,
}

/// The number of keys that a request may be signed with: those of a few days and scopes, before and
/// after a change of identity.
const MAX_ISSUED: usize = 64;

impl IssuedKeys {
    /// Records a key that is issued. Returns whether its identity differs from the previous
    /// one.
    pub(crate) fn record(&self, new: IssuedKey) -> bool {
        let mut list = self.list.lock();
        if list.back().is_some_and(|last| last.is_same(&new)) {
            return false;
        }
        let is_change = list.back().is_some_and(|last| !last.is_identity_of(&new));
        list.retain(|known| !known.is_same(&new));
        if list.len() >= MAX_ISSUED {
            list.pop_front();
        }
        list.push_back(new);
        *self.scanner.write() = Some(Arc::new(SecretScanner::new(&list)));
        is_change
    }

    /// Whether a key was issued for `credential`, together with this session token.
    pub(crate) fn contains(&self, credential: &str, token: Option<&str>) -> bool {
        let list = self.list.lock();
        list.iter().any(|known| {
            known.credential == credential
                && known.session_token.as_ref().map(Secret::expose) == token
        })
    }

    /// Whether `bytes` contain a key or a token that was issued: in plain, hex or Base64 form.
    pub(crate) fn leaks_in(&self, bytes: &[u8]) -> bool {
        self.scanner().is_some_and(|scanner| scanner.matches(bytes))
    }

    /// Replaces keys and tokens in a text, and the start of one at its end, where it may have been
    /// cut off. It takes one pass, since the text may be long.
    pub(crate) fn redact(&self, text: &mut String) {
        let Some(scanner) = self.scanner() else { return };
        let mut shown = String::new();
        let mut kept = 0;
        for (start, end) in scanner.find_all(text.as_bytes()) {
            if end <= kept {
                continue;
            }
            if start >= kept {
                // A raw key may begin and end within a character.
                shown.push_str(&text[kept..text.floor_char_boundary(start).max(kept)]);
                shown.push_str(REDACTED);
            }
            kept = text.ceil_char_boundary(end);
        }
        if kept > 0 {
            shown.push_str(&text[kept..]);
            *text = shown;
        }
    }

    fn scanner(&self) -> Option<Arc<SecretScanner>> {
        self.scanner.read().clone()
    }
}

impl IssuedKey {
    /// Whether both keys were derived from the same secret, as far as can be seen: keys for the
    /// same day and scope must be equal.
    fn is_identity_of(&self, other: &Self) -> bool {
        let id = |key: &Self| key.credential.split('/').next().map(ToString::to_string);
        let same_key = self.credential != other.credential || self.key == other.key;
        id(self) == id(other) && self.session_token == other.session_token && same_key
    }

    fn is_same(&self, other: &Self) -> bool {
        self.credential == other.credential
            && self.session_token == other.session_token
            && self.key == other.key
    }
}

/// Secrets to search for. The automaton stores prefixes of 8 bytes only, since its memory is not
/// overwritten when it is dropped.
struct SecretScanner {
    prefixes: AhoCorasick,
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

/// Replaces a secret.
const REDACTED: &str = "(redacted)";
/// The bytes of a secret that the automaton searches for. With eight, a match is a secret or a
/// forgery of one.
const PREFIX_BYTES: usize = 8;

impl SecretScanner {
    fn new(issued: &VecDeque<IssuedKey>) -> Self {
        let mut secrets = Vec::new();
        for known in issued {
            add_forms(&*known.key, &mut secrets);
            if let Some(token) = &known.session_token {
                add_forms(token.expose().as_bytes(), &mut secrets);
                secrets.push(Zeroizing::new(token.expose().replace('/', "\\/").into_bytes()));
            }
        }
        secrets.retain(|secret| secret.len() >= PREFIX_BYTES);
        let prefixes = secrets.iter().map(|secret| &secret[..PREFIX_BYTES]);
        // It takes any patterns that are not longer in all than some gigabytes.
        let prefixes = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(prefixes)
            .expect("a few short patterns make an automaton");
        Self { prefixes, secrets }
    }

    /// Whether `bytes` contain a secret.
    fn matches(&self, bytes: &[u8]) -> bool {
        self.candidates(bytes)
            .any(|start| self.secrets.iter().any(|secret| bytes[start..].starts_with(secret)))
    }

    /// The ranges of all secrets, by start, including one whose end was cut off with the text's.
    fn find_all<'n>(&'n self, bytes: &'n [u8]) -> impl Iterator<Item = (usize, usize)> + 'n {
        self.candidates(bytes).flat_map(move |start| {
            let rest = &bytes[start..];
            let found = self
                .secrets
                .iter()
                .filter(move |secret| rest.starts_with(secret) || secret.starts_with(rest));
            found.map(move |secret| (start, start + secret.len().min(rest.len())))
        })
    }

    /// Offsets at which a secret may start. Restarts a non-overlapping search at `start + 1`, which
    /// keeps the SIMD prefilter (gigabytes per second); an overlapping search has none.
    fn candidates<'n>(&'n self, bytes: &'n [u8]) -> impl Iterator<Item = usize> + 'n {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.prefixes.find(Input::new(bytes).range(from..))?;
            from = found.start() + 1;
            Some(found.start())
        })
    }
}

/// Adds the forms of `secret` that are searched for.
fn add_forms(secret: &[u8], all: &mut Vec<Zeroizing<Vec<u8>>>) {
    all.push(Zeroizing::new(secret.to_vec()));
    all.push(Zeroizing::new(hex::encode(secret).into_bytes()));
    all.push(Zeroizing::new(hex::encode_upper(secret).into_bytes()));
    // Base64 of a secret within other bytes depends on its offset modulo 3. Leave out the
    // characters at either end, which depend on the bytes next to it.
    for skipped in 0..3 {
        let framed = Zeroizing::new([&[0; 2][..skipped], secret].concat());
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = Zeroizing::new(engine.encode(&*framed));
            let first = [0, 2, 3][skipped];
            let last = text.len() - usize::from(framed.len() % 3 != 0);
            all.push(Zeroizing::new(text.as_bytes()[first..last].to_vec()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = *b"\x01\xfe\x80abcdefghijklmnopqrstuvwxyz\xff\x00\x9c";

    fn issued(token: Option<&str>) -> IssuedKeys {
        let keys = IssuedKeys::default();
        keys.record(IssuedKey {
            credential: "A/20150830/us-east-1/dynamodb/aws4_request".to_string(),
            session_token: token.map(Secret::new),
            key: Zeroizing::new(KEY),
        });
        keys
    }

    #[test]
    fn a_key_is_found_in_every_form() {
        let keys = issued(None);
        let around = |inner: &[u8]| [b"{\"x\": \"", inner, b"\"}"].concat();
        assert!(keys.leaks_in(&around(&KEY)));
        assert!(
            keys.leaks_in(&around(hex::encode(KEY).as_bytes()))
                && keys.leaks_in(&around(hex::encode_upper(KEY).as_bytes()))
        );
        for before in ["", "a", "ab", "abc"] {
            let framed = [before.as_bytes(), &KEY, b"tail"].concat();
            assert!(keys.leaks_in(&around(STANDARD_NO_PAD.encode(&framed).as_bytes())), "{before}");
            assert!(keys.leaks_in(&around(URL_SAFE_NO_PAD.encode(&framed).as_bytes())), "{before}");
        }
        assert!(!keys.leaks_in(&around(&KEY[..31])) && !keys.leaks_in(b""));
        assert!(!IssuedKeys::default().leaks_in(&KEY));
    }

    #[test]
    fn a_token_is_found_and_replaced() {
        let keys = issued(Some("IQoJb3JpZ2luX2Vj/slash"));
        assert!(
            keys.leaks_in(b"token IQoJb3JpZ2luX2Vj/slash")
                && keys.leaks_in(br"IQoJb3JpZ2luX2Vj\/slash")
        );
        let mut text = format!("é IQoJb3JpZ2luX2Vj/slash é {} é", hex::encode(KEY));
        keys.redact(&mut text);
        assert_eq!(text, "é (redacted) é (redacted) é");
        // A secret that is cut off at the end, and two in a row.
        let mut cut = format!("{0}{0} {1}", hex::encode(KEY), &hex::encode(KEY)[..20]);
        keys.redact(&mut cut);
        assert_eq!(cut, "(redacted)(redacted) (redacted)");
        let mut long = hex::encode(KEY).repeat(100_000);
        keys.redact(&mut long);
        assert_eq!(long.len(), 100_000 * REDACTED.len());
    }

    #[test]
    fn another_key_of_the_same_access_key_id_is_searched_for_too() {
        let keys = issued(None);
        let other = [7; 32];
        let again = |key| IssuedKey {
            credential: "A/20150830/us-east-1/dynamodb/aws4_request".to_string(),
            session_token: None,
            key: Zeroizing::new(key),
        };
        assert!(
            !keys.record(again(KEY)) && keys.record(again(other)),
            "another secret is another identity"
        );
        assert!(keys.leaks_in(&other) && keys.leaks_in(&KEY));
    }

    #[test]
    fn only_a_key_that_was_handed_out_may_sign() {
        let keys = issued(Some("token"));
        assert!(keys.contains("A/20150830/us-east-1/dynamodb/aws4_request", Some("token")));
        assert!(!keys.contains("A/20150830/us-east-1/dynamodb/aws4_request", None));
        assert!(!keys.contains("B/20150830/us-east-1/dynamodb/aws4_request", Some("token")));
    }
}
