//! All connections: how many there may be, the share of each peer, and which make room for others.

use super::peer::PeerKey;
use super::state::{Doing, State};
use parking_lot::Mutex;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

/// The connections of some listeners.
///
/// At the limit, the oldest connection that serves no request is closed, of the peer that has most.
/// If all are busy, a new connection waits.
pub(crate) struct Connections {
    limit: usize,
    table: Mutex<Table>,
    /// Notified when a connection ends or becomes idle, if somebody waits for that.
    freed: Notify,
    evicted: AtomicU64,
}

#[derive(Default)]
struct Table {
    next: u64,
    open: HashMap<u64, Entry>,
    /// The number of connections of each peer.
    counts: HashMap<PeerKey, usize>,
    /// The connections that wait until there is room, by peer; and their number.
    waiting: HashMap<Option<PeerKey>, usize>,
    waiting_count: usize,
}

struct Entry {
    /// None for a load balancer, which connects for many peers.
    peer: Option<PeerKey>,
    state: Arc<State>,
}

/// A connection that has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The place of a connection. Dropping it frees the place.
pub(crate) struct Place {
    connections: Arc<Connections>,
    id: u64,
}

/// Figures of the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectionFigures {
    pub(crate) open: usize,
    pub(crate) waiting: usize,
    /// Connections that were closed to make room.
    pub(crate) evicted: u64,
}

/// When the server stops: how long a request may take that was already on its way.
const LAST_REQUEST: Duration = Duration::from_millis(500);
/// When the server stops: how long a client that is still sending has to read its response.
const LAST_RESPONSE: Duration = Duration::from_secs(2);

impl Connections {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.max(1),
            table: Mutex::default(),
            freed: Notify::new(),
            evicted: AtomicU64::new(0),
        })
    }

    pub(crate) fn figures(&self) -> ConnectionFigures {
        let table = self.table.lock();
        ConnectionFigures {
            open: table.open.len(),
            waiting: table.waiting_count,
            evicted: self.evicted.load(Ordering::Relaxed),
        }
    }

    /// The most connections of one peer: three quarters, so that no peer can take all.
    fn share(&self) -> usize {
        (self.limit - (self.limit / 4).max(1)).max(1)
    }

    /// The most connections that wait: as many as the share that a single peer cannot have.
    fn waiting_limit(&self) -> usize {
        (self.limit / 4).max(16)
    }

    /// Waits for a place for a connection, at most until `end`. `peer` is none for a load balancer.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        peer: Option<PeerKey>,
        state: &Arc<State>,
        end: Instant,
    ) -> Result<Place, NoRoom> {
        if let Some(place) = self.place(peer, state) {
            return Ok(place);
        }
        let _waiting = self.wait(peer).ok_or(NoRoom)?;
        loop {
            let mut freed = pin!(self.freed.notified());
            // What is freed from here on is not missed.
            freed.as_mut().enable();
            if let Some(place) = self.place(peer, state) {
                return Ok(place);
            }
            timeout_at(end, freed).await.map_err(|_| NoRoom)?;
        }
    }

    /// The number of connections that serve a request.
    pub(crate) fn busy(&self) -> usize {
        let table = self.table.lock();
        table.open.values().filter(|entry| entry.state.doing() == Doing::Busy).count()
    }

    /// Closes the connections that serve no request, when the server stops. Those that only linger
    /// get a little time, in which their clients read the last response.
    pub(crate) fn close_unused(&self) {
        let now = std::time::Instant::now();
        for entry in self.table.lock().open.values() {
            let time = match entry.state.doing() {
                Doing::Silent | Doing::Idle => LAST_REQUEST,
                Doing::Lingering | Doing::Open => LAST_RESPONSE,
                Doing::Busy | Doing::Closing => continue,
            };
            if now.duration_since(entry.state.since()) >= time {
                entry.state.close();
            }
        }
    }

    /// Closes the connection that has served no request for longest, because the system has no
    /// socket left. Returns whether there was one.
    pub(crate) fn make_room(&self) -> bool {
        self.evict(&mut self.table.lock(), |_| true)
    }

    /// Somebody may take the place of a connection that serves no request any more.
    pub(crate) fn freed(&self) {
        // Requests end much more often than connections wait.
        if self.table.lock().waiting_count > 0 {
            self.freed.notify_waiters();
        }
    }

    /// Closes the connection that can best be spared among some. Returns whether there is one.
    fn evict(&self, table: &mut Table, among: impl Fn(&Entry) -> bool) -> bool {
        while let Some(id) = table.spare(&among) {
            // Else it has just begun to serve a request.
            if table.open.get(&id).is_some_and(|entry| entry.state.close()) {
                table.remove(id);
                self.evicted.fetch_add(1, Ordering::Relaxed);
                return true;
            }
        }
        false
    }

    /// A place, if there is one, or if another connection can be closed.
    fn place(self: &Arc<Self>, peer: Option<PeerKey>, state: &Arc<State>) -> Option<Place> {
        let mut table = self.table.lock();
        let has_share = peer.is_none_or(|peer| table.count(peer) < self.share());
        let has_room = if !has_share {
            self.evict(&mut table, |entry| entry.peer == peer)
        } else if table.open.len() >= self.limit {
            self.evict(&mut table, |_| true)
        } else {
            true
        };
        if !has_room {
            return None;
        }
        let id = table.insert(Entry { peer, state: state.clone() });
        Some(Place { connections: self.clone(), id })
    }

    fn wait(self: &Arc<Self>, peer: Option<PeerKey>) -> Option<Waiting> {
        let mut table = self.table.lock();
        let of_peer = table.waiting.get(&peer).copied().unwrap_or_default();
        let limit = self.waiting_limit();
        if table.waiting_count >= limit || (peer.is_some() && of_peer >= limit / 2) {
            return None;
        }
        table.waiting_count += 1;
        *table.waiting.entry(peer).or_default() += 1;
        Some(Waiting { connections: self.clone(), peer })
    }
}

