//! The body of a request on its way out: bounded and counted.

use crate::call::Call;
use crate::error::LimitKind;
use bytes::{Bytes, BytesMut};
use bytesize::ByteSize;
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use wasmtime_wasi_http::{Error, WasiBody};

/// The body of a guest's request.
pub(crate) enum RequestBody {
    /// All of it; none once it was sent.
    Whole(Option<Bytes>),
    /// One that the guest still writes, and what was read of it.
    Stream {
        /// What was read.
        first: VecDeque<Result<Frame<Bytes>, Error>>,
        /// What comes.
        rest: WasiBody,
    },
}

impl RequestBody {
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self {
            Self::Whole(bytes) => Poll::Ready(
                bytes.take().filter(|bytes| !bytes.is_empty()).map(|bytes| Ok(Frame::data(bytes))),
            ),
            Self::Stream { first, rest } => match first.pop_front() {
                Some(frame) => Poll::Ready(Some(frame)),
                None => Pin::new(rest).poll_frame(context),
            },
        }
    }

    /// All of it, read into one buffer: a body in pieces of a byte each would take many times its size.
    pub(crate) async fn whole(mut self, call: &Call, limit: ByteSize) -> Result<Bytes, Error> {
        if let Self::Whole(Some(bytes)) = self {
            return if bytes.len() as u64 > limit.as_u64() {
                Err(too_large(call, limit))
            } else {
                Ok(bytes)
            };
        }
        let mut whole = BytesMut::new();
        while let Some(frame) = poll_fn(|context| self.poll_frame(context)).await {
            let Ok(data) = frame?.into_data() else { continue };
            if (whole.len() + data.len()) as u64 > limit.as_u64() {
                return Err(too_large(call, limit));
            }
            whole.extend_from_slice(&data);
        }
        Ok(whole.freeze())
    }
}

/// A body as a connection takes it.
pub(crate) struct Outbound {
    pub(crate) body: RequestBody,
    /// Whose bytes are counted and bounded; none for the host's own requests.
    call: Option<Arc<Call>>,
    limit: ByteSize,
    sent: u64,
}

impl Outbound {
    pub(crate) fn new(body: RequestBody, call: Arc<Call>, limit: ByteSize) -> Self {
        Self { body, call: Some(call), limit, sent: 0 }
    }

    /// The body of a request of the host itself.
    #[cfg(feature = "aws-config")]
    pub(crate) fn own(body: Bytes) -> Self {
        Self {
            body: RequestBody::Whole(Some(body)),
            call: None,
            limit: ByteSize(u64::MAX),
            sent: 0,
        }
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
        let Some(call) = self.call.clone() else { return Poll::Ready(frame) };
        // A call that ends drops its body, which then looks like a whole one: it must not be sent as that.
        if call.is_over() {
            return Poll::Ready(Some(Err(Error::ConnectionTerminated)));
        }
        let bytes = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref())
            .map_or(0, |data| data.len() as u64);
        self.sent += bytes;
        if self.sent > self.limit.as_u64() {
            return Poll::Ready(Some(Err(too_large(&call, self.limit))));
        }
        call.note_sent(bytes);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.body, RequestBody::Whole(bytes) if bytes.as_ref().is_none_or(Bytes::is_empty))
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

/// Notes that a body is larger than the policy allows.
pub(crate) fn too_large(call: &Call, limit: ByteSize) -> Error {
    call.note_limit(LimitKind::RequestBytes, limit.to_string());
    Error::HttpRequestBodySize(Some(limit.as_u64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasource::state::Shared;
    use http_body_util::{BodyExt, Full};
    use portcullis_policy::Policy;
    use std::time::{Duration, Instant};

    fn body(text: &'static str, limit: u64) -> (Arc<Call>, Outbound) {
        let shared = Arc::new(Shared::of_policy(Policy::default()));
        let call =
            Arc::new(Call::new(&shared, "execute", None, Instant::now() + Duration::from_secs(1)));
        // As a guest writes it: in a stream, with a piece that was read before.
        let rest = Full::new(Bytes::from_static(text.as_bytes()))
            .map_err(|never| match never {})
            .boxed_unsync();
        (
            call.clone(),
            Outbound::new(
                RequestBody::Stream { first: VecDeque::new(), rest },
                call,
                ByteSize::b(limit),
            ),
        )
    }

    #[tokio::test]
    async fn a_body_is_counted_and_bounded() {
        let (call, whole) = body("{\"a\": 1}", 8);
        assert!(whole.collect().await.is_ok() && call.sent() == 8);
        let (call, long) = body("{\"a\": 1}", 7);
        assert!(long.collect().await.is_err() && call.noted().is_some());
    }

    #[tokio::test]
    async fn a_body_whose_call_has_ended_is_never_whole() {
        let (call, mut cut) = body("", 8);
        call.end();
        // The plugin's end of it is gone, and so it seems to be at its end.
        assert!(matches!(cut.frame().await, Some(Err(Error::ConnectionTerminated))));
    }
}
