//! Connects to whichever of several addresses accepts first: "happy eyeballs" (RFC 8305).
//!
//! A name may have addresses that drop packets, such as IPv6 addresses where the network carries
//! only IPv4. The attempts overlap, so that one of them costs a quarter of a second and not the
//! whole time for connecting.

use crate::net::dial::{Dial, Dialing, Stream};
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The time until the next attempt starts while the previous one waits. RFC 8305, section 5,
/// recommends 250 ms.
const DELAY: Duration = Duration::from_millis(250);
/// The most addresses that one connection is tried with. The last of 8 starts after 1.75 s, which
/// leaves most of the default `limits.connect-timeout` to it. A DNS response may hold hundreds, and
/// must not make this machine open hundreds of connections.
const MAX_ATTEMPTS: usize = 8;

/// Why none of the addresses accepted.
#[derive(Debug, Default)]
pub(crate) struct NoneAccepted {
    /// The errors of the addresses that failed, in the order in which they failed.
    pub(crate) errors: Vec<io::Error>,
    /// Whether the time was over before all had failed.
    pub(crate) timed_out: bool,
}

/// Connects to one of `addresses` until `end`. The losing attempts are dropped.
pub(crate) async fn connect(
    dial: &dyn Dial,
    addresses: &[IpAddr],
    port: u16,
    end: Instant,
) -> Result<(IpAddr, Box<dyn Stream>), NoneAccepted> {
    let mut race = Race { running: Vec::new(), errors: Vec::new() };
    let mut waiting = interleaved(addresses).into_iter();
    let mut due = Instant::now();
    let mut timer = pin!(sleep_until(due));
    let racing = poll_fn(|context| {
        loop {
            if (race.running.is_empty() || due <= Instant::now())
                && let Some(address) = waiting.next()
            {
                race.running.push((address, dial.dial(SocketAddr::new(address, port))));
                due = Instant::now() + DELAY;
            }
            let failed_before = race.errors.len();
            if let Poll::Ready(winner) = race.poll(context) {
                return Poll::Ready(Some(winner));
            }
            if waiting.len() == 0 {
                let is_over = race.running.is_empty();
                return if is_over { Poll::Ready(None) } else { Poll::Pending };
            }
            if race.errors.len() > failed_before {
                // The next attempt starts at once.
                due = Instant::now();
                continue;
            }
            timer.as_mut().reset(due);
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    });
    let raced = timeout_at(end, racing).await;
    match raced {
        Ok(Some(winner)) => Ok(winner),
        Ok(None) => Err(NoneAccepted { errors: race.errors, timed_out: false }),
        Err(_) => Err(NoneAccepted { errors: race.errors, timed_out: true }),
    }
}

/// The attempts that have started.
struct Race<'d> {
    running: Vec<(IpAddr, Dialing<'d>)>,
    errors: Vec<io::Error>,
}

impl Race<'_> {
    /// Polls all attempts. Ready when one has a connection.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(IpAddr, Box<dyn Stream>)> {
        let mut index = 0;
        while let Some((address, dialing)) = self.running.get_mut(index) {
            match dialing.as_mut().poll(context) {
                Poll::Ready(Ok(stream)) => return Poll::Ready((*address, stream)),
                Poll::Ready(Err(error)) => {
                    self.errors.push(error);
                    drop(self.running.remove(index));
                }
                Poll::Pending => index += 1,
            }
        }
        Poll::Pending
    }
}

