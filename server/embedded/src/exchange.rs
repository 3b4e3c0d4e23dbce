//! One request and its response on a connection.

use crate::request::{MAX_BODY_BYTES, respond};
use crate::response::Reply;
use crate::threads::{Failure, Threads};
use crate::wording;
use bytes::Bytes;
use dynoxide::Database;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use parking_lot::Mutex;

/// What all connections share.
pub(crate) struct Shared {
    /// Nothing once it was stopped.
    pub(crate) database: Mutex<Option<Database>>,
    pub(crate) threads: Threads,
    /// Opens the database again, after a panic has made the open one unusable. A database in memory
    /// would be empty, so there is none.
    pub(crate) reopen: Option<Box<dyn Fn() -> Option<Database> + Send + Sync>>,
}

impl Shared {
    /// Responds to a request.
    pub(crate) async fn exchange(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        if head.uri.path() != "/" {
            return Reply::not_found().into();
        }
        let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                let too_large = error.is::<LengthLimitError>();
                let status =
                    if too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
                let message = format!("Failed to buffer the request body: {error}");
                return Reply::text(status, message).into();
            }
        };
        self.run(move |database| respond(database, &head, &body)).await.into()
    }

    /// Runs something that may panic.
    pub(crate) async fn run(
        &self,
        work: impl FnOnce(&Database) -> Reply + Send + 'static,
    ) -> Reply {
        let Some(database) = self.database.lock().clone() else {
            return Reply::internal(wording::STOPPED);
        };
        match self.threads.run(move || work(&database)).await {
            Ok(reply) => reply,
            Err(Failure::NoThread) => Reply::internal(wording::STOPPED),
            Err(Failure::Panicked) => {
                tracing::error!("the embedded database panicked; its message is on standard error");
                self.open_again();
                Reply::internal(wording::PANICKED)
            }
        }
    }

    fn open_again(&self) {
        let Some(reopened) = self.reopen.as_ref().and_then(|reopen| reopen()) else {
            return;
        };
        let mut database = self.database.lock();
        if database.is_some() {
            *database = Some(reopened);
        }
    }
}
