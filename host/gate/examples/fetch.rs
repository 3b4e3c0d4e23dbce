//! The gate in a bare wasmtime program: a guest fetches a URL, and a policy decides whether it may.
//!
//! `cargo run --example fetch -- guest.wasm 'egress = ["https://a.example"]' https://a.example/`

use portcullis_gate::{Egress, Gate};
use portcullis_policy::{Denial, Policy};
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Engine, Error, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    gate: Gate,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.gate, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Calls the export `get` of a component with a URL.
pub(crate) async fn fetch(
    component: &[u8],
    policy: &str,
    url: &str,
    on_denied: impl Fn(&Denial) + Send + Sync + 'static,
) -> Result<Result<String, String>> {
    let policy: Policy = toml::from_str(policy).map_err(Error::new)?;
    let gate = Gate::new(&Egress::builder(policy).build().map_err(Error::new)?, on_denied);
    let engine = Engine::default();
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    let (table, wasi) = (ResourceTable::new(), WasiCtx::builder().build());
    let mut store = Store::new(&engine, State { table, wasi, http: WasiHttpCtx::new(), gate });
    let component = Component::new(&engine, component)?;
    let instance = linker.instantiate_async(&mut store, &component).await?;
    let get = instance.get_typed_func::<(&str,), (Result<String, String>,)>(&mut store, "get")?;
    Ok(get.call_async(&mut store, (url,)).await?.0)
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [guest, policy, url] = arguments.as_slice() else { panic!("fetch GUEST POLICY URL") };
    let on_denied = |denial: &Denial| eprintln!("{denial}\nto allow it:\n  {}", denial.remedy);
    println!("{:?}", fetch(&std::fs::read(guest)?, policy, url, on_denied).await?);
    Ok(())
}
