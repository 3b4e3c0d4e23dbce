//! Signals that stop a command.

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

/// Calls `reload` at each SIGHUP.
#[cfg(unix)]
pub(crate) async fn hangups(mut reload: impl AsyncFnMut()) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
    while hangup.recv().await.is_some() {
        reload().await;
    }
}

#[cfg(not(unix))]
pub(crate) async fn hangups(_: impl AsyncFnMut()) {}
