//! The smallest plugin: it sends `GET /{action}` to the origin in its settings and answers with what comes back.
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

struct Echo {
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
        let fail = |what: &str| Error::Other(what.to_string());
        let request = OutgoingRequest::new(Fields::new());
        request.set_scheme(Some(&Scheme::Http)).map_err(|()| fail("scheme"))?;
        request.set_authority(Some(&self.authority)).map_err(|()| fail("authority"))?;
        request.set_path_with_query(Some(&format!("/{action}"))).map_err(|()| fail("path"))?;
        let answer = handle(request, None).map_err(|code| Error::Refused(format!("{code:?}")))?;
        answer.subscribe().block();
        let answer = answer.get().ok_or_else(|| fail("no answer"))?.map_err(|()| fail("taken"))?;
        let status = answer.map_err(|code| Error::Refused(format!("{code:?}")))?.status();
        Ok(format!("{{\"status\": {status}, \"echo\": {input}}}"))
    }
    fn execute_with(&self, action: String, input: String, _: String) -> Result<String, Error> {
        GuestConnection::execute(self, action, input)
    }
    fn relay(&self, _: String, _: Vec<u8>) -> Result<Relayed, Error> {
        Err(Error::Other("this plugin relays nothing".to_string()))
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
