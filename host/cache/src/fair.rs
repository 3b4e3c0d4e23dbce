//! A cache that is fair to the owners of its entries. It has no locks.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Values by their digest, limited in number and in bytes. If there are too many, of the owners that
/// hold most one loses a value: the one that was not used for longest.
#[derive(Debug)]
pub struct FairCache<T> {
    by_digest: HashMap<Digest, Entry<T>>,
    owners: HashMap<Arc<str>, Owner>,
    /// The owners by their rank: the last one loses the next entry.
    ranks: BTreeSet<(Rank, Arc<str>)>,
    /// Counts uses, so that no two are equal.
    uses: u64,
    bytes: usize,
    max_count: usize,
    max_bytes: usize,
}

/// What identifies an entry. Different entries must have different digests.
pub type Digest = [u8; 32];

#[derive(Debug)]
struct Entry<T> {
    value: T,
    owner: Arc<str>,
    bytes: usize,
    /// Which use was the last one, and when it was.
    last_use: u64,
    used: Instant,
}

#[derive(Debug, Default)]
struct Owner {
    /// The digests of its entries by their last use.
    by_use: BTreeMap<u64, Digest>,
    bytes: usize,
}

/// How much an owner holds, in steps, and the last use of its oldest entry.
type Rank = (usize, Reverse<u64>);

/// Owners whose bytes differ by less hold equally much: among them only the last use counts. 64 KiB:
/// a few entries with long values.
const STEP: usize = 64 << 10;

impl Owner {
    fn rank(&self) -> Rank {
        let oldest = self.by_use.first_key_value().map_or(0, |(last_use, _)| *last_use);
        (self.bytes / STEP, Reverse(oldest))
    }
}

impl<T: Clone> FairCache<T> {
    /// An empty cache for so many entries, and for so many bytes.
    #[must_use]
    pub fn new(max_count: usize, max_bytes: usize) -> Self {
        Self {
            by_digest: HashMap::new(),
            owners: HashMap::new(),
            ranks: BTreeSet::new(),
            uses: 0,
            bytes: 0,
            max_count,
            max_bytes,
        }
    }

    /// The entry of a digest, which is used now.
    pub fn get(&mut self, digest: &Digest) -> Option<T> {
        let entry = self.by_digest.get_mut(digest)?;
        self.uses += 1;
        let (uses, last_use) = (self.uses, entry.last_use);
        (entry.last_use, entry.used) = (uses, Instant::now());
        let (value, owner) = (entry.value.clone(), entry.owner.clone());
        self.change(&owner, |holder| {
            holder.by_use.remove(&last_use);
            holder.by_use.insert(uses, *digest);
        });
        Some(value)
    }

    /// The entry of a digest. It does not count as a use.
    #[must_use]
    pub fn peek(&self, digest: &Digest) -> Option<&T> {
        self.by_digest.get(digest).map(|entry| &entry.value)
    }

    /// Adds an entry, unless somebody else has added it meanwhile. Returns the one that is used, and
    /// those that made room for it; it may be one of them.
    pub fn insert(
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
        self.change(&owner, |holder| {
            holder.by_use.insert(last_use, digest);
            holder.bytes += bytes;
        });
        self.bytes += bytes;
        let entry = Entry { value: value.clone(), owner, bytes, last_use, used: Instant::now() };
        self.by_digest.insert(digest, entry);
        let mut evicted = Vec::new();
        while self.by_digest.len() > self.max_count || self.bytes > self.max_bytes {
            let oldest = self.ranks.last().and_then(|(_, owner)| {
                self.owners.get(owner)?.by_use.first_key_value().map(|(_, digest)| *digest)
            });
            let Some(dropped) = oldest.and_then(|digest| self.remove(&digest)) else { break };
            evicted.push(dropped);
        }
        (value, evicted)
    }

    /// Removes the entries that were not used for `time`.
    pub fn take_idle(&mut self, time: Duration) -> Vec<T> {
        let is_idle = |(digest, entry): (&Digest, &Entry<T>)| {
            (entry.used.elapsed() >= time).then_some(*digest)
        };
        let idle: Vec<Digest> = self.by_digest.iter().filter_map(is_idle).collect();
        idle.iter().filter_map(|digest| self.remove(digest)).collect()
    }

