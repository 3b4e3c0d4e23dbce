//! Signals that stop a command.

/// The exit code after a signal is this number plus the signal's, as in shells.
pub(crate) const EXIT: u8 = 128;

/// Waits for SIGINT or SIGTERM, and returns the signal's number.
#[cfg(unix)]
pub(crate) async fn interrupted() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    }
}

#[cfg(not(unix))]
pub(crate) async fn interrupted() -> u8 {
    std::future::pending().await
}

/// SIGHUP, which from now on does not end the process.
#[cfg(unix)]
pub(crate) struct Hangups(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    pub(crate) fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self(signal(SignalKind::hangup()).ok())
    }

    /// Calls `reload` at each SIGHUP.
    pub(crate) async fn reload(self, mut reload: impl AsyncFnMut()) {
        let Some(mut hangup) = self.0 else { return };
        while hangup.recv().await.is_some() {
            reload().await;
        }
    }
}

#[cfg(not(unix))]
pub(crate) struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) async fn reload(self, _: impl AsyncFnMut()) {}
}
