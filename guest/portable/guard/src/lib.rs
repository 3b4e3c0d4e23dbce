//! Stands between a caller and the plugin. It exports what the plugin exports, and tells the platform
//! component where each call begins and ends.
//!
//! Without it, a plugin behind a platform component could send during one action what belongs to
//! another one, the deadline and the number of requests would belong to nothing, and a plugin could
//! hide that a request was refused.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg(target_arch = "wasm32")]
#![expect(unsafe_code, missing_docs, reason = "generated bindings")]
extern crate alloc;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use exports::portcullis::datasource::connector::{Connection, Guest, GuestConnection};
use portcullis::datasource::connector as plugin;
use portcullis::datasource::types::{Error, Fault, Relayed};
use portcullis::portable::session::{self, Purpose};

wit_bindgen::generate!({
    path: ["../../../wit", "../wit"],
    world: "portcullis:portable/guard",
    generate_all,
});
export!(Guard);

/// The component's exports.
struct Guard;

/// A connection of the plugin.
struct Guarded(plugin::Connection);

impl Guest for Guard {
    type Connection = Guarded;

    fn connect(settings: String) -> Result<Connection, Error> {
        let connection = during(&Purpose::Connect, || plugin::connect(&settings))?;
        Ok(Connection::new(Guarded(connection)))
    }

    fn describe() -> String {
        // It has no error, and is of no use for anything but a description.
        let _ = session::begin(&Purpose::Describe);
        let text = plugin::describe();
        session::end();
        text
    }
}

impl GuestConnection for Guarded {
    fn execute(&self, action: String, input: String) -> Result<String, Error> {
        during(&Purpose::Action(action.clone()), || self.0.execute(&action, &input))
    }

    fn execute_with(
        &self,
        action: String,
        input: String,
        options: String,
    ) -> Result<String, Error> {
        let run = || self.0.execute_with(&action, &input, &options);
        during(&Purpose::Action(action.clone()), run)
    }

    fn relay(&self, action: String, body: Vec<u8>) -> Result<Relayed, Error> {
        during(&Purpose::Action(action.clone()), || self.0.relay(&action, &body))
    }

    fn test(&self) -> Result<String, Error> {
        during(&Purpose::Test, || self.0.test())
    }

    fn structure(&self, options: String) -> Result<String, Error> {
        during(&Purpose::Structure, || self.0.structure(&options))
    }
}

/// Runs a call. If the platform refused something meanwhile, the call fails with that, also if the
/// plugin returned a result.
fn during<T>(purpose: &Purpose, run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    session::begin(purpose).map_err(|message| {
        Error::InvalidSettings(vec![Fault { pointer: String::new(), message }])
    })?;
    let result = run();
    match session::end() {
        Some((message, true)) => {
            let pointer = String::from("/endpoint");
            Err(Error::InvalidSettings(vec![Fault { pointer, message }]))
        }
        Some((denial, false)) => Err(Error::Refused(denial)),
        None => result,
    }
}

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Traps. A panic is a bug; the engine reports the trap.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
