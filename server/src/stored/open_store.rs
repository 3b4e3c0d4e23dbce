//! Opens the store, and opens it again when it could not be used.

use crate::setup::{SetupError, beside};
use parking_lot::Mutex;
use portcullis_config::{StoreConfig, StoreKeySource};
use portcullis_files::read_secret;
use portcullis_store::{
    DatasourceName, KeyId, Saved, Sealed, SqliteStore, Store, StoreError, StoreKeys, StoreLock,
};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    /// Counts the files that were opened at this path.
    epoch: AtomicU64,
    /// Why the last change was not made.
    failing: Mutex<Option<StoreFailure>>,
    /// The right to block a thread.
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    opened: Option<Arc<Opened>>,
    /// Taken when the store is opened first, and kept.
    lock: Option<StoreLock>,
    /// What distinguishes the file that was opened last.
    identity: Option<u64>,
    failed: Option<(StoreFailure, Instant)>,
}

/// A store that is open, and the keys of its secrets.
pub(crate) struct Opened {
    pub(crate) store: Box<dyn Store>,
    pub(crate) keys: StoreKeys,
    /// Which of the files at this path it is.
    pub(crate) epoch: u64,
}

/// Why the store did not do what it should.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreFailure {
    /// The store refuses what was asked.
    #[error("{0}")]
    Refused(Arc<StoreError>),
    /// The store cannot be used.
    #[error("server.store.file: {}: {error}", file.display())]
    Store { file: Arc<Path>, error: Arc<StoreError> },
    /// The key cannot be read.
    #[error("server.store.key cannot be used: {0}")]
    Key(Arc<str>),
    /// All secrets are sealed with other keys.
    #[error(
        "the secrets in the store are sealed with the key {0}, and server.store.key is another one; \
         nothing is written"
    )]
    OtherKey(KeyId),
    /// Too many others wait for it.
    #[error("the store is busy: others have waited for it for 10 s")]
    Busy,
    /// It took too long.
    #[error("the store did not respond within 10 s; what was asked may still be done")]
    Late,
}

impl StoreFailure {
    /// The error of the store itself.
    pub(crate) fn error(&self) -> Option<&StoreError> {
        match self {
            Self::Refused(error) | Self::Store { error, .. } => Some(error),
            _ => None,
        }
    }

    fn new(error: StoreError, file: &Path) -> Self {
        let is_refusal = matches!(
            error,
            StoreError::Conflict { .. }
                | StoreError::Taken
                | StoreError::OtherTemplate
                | StoreError::TooMany(_)
                | StoreError::Damaged(_)
                | StoreError::Seal(_)
        );
        let error = Arc::new(error);
        if is_refusal { Self::Refused(error) } else { Self::Store { file: file.into(), error } }
    }
}

/// How long a call waits for the store. 10 s: twice as long as the store waits for another process.
const TIME: Duration = Duration::from_secs(10);
/// How long a store that could not be used is not opened again.
const RETRY: Duration = Duration::from_secs(2);
/// The most threads that wait for the store. It does one thing at a time; 8 keep it busy.
const THREADS: usize = 8;
/// The secrets that are sealed again at a time, while nobody else can use the store: some 2 ms.
const RESEALED: usize = 100;

impl OpenStore {
    /// The store that a policy file describes. Nothing is opened yet.
    pub(crate) fn new(config: StoreConfig, folder: Option<&Path>) -> Self {
        Self(Arc::new(Inner {
            config,
            folder: folder.map(Path::to_path_buf),
            state: Mutex::default(),
            epoch: AtomicU64::new(0),
            failing: Mutex::default(),
            turns: Arc::new(Semaphore::new(THREADS)),
        }))
    }

    /// The most datasources of one tenant.
    pub(crate) fn per_tenant(&self) -> u32 {
        self.0.config.per_tenant.get()
    }

    /// Which of the files at this path is in use: another one after a backup was restored.
    pub(crate) fn epoch(&self) -> u64 {
        self.0.epoch.load(Ordering::Acquire)
    }

    /// Why the last change was not made, if it was not.
    pub(crate) fn failing(&self) -> Option<StoreFailure> {
        self.0.failing.lock().clone()
    }

    /// Does something with the store, on a thread that may block. It is done also if the caller does
    /// not wait for the end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Opened) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreFailure> {
        self.blocking(move |inner| inner.run(what)).await
    }

    /// Changes the store, like [`Self::run`].
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Opened) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreFailure> {
        self.blocking(move |inner| {
            let result = inner.run(what);
            inner.note(result.as_ref().err());
            result
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Inner) -> Result<T, StoreFailure> + Send + 'static,
    ) -> Result<T, StoreFailure> {
        let turns = self.0.turns.clone();
        let Ok(Ok(turn)) = timeout(TIME, turns.acquire_owned()).await else {
            return Err(StoreFailure::Busy);
        };
        let inner = self.0.clone();
        let running = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            what(&inner)
        });
        match timeout(TIME, running).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Err(StoreFailure::Late),
        }
    }

    /// What is saved under a name, whoever has it, and whether its credentials can be opened.
    pub(crate) async fn saved(
        &self,
        name: &DatasourceName,
    ) -> Result<Option<(Saved, bool)>, StoreFailure> {
        let name = name.clone();
        let found = self.run(move |opened| {
            Ok(opened.store.get(&name)?.map(|saved| {
                let open = |sealed: &Sealed| opened.keys.open(&saved.sealing(), sealed).is_ok();
                let readable = saved.sealed.as_ref().is_none_or(open);
                (saved, readable)
            }))
        });
        found.await
    }

    /// Opens the store, and opens it again if another file is at its path.
    pub(crate) async fn check(&self) -> Result<(), StoreFailure> {
        match self.run(|opened| opened.store.check()).await {
            Err(failure) if matches!(failure.error(), Some(StoreError::Replaced)) => {
                self.run(|_| Ok(())).await
            }
            checked => checked,
        }
    }

    /// Seals again, with the first key, what other keys have sealed.
    pub(crate) async fn reseal(&self) -> Result<(), StoreFailure> {
        let (mut after, mut count) = (None, 0);
        loop {
            let (last, sealed) =
                self.change(move |opened| reseal(opened, after.as_deref())).await?;
            count += sealed;
            after = last;
            if after.is_none() {
                break;
            }
        }
        if count > 0 {
            tracing::info!(
                target: "portcullis::serve",
                count, "secrets were sealed again with the first key of server.store.key"
            );
        }
        Ok(())
    }
}

