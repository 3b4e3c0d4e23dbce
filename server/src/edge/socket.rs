//! The socket of a connection: a time limit for clients that do not read, and an end that does not
//! lose the last response.

use crate::connections::{Doing, State};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_io_timeout::TimeoutStream;

/// A socket.
///
/// If it is closed while its client is still sending, the system resets the connection, and the
/// client may lose the response that it has not read yet (RFC 9112, section 9.6). So the socket is
/// closed for writing first, and what arrives is read and thrown away, until the client has closed
/// its side or has had enough time.
pub(super) struct Socket {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    state: Arc<State>,
    linger: Option<Linger>,
}

struct Linger {
    end: Instant,
    wake: Pin<Box<Sleep>>,
    left: usize,
}

/// How long a client that is still sending has to read its response: it may send all of its body
/// first. The default of nginx's `lingering_time`.
const LINGER: Duration = Duration::from_secs(30);
/// How long it may send nothing meanwhile. The default of nginx's `lingering_timeout`.
const QUIET: Duration = Duration::from_secs(5);
/// The most bytes that are thrown away: 16 times the default of `server.body-bytes`.
const MAX_LINGER_BYTES: usize = 256 * 1024 * 1024;

impl Socket {
    pub(super) fn new(stream: TcpStream, write_timeout: Duration, state: Arc<State>) -> Self {
        // A small response must not wait for others.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(write_timeout));
        Self { stream: Box::pin(stream), state, linger: None }
    }

    /// Reads and throws away what still arrives.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let state = &self.state;
        let linger = self.linger.get_or_insert_with(|| {
            state.set(Doing::Lingering);
            let now = Instant::now();
            let wake = Box::pin(sleep_until(now + QUIET));
            Linger { end: now + LINGER, wake, left: MAX_LINGER_BYTES }
        });
        let mut bytes = [0; 8192];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = self.stream.as_mut().poll_read(cx, &mut buffer);
            match (read, buffer.filled().len()) {
                (Poll::Ready(Ok(())), length @ 1..) if length < linger.left => {
                    linger.left -= length;
                    linger.wake.as_mut().reset((Instant::now() + QUIET).min(linger.end));
                }
                (Poll::Ready(_), _) => return Poll::Ready(()),
                (Poll::Pending, _) => {
                    ready!(linger.wake.as_mut().poll(cx));
                    return Poll::Ready(());
                }
            }
            if Instant::now() >= linger.end {
                return Poll::Ready(());
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream.as_mut().poll_read(cx, buffer);
        // The beginning of a request, which may be refused before it is complete.
        if buffer.filled().len() > before && self.state.doing() != Doing::Busy {
            self.state.set_unread();
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream.as_mut().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(self.stream.as_mut().poll_shutdown(cx))?;
            if !self.state.is_unread() {
                return Poll::Ready(Ok(()));
            }
        }
        ready!(self.poll_linger(cx));
        Poll::Ready(Ok(()))
    }
}
