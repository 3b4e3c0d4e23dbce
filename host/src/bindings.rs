//! The WIT world of plugins, generated for wasmtime.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "portcullis:datasource/plugin",
    imports: {
        default: trappable,
    },
    exports: { default: async },
    with: {
        "wasi:io": wasmtime_wasi::p2::bindings::io,
        "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
        "wasi:random": wasmtime_wasi::p2::bindings::random,
        "wasi:http": wasmtime_wasi_http::p2::bindings::http,
    },
});
