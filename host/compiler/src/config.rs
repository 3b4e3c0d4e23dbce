//! The configuration of wasmtime, as far as it concerns compiled code.

use wasmtime::Config;

/// The configuration of the engine that runs plugins. `meter` makes compiled code count what it
/// computes. A host may change how instances are allocated; that does not concern compiled code.
#[must_use]
pub fn engine_config(meter: bool) -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    // Plugins use WASI 0.2, which needs none of the concurrency of 0.3. Calls are cheaper without.
    config.concurrency_support(false);
    config.epoch_interruption(true);
    // A backtrace of a guest is useless to users, and takes memory in every trap.
    config.wasm_backtrace_max_frames(None);
    config.consume_fuel(meter);
    config
}
