//! What the sandboxed plugin computes for three calls, in wasmtime's fuel: a guard that does not hang on the clock.

use portcullis::{Connect, Host};
use portcullis_testkit::recorder::{self, Answer};
use std::fmt::Write;
use tests::{calls, plugins};

/// By how many per cent a call may differ from what is written down. Compilers differ by less, and so do the digits of
/// a port and of a moment.
const TOLERANCE: i64 = 5;

#[tokio::test]
async fn calls_cost_the_fuel_that_is_written_down() {
    let host = Host::builder().meter().build().unwrap();
    let plugin = host
        .load(
            dynamodb_component::COMPONENT,
            dynamodb_component::MANIFEST,
            Some(dynamodb_component::SHA256),
        )
        .unwrap();
    let mut found = String::new();
    for call in calls::all() {
        let checksum = crc32fast::hash(call.answer.as_bytes()).to_string();
        let answer = Answer { headers: vec![("x-amz-crc32", checksum)], ..Answer::ok(call.answer) };
        let server = recorder::start(answer).await;
        for format in ["typed", "plain"] {
            let settings = format!(
                "{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\",\"format\":\"{format}\"}}",
                server.authority
            );
            let connect = Connect {
                settings: &settings,
                settings_are_trusted: true,
                policy: plugins::policy(&server.authority, ""),
                credentials: Some(plugins::credentials()),
                ..Connect::default()
            };
            let datasource = host.connect(&plugin, connect).await.unwrap();
            let input = if format == "plain" { &call.plain_input } else { &call.input };
            // The first call derives a key, and takes memory that the second one has.
            datasource.execute(call.action, input).await.unwrap();
            let before = datasource.counters().fuel;
            datasource.execute(call.action, input).await.unwrap();
            writeln!(found, "{} {format} {}", call.action, datasource.counters().fuel - before)
                .unwrap();
        }
    }
    calls::compare("fuel.txt", &found, TOLERANCE);
}
