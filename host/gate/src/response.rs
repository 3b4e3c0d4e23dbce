//! The body of a response on its way to the guest: limited in bytes and time. At its end the
//! connection goes back to the pool.

use crate::egress::Egress;
use crate::interruption::{Cause, Stage};
use crate::net::connection::Connection;
use crate::progress::RequestPermit;
use crate::timers::Timer;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use portcullis_memory::Charge;
use portcullis_policy::{LimitKind, Origin};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use wasmtime_wasi_http::Error;

pub(crate) struct ResponseBody {
    body: Incoming,
    /// Given back to the pool at the end of the body.
    connection: Option<Connection>,
    origin: Arc<Origin>,
    egress: Arc<Egress>,
    permit: Option<RequestPermit>,
    /// The memory of the head.
    _held: Charge,
    read: u64,
    /// Armed while the guest waits for the next chunk.
    timer: Timer,
    waits_until: Option<Instant>,
}

impl ResponseBody {
    pub(crate) fn new(
        body: Incoming,
        connection: Connection,
        origin: Arc<Origin>,
        egress: Arc<Egress>,
        permit: RequestPermit,
        held: Charge,
    ) -> Self {
        let timer = egress.timers().timer();
        let mut response = Self {
            body,
            connection: Some(connection),
            origin,
            egress,
            permit: Some(permit),
            _held: held,
            read: 0,
            timer,
            waits_until: None,
        };
        if response.body.is_end_stream() {
            response.finish();
        }
        response
    }

    /// The response is complete: the connection can serve the next request.
    fn finish(&mut self) {
        self.permit = None;
        if let Some(mut connection) = self.connection.take()
            && connection.is_reusable()
        {
            self.egress.keep(self.origin.clone(), connection);
        }
    }

    /// Waits for the next chunk, for `limits.read-timeout` and at most until the deadline.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(permit) = &self.permit else { return Poll::Pending };
        let deadline = permit.progress().deadline();
        let read_timeout = self.egress.policy().limits.read_timeout;
        let end =
            *self.waits_until.get_or_insert_with(|| deadline.min(Instant::now() + read_timeout));
        if self.timer.poll_elapsed(end, context) {
            let cause = if end == deadline {
                Cause::Deadline(Stage::Reading)
            } else {
                Cause::Stalled(read_timeout)
            };
            self.interrupt(cause)
        } else {
            Poll::Pending
        }
    }

    /// The rest of the response does not come.
    fn interrupt(&mut self, cause: Cause) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let code = match &self.permit {
            Some(permit) => permit.progress().interrupt(&self.origin, cause),
            None => Error::HttpResponseIncomplete,
        };
        self.fail(code)
    }

    /// Nobody wants the rest of the response: closes the connection.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.connection = None;
        self.permit = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let polled = match &mut this.connection {
            Some(connection) => {
                connection.poll(context, |_, context| Pin::new(&mut this.body).poll_frame(context))
            }
            None => Pin::new(&mut this.body).poll_frame(context),
        };
        if polled.is_ready() {
            this.waits_until = None;
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.read += bytes;
                if let Some(permit) = &self.permit {
                    permit.progress().count_received(bytes);
                }
                let limit = self.egress.policy().limits.response_bytes;
                if self.read > limit.as_u64() {
                    if let Some(permit) = &self.permit {
                        permit
                            .progress()
                            .fail_at_limit(LimitKind::ResponseBytes, limit.to_string());
                    }
                    return self.fail(Error::HttpResponseBodySize(Some(limit.as_u64())));
                }
                if self.body.is_end_stream() {
                    self.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => self.interrupt(Cause::Incomplete),
            Poll::Ready(None) => {
                self.finish();
                Poll::Ready(None)
            }
            Poll::Pending => self.wait(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
