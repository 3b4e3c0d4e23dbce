//! The names of the fields of open objects, to find those that appear twice.

use crate::json::{Name, Scanner};
use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// The names so far of the fields of all open objects.
///
/// All objects share one vector, so that an object costs no allocation. Most have few names. These
/// are compared by their fingerprints, one by one. A set is only used for many.
#[derive(Default)]
pub(super) struct Names<'a> {
    /// Names with their fingerprints. Those of inner objects come after those of outer ones.
    few: Vec<(u64, Name)>,
    /// For each open object that has many names: all of them.
    many: Vec<BTreeSet<Cow<'a, str>>>,
}

impl<'a> Names<'a> {
    /// The number of names that are compared one by one.
    const FEW: usize = 64;

    /// Opens an object. Returns the number of names before its own, by which it is known.
    pub(super) fn open(&self) -> usize {
        self.few.len()
    }

    /// Closes the innermost object.
    #[inline]
    pub(super) fn close(&mut self, object: usize) {
        if self.few.len() - object > Self::FEW {
            self.many.pop();
        }
        self.few.truncate(object);
    }

    /// Adds a name to the innermost object. Returns false if the object already has it.
    #[inline]
    pub(super) fn insert(&mut self, object: usize, scanner: &Scanner<'a>, name: Name) -> bool {
        let text = scanner.unescape(name);
        if self.few.len() - object > Self::FEW {
            return self.many.last_mut().is_some_and(|names| names.insert(text));
        }
        let fingerprint = fingerprint(text.as_bytes());
        for &(known, other) in &self.few[object..] {
            if known == fingerprint && scanner.unescape(other) == text {
                return false;
            }
        }
        self.few.push((fingerprint, name));
        if self.few.len() - object > Self::FEW {
            self.move_to_set(object, scanner);
        }
        true
    }

    /// Moves on to a set. The names stay in the vector too, which tells that there is a set.
    #[cold]
    #[inline(never)]
    fn move_to_set(&mut self, object: usize, scanner: &Scanner<'a>) {
        let mut names = BTreeSet::new();
        // Inserted one by one: `collect` would sort first, which costs more code than time saved.
        for &(_, name) in &self.few[object..] {
            names.insert(scanner.unescape(name));
        }
        self.many.push(names);
    }
}

/// Returns a number that is the same for equal names, and rarely for others.
#[inline]
fn fingerprint(name: &[u8]) -> u64 {
    let length = (name.len() as u64) << 56;
    if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        return length ^ u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(28);
    }
    if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return length ^ u64::from(first) ^ (u64::from(last) << 24);
    }
    name.iter().fold(length, |value, &byte| (value << 8) ^ u64::from(byte))
}
