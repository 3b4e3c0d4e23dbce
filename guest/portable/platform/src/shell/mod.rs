//! Binds the checks to the WIT world `platform`. Compiled for wasm32 only.
#![expect(unsafe_code, reason = "generated bindings, and the state of a single thread")]

mod aws_signing;
mod call;
mod http_messages;
mod outgoing_handler;
mod pending;
mod response;
mod session;
mod state;

wit_bindgen::generate!({
    path: ["../../../wit", "../wit"],
    world: "portcullis:portable/platform",
    generate_all,
});

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Traps. A panic is a bug; the engine reports the trap.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

export!(Platform);

/// The component's exports.
struct Platform;
