//! Binds the front to the WIT world `front`. Compiled for wasm32 only.
#![expect(unsafe_code, reason = "generated bindings")]

mod convert;
mod handler;
mod http;

wit_bindgen::generate!({
    path: ["../../../wit", "../wit"],
    world: "portcullis:portable/front",
    generate_all,
});

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Traps. A panic is a bug; the engine reports the trap.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

export!(Front);

/// The component's exports.
struct Front;
