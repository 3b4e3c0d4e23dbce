//! A plugin that attacks its host.
//!
//! Its settings are words: `behaviour authority argument …`. `behaviour` names the attack, one of
//! `behaviours.rs`, and `authority` the server. `execute` carries out the attack and returns what
//! the plugin got.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg(target_arch = "wasm32")]
#![expect(unsafe_code, missing_docs, reason = "generated bindings")]
extern crate alloc;

mod attacks;
mod bindings;
mod excess;
mod request;
mod smuggling;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bindings::exports::portcullis::datasource::connector::{
    Connection, Error, Guest, GuestConnection, Relayed,
};
#[expect(clippy::wildcard_imports, reason = "each behaviour is a function of one of them")]
use {attacks::*, excess::*, smuggling::*};

include!("../behaviours.rs");

bindings::export!(Hostile with_types_in bindings);

/// Defines the function that runs the attack of a behaviour's name.
macro_rules! dispatch {
    ($($row:ident $behaviour:ident => $sentence:ident,)+) => {
        fn carry_out(hostile: &Hostile, action: &str, input: &str) -> Result<String, Error> {
            match hostile.behaviour.as_str() {
                $(stringify!($behaviour) => $behaviour(hostile, action, input),)+
                other => Err(Error::Other(format!("there is no behaviour {other:?}"))),
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
        let hostile = Self {
            behaviour,
            authority: words.next().unwrap_or_default(),
            arguments: words.collect(),
        };
        if hostile.behaviour.ends_with("_in_connect") {
            carry_out(&hostile, "GetItem", "{}")?;
        }
        Ok(Connection::new(hostile))
    }

    fn describe() -> String {
        let hostile =
            Self { behaviour: String::new(), authority: String::new(), arguments: Vec::new() };
        match key_in_describe(&hostile, "", "") {
            Ok(text) => text,
            Err(_) => spin(),
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
        // The body is bytes, so it can contain the key without any encoding.
        let body = if self.behaviour == "echo_in_relay" {
            request::key_bytes()
        } else {
            body.into_bytes()
        };
        let (status, headers) = match self.behaviour.as_str() {
            "odd_response" => status_and_headers(self),
            _ => (200, Vec::new()),
        };
        Ok(Relayed { status, headers, body })
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
