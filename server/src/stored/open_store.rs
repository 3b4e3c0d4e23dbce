//! Opens the store, and opens it again when it could not be used.

use crate::setup::{SetupError, beside};
use parking_lot::Mutex;
use portcullis_config::{StoreConfig, StoreKeySource};
use portcullis_files::read_secret;
use portcullis_store::{KeyId, SqliteStore, Store, StoreError, StoreKeys};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// The store of a server. It is opened on first use. After a failure it is opened again, so that an
/// operator can put a file or a key right while the server runs.
#[derive(Clone)]
pub(crate) struct OpenStore(Arc<Inner>);

struct Inner {
    config: StoreConfig,
    /// The folder of the policy file.
    folder: Option<PathBuf>,
    state: Mutex<State>,
    /// The right to block a thread.
    turns: Arc<Semaphore>,
}

enum State {
    Closed,
    Open(Arc<Opened>),
    Failed(StoreFailure, Instant),
}

/// A store that is open, and the keys of its secrets.
pub(crate) struct Opened {
    pub(crate) store: Box<dyn Store>,
    pub(crate) keys: StoreKeys,
}

/// Why the store did not do what it should.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreFailure {
    /// The store refuses, or cannot be used.
    #[error("{0}")]
    Store(Arc<StoreError>),
    /// The key cannot be read.
    #[error("the key of the store cannot be used: {0}")]
    Key(Arc<str>),
    /// All secrets are sealed with other keys.
    #[error(
        "the secrets in the store are sealed with the key {0}, and server.store.key is another one; \
         nothing is written"
    )]
    OtherKey(KeyId),
    /// It took too long.
    #[error(
        "the store did not respond within 10 s; it is not known whether it will still do what was asked"
    )]
    Late,
}

/// How long a call waits for the store. 10 s: twice as long as the store waits for another process.
const TIME: Duration = Duration::from_secs(10);
/// How long a store that could not be opened is not tried again.
const RETRY: Duration = Duration::from_secs(2);
/// The most threads that wait for the store. It does one thing at a time; 8 keep it busy.
const THREADS: usize = 8;

impl OpenStore {
    /// The store that a policy file describes. Nothing is opened yet.
    pub(crate) fn new(config: StoreConfig, folder: Option<&Path>) -> Self {
        let folder = folder.map(Path::to_path_buf);
        let (state, turns) = (Mutex::new(State::Closed), Arc::new(Semaphore::new(THREADS)));
        Self(Arc::new(Inner { config, folder, state, turns }))
    }

    /// The most datasources of one tenant.
    pub(crate) fn per_tenant(&self) -> u32 {
        self.0.config.per_tenant.get()
    }

    /// Does something with the store, on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Opened) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreFailure> {
        let inner = self.0.clone();
        let work = async move {
            let turn = inner.turns.clone().acquire_owned().await.map_err(|_| StoreFailure::Late)?;
            let blocking = tokio::task::spawn_blocking(move || {
                let _turn = turn;
                inner.run(what)
            });
            blocking.await.unwrap_or(Err(StoreFailure::Late))
        };
        timeout(TIME, work).await.unwrap_or(Err(StoreFailure::Late))
    }
}

impl Inner {
    fn run<T>(
        &self,
        what: impl FnOnce(&Opened) -> Result<T, StoreError>,
    ) -> Result<T, StoreFailure> {
        let opened = self.opened()?;
        what(&opened).map_err(|error| {
            if is_about_file(&error) {
                *self.state.lock() = State::Closed;
            }
            StoreFailure::Store(Arc::new(error))
        })
    }

    fn opened(&self) -> Result<Arc<Opened>, StoreFailure> {
        // Others wait meanwhile: they need it too.
        let mut state = self.state.lock();
        match &*state {
            State::Open(opened) => return Ok(opened.clone()),
            State::Failed(failure, at) if at.elapsed() < RETRY => return Err(failure.clone()),
            State::Closed | State::Failed(..) => {}
        }
        match open(&self.config, self.folder.as_deref()) {
            Ok(opened) => {
                let opened = Arc::new(opened);
                *state = State::Open(opened.clone());
                Ok(opened)
            }
            Err(failure) => {
                *state = State::Failed(failure.clone(), Instant::now());
                Err(failure)
            }
        }
    }
}

/// Whether the file has to be opened again.
fn is_about_file(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Missing
            | StoreError::Replaced
            | StoreError::Corrupt(_)
            | StoreError::Format { .. }
            | StoreError::Io(_)
    )
}

fn open(config: &StoreConfig, folder: Option<&Path>) -> Result<Opened, StoreFailure> {
    let keys = read_keys(&config.key, folder)?;
    let in_store = |error| StoreFailure::Store(Arc::new(error));
    let store = SqliteStore::open(&beside(folder, &config.file)).map_err(in_store)?;
    let used = store.key_ids().map_err(in_store)?;
    let others: Vec<KeyId> = used.iter().copied().filter(|id| !keys.has(*id)).collect();
    if let Some(other) = others.first() {
        if others.len() == used.len() {
            return Err(StoreFailure::OtherKey(*other));
        }
        tracing::warn!(
            target: "portcullis::serve",
            key = %other, "some secrets in the store are sealed with a key that is not given"
        );
    }
    Ok(Opened { store: Box::new(store), keys })
}

fn read_keys(source: &StoreKeySource, folder: Option<&Path>) -> Result<StoreKeys, StoreFailure> {
    let wrong = |message: String| StoreFailure::Key(message.into());
    let (place, text) = match source {
        StoreKeySource::File { path } => {
            let path = beside(folder, path);
            let bytes = read_secret(&path).map_err(|error| {
                wrong(format!("the file {error}; `portcullis store key` writes one"))
            })?;
            let text = str::from_utf8(&bytes).map(str::to_string).map(Zeroizing::new);
            let text = text.map_err(|_| wrong(format!("{} is not UTF-8", path.display())))?;
            (path.display().to_string(), text)
        }
        StoreKeySource::Environment { variable } => {
            let text = std::env::var(variable).map(Zeroizing::new).map_err(|_| {
                let remedy = "`portcullis store key` prints a key";
                wrong(format!("the variable {variable} is not set, or is not UTF-8; {remedy}"))
            })?;
            (format!("the variable {variable}"), text)
        }
    };
    StoreKeys::parse(&text).map_err(|error| wrong(format!("{place}: {error}")))
}

/// Checks that the store of a policy file can be used. Nothing is written. It blocks.
///
/// # Errors
/// Returns an error if the key or the store cannot be used.
pub fn check_store(config: &StoreConfig, folder: Option<&Path>) -> Result<(), SetupError> {
    open(config, folder).map(drop).map_err(|failure| {
        let path = beside(folder, &config.file);
        SetupError::configuration(format!("server.store: {}: {failure}", path.display()))
    })
}
