//! Family D: attacks that take memory, are too large, or crash.

use super::support::{carry_out, limit, limited, server, stopped, tried};
use portcullis::{Error, Host, LimitKind, LoadError, PluginError};
use portcullis_testkit::recorder::{self, Response};
use tests::attack::{Attack, Behaviour};
use tests::plugins::{self, HOSTILE, HOSTILE_MANIFEST};

/// Carries out a behaviour that crashes its instance, twice: the second call gets a new instance.
async fn traps(behaviour: Behaviour, message: &str) {
    let server = server().await;
    let datasource =
        Attack::new(behaviour, &server.authority, "isolation = \"reuse\"").connect().await.unwrap();
    for _ in 0..2 {
        tried();
        let error = datasource.execute("GetItem", "{}").await.unwrap_err();
        assert!(
            matches!(&error, Error::Trapped { message: text } if text.contains(message)),
            "{behaviour}: {error:?}"
        );
        stopped();
    }
}

pub(crate) async fn deep_recursion_traps() {
    traps(Behaviour::recurse, "trap").await;
}

pub(crate) async fn panic_is_reported_and_the_next_call_gets_a_new_instance() {
    traps(Behaviour::panic_on_purpose, "unreachable").await;
}

pub(crate) async fn unreachable_instruction_is_reported() {
    traps(Behaviour::unreachable, "unreachable").await;
}

pub(crate) async fn memory_limit_is_enforced_and_named() {
    let server = server().await;
    let attack =
        Attack::new(Behaviour::grow_memory, &server.authority, "limits = { memory = \"16 MiB\" }");
    assert_eq!(limited(attack, "GetItem", LimitKind::Memory).await.bound, "16.0 MiB");
}

pub(crate) async fn huge_plugin_output_stops_at_the_memory_limit() {
    let server = server().await;
    limited(
        Attack::new(Behaviour::huge_output, &server.authority, ""),
        "GetItem",
        LimitKind::Memory,
    )
    .await;
}

pub(crate) async fn resource_limit_is_enforced_and_named() {
    let server = server().await;
    let attack =
        Attack::new(Behaviour::hoard_resources, &server.authority, "limits = { resources = 50 }");
    assert_eq!(limited(attack, "GetItem", LimitKind::Resources).await.bound, "50");
}

pub(crate) async fn many_headers_exceed_the_header_limit() {
    let server = server().await;
    let attack = Attack::new(
        Behaviour::many_headers,
        &server.authority,
        "limits = { header-bytes = \"32 KiB\" }",
    );
    limited(attack, "GetItem", LimitKind::HeaderBytes).await;
}

pub(crate) async fn huge_header_exceeds_the_header_limit() {
    let server = server().await;
    let attack = |bytes: &str| {
        Attack::new(
            Behaviour::huge_header,
            &server.authority,
            "limits = { header-bytes = \"4 KiB\" }",
        )
        .with_arguments(bytes)
    };
    limited(attack("8192"), "GetItem", LimitKind::HeaderBytes).await;
    assert_eq!(carry_out(attack("1024"), "GetItem").await.unwrap(), "{\"accepted\": true}");
}

pub(crate) async fn buffered_requests_and_responses_are_limited() {
    let server = server().await;
    let attack = |arguments: &str| {
        let limits = "limits = { header-bytes = \"32 KiB\", request-bytes = \"64 KiB\" }";
        Attack::new(Behaviour::hoard_buffered, &server.authority, limits).with_arguments(arguments)
    };
    limited(attack("body 65537"), "GetItem", LimitKind::RequestBytes).await;
    limited(attack("authority 100000000"), "GetItem", LimitKind::HeaderBytes).await;
    for (arguments, message) in
        [("requests 5", "not sent yet"), ("wanted 65", "more than 64 headers")]
    {
        tried();
        let error = carry_out(attack(arguments), "GetItem").await.unwrap_err();
        assert!(error.to_string().contains(message), "{arguments}: {error}");
        stopped();
    }
    for arguments in ["body 65536", "requests 4", "wanted 64"] {
        assert!(carry_out(attack(arguments), "GetItem").await.is_ok(), "{arguments}");
    }
}