impl Place {
    /// The peer of the current request, on a connection of a load balancer: it counts until the
    /// request has ended. Fails if the peer has its share.
    pub(crate) fn begin_request_of(&self, peer: Option<PeerKey>) -> Result<(), NoRoom> {
        let mut table = self.connections.table.lock();
        table.forget_peer(self.id);
        let Some(peer) = peer else { return Ok(()) };
        if table.count(peer) >= self.connections.share() {
            return Err(NoRoom);
        }
        if let Some(entry) = table.open.get_mut(&self.id) {
            entry.peer = Some(peer);
            *table.counts.entry(peer).or_default() += 1;
        }
        Ok(())
    }

    /// The current request, on a connection of a load balancer, has ended.
    pub(crate) fn end_request(&self) {
        self.connections.table.lock().forget_peer(self.id);
    }
}

impl Table {
    fn count(&self, peer: PeerKey) -> usize {
        self.counts.get(&peer).copied().unwrap_or_default()
    }

    fn insert(&mut self, entry: Entry) -> u64 {
        if let Some(peer) = entry.peer {
            *self.counts.entry(peer).or_default() += 1;
        }
        self.next += 1;
        self.open.insert(self.next, entry);
        self.next
    }

    fn remove(&mut self, id: u64) {
        self.forget_peer(id);
        self.open.remove(&id);
    }

    /// A connection does not count for its peer any more.
    fn forget_peer(&mut self, id: u64) {
        let peer = self.open.get_mut(&id).and_then(|entry| entry.peer.take());
        if let Some(peer) = peer {
            subtract(&mut self.counts, peer);
        }
    }

    /// The connection that can best be spared among some.
    fn spare(&self, among: impl Fn(&Entry) -> bool) -> Option<u64> {
        let all = self.open.iter().filter(|(_, entry)| among(entry));
        let idle = all.filter(|(_, entry)| entry.state.doing() < Doing::Busy);
        let (id, _) = idle.min_by_key(|(_, entry)| {
            // One of a load balancer is nobody's while it serves no request.
            let count = entry.peer.map_or(1, |peer| self.count(peer));
            (Reverse(count), entry.state.doing(), entry.state.since())
        })?;
        Some(*id)
    }
}

/// Subtracts one, and removes what is zero: else every address would leave an entry.
fn subtract<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let std::collections::hash_map::Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}

/// A connection that waits for a place.
struct Waiting {
    connections: Arc<Connections>,
    peer: Option<PeerKey>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut table = self.connections.table.lock();
        table.waiting_count -= 1;
        subtract(&mut table.waiting, self.peer);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // It was removed before if it made room for another connection.
        self.connections.table.lock().remove(self.id);
        self.connections.freed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;