/// Seals some secrets again. Returns the last name that was looked at, and how many were sealed.
fn reseal(opened: &Opened, after: Option<&str>) -> Result<(Option<String>, usize), StoreError> {
    let sealed = Cell::new(0);
    let last = opened.store.reseal(after, RESEALED, &|saved| {
        let old = saved.sealed.as_ref().filter(|sealed| !opened.keys.is_current(sealed))?;
        let secret = opened.keys.open(&saved.sealing(), old).ok()?;
        let new = opened.keys.seal(&saved.sealing(), &secret).ok()?;
        sealed.set(sealed.get() + 1);
        Some(new)
    })?;
    Ok((last, sealed.get()))
}

impl Inner {
    fn run<T>(
        &self,
        what: impl FnOnce(&Opened) -> Result<T, StoreError>,
    ) -> Result<T, StoreFailure> {
        let opened = self.opened()?;
        what(&opened).map_err(|error| {
            let is_replaced = matches!(error, StoreError::Replaced);
            let is_about_file = is_about_file(&error);
            let is_missing = matches!(error, StoreError::Missing);
            let failure = StoreFailure::new(error, &self.file());
            let mut state = self.state.lock();
            let is_current = state.opened.as_ref().is_some_and(|now| Arc::ptr_eq(now, &opened));
            if is_current && (is_replaced || is_about_file) {
                state.opened = None;
                if is_missing {
                    // Another file may get the number of the one that is gone.
                    state.identity = None;
                }
                state.failed = is_about_file.then(|| (failure.clone(), Instant::now()));
            }
            failure
        })
    }

    fn opened(&self) -> Result<Arc<Opened>, StoreFailure> {
        // Others wait meanwhile: they need it too.
        let mut state = self.state.lock();
        if let Some(opened) = &state.opened {
            return Ok(opened.clone());
        }
        if let Some((failure, at)) = &state.failed
            && at.elapsed() < RETRY
        {
            return Err(failure.clone());
        }
        match self.open(&mut state.lock) {
            Ok(mut opened) => {
                let identity = Some(opened.store.identity());
                if state.identity != identity {
                    self.epoch.fetch_add(1, Ordering::AcqRel);
                }
                opened.epoch = self.epoch.load(Ordering::Acquire);
                let opened = Arc::new(opened);
                (state.opened, state.identity) = (Some(opened.clone()), identity);
                state.failed = None;
                Ok(opened)
            }
            Err(failure) => {
                state.failed = Some((failure.clone(), Instant::now()));
                Err(failure)
            }
        }
    }

    fn open(&self, lock: &mut Option<StoreLock>) -> Result<Opened, StoreFailure> {
        let opened = open(&self.config, self.folder.as_deref())?;
        if lock.is_none() {
            let file = self.file();
            *lock = Some(StoreLock::of(&file).map_err(|error| StoreFailure::new(error, &file))?);
        }
        Ok(opened)
    }

    fn file(&self) -> PathBuf {
        beside(self.folder.as_deref(), &self.config.file)
    }

    /// Remembers, and logs, whether changes are made.
    fn note(&self, failure: Option<&StoreFailure>) {
        let failure = failure.filter(|failure| !matches!(failure, StoreFailure::Refused(_)));
        let mut failing = self.failing.lock();
        match (&*failing, failure) {
            (None, Some(reason)) => tracing::error!(
                target: "portcullis::serve",
                %reason, "datasources cannot be saved or deleted"
            ),
            (Some(_), None) => tracing::info!(
                target: "portcullis::serve",
                "datasources can be saved and deleted again"
            ),
            _ => {}
        }
        *failing = failure.cloned();
    }
}

/// Whether the file has to be opened again.
fn is_about_file(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Missing
            | StoreError::Corrupt(_)
            | StoreError::Format { .. }
            | StoreError::Io(_)
    )
}

fn open(config: &StoreConfig, folder: Option<&Path>) -> Result<Opened, StoreFailure> {
    let keys = read_keys(&config.key, folder)?;
    let file = beside(folder, &config.file);
    let in_store = |error| StoreFailure::new(error, &file);
    let store = SqliteStore::open(&file).map_err(in_store)?;
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
    Ok(Opened { store: Box::new(store), keys, epoch: 0 })
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
    let opened = open(config, folder).map(drop);
    opened.map_err(|failure| SetupError::configuration(failure.to_string()))
}