/// The addresses to try, in order: the families take turns, beginning with that of the first
/// address, which the resolver prefers.
fn interleaved(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let prefers_v6 = addresses.first().is_some_and(IpAddr::is_ipv6);
    let of = |v6: bool| addresses.iter().copied().filter(move |address| address.is_ipv6() == v6);
    let (mut preferred, mut other) = (of(prefers_v6), of(!prefers_v6));
    let mut order = Vec::with_capacity(addresses.len().min(MAX_ATTEMPTS));
    while order.len() < MAX_ATTEMPTS {
        let before = order.len();
        order.extend(preferred.next());
        order.extend(other.next());
        if order.len() == before {
            break;
        }
    }
    order.truncate(MAX_ATTEMPTS);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;

    /// What an address does.
    #[derive(Clone, Copy)]
    enum Answer {
        /// Accepts after so many milliseconds.
        Accepts(u64),
        /// Refuses after so many milliseconds.
        Refuses(u64),
        /// Drops all packets.
        Silent,
    }

    /// Answers as the addresses' script says, and records when each was dialled and dropped.
    struct Script {
        answers: Vec<(IpAddr, Answer)>,
        began: Instant,
        dialled: Mutex<Vec<(IpAddr, u128)>>,
        dropped: Arc<Mutex<Vec<IpAddr>>>,
    }

    impl Script {
        fn new(answers: &[(&str, Answer)]) -> Self {
            let answers = answers.iter().map(|(address, answer)| (ip(address), *answer)).collect();
            let (dialled, dropped) = (Mutex::default(), Arc::default());
            Self { answers, began: Instant::now(), dialled, dropped }
        }

        fn addresses(&self) -> Vec<IpAddr> {
            self.answers.iter().map(|(address, _)| *address).collect()
        }

        async fn race(&self, limit: u64) -> Result<IpAddr, NoneAccepted> {
            let end = Instant::now() + Duration::from_millis(limit);
            connect(self, &self.addresses(), 1, end).await.map(|(address, _)| address)
        }

        fn elapsed(&self) -> u128 {
            self.began.elapsed().as_millis()
        }

        fn dialled(&self) -> Vec<IpAddr> {
            self.dialled.lock().iter().map(|(address, _)| *address).collect()
        }
    }

    /// Records an attempt that was dropped before it had an answer.
    struct Attempt {
        address: IpAddr,
        dropped: Arc<Mutex<Vec<IpAddr>>>,
        has_answer: bool,
    }

    impl Drop for Attempt {
        fn drop(&mut self) {
            if !self.has_answer {
                self.dropped.lock().push(self.address);
            }
        }
    }

    impl Dial for Script {
        fn dial(&self, address: SocketAddr) -> Dialing<'_> {
            let address = address.ip();
            self.dialled.lock().push((address, self.elapsed()));
            let answer = self.answers.iter().find(|(known, _)| *known == address).unwrap().1;
            let dropped = self.dropped.clone();
            Box::pin(async move {
                let mut attempt = Attempt { address, dropped, has_answer: false };
                let wait = |ms| tokio::time::sleep(Duration::from_millis(ms));
                match answer {
                    Answer::Accepts(ms) | Answer::Refuses(ms) => wait(ms).await,
                    Answer::Silent => std::future::pending().await,
                }
                attempt.has_answer = true;
                drop(attempt);
                if matches!(answer, Answer::Refuses(_)) {
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                let (stream, _) = tokio::io::duplex(1);
                Ok(Box::new(stream) as Box<dyn Stream>)
            })
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn silent_ipv6_address_costs_a_quarter_of_a_second() {
        let script =
            Script::new(&[("2001:db8::1", Answer::Silent), ("192.0.2.1", Answer::Accepts(1))]);
        assert_eq!(script.race(5000).await.unwrap(), ip("192.0.2.1"));
        let elapsed = script.elapsed();
        assert!((250..450).contains(&elapsed), "{elapsed} ms");
        assert_eq!(*script.dropped.lock(), [ip("2001:db8::1")], "the loser is dropped");
    }

    #[tokio::test]
    async fn next_address_is_tried_at_once_when_one_refuses() {
        let script = Script::new(&[
            ("2001:db8::1", Answer::Refuses(5)),
            ("2001:db8::2", Answer::Refuses(5)),
            ("192.0.2.1", Answer::Refuses(5)),
            ("192.0.2.2", Answer::Accepts(5)),
        ]);
        assert_eq!(script.race(5000).await.unwrap(), ip("192.0.2.2"));
        assert!(script.elapsed() < 200, "{} ms", script.elapsed());
        let order = ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"].map(ip);
        assert_eq!(script.dialled(), order, "the families take turns");
    }

    #[tokio::test]
    async fn slow_first_address_wins_if_it_is_faster_than_the_others() {
        let script = Script::new(&[
            ("192.0.2.1", Answer::Accepts(300)),
            ("192.0.2.2", Answer::Accepts(300)),
        ]);
        assert_eq!(script.race(5000).await.unwrap(), ip("192.0.2.1"));
        assert_eq!(*script.dropped.lock(), [ip("192.0.2.2")]);
    }

    #[tokio::test]
    async fn fast_address_is_the_only_one_that_is_dialled() {
        let script =
            Script::new(&[("192.0.2.1", Answer::Accepts(50)), ("192.0.2.2", Answer::Accepts(0))]);
        assert_eq!(script.race(5000).await.unwrap(), ip("192.0.2.1"));
        assert_eq!(script.dialled(), [ip("192.0.2.1")]);
    }

    #[tokio::test]
    async fn errors_of_all_addresses_are_kept() {
        let script =
            Script::new(&[("2001:db8::1", Answer::Refuses(0)), ("192.0.2.1", Answer::Refuses(5))]);
        let failed = script.race(5000).await.unwrap_err();
        assert_eq!((failed.errors.len(), failed.timed_out), (2, false));
    }

    #[tokio::test]
    async fn time_limit_is_for_all_addresses_together() {
        let script = Script::new(&[
            ("192.0.2.1", Answer::Refuses(0)),
            ("192.0.2.2", Answer::Silent),
            ("192.0.2.3", Answer::Silent),
        ]);
        let failed = script.race(600).await.unwrap_err();
        assert_eq!((failed.errors.len(), failed.timed_out), (1, true));
        assert!((600..800).contains(&script.elapsed()), "{} ms", script.elapsed());
        assert_eq!(script.dropped.lock().len(), 2);
    }

    #[tokio::test]
    async fn number_of_attempts_is_bounded() {
        let addresses: Vec<String> = (0..=255).map(|last| format!("192.0.2.{last}")).collect();
        let answers: Vec<(&str, Answer)> =
            addresses.iter().map(|address| (address.as_str(), Answer::Refuses(0))).collect();
        let script = Script::new(&answers);
        assert_eq!(script.race(5000).await.unwrap_err().errors.len(), MAX_ATTEMPTS);
        assert_eq!(script.dialled().len(), MAX_ATTEMPTS);
    }

    #[tokio::test]
    async fn attempts_start_a_quarter_of_a_second_apart() {
        let script = Script::new(&[
            ("2001:db8::1", Answer::Silent),
            ("192.0.2.1", Answer::Silent),
            ("2001:db8::2", Answer::Accepts(1)),
        ]);
        assert_eq!(script.race(5000).await.unwrap(), ip("2001:db8::2"));
        let starts: Vec<u128> = script.dialled.lock().iter().map(|(_, at)| *at).collect();
        for (start, expected) in starts.iter().zip([0, 250, 500]) {
            assert!((expected..expected + 100).contains(start), "{starts:?}");
        }
    }
}
