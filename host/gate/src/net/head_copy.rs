//! A copy of the first bytes of a response, which says why hyper does not read it.
//!
//! hyper has one error for a head that is too large and for a stated length that it cannot count,
//! and the two exceed different limits.

use http::header::CONTENT_LENGTH;
use parking_lot::Mutex;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The first bytes that were read since the last request.
#[derive(Clone, Default)]
pub(crate) struct HeadCopy(Arc<Mutex<Vec<u8>>>);

/// The bytes that are copied: a response of `DynamoDB` has a head of 300.
const MAX_BYTES: usize = 2048;

impl HeadCopy {
    /// A request is sent: the next bytes are the head of its response.
    pub(crate) fn begin(&self) {
        self.0.lock().clear();
    }

    /// Whether the head states a length of more than `limit` bytes.
    pub(crate) fn states_more_than(&self, limit: u64) -> bool {
        let head = self.0.lock();
        head.split(|byte| *byte == b'\n').any(|line| {
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

/// A stream whose first bytes after each request are copied.
pub(crate) struct Copied<S> {
    stream: S,
    copy: HeadCopy,
}

impl<S> Copied<S> {
    pub(crate) fn new(stream: S, copy: HeadCopy) -> Self {
        Self { stream, copy }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Copied<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let mut copy = self.copy.0.lock();
        let read = &buffer.filled()[before..];
        let room = MAX_BYTES.saturating_sub(copy.len());
        copy.extend_from_slice(&read[..read.len().min(room)]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Copied<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
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
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
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
            let copy = HeadCopy(Arc::new(Mutex::new(head.as_bytes().to_vec())));
            copy.states_more_than(100)
        };
        for large in ["101", "18446744073709551615", "18446744073709551616", "000101"] {
            assert!(states(&format!("HTTP/1.1 200 OK\r\nContent-Length: {large}\r\n")), "{large}");
        }
        for other in ["content-length: 100", "x-length: 101", "content-length: -101", "101", ""] {
            assert!(!states(&format!("HTTP/1.1 200 OK\r\n{other}\r\n\r\n")), "{other}");
        }
    }
}
