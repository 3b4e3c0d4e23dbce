//! What passes over a connection, seen below hyper: the first bytes of a response, and when the
//! last byte of a request was written.
//!
//! The first bytes say why hyper does not read a response. It has one error for a head that is too
//! large and for a stated length that it cannot count, and the two exceed different limits. The
//! time says how long a request has made no progress: hyper takes a whole body at once, and writes
//! it as fast as the peer reads.

use http::header::CONTENT_LENGTH;
use parking_lot::Mutex;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What has passed since the last request began.
#[derive(Clone)]
pub(crate) struct Observed(Arc<Mutex<Passed>>);

struct Passed {
    /// The first bytes that were read.
    head: Vec<u8>,
    /// When bytes were last written; before the first ones, when the request began.
    written: Instant,
}

/// The bytes that are copied: a response of `DynamoDB` has a head of 300.
const MAX_BYTES: usize = 2048;

impl Observed {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Passed { head: Vec::new(), written: Instant::now() })))
    }

    /// A request is sent: the next bytes are the head of its response.
    pub(crate) fn begin(&self) {
        let mut passed = self.0.lock();
        passed.head.clear();
        passed.written = Instant::now();
    }

    /// When bytes of the request were last written; before the first ones, when it began.
    pub(crate) fn written(&self) -> Instant {
        self.0.lock().written
    }

    fn note_written(&self, written: &Poll<io::Result<usize>>) {
        if matches!(written, Poll::Ready(Ok(1..))) {
            self.0.lock().written = Instant::now();
        }
    }

    /// Whether what was received is a TLS record: an alert or a handshake, of some version 3.
    pub(crate) fn received_tls(&self) -> bool {
        matches!(self.0.lock().head.as_slice(), [0x15 | 0x16, 0x03, ..])
    }

    /// Whether nothing was received.
    pub(crate) fn received_nothing(&self) -> bool {
        self.0.lock().head.is_empty()
    }

    /// Whether the head states a length of more than `limit` bytes.
    pub(crate) fn states_more_than(&self, limit: u64) -> bool {
        let passed = self.0.lock();
        passed.head.split(|byte| *byte == b'\n').any(|line| {
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { return false };
            let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str().as_bytes())
                && !value.is_empty()
                && value.iter().all(u8::is_ascii_digit)
                // A number that does not fit into 64 bits is larger than any limit.
                && std::str::from_utf8(value)
                    .is_ok_and(|digits| digits.parse::<u64>().map_or(true, |bytes| bytes > limit))
        })
    }
}

/// A stream that is observed.
pub(crate) struct ObservedStream<S> {
    stream: S,
    observed: Observed,
}

impl<S> ObservedStream<S> {
    pub(crate) fn new(stream: S, observed: Observed) -> Self {
        Self { stream, observed }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ObservedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let mut passed = self.observed.0.lock();
        let read = &buffer.filled()[before..];
        let room = MAX_BYTES.saturating_sub(passed.head.len());
        passed.head.extend_from_slice(&read[..read.len().min(room)]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ObservedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.observed.note_written(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.observed.note_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stated_length_is_found_however_large_it_is() {
        let states = |head: &str| {
            let observed = Observed::new();
            observed.0.lock().head.extend_from_slice(head.as_bytes());
            observed.states_more_than(100)
        };
        for large in ["101", "18446744073709551615", "18446744073709551616", "000101"] {
            assert!(states(&format!("HTTP/1.1 200 OK\r\nContent-Length: {large}\r\n")), "{large}");
        }
        for other in ["content-length: 100", "x-length: 101", "content-length: -101", "101", ""] {
            assert!(!states(&format!("HTTP/1.1 200 OK\r\n{other}\r\n\r\n")), "{other}");
        }
    }
}