    fn peer(number: u8) -> PeerKey {
        IpAddr::from([192, 0, 2, number]).into()
    }

    /// An open connection.
    struct Opened {
        _place: Place,
        state: Arc<State>,
    }

    /// Opens a connection, or gives up after 20 ms.
    async fn open(connections: &Arc<Connections>, number: u8, doing: Doing) -> Option<Opened> {
        let state = State::new();
        let end = Instant::now() + Duration::from_millis(20);
        let place = connections.admit(Some(peer(number)), &state, end).await.ok()?;
        state.set(doing);
        tokio::time::sleep(Duration::from_millis(2)).await;
        Some(Opened { _place: place, state })
    }

    async fn is_closed(opened: &Opened) -> bool {
        tokio::time::timeout(Duration::from_millis(5), opened.state.closed()).await.is_ok()
    }

    #[tokio::test]
    async fn oldest_silent_connection_of_the_peer_with_most_makes_room() {
        let connections = Connections::new(4);
        let first = open(&connections, 1, Doing::Idle).await.unwrap();
        let busy = open(&connections, 2, Doing::Busy).await.unwrap();
        let idle = open(&connections, 2, Doing::Idle).await.unwrap();
        let silent = open(&connections, 2, Doing::Silent).await.unwrap();
        let new = open(&connections, 3, Doing::Silent).await.unwrap();
        assert!(is_closed(&silent).await, "a silent connection goes before an idle one");
        for kept in [&first, &busy, &idle, &new] {
            assert!(!is_closed(kept).await);
        }
        let next = open(&connections, 1, Doing::Busy).await.unwrap();
        assert!(is_closed(&idle).await && !is_closed(&first).await);
        drop((first, busy, idle, silent, new, next));
        let figures = connections.figures();
        assert_eq!((figures.open, figures.evicted), (0, 2));
        assert!(connections.table.lock().counts.is_empty());
    }

    #[tokio::test]
    async fn one_peer_cannot_take_all_connections() {
        let connections = Connections::new(4);
        let mut busy = Vec::new();
        for _ in 0..3 {
            busy.push(open(&connections, 1, Doing::Busy).await.unwrap());
        }
        assert!(open(&connections, 1, Doing::Busy).await.is_none(), "its share is used up");
        let other = open(&connections, 2, Doing::Busy).await.unwrap();
        assert!(open(&connections, 3, Doing::Busy).await.is_none(), "all are busy");
        assert!(!is_closed(&other).await);
    }

    #[tokio::test]
    async fn clients_of_a_load_balancer_have_shares_too() {
        let connections = Connections::new(4);
        let mut places = Vec::new();
        for _ in 0..4 {
            let end = Instant::now() + Duration::from_millis(20);
            places.push(connections.admit(None, &State::new(), end).await.unwrap());
        }
        for attempt in 0..2 {
            let begun = places.iter().map(|place| place.begin_request_of(Some(peer(1))).is_ok());
            assert_eq!(begun.collect::<Vec<_>>(), [true, true, true, false], "{attempt}");
        }
        assert_eq!(places[3].begin_request_of(Some(peer(2))), Ok(()));
        // Connections count for a client as long as they serve its requests.
        places[0].end_request();
        assert_eq!(places[3].begin_request_of(Some(peer(1))), Ok(()));
        drop(places);
        assert!(connections.table.lock().counts.is_empty());
    }

    #[test]
    fn no_peer_has_all_connections_if_there_are_several() {
        for limit in 2..10 {
            assert!(Connections::new(limit).share() < limit, "{limit}");
        }
        assert_eq!(Connections::new(1).share(), 1);
    }

    #[tokio::test]
    async fn waiting_connection_gets_the_next_place() {
        let connections = Connections::new(1);
        let first = open(&connections, 1, Doing::Busy).await.unwrap();
        let (state, waiting) = (State::new(), connections.clone());
        let admitted = tokio::spawn(async move {
            let end = Instant::now() + Duration::from_secs(5);
            waiting.admit(Some(peer(2)), &state, end).await.is_ok()
        });
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(connections.figures().waiting, 1);
        first.state.set(Doing::Idle);
        connections.freed();
        assert!(admitted.await.unwrap());
        assert!(is_closed(&first).await);
        assert!(connections.table.lock().waiting.is_empty());
    }
}
