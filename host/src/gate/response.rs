//! The body of an answer on its way to the guest: bounded in bytes and time, and at its end the connection goes back.

use super::Admitted;
use crate::datasource::state::Shared;
use crate::error::LimitKind;
use crate::net::connection::Connection;
use crate::runtime::timers::Timer;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use portcullis_policy::Origin;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use wasmtime_wasi_http::Error;

pub(crate) struct AnswerBody {
    body: Incoming,
    /// Given back when the body is at its end.
    connection: Option<(Connection, Arc<Origin>)>,
    shared: Arc<Shared>,
    admitted: Option<Admitted>,
    read: u64,
    /// Set while the body keeps us waiting, with its time.
    timer: Timer,
    waits_until: Option<Instant>,
}

impl AnswerBody {
    pub(crate) fn new(
        body: Incoming,
        connection: Connection,
        origin: Arc<Origin>,
        shared: Arc<Shared>,
        admitted: Admitted,
    ) -> Self {
        let timer = shared.timers.timer();
        let mut answer = Self {
            body,
            connection: Some((connection, origin)),
            shared,
            admitted: Some(admitted),
            read: 0,
            timer,
            waits_until: None,
        };
        if answer.body.is_end_stream() {
            answer.finish();
        }
        answer
    }

    /// The answer is whole: the connection can serve the next request.
    fn finish(&mut self) {
        self.admitted = None;
        if let Some((mut connection, origin)) = self.connection.take()
            && connection.is_idle()
        {
            self.shared.connections.put(origin, connection);
        }
    }

    /// Waits for the next piece, for as long as the policy and the call's deadline allow.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(admitted) = &self.admitted else { return Poll::Pending };
        let (end, most) = (admitted.0.deadline, self.shared.policy.limits.read_timeout);
        let end = *self.waits_until.get_or_insert_with(|| end.min(Instant::now() + most));
        if self.timer.is_due(end, context) {
            self.fail(Error::HttpResponseTimeout)
        } else {
            Poll::Pending
        }
    }

    /// The answer is not wanted any more: the connection is closed.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.connection = None;
        self.admitted = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let polled = match &mut this.connection {
            Some((connection, _)) => {
                connection.poll(context, |_, context| Pin::new(&mut this.body).poll_frame(context))
            }
            None => Pin::new(&mut this.body).poll_frame(context),
        };
        if polled.is_ready() {
            self.waits_until = None;
        }
        match polled {
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.read += bytes;
                if let Some(admitted) = &self.admitted {
                    admitted.0.note_received(bytes);
                }
                let limit = self.shared.policy.limits.response_bytes;
                if self.read > limit.as_u64() {
                    if let Some(admitted) = &self.admitted {
                        admitted.0.note_limit(LimitKind::ResponseBytes, limit.to_string());
                    }
                    return self.fail(Error::HttpResponseBodySize(Some(limit.as_u64())));
                }
                if self.body.is_end_stream() {
                    self.finish();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => self.fail(Error::HttpResponseIncomplete),
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
