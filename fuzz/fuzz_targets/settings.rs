//! Settings of the DynamoDB plugin: no text makes the parser panic, and accepted settings lead to
//! an authority of plain characters, so that settings cannot inject another host.
#![no_main]

use dynamodb_plugin::endpoint::{Endpoint, Service};
use dynamodb_plugin::settings::Settings;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(settings) = Settings::parse(text) else { return };
    for service in [Service::Data, Service::Search] {
        let Ok(endpoint) = Endpoint::from_settings(&settings, service) else { continue };
        let authority = &endpoint.authority;
        let plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':' | b'[' | b']')
        };
        assert!(!authority.is_empty() && authority.bytes().all(plain), "{authority:?}");
    }
});
