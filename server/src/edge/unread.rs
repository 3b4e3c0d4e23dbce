//! Request bodies that a response does not wait for.
//!
//! A request may be refused before its body has arrived. The next request of the connection begins
//! after that body, so it is read to its end if little is missing. Otherwise the response says that
//! the connection ends with it.

use axum::body::Body;
use bytes::Bytes;
use http::{Request, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::timeout;

/// The most bytes of a body that are read after its request was refused: larger ones take longer
/// than a new connection.
const MAX_BYTES: u64 = 256 * 1024;
/// The most time for that: the client waits for its response meanwhile.
const TIME: Duration = Duration::from_millis(500);

/// What is left of a request's body when its response is ready.
pub(super) struct Unread {
    rest: Arc<Mutex<Rest>>,
    /// Whether the client waits for permission to send the body (RFC 9110, section 10.1.1).
    waits: bool,
}

/// The rest of a body.
enum Rest {
    /// There is nothing left.
    Ended,
    /// What is left cannot be read.
    Broken,
    /// This is left.
    Left(Incoming),
}

/// The body of a request. When it is dropped, the rest of it is kept for [`Unread`].
struct RequestBody {
    body: Rest,
    rest: Arc<Mutex<Rest>>,
}

/// Lets a request through, and keeps what will be left of its body. `None` if it has no body.
pub(super) fn watch(request: Request<Incoming>) -> (Request<Body>, Option<Unread>) {
    if request.body().is_end_stream() {
        return (request.map(|_| Body::empty()), None);
    }
    let waits = request.headers().contains_key(header::EXPECT);
    let rest = Arc::new(Mutex::new(Rest::Broken));
    let unread = Unread { rest: rest.clone(), waits };
    let request = request.map(|body| Body::new(RequestBody { body: Rest::Left(body), rest }));
    (request, Some(unread))
}

impl Unread {
    /// Whether something is left.
    pub(super) fn is_left(&self) -> bool {
        !matches!(*self.rest.lock(), Rest::Ended)
    }

    /// Reads the rest of the body, if it is small and arrives soon. Returns whether the next
    /// request can follow.
    pub(super) async fn read(self) -> bool {
        let rest = std::mem::replace(&mut *self.rest.lock(), Rest::Broken);
        let mut body = match rest {
            Rest::Ended => return true,
            Rest::Broken => return false,
            Rest::Left(body) => body,
        };
        // Reading it would ask the client for the body. It need not send it now, so that only the
        // end of the connection tells both sides where the next request begins.
        if self.waits || body.size_hint().lower() > MAX_BYTES {
            return false;
        }
        let reading = async {
            let mut length = 0;
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return false };
                length += frame.data_ref().map_or(0, |data| data.len() as u64);
                if length > MAX_BYTES {
                    return false;
                }
            }
            true
        };
        timeout(TIME, reading).await.unwrap_or(false)
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Rest::Left(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(_)) => self.body = Rest::Broken,
            None => self.body = Rest::Ended,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Rest::Left(body) => body.is_end_stream(),
            Rest::Ended | Rest::Broken => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Rest::Left(body) => body.size_hint(),
            Rest::Ended | Rest::Broken => SizeHint::with_exact(0),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let is_complete = self.is_end_stream() && !matches!(self.body, Rest::Broken);
        let body =
            if is_complete { Rest::Ended } else { std::mem::replace(&mut self.body, Rest::Broken) };
        *self.rest.lock() = body;
    }
}
