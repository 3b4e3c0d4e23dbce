//! Binds the connector to the WIT world `plugin`. Compiled for wasm32 only.
#![expect(unsafe_code, reason = "generated bindings")]

mod connector;
mod platform;

wit_bindgen::generate!({
    path: "../../wit",
    world: "portcullis:datasource/plugin",
    generate_all,
    ownership: Borrowing { duplicate_if_necessary: false },
});

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// Traps. A panic is a bug; the host reports the trap and discards the instance.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

export!(Component);

/// The component's exports.
struct Component;
