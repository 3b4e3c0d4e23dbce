//! The entries of a cache, and which of them are dropped first.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Entries by their digest, limited in number and in bytes. If there are too many, the owner that
/// holds most bytes loses the entry that was not used for longest.
pub(super) struct Entries<T> {
    by_digest: HashMap<Digest, Entry<T>>,
    owners: HashMap<Arc<str>, Owner>,
    /// The owners by their bytes.
    by_bytes: BTreeSet<(usize, Arc<str>)>,
    /// Counts uses, so that no two are equal.
    uses: u64,
    bytes: usize,
    max_count: usize,
    max_bytes: usize,
}

type Digest = [u8; 32];

struct Entry<T> {
    value: T,
    owner: Arc<str>,
    bytes: usize,
    /// Which use was the last one, and when it was.
    last_use: u64,
    used: Instant,
}

#[derive(Default)]
struct Owner {
    /// The digests of its entries by their last use.
    by_use: BTreeMap<u64, Digest>,
    bytes: usize,
}

impl<T: Clone> Entries<T> {
    pub(super) fn new(max_count: usize, max_bytes: usize) -> Self {
        Self {
            by_digest: HashMap::new(),
            owners: HashMap::new(),
            by_bytes: BTreeSet::new(),
            uses: 0,
            bytes: 0,
            max_count,
            max_bytes,
        }
    }

    /// The entry of a digest, which is used now.
    pub(super) fn get(&mut self, digest: &Digest) -> Option<T> {
        let entry = self.by_digest.get_mut(digest)?;
        self.uses += 1;
        if let Some(owner) = self.owners.get_mut(&entry.owner) {
            owner.by_use.remove(&entry.last_use);
            owner.by_use.insert(self.uses, *digest);
        }
        (entry.last_use, entry.used) = (self.uses, Instant::now());
        Some(entry.value.clone())
    }

    /// Adds an entry, unless somebody else has added it meanwhile. Returns the one that is used, and
    /// those that made room for it; it may be one of them.
    pub(super) fn insert(
        &mut self,
        digest: Digest,
        owner: Arc<str>,
        bytes: usize,
        value: T,
    ) -> (T, Vec<T>) {
        if let Some(known) = self.get(&digest) {
            return (known, Vec::new());
        }
        self.uses += 1;
        let last_use = self.uses;
        let holder = self.owners.entry(owner.clone()).or_default();
        self.by_bytes.remove(&(holder.bytes, owner.clone()));
        holder.by_use.insert(last_use, digest);
        holder.bytes += bytes;
        self.by_bytes.insert((holder.bytes, owner.clone()));
        self.bytes += bytes;
        let entry = Entry { value: value.clone(), owner, bytes, last_use, used: Instant::now() };
        self.by_digest.insert(digest, entry);
        let mut evicted = Vec::new();
        while self.by_digest.len() > self.max_count || self.bytes > self.max_bytes {
            let oldest = self.by_bytes.last().and_then(|(_, owner)| {
                self.owners.get(owner)?.by_use.first_key_value().map(|(_, digest)| *digest)
            });
            let Some(dropped) = oldest.and_then(|digest| self.remove(&digest)) else { break };
            evicted.push(dropped);
        }
        (value, evicted)
    }

    /// Removes the entries that were not used for `time`.
    pub(super) fn take_idle(&mut self, time: Duration) -> Vec<T> {
        let is_idle = |(digest, entry): (&Digest, &Entry<T>)| {
            (entry.used.elapsed() >= time).then_some(*digest)
        };
        let idle: Vec<Digest> = self.by_digest.iter().filter_map(is_idle).collect();
        idle.iter().filter_map(|digest| self.remove(digest)).collect()
    }

    fn remove(&mut self, digest: &Digest) -> Option<T> {
        let Entry { value, owner, bytes, last_use, .. } = self.by_digest.remove(digest)?;
        self.bytes -= bytes;
        if let Some(holder) = self.owners.get_mut(&owner) {
            self.by_bytes.remove(&(holder.bytes, owner.clone()));
            holder.by_use.remove(&last_use);
            holder.bytes -= bytes;
            if holder.by_use.is_empty() {
                self.owners.remove(&owner);
            } else {
                self.by_bytes.insert((holder.bytes, owner));
            }
        }
        Some(value)
    }

    pub(super) fn len(&self) -> usize {
        self.by_digest.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn owners(&self) -> usize {
        self.owners.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u32) -> Digest {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_le_bytes());
        digest
    }

    fn insert(entries: &mut Entries<u32>, owner: &str, number: u32) -> Vec<u32> {
        entries.insert(digest(number), owner.into(), 10, number).1
    }

    #[test]
    fn the_owner_that_holds_most_loses_its_oldest_entry() {
        let mut entries = Entries::new(4, 1000);
        for number in [1, 2, 3] {
            assert!(insert(&mut entries, "many", number).is_empty());
        }
        assert!(insert(&mut entries, "few", 10).is_empty());
        assert_eq!(entries.get(&digest(1)), Some(1), "it is used now, and 2 is the oldest");
        assert_eq!(insert(&mut entries, "new", 20), [2]);
        assert_eq!(insert(&mut entries, "many", 4), [3]);
        assert_eq!(entries.get(&digest(10)), Some(10));
        assert_eq!((entries.len(), entries.bytes(), entries.owners()), (4, 40, 3));
    }

    #[test]
    fn a_flood_of_one_owner_leaves_the_entries_of_others() {
        let mut entries = Entries::new(100, 1 << 20);
        for number in 0..10 {
            insert(&mut entries, &format!("owner {number}"), number);
        }
        for number in 1000..20_000 {
            insert(&mut entries, "flood", number);
        }
        for number in 0..10 {
            assert_eq!(entries.get(&digest(number)), Some(number));
        }
        assert_eq!(entries.len(), 100);
    }

    #[test]
    fn bytes_are_limited_too_and_a_too_large_entry_is_not_kept() {
        let mut entries = Entries::new(100, 25);
        insert(&mut entries, "a", 1);
        insert(&mut entries, "a", 2);
        assert_eq!(insert(&mut entries, "a", 3), [1]);
        let (value, evicted) = entries.insert(digest(4), "b".into(), 30, 4);
        assert_eq!((value, evicted), (4, vec![4]), "its owner holds most");
        assert_eq!((entries.len(), entries.bytes()), (2, 20));
    }

    #[test]
    fn an_entry_that_somebody_else_added_is_used() {
        let mut entries = Entries::new(2, 100);
        entries.insert(digest(1), "a".into(), 10, 1);
        let (value, evicted) = entries.insert(digest(1), "a".into(), 10, 2);
        assert_eq!((value, evicted.len(), entries.len()), (1, 0, 1));
        assert_eq!(entries.take_idle(Duration::ZERO), [1]);
        assert_eq!((entries.len(), entries.bytes(), entries.owners()), (0, 0, 0));
        assert!(entries.by_bytes.is_empty());
    }
}