pub(crate) async fn thousands_of_faults_are_cut_to_a_hundred() {
    let server = server().await;
    let attack = |count: &str| {
        Attack::new(Behaviour::many_faults, &server.authority, "").with_arguments(count)
    };
    tried();
    let error = carry_out(attack("500000"), "GetItem").await.unwrap_err();
    let Error::Plugin(PluginError::InvalidInput(faults)) = error else { panic!("{error:?}") };
    assert_eq!(faults.len(), 100);
    assert_eq!(faults[99].message, "499901 more problems are not shown");
    stopped();
    limited(attack("2700000"), "GetItem", LimitKind::ResponseBytes).await;
}

pub(crate) async fn long_text_of_an_error_is_cut() {
    let server = server().await;
    let attack = |bytes: &str| {
        Attack::new(Behaviour::long_error, &server.authority, "").with_arguments(bytes)
    };
    tried();
    let error = carry_out(attack("30000000"), "GetItem").await.unwrap_err();
    assert!(error.to_string().len() < 20_000, "{} bytes", error.to_string().len());
    stopped();
    limited(attack("40000000"), "GetItem", LimitKind::ResponseBytes).await;
}

pub(crate) async fn result_larger_than_a_response_may_be_is_refused() {
    let server = server().await;
    let attack = |bytes: &str, limits: &str| {
        let limits = format!("limits = {{ {limits} }}");
        Attack::new(Behaviour::long_output, &server.authority, &limits).with_arguments(bytes)
    };
    let small = "response-bytes = \"64 KiB\"";
    limited(attack("65537", small), "GetItem", LimitKind::ResponseBytes).await;
    assert_eq!(carry_out(attack("65536", small), "GetItem").await.unwrap().len(), 65536);
    limited(attack("120000000", ""), "GetItem", LimitKind::ResponseBytes).await;
    assert_eq!(carry_out(attack("1000000", ""), "GetItem").await.unwrap().len(), 1_000_000);
}

pub(crate) async fn relayed_response_with_thousands_of_headers_is_refused() {
    let server = server().await;
    let attack = async |headers: &str| {
        let arguments = format!("200 {headers} {{}}");
        Attack::new(Behaviour::odd_response, &server.authority, "")
            .with_arguments(&arguments)
            .connect()
            .await
            .unwrap()
    };
    tried();
    match attack("24576").await.relay("GetItem", b"{}").await {
        Err(Error::Limit(limit)) => assert_eq!(limit.which, LimitKind::HeaderBytes),
        other => panic!("{other:?}"),
    }
    stopped();
    let few = attack("40").await.relay("GetItem", b"{}").await.unwrap();
    assert_eq!((few.status, few.headers.len(), &*few.body), (200, 40, &b"{}"[..]));
}

pub(crate) async fn what_the_host_holds_for_an_instance_is_limited() {
    let server = server().await;
    let attack = |arguments: &str| {
        let limits = "limits = { host-memory = \"1 MiB\", header-bytes = \"64 KiB\" }";
        Attack::new(Behaviour::hoard_unsent, &server.authority, limits).with_arguments(arguments)
    };
    for arguments in ["fields 20", "clones 20", "bodies 1"] {
        let limit = limited(attack(arguments), "GetItem", LimitKind::HostMemory).await;
        assert_eq!(limit.bound, "1.0 MiB");
    }
    let unsent = limited(attack("authorities 5"), "GetItem", LimitKind::Resources).await;
    assert!(unsent.bound.contains("4 may be requests"), "{unsent}");
    for arguments in ["fields 10", "clones 10", "authorities 4"] {
        assert!(carry_out(attack(arguments), "GetItem").await.is_ok(), "{arguments}");
    }
}

pub(crate) async fn long_values_are_refused_before_they_are_copied() {
    let server = server().await;
    let attack = |arguments: &str| {
        Attack::new(Behaviour::pass_too_much, &server.authority, "").with_arguments(arguments)
    };
    for function in
        ["from-list", "append", "set", "get", "has", "delete", "set-authority", "request"]
            .into_iter()
            .chain(["set-path-with-query"])
    {
        let attack = attack(&format!("{function} 10000000"));
        limited(attack, "GetItem", LimitKind::HeaderBytes).await;
    }
    let limits = "limits = { request-bytes = \"64 KiB\" }";
    let hash = Attack::new(Behaviour::pass_too_much, &server.authority, limits);
    let hash = hash.with_arguments("payload-hash 65537");
    limited(hash, "GetItem", LimitKind::RequestBytes).await;
    limited(attack("poll 1000000"), "GetItem", LimitKind::Resources).await;
    for function in ["write", "blocking-write-and-flush", "derive-key"] {
        tried();
        let error = carry_out(attack(&format!("{function} 10000000")), "GetItem").await;
        assert!(matches!(error, Err(Error::Trapped { .. })), "{function}: {error:?}");
        stopped();
    }
    // A scheme that is too long is refused like one that is not valid.
    assert!(carry_out(attack("set-scheme 1000000"), "GetItem").await.is_ok());
}

