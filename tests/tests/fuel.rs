//! Measures the work of the plugin for three calls in wasmtime's fuel, which does not depend on the
//! speed of the machine, and compares it with `fixtures/fuel.txt`.

use portcullis::{DatasourceConfig, Host, Settings};
use portcullis_testkit::recorder::{self, Response};
use std::fmt::Write;
use tests::{calls, plugins};

/// By how many per cent a call may differ from the fixture. Another compiler version, or another
/// number of digits in a port or a date, changes it by less.
const TOLERANCE: i64 = 5;

#[tokio::test]
async fn calls_use_the_expected_fuel() {
    let host = Host::builder().meter().build().unwrap();
    let plugin = plugins::load_dynamodb(&host);
    let mut found = String::new();
    for call in calls::all() {
        let checksum = crc32fast::hash(call.response.as_bytes()).to_string();
        let response =
            Response { headers: vec![("x-amz-crc32", checksum)], ..Response::ok(call.response) };
        let server = recorder::start(response).await;
        for format in ["typed", "plain"] {
            let settings = format!(
                "{{\"region\":\"us-east-1\",\"endpoint\":\"http://{}\",\"format\":\"{format}\"}}",
                server.authority
            );
            let connect = DatasourceConfig::new("datasource")
                .policy(plugins::policy(&server.authority, ""))
                .settings(Settings::Trusted(&settings))
                .shared_credentials(plugins::credentials());
            let datasource = host.connect(&plugin, connect).await.unwrap();
            let input = if format == "plain" { &call.plain_input } else { &call.input };
            // The first call derives a signing key and grows the memory; the second one needs
            // neither.
            datasource.execute(call.action, input).await.unwrap();
            let before = datasource.counters().fuel;
            datasource.execute(call.action, input).await.unwrap();
            writeln!(found, "{} {format} {}", call.action, datasource.counters().fuel - before)
                .unwrap();
        }
    }
    calls::compare_with_fixture("fuel.txt", &found, TOLERANCE);
}
