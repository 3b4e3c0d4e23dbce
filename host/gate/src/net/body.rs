//! The body of a request on its way out: limited and counted.

use crate::progress::Progress;
use bytes::{Bytes, BytesMut};
use bytesize::ByteSize;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use portcullis_memory::Charge;
use portcullis_policy::LimitKind;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of a guest's request.
///
/// The enum is exhaustive on purpose: code that limits bodies must handle each kind.
pub enum RequestBody {
    /// The whole body; none after it was sent.
    Whole(Option<Bytes>),
    /// A body that the guest still writes.
    Stream {
        /// The frames that were read from `rest`.
        first: VecDeque<Result<Frame<Bytes>, Error>>,
        /// The frames that follow.
        rest: WasiBody,
    },
}

impl RequestBody {
    /// Takes a guest's body. If the guest has already written and finished it, it is taken whole.
    /// What is read ahead is limited by what a guest can write ahead: two chunks of 1 MiB.
    #[must_use]
    pub fn from_wasi(body: Option<WasiBody>) -> Self {
        let Some(mut body) = body else { return Self::Whole(Some(Bytes::new())) };
        let mut read = VecDeque::new();
        loop {
            let polled = pin!(body.frame()).poll(&mut Context::from_waker(Waker::noop()));
            match polled {
                Poll::Ready(Some(Ok(frame))) if frame.is_data() => read.push_back(Ok(frame)),
                // Trailers and errors are passed on to the reader of the stream.
                Poll::Ready(Some(other)) => {
                    read.push_back(other);
                    return Self::Stream { first: read, rest: body };
                }
                Poll::Ready(None) => return Self::Whole(Some(joined(read))),
                Poll::Pending => return Self::Stream { first: read, rest: body },
            }
        }
    }

    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self {
            Self::Whole(bytes) => {
                let bytes = bytes.take().filter(|bytes| !bytes.is_empty());
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Self::Stream { first, rest } => match first.pop_front() {
                Some(frame) => Poll::Ready(Some(frame)),
                None => Pin::new(rest).poll_frame(context),
            },
        }
    }

    /// Reads the whole body into one buffer: a body in chunks of one byte would otherwise take
    /// many times its size. The buffer is charged to `held`.
    pub(crate) async fn whole(
        mut self,
        progress: &Progress,
        limit: ByteSize,
        mut held: Option<&mut Charge>,
    ) -> Result<Bytes, Error> {
        if let Self::Whole(Some(bytes)) = self {
            return if bytes.len() as u64 > limit.as_u64() {
                Err(too_large(progress, limit))
            } else {
                Ok(bytes)
            };
        }
        let mut whole = BytesMut::new();
        while let Some(frame) = poll_fn(|context| self.poll_frame(context)).await {
            let Ok(data) = frame?.into_data() else { continue };
            if (whole.len() + data.len()) as u64 > limit.as_u64() {
                return Err(too_large(progress, limit));
            }
            let room = whole.capacity() - whole.len();
            if room < data.len() {
                let more = data.len().max(whole.capacity());
                if let Some(held) = &mut held
                    && let Err(exceeded) = held.grow(more as u64)
                {
                    progress.fail_at_memory(exceeded);
                    return Err(Error::InternalError(None));
                }
                whole.reserve(more);
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "RequestBody::Whole(…)",
            Self::Stream { .. } => "RequestBody::Stream(…)",
        })
    }
}

fn joined(frames: VecDeque<Result<Frame<Bytes>, Error>>) -> Bytes {
    let mut chunks = frames.into_iter().filter_map(|frame| frame.ok()?.into_data().ok());
    let first = chunks.next().unwrap_or_default();
    let Some(second) = chunks.next() else { return first };
    let mut whole = BytesMut::from(first);
    whole.extend_from_slice(&second);
    chunks.for_each(|chunk| whole.extend_from_slice(&chunk));
    whole.freeze()
}

/// A body as a connection takes it.
pub(crate) struct Outbound {
    pub(crate) body: RequestBody,
    /// The call whose bytes are counted and limited; none for the host's own requests.
    progress: Option<Arc<Progress>>,
    limit: ByteSize,
    sent: u64,
}

impl Outbound {
    pub(crate) fn new(body: RequestBody, progress: Arc<Progress>, limit: ByteSize) -> Self {
        Self { body, progress: Some(progress), limit, sent: 0 }
    }

    /// The body of a request that the host sends for itself.
    pub(crate) fn unlimited(body: Bytes) -> Self {
        let body = RequestBody::Whole(Some(body));
        Self { body, progress: None, limit: ByteSize(u64::MAX), sent: 0 }
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(self.body.poll_frame(context));
        let this = &mut *self;
        let Some(progress) = &this.progress else { return Poll::Ready(frame) };
        // When a call ends, the guest's end of the stream is dropped, and the body looks complete.
        // Fail, so that a truncated body is never sent as a whole one.
        if progress.is_over() {
            return Poll::Ready(Some(Err(Error::ConnectionTerminated)));
        }
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        let bytes = data.map_or(0, |data| data.len() as u64);
        this.sent += bytes;
        if this.sent > this.limit.as_u64() {
            return Poll::Ready(Some(Err(too_large(progress, this.limit))));
        }
        progress.count_sent(bytes);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let RequestBody::Whole(bytes) = &self.body else { return false };
        bytes.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            RequestBody::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            RequestBody::Stream { .. } => SizeHint::default(),
        }
    }
}

/// Fails the call because a body is larger than the policy allows.
pub(crate) fn too_large(progress: &Progress, limit: ByteSize) -> Error {
    progress.fail_at_limit(LimitKind::RequestBytes, limit.to_string());
    Error::HttpRequestBodySize(Some(limit.as_u64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;
    use portcullis_policy::Limits;
    use std::time::{Duration, Instant};
    use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

    fn body(text: &'static str, limit: u64) -> (Arc<Progress>, Outbound) {
        let deadline = Instant::now() + Duration::from_secs(1);
        let progress = Arc::new(Progress::new("execute", &Limits::default(), deadline, 1));
        let rest = full(text);
        let body = RequestBody::Stream { first: VecDeque::new(), rest };
        (progress.clone(), Outbound::new(body, progress, ByteSize::b(limit)))
    }

    fn full(text: &'static str) -> WasiBody {
        Full::new(Bytes::from_static(text.as_bytes()))
            .map_err(|never| match never {})
            .boxed_unsync()
    }

    #[tokio::test]
    async fn a_body_is_counted_and_limited() {
        let (progress, whole) = body("{\"a\": 1}", 8);
        assert!(whole.collect().await.is_ok() && progress.bytes_sent() == 8);
        let (progress, long) = body("{\"a\": 1}", 7);
        assert!(long.collect().await.is_err() && progress.take_failure().is_some());
    }

    #[tokio::test]
    async fn a_body_of_an_ended_call_is_never_complete() {
        let (progress, mut truncated) = body("", 8);
        progress.end();
        // The guest's end of the stream is gone, so the stream seems to be complete.
        assert!(matches!(truncated.frame().await, Some(Err(Error::ConnectionTerminated))));
    }

    #[test]
    fn a_body_is_whole_once_it_is_finished() {
        let whole = |body| match RequestBody::from_wasi(body) {
            RequestBody::Whole(bytes) => bytes,
            RequestBody::Stream { .. } => None,
        };
        assert_eq!(whole(Some(full("{}"))), Some(Bytes::from_static(b"{}")));
        assert_eq!(whole(None), Some(Bytes::new()));
        let (_writer, unfinished) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1024);
        assert_eq!(whole(Some(unfinished)), None);
    }
}