pub(crate) async fn random_bytes_per_host_call_are_limited() {
    let server = server().await;
    let attack = |count: &str| {
        Attack::new(Behaviour::hoard_random_bytes, &server.authority, "").with_arguments(count)
    };
    tried();
    let error = carry_out(attack("4097"), "GetItem").await.unwrap_err();
    assert!(matches!(error, Error::Trapped { .. }), "{error:?}");
    stopped();
    assert_eq!(carry_out(attack("4096"), "GetItem").await.unwrap(), "{\"got\": 4096}");
}

pub(crate) async fn endless_request_body_stops_at_the_limit() {
    let server = server().await;
    let attack = |more: &str| {
        Attack::new(
            Behaviour::endless_request,
            &server.authority,
            &format!("{more}\nlimits = {{ request-bytes = \"64 KiB\" }}"),
        )
    };
    limited(attack(""), "GetItem", LimitKind::RequestBytes).await;
    // With a table list, the gate reads the body before it sends anything.
    limited(attack("tables = [\"users\"]"), "GetItem", LimitKind::RequestBytes).await;
    assert!(server.requests().iter().all(|request| request.body.len() <= 64 * 1024));
}

/// Connects a datasource whose plugin contains one more core module.
async fn with_module(module: &str) -> Result<(), Error> {
    let host = Host::new().unwrap();
    let bytes = plugins::with_module(HOSTILE, module);
    let plugin = host.load(bytes.as_slice(), HOSTILE_MANIFEST, None).unwrap();
    Attack::new(Behaviour::honest, "127.0.0.1:1", "").connect_on(&host, &plugin).await.map(drop)
}

pub(crate) async fn wasm_table_limit_is_enforced_and_named() {
    let grows = "(module (table 1 funcref) \
                 (func $s (drop (table.grow (ref.null func) (i32.const 10000000)))) (start $s))";
    assert_eq!(limit(with_module(grows).await).which, LimitKind::WasmTables);
    assert!(with_module("(module (table 1 funcref))").await.is_ok(), "an extra module is allowed");
}

pub(crate) async fn too_many_memories_tables_or_instances_are_refused() {
    let host = Host::new().unwrap();
    // Each component has too many of one kind, and few of the other two kinds.
    for (module, times, word) in [
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
        assert!(
            matches!(&refused, Err(message) if message.contains(word)),
            "{module}: {refused:?}"
        );
        stopped();
    }
    tried();
    let many: String = (0..50).map(|_| "(memory 1)").collect();
    let bytes = plugins::with_module(HOSTILE, &format!("(module {many})"));
    assert!(matches!(
        host.load(bytes.as_slice(), HOSTILE_MANIFEST, None),
        Err(LoadError::Component(_))
    ));
    stopped();
}

pub(crate) async fn deeply_nested_plugin_output_is_refused() {
    let server = server().await;
    for place in ["", "details"] {
        let attack = Attack::new(Behaviour::deep_output, &server.authority, "");
        limited(attack.with_arguments(place), "GetItem", LimitKind::JsonDepth).await;
    }
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

pub(crate) async fn deeply_nested_service_response_is_an_error() {
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let server = recorder::start(Response::ok(deep)).await;
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

pub(crate) async fn content_encoding_is_never_negotiated_or_decoded() {
    // The beginning of a gzip stream: the host must not try to decompress it.
    let bomb: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3];
    let server = recorder::start(Response {
        status: 200,
        headers: vec![("content-encoding", "gzip".to_string())],
        body: bomb.into(),
    })
    .await;
    let attack = Attack::new(Behaviour::read_response, &server.authority, "");
    tried();
    assert_eq!(
        carry_out(attack, "GetItem").await.unwrap(),
        format!("{{\"read\": {}}}", bomb.len()),
        "the plugin gets the bytes unchanged"
    );
    assert!(!server.requests()[0].headers.contains_key("accept-encoding"));
    stopped();
}
