//! D: what takes space, and what crashes.

use super::support::{bounded, carry_out, limit, server, stopped, tried};
use portcullis::{Error, Host, LimitKind, LoadError};
use portcullis_testkit::recorder::{self, Answer};
use tests::attack::{Attack, Behaviour};
use tests::plugins::{self, HOSTILE, HOSTILE_MANIFEST};

/// A behaviour that crashes its instance; the next call gets another one, and crashes again.
async fn traps(behaviour: Behaviour, says: &str) {
    let server = server().await;
    let datasource =
        Attack::new(behaviour, &server.authority, "isolation = \"reuse\"").connect().await.unwrap();
    for _ in 0..2 {
        tried();
        let error = datasource.execute("GetItem", "{}").await.unwrap_err();
        assert!(
            matches!(&error, Error::Trapped(text) if text.contains(says)),
            "{behaviour}: {error:?}"
        );
        stopped();
    }
}

pub(crate) async fn deep_recursion_is_a_trap() {
    traps(Behaviour::recurse, "trap").await;
}

pub(crate) async fn a_panic_is_told_and_the_next_call_gets_another_instance() {
    traps(Behaviour::panic_on_purpose, "unreachable").await;
}

pub(crate) async fn an_unreachable_instruction_is_told() {
    traps(Behaviour::unreachable, "unreachable").await;
}

pub(crate) async fn memory_is_bounded_and_the_bound_is_named() {
    let server = server().await;
    let attack =
        Attack::new(Behaviour::grow_memory, &server.authority, "limits = { memory = \"16 MiB\" }");
    assert_eq!(bounded(attack, "GetItem", LimitKind::Memory).await.bound, "16.0 MiB");
}

pub(crate) async fn a_huge_answer_of_the_guest_ends_at_the_memory_limit() {
    let server = server().await;
    bounded(
        Attack::new(Behaviour::huge_answer, &server.authority, ""),
        "GetItem",
        LimitKind::Memory,
    )
    .await;
}

pub(crate) async fn resources_are_bounded_and_the_bound_is_named() {
    let server = server().await;
    let attack =
        Attack::new(Behaviour::hoard_resources, &server.authority, "limits = { resources = 50 }");
    assert_eq!(bounded(attack, "GetItem", LimitKind::Resources).await.bound, "50");
}

pub(crate) async fn many_headers_are_not_accepted() {
    let server = server().await;
    let attack = Attack::new(
        Behaviour::many_headers,
        &server.authority,
        "limits = { header-bytes = \"32 KiB\" }",
    );
    bounded(attack, "GetItem", LimitKind::HeaderBytes).await;
}

pub(crate) async fn a_huge_header_is_not_accepted() {
    let server = server().await;
    let attack = |bytes: &str| {
        Attack::new(
            Behaviour::huge_header,
            &server.authority,
            "limits = { header-bytes = \"4 KiB\" }",
        )
        .told(bytes)
    };
    bounded(attack("8192"), "GetItem", LimitKind::HeaderBytes).await;
    assert_eq!(carry_out(attack("1024"), "GetItem").await.unwrap(), "{\"accepted\": true}");
}

pub(crate) async fn what_is_made_in_one_piece_is_bounded() {
    let server = server().await;
    let attack = |told: &str| {
        let bounds = "limits = { header-bytes = \"32 KiB\", request-bytes = \"64 KiB\" }";
        Attack::new(Behaviour::hoard_in_one_piece, &server.authority, bounds).told(told)
    };
    bounded(attack("body 65537"), "GetItem", LimitKind::RequestBytes).await;
    bounded(attack("authority 100000000"), "GetItem", LimitKind::HeaderBytes).await;
    for (told, says) in [("requests 2", "not sent yet"), ("wanted 65", "more than 64 headers")] {
        tried();
        let error = carry_out(attack(told), "GetItem").await.unwrap_err();
        assert!(error.to_string().contains(says), "{told}: {error}");
        stopped();
    }
    for told in ["body 65536", "requests 1", "wanted 64"] {
        assert!(carry_out(attack(told), "GetItem").await.is_ok(), "{told}");
    }
}

pub(crate) async fn random_bytes_at_once_are_bounded() {
    let server = server().await;
    let attack =
        |count: &str| Attack::new(Behaviour::hoard_random_bytes, &server.authority, "").told(count);
    tried();
    let error = carry_out(attack("4097"), "GetItem").await.unwrap_err();
    assert!(matches!(error, Error::Trapped(_)), "{error:?}");
    stopped();
    assert_eq!(carry_out(attack("4096"), "GetItem").await.unwrap(), "{\"got\": 4096}");
}

pub(crate) async fn an_endless_request_is_cut_at_the_limit() {
    let server = server().await;
    let attack = |more: &str| {
        Attack::new(
            Behaviour::endless_request,
            &server.authority,
            &format!("{more}\nlimits = {{ request-bytes = \"64 KiB\" }}"),
        )
    };
    bounded(attack(""), "GetItem", LimitKind::RequestBytes).await;
    // The same where the gate reads the body before it lets it go.
    bounded(attack("tables = [\"users\"]"), "GetItem", LimitKind::RequestBytes).await;
    assert!(server.requests().iter().all(|request| request.body.len() <= 64 * 1024));
}

