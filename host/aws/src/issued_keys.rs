//! The keys and session tokens that were handed to the sandbox: which signatures are valid, and
//! what a response must not contain.

use crate::secret::Secret;
use crate::secret_scanner::SecretScanner;
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A signing key that was issued, with the credential that it signs for.
pub(crate) struct IssuedKey {
    /// `{access key id}/{date}/{region}/{service}/aws4_request`.
    pub(crate) credential: String,
    pub(crate) session_token: Option<Secret>,
    /// Boxed, since a list that grows or is reordered leaves copies of what it contains.
    pub(crate) key: Box<Zeroizing<[u8; 32]>>,
}

/// The signing keys that the instances of one datasource were given, newest last.
#[derive(Default)]
pub(crate) struct IssuedKeys {
    list: Mutex<VecDeque<IssuedKey>>,
    scanner: RwLock<Option<Arc<SecretScanner>>>,
}

/// The number of keys that a request may be signed with, at least: those of a few days and scopes, before
/// and after a change of identity.
const MAX_ISSUED: usize = 64;

impl IssuedKeys {
    /// Records a key that is issued to a plugin which may ask for so many different ones of one identity.
    /// Returns whether its identity differs from the previous one.
    pub(crate) fn record(&self, new: IssuedKey, of_identity: usize) -> bool {
        let mut list = self.list.lock();
        let is_change = list.back().is_some_and(|last| !last.is_identity_of(&new));
        // Plugins ask for the same keys again and again. To prepare a search takes milliseconds.
        if let Some(at) = list.iter().position(|known| known.is_same(&new)) {
            let known = list.remove(at);
            list.extend(known);
            return is_change;
        }
        // Room for two identities: a plugin must not ask for so many keys that the first is forgotten.
        if list.len() >= MAX_ISSUED.max(2 * of_identity) {
            list.pop_front();
        }
        list.push_back(new);
        let keys = list.iter().map(|known| &**known.key);
        let mut tokens: Vec<&Secret> = Vec::new();
        for token in list.iter().filter_map(|known| known.session_token.as_ref()) {
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        *self.scanner.write() = Some(Arc::new(SecretScanner::new(keys, tokens.into_iter())));
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

    /// Whether `bytes` contain a key or a token that was issued: in plain, hex or Base64 form. The
    /// first 128 bytes of a form count as all of it.
    pub(crate) fn leaks_in(&self, bytes: &[u8]) -> bool {
        self.scanner().is_some_and(|scanner| scanner.matches(bytes))
    }

    /// Replaces keys and tokens in a text, and the start of one at its end, where it may have been
    /// cut off. It takes one pass, since the text may be long.
    pub(crate) fn redact(&self, text: &mut String) {
        let Some(scanner) = self.scanner() else { return };
        let mut shown = String::new();
        let mut shown_to = 0;
        for Range { start, end } in scanner.find_all(text.as_bytes()) {
            // A raw key may begin and end within a character.
            shown.push_str(&text[shown_to..text.floor_char_boundary(start).max(shown_to)]);
            shown.push_str(REDACTED);
            shown_to = text.ceil_char_boundary(end);
        }
        if shown_to > 0 {
            shown.push_str(&text[shown_to..]);
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

/// Replaces a secret.
const REDACTED: &str = "(redacted)";

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    const KEY: [u8; 32] = *b"\x01\xfe\x80abcdefghijklmnopqrstuvwxyz\xff\x00\x9c";

    fn record(keys: &IssuedKeys, new: IssuedKey) -> bool {
        keys.record(new, 3)
    }

    fn key(id: &str, region: &str, token: Option<&str>, key: [u8; 32]) -> IssuedKey {
        IssuedKey {
            credential: format!("{id}/20150830/{region}/dynamodb/aws4_request"),
            session_token: token.map(Secret::new),
            key: Box::new(Zeroizing::new(key)),
        }
    }

    fn issued(token: Option<&str>) -> IssuedKeys {
        let keys = IssuedKeys::default();
        record(&keys, key("A", "us-east-1", token, KEY));
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
        let again = |bytes| key("A", "us-east-1", None, bytes);
        assert!(
            !record(&keys, again(KEY)) && record(&keys, again(other)),
            "another secret is another identity"
        );
        assert!(keys.leaks_in(&other) && keys.leaks_in(&KEY));
    }

    /// Text of one character, with 64 tokens of that character that differ at their ends.
    fn like_tokens(length: usize) -> IssuedKeys {
        let keys = IssuedKeys::default();
        for index in 0..64 {
            let token = format!("{}{index:02}", "a".repeat(length));
            record(&keys, key(&format!("A{index}"), "us-east-1", Some(&token), [index; 32]));
        }
        keys
    }

    // With a comparison of each offset with each secret, each of these tests takes minutes.
    #[test]
    fn a_search_is_linear_for_tokens_that_resemble_the_text() {
        let mut text = "a".repeat(8 << 20);
        let keys = like_tokens(100);
        assert!(!keys.leaks_in(text.as_bytes()));
        text.push_str("63");
        assert!(keys.leaks_in(text.as_bytes()));
        let prefix = &hex::encode([7; 32])[..8];
        assert!(!keys.leaks_in(format!("{prefix} ").repeat(1 << 20).as_bytes()));
    }

    #[test]
    fn redacting_is_linear_for_long_tokens() {
        let keys = like_tokens(10_000);
        let mut text = format!("é{}63é", "a".repeat(1 << 20));
        keys.redact(&mut text);
        assert_eq!(text, "é(redacted)é");
    }

    #[test]
    fn the_first_128_bytes_of_a_secret_are_a_leak_and_all_of_it_is_redacted() {
        let token = (0..500).map(|index| format!("{index:03}")).collect::<Vec<_>>().concat();
        let keys = issued(Some(&token));
        assert!(keys.leaks_in(&token.as_bytes()[..128]));
        assert!(!keys.leaks_in(&token.as_bytes()[..127]));
        for (given, expected) in [
            (format!("<{token}>"), "<(redacted)>"),
            (format!("<{}>", &token[..200]), "<(redacted)>"),
            (format!("<{}", &token[..20]), "<(redacted)"),
            (format!("<{}{token}>", &token[..200]), "<(redacted)(redacted)>"),
        ] {
            let mut text = given.clone();
            keys.redact(&mut text);
            assert_eq!(text, expected, "{given}");
        }
    }

    #[test]
    fn a_token_that_starts_with_another_one_is_found_and_redacted() {
        let keys = IssuedKeys::default();
        for (index, token) in
            ["token-1234", "token-1234-5678", "token-1234-5678-9"].iter().enumerate()
        {
            record(&keys, key(&format!("A{index}"), "us-east-1", Some(token), KEY));
        }
        for (given, expected) in [
            ("<token-1234>", "<(redacted)>"),
            ("<token-1234-5678>", "<(redacted)>"),
            ("<token-1234-5678-9>", "<(redacted)>"),
            ("<token-123>", "<token-123>"),
            ("token-12", "(redacted)"),
        ] {
            let mut text = given.to_string();
            keys.redact(&mut text);
            assert_eq!(text, expected);
            assert_eq!(keys.leaks_in(given.as_bytes()), given.contains("1234"), "{given}");
        }
    }

    #[test]
    fn all_keys_that_a_plugin_may_ask_for_are_searched_for() {
        let keys = IssuedKeys::default();
        for region in 0..100 {
            let key = key("A", &format!("r{region}"), Some("token"), [region; 32]);
            assert!(!keys.record(key, 100));
        }
        assert!(keys.leaks_in(&[0; 32]) && keys.leaks_in(&[99; 32]));
    }

    #[test]
    fn only_a_key_that_was_handed_out_may_sign() {
        let keys = issued(Some("token"));
        assert!(keys.contains("A/20150830/us-east-1/dynamodb/aws4_request", Some("token")));
        assert!(!keys.contains("A/20150830/us-east-1/dynamodb/aws4_request", None));
        assert!(!keys.contains("B/20150830/us-east-1/dynamodb/aws4_request", Some("token")));
    }
}
