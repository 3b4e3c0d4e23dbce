//! Binds the connector to the plugin world. Compiled for wasm32 only; the rest of the crate does not know of it.
#![expect(unsafe_code, missing_docs, reason = "generated bindings")]

mod connector;
mod platform;

wit_bindgen::generate!({ path: "../../wit", world: "portcullis:datasource/plugin", generate_all, ownership: Borrowing { duplicate_if_necessary: false } });

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// A panic is a defect; the host reports the trap and discards the instance.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}

export!(Component);

struct Component;
