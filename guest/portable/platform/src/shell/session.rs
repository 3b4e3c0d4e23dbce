//! `session`: the beginning and the end of a call.

use super::Platform;
use super::exports::portcullis::portable::session::{Guest, Purpose as Wire};
use super::state;
use super::wasi::cli::environment::get_environment;
use super::wasi::clocks::monotonic_clock;
use crate::call::{Call, Purpose};
use crate::denial::Denial;
use crate::settings::{SettingError, Settings};
use alloc::string::{String, ToString};
use zeroize::Zeroize;

impl Guest for Platform {
    fn begin(purpose: Wire) -> Result<(), String> {
        let purpose = match purpose {
            Wire::Connect | Wire::Describe => Purpose::Nothing,
            Wire::Action(action) => Purpose::Action(action),
            Wire::Test => Purpose::Export("test"),
            Wire::Structure => Purpose::Export("structure"),
        };
        if state::with(|state| state.settings.is_none()) {
            let settings = read().map_err(|error| error.to_string())?;
            state::with(|state| state.settings = Some(settings));
        }
        let now = monotonic_clock::now();
        // What a trapped or abandoned call has left is dropped outside: that calls the engine.
        let left = state::with(|state| {
            let limits = state.settings.as_ref().map(|settings| settings.limits);
            state.call = Some(Call::begin(purpose, now, &limits.unwrap_or_default()));
            (state.unsent.take(), state.pending.take())
        });
        drop(left);
        Ok(())
    }

    fn end() -> Option<(String, bool)> {
        let (call, left) =
            state::with(|state| (state.call.take(), (state.unsent.take(), state.pending.take())));
        drop(left);
        call.and_then(Call::end).map(Denial::into_ending)
    }
}

/// Reads the settings. Nothing of the environment is left in memory.
fn read() -> Result<Settings, SettingError> {
    let mut environment = get_environment();
    let pairs = environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings = Settings::parse(pairs);
    environment.iter_mut().for_each(|(_, value)| value.zeroize());
    settings
}
