//! Settings of the DynamoDB plugin: no text makes reading panic, and settings that are taken lead to an authority
//! of plain characters, in which nothing can be smuggled.
#![no_main]

use dynamodb_plugin::endpoint::{Endpoint, Service};
use dynamodb_plugin::settings::Settings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(settings) = Settings::parse(text) else { return };
    for service in [Service::Data, Service::Search] {
        let Ok(endpoint) = Endpoint::of(&settings, service) else { continue };
        let authority = &endpoint.authority;
        let plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        };
        assert!(!authority.is_empty() && authority.bytes().all(plain), "{authority:?}");
    }
});
