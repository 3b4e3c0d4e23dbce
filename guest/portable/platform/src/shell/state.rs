//! What the component keeps between the functions that are called. A component has one thread, and
//! its functions are not called while another one runs.

use super::pending::Pending;
use super::wasi::clocks::{monotonic_clock, wall_clock};
use crate::call::Call;
use crate::denial::Denial;
use crate::settings::Settings;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;
use zeroize::Zeroizing;

/// The state.
pub(super) struct State {
    /// Read at the first call: the environment of a component does not change.
    pub(super) settings: Option<Settings>,
    /// The running call.
    pub(super) call: Option<Call>,
    /// The identity of the last key that was issued.
    pub(super) identity: Option<Identity>,
    /// The body of the request that was made with `http-messages` and is not sent yet.
    pub(super) unsent: Option<Vec<u8>>,
    /// The rest of a body that the engine did not take at once.
    pub(super) pending: Option<Pending>,
    /// The service's time minus this machine's, in milliseconds.
    pub(super) clock_offset_ms: i64,
    /// The retry quota.
    pub(super) retry_tokens: u32,
}

/// Whose signature requests have.
pub(super) struct Identity {
    pub(super) access_key_id: String,
    pub(super) session_token: Option<Zeroizing<String>>,
}

/// The size of the retry quota: that of the host and of the AWS SDKs.
pub(super) const RETRY_TOKENS: u32 = 500;

/// Runs a function with the state. The function must not call another one that does so, and must not
/// wait.
pub(super) fn with<T>(run: impl FnOnce(&mut State) -> T) -> T {
    run(&mut STATE.0.borrow_mut())
}

/// Records a denial in the running call.
pub(super) fn deny(denial: Denial) {
    with(|state| {
        if let Some(call) = &mut state.call {
            call.deny(denial);
        }
    });
}

/// Returns the deadline of the running call, by the monotonic clock. Without a call, it has passed.
pub(super) fn deadline() -> u64 {
    with(|state| state.call.as_ref().map_or(0, Call::deadline))
}

/// Returns the time until the deadline of the running call, in nanoseconds.
pub(super) fn remaining() -> u64 {
    deadline().saturating_sub(monotonic_clock::now())
}

/// Returns the time in seconds since the Unix epoch.
pub(super) fn unix_seconds() -> u64 {
    wall_clock::now().seconds
}

struct SingleThread<T>(T);

// SAFETY: a component of this target has one thread.
unsafe impl<T> Sync for SingleThread<T> {}

static STATE: SingleThread<RefCell<State>> = SingleThread(RefCell::new(State {
    settings: None,
    call: None,
    identity: None,
    unsent: None,
    pending: None,
    clock_offset_ms: 0,
    retry_tokens: RETRY_TOKENS,
}));
