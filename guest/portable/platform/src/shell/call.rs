//! `call`: the clock, the deadline and the retry quota.

use super::Platform;
use super::exports::portcullis::datasource::call::{Guest, Moment};
use super::state::{self, RETRY_TOKENS};
use super::wasi::clocks::wall_clock;

impl Guest for Platform {
    fn now() -> Moment {
        let now = wall_clock::now();
        let unix_ms = (now.seconds * 1000) as i64 + i64::from(now.nanoseconds / 1_000_000);
        let clock_offset_ms = state::with(|state| state.clock_offset_ms);
        Moment { unix_ms, clock_offset_ms, remaining_ns: state::remaining() }
    }

    fn report_clock(offset_ms: i64) {
        state::with(|state| state.clock_offset_ms = offset_ms);
    }

    fn take_retry(cost: u32) -> bool {
        state::with(|state| {
            let left = state.retry_tokens.checked_sub(cost);
            state.retry_tokens = left.unwrap_or(state.retry_tokens);
            left.is_some()
        })
    }

    fn return_retry(cost: u32) {
        state::with(|state| {
            state.retry_tokens = state.retry_tokens.saturating_add(cost).min(RETRY_TOKENS);
        });
    }
}
