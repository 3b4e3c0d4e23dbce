//! The database, and the connections to it.

use crate::exchange::Shared;
use crate::open::{OpenError, open};
use crate::threads::Threads;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::convert::Infallible;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

/// An open database. Clones are the same database.
///
/// Its connections are futures of their own: they end when their client leaves, and after
/// [`stop`](Self::stop).
#[derive(Clone)]
pub struct EmbeddedDatabase {
    shared: Arc<Shared>,
    stopped: Arc<watch::Sender<bool>>,
}

impl EmbeddedDatabase {
    /// Opens the database in `file`, or an empty one in memory.
    ///
    /// If `file` does not exist or is empty, `create` says whether it becomes a database. Without
    /// it, nothing is created by mistake, as by a command that only reads. It does not matter for a
    /// database in memory. Blocks while the file is read.
    ///
    /// # Errors
    /// Returns an error that names the file if it is not a database of the local mode, does not
    /// exist and is not to be created, or cannot be opened. The file is then unchanged.
    pub fn open(file: Option<&Path>, create: bool) -> Result<Self, OpenError> {
        let database = open(file, create)?;
        let reopen = file.map(|file| {
            let file = file.to_path_buf();
            let reopen = move || match open(Some(&file), false) {
                Ok(database) => Some(database),
                Err(error) => {
                    tracing::error!(%error, "the embedded database cannot be opened again");
                    None
                }
            };
            Box::new(reopen) as Box<dyn Fn() -> _ + Send + Sync>
        });
        Ok(Self::new(database, reopen))
    }

    fn new(
        database: dynoxide::Database,
        reopen: Option<Box<dyn Fn() -> Option<dynoxide::Database> + Send + Sync>>,
    ) -> Self {
        let database = Mutex::new(Some(database));
        let threads = Threads::default();
        threads.prepare();
        let shared = Arc::new(Shared { database, threads, reopen });
        Self { shared, stopped: Arc::new(watch::Sender::new(false)) }
    }

    /// Serves HTTP/1.1 on one end of a stream, such as [`tokio::io::duplex`] creates, until the
    /// client closes the other end. The future borrows nothing; spawn it.
    ///
    /// Requests of one connection run one after the other, those of several at the same time. A
    /// client that leaves without waiting for its response does not undo what it asked for.
    pub fn serve<S>(&self, stream: S) -> impl Future<Output = ()> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shared = self.shared.clone();
        let mut stopped = self.stopped.subscribe();
        async move {
            let service = service_fn(|request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(shared.exchange(request).await) }
            });
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let mut connection = pin!(connection);
            let stopping = async move {
                if stopped.wait_for(|stopped| *stopped).await.is_err() {
                    // Nobody can stop it any more.
                    std::future::pending::<()>().await;
                }
            };
            let result = tokio::select! {
                result = &mut connection => result,
                () = stopping => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = result {
                // The client left in the middle of a request, or did not speak HTTP.
                tracing::debug!(%error, "a connection to the embedded database ended early");
            }
        }
    }

    /// Stops the database: waits until the requests that were accepted have run, and closes the
    /// file, with everything in it. Later requests fail with `InternalServerError`.
    pub async fn stop(&self) {
        self.stopped.send_replace(true);
        let shared = self.shared.clone();
        let close = move || {
            shared.threads.stop();
            // SQLite moves its log into the file when the last handle is dropped.
            drop(shared.database.lock().take());
        };
        if tokio::task::spawn_blocking(close).await.is_err() {
            tracing::error!("the embedded database did not close; its log is read when it opens");
        }
    }
}

impl std::fmt::Debug for EmbeddedDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedDatabase")
            .field("stopped", &*self.stopped.borrow())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::EmbeddedDatabase;
    use crate::response::Reply;
    use crate::wording::{PANICKED, STOPPED};
    use dynoxide::Database;
    use dynoxide::actions::list_tables::ListTablesRequest;
    use dynoxide::storage_backend::Clock;
    use std::sync::Arc;

    fn reply_text(reply: &Reply) -> String {
        format!("{reply:?}")
    }

    fn tables(database: &Database) -> Reply {
        match database.list_tables(ListTablesRequest::default()) {
            Ok(tables) => Reply::plain(http::StatusCode::OK, format!("{:?}", tables.table_names)),
            Err(error) => Reply::error("application/json", "ListTables", &error),
        }
    }

    #[tokio::test]
    async fn a_panic_within_the_database_is_an_internal_error() {
        /// A clock that breaks.
        struct Broken;

        impl Clock for Broken {
            fn now_unix_secs(&self) -> u64 {
                panic!("expected by this test")
            }

            fn now_unix_secs_f64(&self) -> f64 {
                panic!("expected by this test")
            }
        }

        let inner = Database::memory_with_clock(Arc::new(Broken)).expect("it opens");
        let database = EmbeddedDatabase::new(inner, None);
        let create = r#"{"TableName": "users",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"},
            "BillingMode": "PAY_PER_REQUEST"}"#;
        let put = r#"{"TableName": "users", "Item": {"id": {"S": "1"}}}"#;
        let run = |operation, body| {
            let operation = crate::operations::find(operation).expect("it exists");
            database.shared.run(move |database| {
                match crate::dispatch::run(database, operation, body) {
                    Ok(body) => Reply::json("application/json", body),
                    Err(error) => Reply::error("application/json", operation.name, &error),
                }
            })
        };
        let replies = [run("CreateTable", create).await, run("PutItem", put).await];
        let texts: Vec<_> = replies.iter().map(reply_text).collect();
        assert!(texts.iter().any(|text| text.contains(PANICKED)), "{texts:?}");
    }

    #[tokio::test]
    async fn a_file_is_opened_again_after_a_panic_and_has_its_data() {
        let folder = tempfile::tempdir().expect("a folder can be created");
        let file = folder.path().join("data.db");
        let database = EmbeddedDatabase::open(Some(&file), true).expect("it is created");
        let before = database.shared.database.lock().clone().expect("it is open");
        let reply = database.shared.run(|_| panic!("expected by this test")).await;
        assert!(reply_text(&reply).contains(PANICKED), "{reply:?}");
        // The new one works when the old one is closed.
        drop(before);
        let reply = database.shared.run(tables).await;
        assert!(reply_text(&reply).contains("200"), "{reply:?}");
        database.stop().await;
        let reply = database.shared.run(tables).await;
        assert!(reply_text(&reply).contains(STOPPED), "{reply:?}");
    }
}
