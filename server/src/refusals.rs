//! Requests and connections that are refused before any call: how many of them are recorded.
//!
//! Whoever is refused thousands of times a second must neither fill the disk nor hide the refusals
//! of others.

use crate::connections::{Peer, PeerKey};
use parking_lot::Mutex;
use portcullis::{ActionName, TenantName};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Why a request was refused before any call, as an extension of its response. Of the caller's texts,
/// all but `remedy` have only names that are known, so that nobody writes into the log.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    /// The rule that refused it.
    pub(crate) rule: &'static str,
    /// More about it.
    pub(crate) reason: Option<String>,
    /// The datasource that the request named, if it exists.
    pub(crate) datasource: Option<String>,
    /// The action that the request named.
    pub(crate) action: Option<ActionName>,
    /// The tenant for whom the request was.
    pub(crate) tenant: Option<TenantName>,
    /// The change of the policy that would allow it, for operators who look at the latest refusals.
    pub(crate) remedy: Option<String>,
}

impl Refused {
    pub(crate) fn new(rule: &'static str) -> Self {
        Self { rule, reason: None, datasource: None, action: None, tenant: None, remedy: None }
    }

    /// Adds more about it: a text without anything that the caller wrote.
    pub(crate) fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }
}

/// Who did something, for the record.
pub(crate) struct Who<'r> {
    /// The id of the request.
    pub(crate) request: Option<&'r str>,
    /// The name of the token.
    pub(crate) caller: Option<&'r str>,
    pub(crate) peer: Peer,
}

impl<'r> Who<'r> {
    /// The sender of a request. A name is empty without a token.
    pub(crate) fn new(request: &'r str, caller: &'r str, peer: Peer) -> Self {
        let given = |text: &'r str| Some(text).filter(|text| !text.is_empty());
        Self { request: given(request), caller: given(caller), peer }
    }

    /// A peer that has not sent a request.
    pub(crate) fn unknown(peer: Peer) -> Self {
        Self { request: None, caller: None, peer }
    }
}

/// Counts the refusals of each second.
pub(crate) struct Refusals(Mutex<Second>);

struct Second {
    began: Instant,
    recorded: u32,
    by_peer: HashMap<PeerKey, u32>,
    left_out: u32,
}

/// What to do about one refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Record it, with the number of those that were left out before.
    Record { left_out: u32 },
    /// Leave it out.
    LeaveOut,
}

/// The most records in one second for one peer: a client that tries again and again.
const PEER: u32 = 10;
/// The most records in one second: 40 KB on the disk.
const ALL: u32 = 100;

impl Default for Refusals {
    fn default() -> Self {
        let second =
            Second { began: Instant::now(), recorded: 0, by_peer: HashMap::new(), left_out: 0 };
        Self(Mutex::new(second))
    }
}

impl Refusals {
    /// Decides about a refusal that happens at `now`.
    pub(crate) fn admit(&self, peer: Peer, now: Instant) -> Recording {
        let mut second = self.0.lock();
        let left_out = second.turn(now);
        let peer = PeerKey::from(peer.0);
        let of_peer = second.by_peer.get(&peer).copied().unwrap_or_default();
        if second.recorded >= ALL || of_peer >= PEER {
            second.left_out += left_out + 1;
            return Recording::LeaveOut;
        }
        second.recorded += 1;
        // At most as many entries as there are records in a second.
        second.by_peer.insert(peer, of_peer + 1);
        Recording::Record { left_out }
    }

    /// The number of refusals that were left out in seconds that are over, once.
    pub(crate) fn left_out(&self, now: Instant) -> u32 {
        self.0.lock().turn(now)
    }

    /// The number of refusals that were left out until now, once: the server stops.
    pub(crate) fn last_left_out(&self) -> u32 {
        std::mem::take(&mut self.0.lock().left_out)
    }
}

impl Second {
    /// Begins the next second if this one is over, and returns the number of refusals that were
    /// left out in it.
    fn turn(&mut self, now: Instant) -> u32 {
        if now.duration_since(self.began) < Duration::from_secs(1) {
            return 0;
        }
        self.began = now;
        self.recorded = 0;
        self.by_peer.clear();
        std::mem::take(&mut self.left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(number: u8) -> Peer {
        Peer([192, 0, 2, number].into())
    }

    #[test]
    fn each_peer_has_a_share_of_the_records_and_nothing_is_forgotten() {
        let (refusals, now) = (Refusals::default(), Instant::now());
        let record = |number: u8, now| refusals.admit(peer(number), now);
        for _ in 0..10 {
            assert_eq!(record(1, now), Recording::Record { left_out: 0 });
        }
        assert_eq!(record(1, now), Recording::LeaveOut);
        for number in 2..92 {
            assert_eq!(record(number, now), Recording::Record { left_out: 0 });
        }
        assert_eq!(record(92, now), Recording::LeaveOut);
        assert_eq!(refusals.left_out(now), 0, "the second is not over");
        let next = now + Duration::from_secs(2);
        assert_eq!(record(1, next), Recording::Record { left_out: 2 });
        assert_eq!(record(2, next), Recording::Record { left_out: 0 });
        for _ in 0..20 {
            record(1, next);
        }
        assert_eq!(refusals.left_out(next + Duration::from_secs(2)), 11);
        assert_eq!(refusals.left_out(next + Duration::from_secs(4)), 0);
        for _ in 0..12 {
            record(3, next + Duration::from_secs(4));
        }
        assert_eq!((refusals.last_left_out(), refusals.last_left_out()), (2, 0));
    }
}
