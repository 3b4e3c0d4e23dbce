//! Every error response of a service is decoded to a code and a message.
#![no_main]

use dynamodb_plugin::hints::HintContext;
use dynamodb_plugin::response::{Response, ServiceError};
use dynamodb_plugin::transcode::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (u16, &str, &[u8])| {
    let (status, kind, body) = data;
    let headers = vec![("x-amzn-errortype".to_string(), kind.to_string())];
    let response = Response { status, headers, body: body.to_vec(), crc32: 0 };
    let error = ServiceError::from_response(
        &response,
        &HintContext {
            action: "ExecuteStatement",
            region: Some("eu-west-1"),
            request: kind,
            format: Format::Plain,
            ..HintContext::default()
        },
        1,
    );
    assert!(!error.code.is_empty() && !error.message.is_empty());
    if let Some(details) = error.details {
        assert!(details.starts_with('{'));
    }
});
