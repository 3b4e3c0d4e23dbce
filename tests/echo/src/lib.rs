//! The smallest plugin. It sends `GET /{action}` to the server that its settings name, and returns
//! the status together with its own input.
//!
//! The settings are `{"authority": "host:port"}`.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg(target_arch = "wasm32")]
#![expect(unsafe_code, missing_docs, reason = "generated bindings")]
extern crate alloc;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use exports::portcullis::datasource::connector::{
    Connection, Error, Guest, GuestConnection, Relayed,
};
use wasi::http::{
    outgoing_handler::handle,
    types::{Fields, OutgoingRequest, Scheme},
};

wit_bindgen::generate!({ path: "../../wit", world: "portcullis:datasource/plugin", generate_all });
export!(Echo);

/// A connected datasource: what the plugin keeps between calls.
struct Echo {
    /// Host and port of the server.
    authority: String,
}

impl Guest for Echo {
    type Connection = Self;
    fn connect(settings: String) -> Result<Connection, Error> {
        let authority = settings
            .split('"')
            .nth(3)
            .ok_or_else(|| Error::Other("expected {\"authority\": …}".to_string()))?;
        Ok(Connection::new(Self { authority: authority.to_string() }))
    }
    fn describe() -> String {
        r#"{"name": "echo", "actions": [{"name": "Echo"}]}"#.to_string()
    }
}

impl GuestConnection for Echo {
    fn execute(&self, action: String, input: String) -> Result<String, Error> {
        let fail = |message: &str| Error::Other(message.to_string());
        let request = OutgoingRequest::new(Fields::new());
        request.set_scheme(Some(&Scheme::Http)).map_err(|()| fail("scheme"))?;
        request.set_authority(Some(&self.authority)).map_err(|()| fail("authority"))?;
        request.set_path_with_query(Some(&format!("/{action}"))).map_err(|()| fail("path"))?;
        // The host checks the request against the policy here; a refusal is an error.
        let response = handle(request, None).map_err(|code| Error::Refused(format!("{code:?}")))?;
        response.subscribe().block();
        let response =
            response.get().ok_or_else(|| fail("no response"))?.map_err(|()| fail("taken"))?;
        let status = response.map_err(|code| Error::Refused(format!("{code:?}")))?.status();
        Ok(format!("{{\"status\": {status}, \"echo\": {input}}}"))
    }
    fn execute_with(&self, action: String, input: String, _: String) -> Result<String, Error> {
        GuestConnection::execute(self, action, input)
    }
    fn relay(&self, _: String, _: Vec<u8>) -> Result<Relayed, Error> {
        Err(Error::Other("this plugin does not support raw requests".to_string()))
    }
    fn test(&self) -> Result<String, Error> {
        Ok("{\"ok\": true, \"message\": \"nothing to test\"}".to_string())
    }
    fn structure(&self, _: String) -> Result<String, Error> {
        Ok("{}".to_string())
    }
}

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