/// A plugin that was given one more module, connected.
async fn with_module(module: &str) -> Result<(), Error> {
    let host = Host::new().unwrap();
    let bytes = plugins::with_module(HOSTILE, module);
    let plugin = host.load(bytes.as_slice(), HOSTILE_MANIFEST, None).unwrap();
    Attack::new(Behaviour::honest, "127.0.0.1:1", "").connect_on(&host, &plugin).await.map(drop)
}

pub(crate) async fn tables_are_bounded_and_the_bound_is_named() {
    let grows = "(module (table 1 funcref) (func $s (drop (table.grow (ref.null func) (i32.const 10000000)))) (start $s))";
    assert_eq!(limit(with_module(grows).await).which, LimitKind::Tables);
    assert!(
        with_module("(module (table 1 funcref))").await.is_ok(),
        "a module more is no attack by itself"
    );
}

pub(crate) async fn memories_and_tables_beyond_their_number_are_refused() {
    let host = Host::new().unwrap();
    // More than there may be of each; of the other two there are few.
    for (module, times, says) in [
        ("(module (memory 1))", 5, "memor"),
        ("(module (table 1 funcref))", 9, "table"),
        ("(module)", 17, "instance"),
    ] {
        let mut bytes = HOSTILE.to_vec();
        for _ in 0..times {
            bytes = plugins::with_module(&bytes, module);
        }
        tried();
        let refused = match host.load(bytes.as_slice(), HOSTILE_MANIFEST, None) {
            Ok(plugin) => Attack::new(Behaviour::honest, "127.0.0.1:1", "")
                .connect_on(&host, &plugin)
                .await
                .map(drop)
                .map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        assert!(matches!(&refused, Err(told) if told.contains(says)), "{module}: {refused:?}");
        stopped();
    }
    tried();
    let many: String = (0..50).map(|_| "(memory 1)").collect();
    let bytes = plugins::with_module(HOSTILE, &format!("(module {many})"));
    assert!(matches!(
        host.load(bytes.as_slice(), HOSTILE_MANIFEST, None),
        Err(LoadError::Invalid(_) | LoadError::World(_))
    ));
    stopped();
}

pub(crate) async fn a_deeply_nested_answer_of_the_guest_is_refused() {
    let server = server().await;
    bounded(
        Attack::new(Behaviour::deep_answer, &server.authority, ""),
        "GetItem",
        LimitKind::JsonDepth,
    )
    .await;
}

pub(crate) async fn huge_or_deeply_nested_input_is_refused() {
    let server = server().await;
    let datasource =
        plugins::datasource(&server.authority, "limits = { request-bytes = \"64 KiB\" }").await;
    for nest in ["[", "{\"a\":", "[{\"a\":"] {
        let error = limit(datasource.execute("PutItem", &nest.repeat(10_000)).await);
        assert_eq!(error.which, LimitKind::JsonDepth);
    }
    assert_eq!(
        limit(datasource.execute("PutItem", &" ".repeat(100_000)).await).which,
        LimitKind::RequestBytes
    );
    assert_eq!(
        limit(datasource.execute_with("PutItem", "{}", &"[".repeat(500)).await).which,
        LimitKind::JsonDepth
    );
    assert_eq!(limit(datasource.structure(&"[".repeat(500)).await).which, LimitKind::JsonDepth);
    assert_eq!(
        limit(datasource.relay("PutItem", " ".repeat(100_000).as_bytes()).await).which,
        LimitKind::RequestBytes
    );
    assert_eq!(server.requests().len(), 0);
}

pub(crate) async fn a_deeply_nested_answer_of_the_service_is_an_error() {
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let server = recorder::start(Answer::ok(deep)).await;
    for format in ["typed", "plain"] {
        tried();
        let datasource = plugins::connect(
            &server.authority,
            "",
            &format!(",\"format\":\"{format}\",\"maxAttempts\":1"),
        )
        .await
        .unwrap();
        let result =
            datasource.execute("GetItem", r#"{"TableName": "t", "Key": {"a": "1"}}"#).await;
        assert!(matches!(result, Err(Error::Plugin(_) | Error::Limit(_))), "{format}: {result:?}");
        stopped();
    }
}

pub(crate) async fn no_encoding_is_negotiated_and_none_is_undone() {
    // A thousand bytes that would be a megabyte.
    let bomb: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3];
    let server = recorder::start(Answer {
        status: 200,
        headers: vec![("content-encoding", "gzip".to_string())],
        body: bomb.into(),
    })
    .await;
    let attack = Attack::new(Behaviour::read_answer, &server.authority, "");
    tried();
    assert_eq!(
        carry_out(attack, "GetItem").await.unwrap(),
        format!("{{\"read\": {}}}", bomb.len()),
        "the bytes are those that came"
    );
    assert!(!server.requests()[0].headers.contains_key("accept-encoding"));
    stopped();
}
