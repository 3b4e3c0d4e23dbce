//! A plugin that attacks its host. Its settings, `behaviour authority more …`, name the attack; `execute` carries it out
//! and answers with what it got.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg(target_arch = "wasm32")]
#![expect(unsafe_code, missing_docs, reason = "generated bindings")]
extern crate alloc;

mod attacks;
mod request;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use exports::portcullis::datasource::connector::{
    Connection, Error, Guest, GuestConnection, Relayed,
};

include!("../behaviours.rs");

wit_bindgen::generate!({ path: "../../wit", world: "portcullis:datasource/plugin", generate_all });
export!(Hostile);

/// One connection: what it was told to do, and where.
struct Hostile {
    behaviour: String,
    authority: String,
    /// Further words of the settings.
    more: Vec<String>,
}

/// Gives each behaviour its function.
macro_rules! dispatch {
    ($($row:ident $behaviour:ident => $sentence:ident,)+) => {
        fn carry_out(hostile: &Hostile, action: &str, input: &str) -> Result<String, Error> {
            match hostile.behaviour.as_str() {
                $(stringify!($behaviour) => attacks::$behaviour(hostile, action, input),)+
                other => Err(Error::Other(format!("no behaviour {other:?}"))),
            }
        }
    };
}
behaviours!(dispatch);

impl Guest for Hostile {
    type Connection = Self;

    fn connect(settings: String) -> Result<Connection, Error> {
        let mut words = settings.split_whitespace().map(ToString::to_string);
        let behaviour = words.next().unwrap_or_default();
        let hostile =
            Self { behaviour, authority: words.next().unwrap_or_default(), more: words.collect() };
        if hostile.behaviour.ends_with("_in_connect") {
            carry_out(&hostile, "GetItem", "{}")?;
        }
        Ok(Connection::new(hostile))
    }

    fn describe() -> String {
        let hostile = Self { behaviour: String::new(), authority: String::new(), more: Vec::new() };
        match attacks::key_in_describe(&hostile, "", "") {
            Ok(text) => text,
            Err(_) => attacks::spin(),
        }
    }
}

impl GuestConnection for Hostile {
    fn execute(&self, action: String, input: String) -> Result<String, Error> {
        carry_out(self, &action, &input)
    }

    fn execute_with(&self, action: String, input: String, _: String) -> Result<String, Error> {
        carry_out(self, &action, &input)
    }

    fn relay(&self, action: String, _: Vec<u8>) -> Result<Relayed, Error> {
        let body = carry_out(self, &action, "{}")?;
        // What is relayed is bytes, so that the key can be there as it is.
        let body = if self.behaviour == "echo_in_relay" {
            request::key_bytes()
        } else {
            body.into_bytes()
        };
        Ok(Relayed { status: 200, headers: Vec::new(), body })
    }

    fn test(&self) -> Result<String, Error> {
        carry_out(self, "PutItem", "{}")
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
