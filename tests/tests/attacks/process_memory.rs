//! Family D: attacks on the memory of the process, over all calls.

use super::support::{limit, server, stopped, tried};
use portcullis::{Busy, Error, Host, LimitKind};
use tests::attack::{Attack, Behaviour};
use tests::plugins::{self, HOSTILE, HOSTILE_MANIFEST};

/// The memory limit of the hosts in these tests: some ten instances of the hostile plugin.
const MEMORY: u64 = 32 << 20;

pub(crate) async fn all_calls_share_one_memory_limit() {
    let server = server().await;
    let host = Host::builder().memory(MEMORY).build().unwrap();
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    let reuse = "isolation = \"reuse\"";
    let attack = Attack::new(Behaviour::grow_memory, &server.authority, reuse);
    let attack = attack.connect_on(&host, &plugin).await.unwrap();
    // The limit of the instance is 192 MiB, so the limit of the process is reached first.
    let reached = limit(attack.execute("GetItem", "{}").await);
    assert_eq!((reached.which, reached.bound.as_str()), (LimitKind::ProcessMemory, "32.0 MiB"));
    // Several at a time, and an honest call after them.
    let (first, second) =
        tokio::join!(attack.execute("GetItem", "{}"), attack.execute("GetItem", "{}"));
    for result in [first, second] {
        tried();
        assert!(matches!(result, Err(Error::Limit(_) | Error::Busy(_))), "{result:?}");
        stopped();
    }
    drop(attack);
    let honest = Attack::new(Behaviour::honest, &server.authority, reuse);
    let honest = honest.connect_on(&host, &plugin).await.unwrap();
    assert!(honest.execute("GetItem", "{}").await.is_ok());
    drop(honest);
    assert_eq!(host.memory().used(), 0, "everything is released");
}

pub(crate) async fn call_without_memory_is_busy_and_idle_instances_make_room() {
    let server = server().await;
    let host = Host::builder().memory(MEMORY).build().unwrap();
    let plugin = host.load(HOSTILE, HOSTILE_MANIFEST, None).unwrap();
    // More idle instances than fit: each new one takes the place of another.
    let mut datasources = Vec::new();
    for _ in 0..60 {
        let attack = Attack::new(Behaviour::honest, &server.authority, "isolation = \"reuse\"");
        datasources.push(attack.connect_on(&host, &plugin).await.unwrap());
        assert!(host.memory().used() <= MEMORY);
    }
    let warm = datasources.iter().filter(|datasource| datasource.counters().warm > 0).count();
    assert!((5..60).contains(&warm), "{warm} of 60 datasources are warm");
    // What others hold leaves too little for a call.
    drop(datasources);
    let others = host.memory().reserve(MEMORY - 1024).unwrap();
    let honest = Attack::new(Behaviour::honest, &server.authority, "");
    tried();
    let busy = honest.connect_on(&host, &plugin).await;
    assert!(matches!(busy, Err(Error::Busy(Busy::Memory { limit: MEMORY }))), "{busy:?}");
    stopped();
    drop(others);
    let honest = Attack::new(Behaviour::honest, &server.authority, "");
    let honest = honest.connect_on(&host, &plugin).await.unwrap();
    assert!(honest.execute("GetItem", "{}").await.is_ok());
}

pub(crate) async fn body_of_small_values_is_checked_in_one_pass() {
    let server = server().await;
    let values = "0,".repeat(4 << 20);
    let other = format!("\"Other\": [{values}0]");
    let table = r#""TableName": "users""#;
    let datasource = plugins::datasource(&server.authority, "tables = [\"users\"]").await;
    // Wherever the table stands, and also if it is named a second time.
    for (body, is_allowed) in [
        (format!("{{{table}, {other}}}"), true),
        (format!("{{{other}, {table}}}"), true),
        (format!("{{{other}, \"TableName\": \"orders\"}}"), false),
        (format!("{{{table}, {other}, \"TableName\": \"orders\"}}"), false),
    ] {
        tried();
        let result = datasource.relay("PutItem", body.as_bytes()).await;
        assert_eq!(result.is_ok(), is_allowed, "{result:?}");
        stopped();
    }
}