    /// Changes what an owner holds, and with it its rank.
    fn change(&mut self, owner: &Arc<str>, change: impl FnOnce(&mut Owner)) {
        let holder = self.owners.entry(owner.clone()).or_default();
        self.ranks.remove(&(holder.rank(), owner.clone()));
        change(holder);
        if holder.by_use.is_empty() {
            self.owners.remove(owner);
        } else {
            self.ranks.insert((holder.rank(), owner.clone()));
        }
    }

    /// Removes the entry of a digest, and returns its value.
    pub fn remove(&mut self, digest: &Digest) -> Option<T> {
        let Entry { value, owner, bytes, last_use, .. } = self.by_digest.remove(digest)?;
        self.bytes -= bytes;
        self.change(&owner, |holder| {
            holder.by_use.remove(&last_use);
            holder.bytes -= bytes;
        });
        Some(value)
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_digest.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_digest.is_empty()
    }

    /// The bytes of all entries.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of owners with an entry.
    #[must_use]
    pub fn owners(&self) -> usize {
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

    fn insert(cache: &mut FairCache<u32>, owner: &str, number: u32) -> Vec<u32> {
        cache.insert(digest(number), owner.into(), STEP, number).1
    }

    #[test]
    fn an_owner_that_holds_most_loses_its_oldest_entry() {
        let mut cache = FairCache::new(4, 1000 * STEP);
        for number in [1, 2, 3] {
            assert!(insert(&mut cache, "many", number).is_empty());
        }
        assert!(insert(&mut cache, "few", 10).is_empty());
        assert_eq!(cache.get(&digest(1)), Some(1), "it is used now, and 2 is the oldest");
        assert_eq!(insert(&mut cache, "new", 20), [2]);
        assert_eq!(insert(&mut cache, "many", 4), [3]);
        assert_eq!(cache.get(&digest(10)), Some(10));
        assert_eq!((cache.len(), cache.bytes(), cache.owners()), (4, 4 * STEP, 3));
    }

    #[test]
    fn a_flood_of_one_owner_leaves_the_entries_of_others() {
        let mut cache = FairCache::new(100, 1 << 30);
        for number in 0..10 {
            insert(&mut cache, &format!("owner {number}"), number);
        }
        for number in 1000..20_000 {
            insert(&mut cache, "flood", number);
        }
        for number in 0..10 {
            assert_eq!(cache.get(&digest(number)), Some(number));
        }
        assert_eq!(cache.len(), 100);
    }

    #[test]
    fn with_more_owners_than_places_the_entry_that_was_not_used_for_longest_goes() {
        let mut cache = FairCache::new(100, 1 << 30);
        for number in 0..150 {
            let owner = format!("{}", 999 - number);
            let (_, evicted) =
                cache.insert(digest(number), owner.into(), 100 + number as usize, number);
            assert_eq!(evicted, number.checked_sub(100).into_iter().collect::<Vec<_>>());
        }
        assert_eq!(cache.get(&digest(60)), Some(60));
        for number in 200..299 {
            cache.insert(digest(number), format!("{number}").into(), 1, number);
        }
        assert_eq!((cache.get(&digest(60)), cache.get(&digest(149))), (Some(60), None));
    }

    #[test]
    fn bytes_are_limited_too_and_a_too_large_entry_is_not_kept() {
        let mut cache = FairCache::new(100, 5 * STEP / 2);
        insert(&mut cache, "a", 1);
        insert(&mut cache, "a", 2);
        assert_eq!(insert(&mut cache, "a", 3), [1]);
        let (value, evicted) = cache.insert(digest(4), "b".into(), 3 * STEP, 4);
        assert_eq!((value, evicted), (4, vec![4]), "its owner holds most");
        assert_eq!((cache.len(), cache.bytes()), (2, 2 * STEP));
    }

    #[test]
    fn an_entry_that_somebody_else_added_is_used() {
        let mut cache = FairCache::new(2, 100);
        cache.insert(digest(1), "a".into(), 10, 1);
        let (value, evicted) = cache.insert(digest(1), "a".into(), 10, 2);
        assert_eq!((value, evicted.len(), cache.len()), (1, 0, 1));
        assert_eq!(cache.take_idle(Duration::ZERO), [1]);
        assert_eq!((cache.len(), cache.bytes(), cache.owners()), (0, 0, 0));
        assert!(cache.ranks.is_empty() && cache.is_empty());
    }
}
