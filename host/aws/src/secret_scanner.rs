//! Searches texts for secrets: in plain, hex and Base64 form.

use crate::secret::Secret;
use crate::trie::{NodeId, ROOT, Trie};
use aho_corasick::{AhoCorasick, Input, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::ops::Range;
use zeroize::Zeroizing;

/// Secrets to search for. A search takes time in proportion to the text, whatever the text and the
/// secrets are.
pub(crate) struct SecretScanner {
    /// Finds where a secret may start, at gigabytes per second for most texts. It stores prefixes of
    /// 8 bytes only, since its memory is not overwritten when it is dropped.
    prefixes: AhoCorasick,
    /// Reads on from there.
    heads: Trie,
    /// The secrets of each head, which are neighbours in `secrets`.
    secrets_of_head: Vec<Range<usize>>,
    /// The secrets, sorted.
    secrets: Vec<Zeroizing<Vec<u8>>>,
}

/// The bytes of a secret with which the search begins. With eight, a match is a secret or a forgery
/// of one.
const PREFIX_BYTES: usize = 8;

/// The bytes of a secret that count as all of it: its head. A key in hexadecimal has 64; 128 are
/// enough to tell a session token from everything else. Callers may choose tokens, so without a
/// bound the automaton could take as much memory as they like.
const MAX_HEAD_BYTES: usize = 128;

impl SecretScanner {
    pub(crate) fn new<'k>(
        keys: impl Iterator<Item = &'k [u8; 32]>,
        tokens: impl Iterator<Item = &'k Secret>,
    ) -> Self {
        let mut secrets = Vec::new();
        keys.for_each(|key| add_forms(key, &mut secrets));
        for token in tokens {
            add_forms(token.expose().as_bytes(), &mut secrets);
            secrets.push(Zeroizing::new(token.expose().replace('/', "\\/").into_bytes()));
        }
        secrets.retain(|secret| secret.len() >= PREFIX_BYTES);
        secrets.sort_unstable_by(|one, other| one.as_slice().cmp(other));
        secrets.dedup();
        let mut heads: Vec<&[u8]> = Vec::new();
        let mut secrets_of_head: Vec<Range<usize>> = Vec::new();
        for (index, secret) in secrets.iter().enumerate() {
            match (heads.last(), secrets_of_head.last_mut()) {
                (Some(head), Some(range)) if secret.starts_with(head) => range.end = index + 1,
                _ => {
                    heads.push(&secret[..secret.len().min(MAX_HEAD_BYTES)]);
                    secrets_of_head.push(index..index + 1);
                }
            }
        }
        let mut prefixes: Vec<&[u8]> = heads.iter().map(|head| &head[..PREFIX_BYTES]).collect();
        prefixes.dedup();
        // It takes any patterns that are not longer in all than some gigabytes.
        let prefixes = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(prefixes)
            .expect("a few short patterns make an automaton");
        let heads = Trie::new(&heads);
        Self { prefixes, heads, secrets_of_head, secrets }
    }

    /// Whether `bytes` contain the head of a secret.
    pub(crate) fn matches(&self, bytes: &[u8]) -> bool {
        self.steps(bytes).any(|(_, node)| self.heads.ends(node))
    }

    /// The ranges of all secrets, in order and without overlaps, including one whose end was cut off
    /// with the text's.
    pub(crate) fn find_all(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut all = Vec::new();
        let mut last = ROOT;
        for (end, node) in self.steps(bytes) {
            last = if end == bytes.len() { node } else { ROOT };
            if self.heads.ends(node) {
                for head in self.heads.texts(node) {
                    let secrets = &self.secrets[self.secrets_of_head[head].clone()];
                    let length = secrets[0].len().min(MAX_HEAD_BYTES);
                    add_secrets(&mut all, secrets, bytes, end - length..end);
                }
            }
        }
        if self.heads.depth(last) >= PREFIX_BYTES {
            add_range(&mut all, bytes.len() - self.heads.depth(last)..bytes.len());
        }
        all
    }

    /// Reads `bytes`. Returns the ends of what was read, each with the node that it leads to. Leaves
    /// out bytes that are not in a head.
    fn steps<'n>(&'n self, bytes: &'n [u8]) -> impl Iterator<Item = (usize, NodeId)> + 'n {
        let mut at = 0;
        let mut node = ROOT;
        std::iter::from_fn(move || {
            if node == ROOT {
                at = self.prefixes.find(Input::new(bytes).range(at..))?.start();
            }
            node = self.heads.next(node, *bytes.get(at)?);
            at += 1;
            Some((at, node))
        })
    }
}

/// Adds the secrets with the same head, which is at `head`: as far as one of them reaches.
fn add_secrets(
    all: &mut Vec<Range<usize>>,
    secrets: &[Zeroizing<Vec<u8>>],
    bytes: &[u8],
    head: Range<usize>,
) {
    let start = head.start;
    let is_new = all.last().is_none_or(|last| last.end <= start);
    let mut end = add_range(all, head).end;
    // Within what was found before, only bytes after it are compared, since a comparison of all
    // would take quadratic time. This may remove some bytes more than a secret.
    let compared = end;
    for secret in secrets {
        let from = if is_new { compared } else { end };
        let more = secret.get(from - start..).unwrap_or_default();
        end = end.max(from + common(more, &bytes[from..]));
    }
    add_range(all, start..end);
}

/// Adds a range to those that it overlaps, and returns what it becomes.
fn add_range(all: &mut Vec<Range<usize>>, mut range: Range<usize>) -> Range<usize> {
    while let Some(last) = all.pop_if(|last| range.start < last.end) {
        range = range.start.min(last.start)..range.end.max(last.end);
    }
    all.push(range.clone());
    range
}

/// The number of bytes at the start that are the same.
fn common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
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
