//! The server's memory after a peak of large calls.

mod support;

use portcullis_testkit::recorder::{self, Response};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::{Serve, datasource};
use tokio::task::block_in_place;

/// Clients that call at the same time.
const CLIENTS: usize = 32;
/// How long the peak lasts.
const PEAK: Duration = Duration::from_secs(8);
/// How long the server has to return the memory. It returns free memory every five seconds.
const QUIET: Duration = Duration::from_secs(12);
/// How much more memory the server may have than before the peak, in KiB.
///
/// It had 10 MiB before. Afterwards the sandbox keeps up to 256 KiB of each guest's memory for
/// the next guest, which is 8 to 16 MiB for this number of clients. Without the settings in
/// `cli/src/allocator.rs` the server kept 236 to 601 MiB.
const MORE: u64 = 32 * 1024;

const GET: &str = r#"{"TableName": "orders", "Key": {"id": {"S": "1"}}}"#;
const QUERY: &str = r#"{"TableName": "orders", "KeyConditionExpression": "id = :id",
    "ExpressionAttributeValues": {":id": {"S": "1"}}}"#;

#[tokio::test(flavor = "multi_thread")]
async fn d17_memory_returns_to_the_system_after_a_peak_of_large_calls() {
    let pages: Vec<Response> = [1, 2, 4, 8, 15].map(page).into();
    let next = AtomicUsize::new(0);
    let upstream = recorder::start_with(
        "127.0.0.1",
        move |request| match request.header("x-amz-target") {
            "DynamoDB_20120810.Query" => {
                pages[next.fetch_add(1, Ordering::Relaxed) % pages.len()].clone()
            }
            "DynamoDB_20120810.BatchWriteItem" => Response::ok(r#"{"UnprocessedItems": {}}"#),
            _ => Response::ok(r#"{"Item": {"id": {"S": "1"}}}"#),
        },
        None,
    )
    .await;
    let serve = Serve::start(&datasource("orders", &upstream.authority, "access = \"admin\""), &[]);
    let small = [("GetItem", GET.to_string())];
    run(&serve, &small, Duration::from_secs(2));
    let before = serve.anonymous_memory();
    let large = [
        ("Query", QUERY.to_string()),
        ("BatchWriteItem", batch(1)),
        ("Query?format=plain", QUERY.to_string()),
        ("BatchWriteItem", batch(4)),
        ("BatchWriteItem", batch(12)),
    ];
    let (calls, peak) = run(&serve, &large, PEAK);
    upstream.forget();
    let end = Instant::now() + QUIET;
    let mut after = serve.anonymous_memory();
    while after > before + MORE && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(200)).await;
        after = serve.anonymous_memory();
    }
    let figures =
        format!("{before} KiB before, {peak} KiB during {calls} calls, {after} KiB after");
    println!("{figures}");
    assert!(peak > before + 4 * MORE, "the calls need memory: {figures}");
    assert!(after <= before + MORE, "the memory is returned: {figures}");
    assert_eq!(serve.act("GetItem", GET).0, 200);
}

/// A page of a query, of this many MiB.
fn page(size: usize) -> Response {
    let item = |number: usize| {
        let text = "lorem ipsum ".repeat(9);
        format!(r#"{{"id": {{"S": "{number}"}}, "n": {{"N": "7"}}, "text": {{"S": "{text}"}}}}"#)
    };
    let count = (size << 20) / item(10_000).len();
    let items: Vec<String> = (0..count).map(item).collect();
    Response::ok(format!(r#"{{"Count": {count}, "Items": [{}]}}"#, items.join(",")))
}

/// The input of `BatchWriteItem` with 25 items, which have this many MiB together.
fn batch(size: usize) -> String {
    let text = "z".repeat((size << 20) / 25);
    let put = |number| {
        let item = format!(r#"{{"id": {{"S": "{number}"}}, "text": {{"S": "{text}"}}}}"#);
        format!(r#"{{"PutRequest": {{"Item": {item}}}}}"#)
    };
    let puts: Vec<String> = (0..25).map(put).collect();
    format!(r#"{{"RequestItems": {{"orders": [{}]}}}}"#, puts.join(","))
}

/// Runs these actions again and again with all clients, each of which begins with another action.
/// Returns the number of calls, and the most anonymous memory that the server had, in KiB.
fn run(serve: &Serve, actions: &[(&str, String)], time: Duration) -> (u64, u64) {
    let (end, calls) = (Instant::now() + time, AtomicU64::new(0));
    let client = |number: usize| {
        let agent = ureq::Agent::new_with_defaults();
        let mut turns = actions.iter().cycle().skip(number % actions.len());
        while Instant::now() < end
            && let Some((action, input)) = turns.next()
        {
            let url = format!("{}/v1/datasources/orders/actions/{action}", serve.url);
            let response = agent.post(url).content_type("application/json").send(input);
            let mut body = response.expect("the call succeeds").into_body();
            std::io::copy(&mut body.as_reader(), &mut std::io::sink()).unwrap();
            calls.fetch_add(1, Ordering::Relaxed);
        }
    };
    let mut peak = 0;
    block_in_place(|| {
        std::thread::scope(|scope| {
            for number in 0..CLIENTS {
                let client = &client;
                scope.spawn(move || client(number));
            }
            while Instant::now() < end {
                peak = peak.max(serve.anonymous_memory());
                std::thread::sleep(Duration::from_millis(20));
            }
        });
    });
    (calls.into_inner(), peak)
}
