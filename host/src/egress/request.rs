//! The body of a request on its way out: bounded and counted.

use crate::call::Call;
use crate::error::LimitKind;
use bytes::Bytes;
use bytesize::ByteSize;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use wasmtime_wasi_http::{Error, WasiBody};

pub(super) struct RequestBody {
    body: WasiBody,
    call: Arc<Call>,
    limit: ByteSize,
    sent: u64,
}

impl RequestBody {
    pub(super) fn new(body: WasiBody, call: Arc<Call>, limit: ByteSize) -> Self {
        Self { body, call, limit, sent: 0 }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        // A call that ends drops its body, which then looks like a whole one: it must not be sent as that.
        if self.call.is_over() {
            return Poll::Ready(Some(Err(Error::ConnectionTerminated)));
        }
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, |data| data.len() as u64);
        self.sent += bytes;
        if self.sent > self.limit.as_u64() {
            return Poll::Ready(Some(Err(too_large(&self.call, self.limit))));
        }
        self.call.note_sent(bytes);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Notes that a body is larger than the policy allows.
pub(super) fn too_large(call: &Call, limit: ByteSize) -> Error {
    call.note_limit(LimitKind::RequestBytes, limit.to_string());
    Error::HttpRequestBodySize(Some(limit.as_u64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Shared;
    use http_body_util::{BodyExt, Full};
    use portcullis_policy::Policy;
    use std::time::{Duration, Instant};

    fn body(text: &'static str, limit: u64) -> (Arc<Call>, RequestBody) {
        let shared = Arc::new(Shared::of_policy(Policy::default()));
        let call = Arc::new(Call::new(&shared, "execute", None, Instant::now() + Duration::from_secs(1)));
        let whole = Full::new(Bytes::from_static(text.as_bytes())).map_err(|never| match never {}).boxed_unsync();
        (call.clone(), RequestBody::new(whole, call, ByteSize::b(limit)))
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
