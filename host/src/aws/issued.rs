//! What was handed to the sandbox: who may sign a request with it, and what an answer must not contain.

use super::Secret;
use aho_corasick::{AhoCorasick, Input, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use zeroize::Zeroizing;

/// A signing key that was handed out, and for what.
pub(crate) struct Issued {
    /// `{access key id}/{date}/{region}/{service}/aws4_request`.
    pub(crate) credential: String,
    pub(crate) session_token: Option<Secret>,
    pub(crate) key: Zeroizing<[u8; 32]>,
}

/// The signing keys that one datasource's instances were given, newest last.
#[derive(Default)]
pub(crate) struct IssuedKeys {
    list: Mutex<VecDeque<Issued>>,
    needles: RwLock<Option<Arc<Needles>>>,
}

/// Signing keys that a request may still be signed with: those of a few days and scopes, around a change of identity.
const MAX_ISSUED: usize = 64;

impl IssuedKeys {
    /// Notes what a key was handed out for. True where it is another identity than the one before.
    pub(crate) fn note(&self, new: Issued) -> bool {
        let mut list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if list.back().is_some_and(|last| last.is_same(&new)) {
            return false;
        }
        let is_change = list.back().is_some_and(|last| !last.is_identity_of(&new));
        list.retain(|known| !known.is_same(&new));
        if list.len() >= MAX_ISSUED {
            list.pop_front();
        }
        list.push_back(new);
        *self.needles.write().unwrap_or_else(PoisonError::into_inner) =
            Some(Arc::new(Needles::new(&list)));
        is_change
    }

    /// Whether a request that is signed so may leave: with a key that was handed out, and the token that belongs to it.
    pub(crate) fn has(&self, credential: &str, token: Option<&str>) -> bool {
        let list = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        list.iter().any(|known| {
            known.credential == credential
                && known.session_token.as_ref().map(Secret::expose) == token
        })
    }

    /// Whether bytes contain a key or a token that was handed out: as it is, in hexadecimal, or in Base64.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.needles().is_some_and(|needles| needles.are_in(bytes))
    }

    /// Overwrites keys and tokens in a text, and what was cut off of one at its end. In one pass: the text may be long.
    pub(crate) fn redact(&self, text: &mut String) {
        let Some(needles) = self.needles() else { return };
        let mut shown = String::new();
        let mut kept = 0;
        for (start, end) in needles.find_all(text.as_bytes()) {
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

    fn needles(&self) -> Option<Arc<Needles>> {
        self.needles.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Issued {
    /// Whether another one was made of the same secret, as far as can be told: one for the same day and scope has the
    /// same key.
    fn is_identity_of(&self, other: &Self) -> bool {
        let id = |issued: &Self| issued.credential.split('/').next().map(ToString::to_string);
        let same_key = self.credential != other.credential || self.key == other.key;
        id(self) == id(other) && self.session_token == other.session_token && same_key
    }

    fn is_same(&self, other: &Self) -> bool {
        self.credential == other.credential
            && self.session_token == other.session_token
            && self.key == other.key
    }
}

/// What must not be found, and where to look for it: the automaton holds only the beginnings, so that it need not be
/// overwritten when it is dropped.
struct Needles {
    beginnings: AhoCorasick,
    whole: Vec<Zeroizing<Vec<u8>>>,
}

/// What stands where something was overwritten.
const REDACTED: &str = "(redacted)";
/// Bytes of a needle that the automaton looks for. With eight, what it finds is a needle or a forgery of one.
const BEGINNING: usize = 8;

impl Needles {
    fn new(issued: &VecDeque<Issued>) -> Self {
        let mut whole = Vec::new();
        for known in issued {
            spellings(&*known.key, &mut whole);
            if let Some(token) = &known.session_token {
                spellings(token.expose().as_bytes(), &mut whole);
                whole.push(Zeroizing::new(token.expose().replace('/', "\\/").into_bytes()));
            }
        }
        whole.retain(|needle| needle.len() >= BEGINNING);
        let beginnings = whole.iter().map(|needle| &needle[..BEGINNING]);
        // It takes any patterns that are not longer in all than some gigabytes.
        let beginnings = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(beginnings)
            .expect("a few short patterns make an automaton");
        Self { beginnings, whole }
    }

    /// Whether there is a needle.
    fn are_in(&self, bytes: &[u8]) -> bool {
        self.candidates(bytes)
            .any(|start| self.whole.iter().any(|needle| bytes[start..].starts_with(needle)))
    }

    /// All places of needles, those included whose end was cut off with the text's, by where they begin.
    fn find_all<'n>(&'n self, bytes: &'n [u8]) -> impl Iterator<Item = (usize, usize)> + 'n {
        self.candidates(bytes).flat_map(move |start| {
            let rest = &bytes[start..];
            let found = self
                .whole
                .iter()
                .filter(move |needle| rest.starts_with(needle) || needle.starts_with(rest));
            found.map(move |needle| (start, start + needle.len().min(rest.len())))
        })
    }

    /// Where a needle may begin. One place after another, and not all overlapping ones at once: so the automaton looks for
    /// the first bytes of several needles in one step, and passes over gigabytes in a second.
    fn candidates<'n>(&'n self, bytes: &'n [u8]) -> impl Iterator<Item = usize> + 'n {
        let mut from = 0;
        std::iter::from_fn(move || {
            let found = self.beginnings.find(Input::new(bytes).range(from..))?;
            from = found.start() + 1;
            Some(found.start())
        })
    }
}

/// The ways to write `secret` that are looked for.
fn spellings(secret: &[u8], all: &mut Vec<Zeroizing<Vec<u8>>>) {
    all.push(Zeroizing::new(secret.to_vec()));
    all.push(Zeroizing::new(hex::encode(secret).into_bytes()));
    all.push(Zeroizing::new(hex::encode_upper(secret).into_bytes()));
    // In the middle of other bytes Base64 looks different, by where they begin; without the characters at either end
    // that the neighbours have a part in.
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
        keys.note(Issued {
            credential: "A/20150830/us-east-1/dynamodb/aws4_request".to_string(),
            session_token: token.map(Secret::new),
            key: Zeroizing::new(KEY),
        });
        keys
    }

    #[test]
    fn a_key_is_found_in_every_spelling() {
        let keys = issued(None);
        let around = |inner: &[u8]| [b"{\"x\": \"", inner, b"\"}"].concat();
        assert!(keys.is_in(&around(&KEY)));
        assert!(
            keys.is_in(&around(hex::encode(KEY).as_bytes()))
                && keys.is_in(&around(hex::encode_upper(KEY).as_bytes()))
        );
        for before in ["", "a", "ab", "abc"] {
            let framed = [before.as_bytes(), &KEY, b"tail"].concat();
            assert!(keys.is_in(&around(STANDARD_NO_PAD.encode(&framed).as_bytes())), "{before}");
            assert!(keys.is_in(&around(URL_SAFE_NO_PAD.encode(&framed).as_bytes())), "{before}");
        }
        assert!(!keys.is_in(&around(&KEY[..31])) && !keys.is_in(b""));
        assert!(!IssuedKeys::default().is_in(&KEY));
    }

    #[test]
    fn a_token_is_found_and_overwritten() {
        let keys = issued(Some("IQoJb3JpZ2luX2Vj/slash"));
        assert!(
            keys.is_in(b"token IQoJb3JpZ2luX2Vj/slash") && keys.is_in(br"IQoJb3JpZ2luX2Vj\/slash")
        );
        let mut text = format!("é IQoJb3JpZ2luX2Vj/slash é {} é", hex::encode(KEY));
        keys.redact(&mut text);
        assert_eq!(text, "é (redacted) é (redacted) é");
        // What is cut at its end, and what stands twice without anything between.
        let mut cut = format!("{0}{0} {1}", hex::encode(KEY), &hex::encode(KEY)[..20]);
        keys.redact(&mut cut);
        assert_eq!(cut, "(redacted)(redacted) (redacted)");
        let mut long = hex::encode(KEY).repeat(100_000);
        keys.redact(&mut long);
        assert_eq!(long.len(), 100_000 * REDACTED.len());
    }

    #[test]
    fn another_key_of_the_same_name_is_watched_for_too() {
        let keys = issued(None);
        let other = [7; 32];
        let again = |key| Issued {
            credential: "A/20150830/us-east-1/dynamodb/aws4_request".to_string(),
            session_token: None,
            key: Zeroizing::new(key),
        };
        assert!(
            !keys.note(again(KEY)) && keys.note(again(other)),
            "another secret is another identity"
        );
        assert!(keys.is_in(&other) && keys.is_in(&KEY));
    }

    #[test]
    fn only_what_was_handed_out_may_sign() {
        let keys = issued(Some("token"));
        assert!(keys.has("A/20150830/us-east-1/dynamodb/aws4_request", Some("token")));
        assert!(!keys.has("A/20150830/us-east-1/dynamodb/aws4_request", None));
        assert!(!keys.has("B/20150830/us-east-1/dynamodb/aws4_request", Some("token")));
    }
}
