use super::*;
use crate::datasource::SettingsSource;
use crate::plugin::PluginSource;
use portcullis_policy::{Access, CredentialSource};
const EXAMPLE: &str = r#"
    [datasources.orders]
    plugin = "dynamodb"
    settings = { region = "eu-west-1" }
    credentials = { from = "env" }
    egress = ["https://dynamodb.eu-west-1.amazonaws.com"]
    access = "read"
    actions = ["GetItem", "Query"]
    tables = ["orders", "orders-*"]
    isolation = "reuse"
    [datasources.orders.limits]
    deadline = "10s"
    memory = "64 MiB"
"#;

#[test]
fn documented_example_is_parsed() {
    let file = PolicyFile::parse(EXAMPLE).unwrap();
    let orders = &file.datasources["orders"];
    assert_eq!(orders.plugin, PluginSource::BuiltIn("dynamodb".to_string()));
    assert_eq!(orders.credentials, Some(CredentialSource::Env { prefix: String::new() }));
    assert_eq!((orders.policy.access, orders.policy.limits.deadline.as_secs()), (Access::Read, 10));
    assert_eq!(orders.policy.limits.memory.as_u64(), 64 << 20);
}

#[test]
fn unknown_key_is_refused_with_the_closest_valid_key() {
    for (wrong, right) in [
        ("egres = []", "egress"),
        ("limits = { deadlin = \"1s\" }", "deadline"),
        ("acess = \"read\"", "access"),
        ("access = \"raed\"", "read"),
        ("limits = { wasm-table = 4 }", "wasm-tables"),
        ("setting_file = \"x\"", "settings-file"),
        // The closest key is the deprecated spelling, so the current one is suggested.
        ("limits = { tabless = 4 }", "wasm-tables"),
        ("tabless = []", "tables"),
    ] {
        let text = format!("[datasources.a]\nplugin = \"dynamodb\"\n{wrong}\n");
        let message = PolicyFile::parse(&text).unwrap_err().to_string();
        assert!(message.contains(&format!("did you mean `{right}`?")), "{message}");
        assert!(message.contains("line 3"), "{message}");
    }
}

#[test]
fn error_does_not_quote_a_line_that_may_contain_a_secret() {
    for line in [
        "credentials = { from = \"env\", secret_access_key = \"SUPERSECRET\" }",
        "credentials = { access_key_id = \"A\", secret_access_key = \"SUPERSECRET\" }",
        "credentials = \"AKIA:SUPERSECRET\"",
        "credentials = { secret_access_key = \"SUPERSECRET\" from = \"env\" }",
        "secret_access_key = \"SUPERSECRET\"",
        "SUPERSECRET",
        "  pcl_SUPERSECRET",
        "key = pcl_SUPERSECRET",
        "egress = [\"https://user:SUPERSECRET@a.example\"]",
    ] {
        let message =
            PolicyFile::parse(&format!("[datasources.a]\nplugin = \"dynamodb\"\n{line}\n"))
                .unwrap_err()
                .to_string();
        assert!(
            !message.contains("SUPERSECRET")
                && message.contains("line 3")
                && message.contains("from ="),
            "{message}"
        );
    }
}

#[test]
fn token_in_place_of_its_digest_is_not_quoted() {
    let text = "[server.tokens.a]\nsha256 = \"pcl_my-own-words\"\ndatasources = []";
    let message = PolicyFile::parse(text).unwrap_err().to_string();
    assert!(!message.contains("pcl_my-own-words"), "{message}");
    assert!(message.starts_with("line 2: sha256 of a token must be 64"), "{message}");
}

#[test]
fn what_is_there_twice_is_named_without_its_values() {
    let token = "[server.tokens.app]\nsha256 = \"pcl_SUPERSECRET\"\n\n";
    for (text, message) in [
        (
            token.repeat(2),
            "line 4: server.tokens.app is there twice; during a rotation, keep one table that \
             lists the digests of the old and of the new token, sha256 = [\"…\", \"…\"]; \
             otherwise remove one, or rename it",
        ),
        (
            "[datasources.\"a b\"]\n\n  [datasources.'a b']  # pcl_SUPERSECRET\n".to_string(),
            "line 3: datasources.\"a b\" is there twice; remove one, or rename it",
        ),
        (
            format!("{token}sha256 = \"pcl_SUPERSECRET\"\n"),
            "line 4: sha256 is there twice in one table; remove one",
        ),
        (
            "[datasources.a]\ncredentials = { from = \"env\", from = \"SUPERSECRET\" }".to_string(),
            "line 2: from is there twice in one table; remove one",
        ),
    ] {
        let error = PolicyFile::parse(&text).unwrap_err();
        assert_eq!(error.to_string(), message, "{text}");
    }
}

#[test]
fn a_store_without_its_file_or_key_says_how_to_make_them() {
    for (store, says) in [
        (
            "file = \"store.db\"",
            "server.store has no key; `portcullis store key -o store.key` makes one: key = { from \
             = \"file\", path = \"store.key\" }",
        ),
        (
            "key = { from = \"file\", path = \"store.key\" }",
            "server.store has no file; `portcullis store create store.db` makes one: file = \
             \"store.db\"",
        ),
        ("fil = \"store.db\"", "did you mean `file`?"),
    ] {
        let message = PolicyFile::parse(&format!("[server.store]\n{store}\n")).unwrap_err();
        assert!(message.to_string().contains(says), "{store}: {message}");
    }
    let whole = "file = \"store.db\"\nkey = { from = \"env\", variable = \"KEY\" }\nper-tenant = 5";
    let file = PolicyFile::parse(&format!("[server.store]\n{whole}\n")).unwrap();
    let store = file.server.unwrap().store.unwrap();
    assert_eq!((store.file.to_str(), store.per_tenant.get()), (Some("store.db"), 5));
}

#[test]
fn plugin_in_a_file_needs_a_file_and_a_manifest() {
    let parse = |plugin: &str| PolicyFile::parse(&format!("[datasources.a]\nplugin = {plugin}\n"));
    let digest = "a".repeat(64);
    assert!(
        parse(&format!("{{ file = \"x.wasm\", manifest = \"x.toml\", sha256 = \"{digest}\" }}"))
            .is_ok()
    );
    for (wrong, part) in [
        ("{ file = \"x.wasm\", manfest = \"x\" }", "did you mean `manifest`?"),
        ("{ file = \"x.wasm\" }", "missing field `manifest`"),
        ("{ file = \"x.wasm\", manifest = \"x\", sha256 = \"abc\" }", "64 hexadecimal digits"),
        ("1", "expected a plugin: \"dynamodb\""),
    ] {
        let message = parse(wrong).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn credential_sources_are_parsed() {
    let parse = |source: &str| {
        let file = PolicyFile::parse(&format!(
            "[datasources.a]\nplugin = \"dynamodb\"\ncredentials = {source}\n"
        ))?;
        Ok::<_, PolicyFileError>(file.datasources["a"].credentials.clone().unwrap())
    };
    for good in [
        "{ from = \"profile\", name = \"dev\" }",
        "{ from = \"web-identity\" }",
        "{ from = \"web-identity\", role = \"arn:aws:iam::1:role/a\", token-file = \"t\" }",
        "{ from = \"container\" }",
        "{ from = \"instance\" }",
        "{ from = \"role\", arn = \"arn:aws:iam::1:role/a\", external-id = \"x\", \
         source = { from = \"env\" } }",
    ] {
        assert!(parse(good).is_ok(), "{good}: {:?}", parse(good));
    }
    for (wrong, part) in [
        ("{ from = \"profil\" }", "did you mean `profile`?"),
        ("{ from = \"caller\" }", "expected one of `env`, `file`"),
        ("{ from = \"role\", arn = \"x\" }", "`source` is missing"),
        (
            "{ from = \"role\", arn = \"x\", externalid = \"y\", source = { from = \"env\" } }",
            "did you mean `external-id`?",
        ),
    ] {
        let message = parse(wrong).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn keys_that_depend_on_each_other_are_checked() {
    let parse = |more: &str| {
        PolicyFile::parse(&format!("[datasources.a]\nplugin = \"dynamodb\"\n{more}\n"))
    };
    for (wrong, part) in [
        ("networks = { \"http://a\" = [\"10.0.0.0/8\"] }", "but egress does not"),
        ("tls = { client-key = \"k.pem\" }", "belong together"),
        (
            "credentials = { from = \"role\", arn = \"a\", source = { from = \"web-identity\", role = \"b\" } }",
            "belong together",
        ),
        (
            "credentials = { from = \"web-identity\", role = \"arn:aws:iam::1:role/a\" }",
            "belong together",
        ),
        ("limits = { wasm-tables = 9 }", "limits.wasm-tables is larger than 8"),
    ] {
        let message = parse(wrong).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
    }
    let consistent = "egress = ['POST http://a/']\nnetworks = { 'http://a' = ['10.0.0.0/8'] }\n\
                      tls = { ca = 'ca.pem' }";
    assert!(parse(consistent).is_ok());
}

#[test]
fn memory_of_the_host_is_parsed_and_has_a_minimum() {
    let memory = |text: &str| PolicyFile::parse(&format!("[host]\nmemory = {text}\n"));
    assert_eq!(memory("'2 GiB'").unwrap().host.memory, Some(ByteSize::gib(2)));
    assert_eq!(PolicyFile::parse("").unwrap().host.memory, None);
    for (wrong, part) in
        [("'1 MiB'", "at least 16.0 MiB"), ("'0'", "at least"), ("'x'", "not a size")]
    {
        let message = memory(wrong).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains(part), "{message}");
    }
}

#[test]
fn audit_is_parsed() {
    let audited =
        PolicyFile::parse("[audit]\nfile = \"audit.jsonl\"\nwhen-full = \"pass\"\n").unwrap();
    assert_eq!(audited.audit.unwrap().when_full, WhenFull::Pass);
}

#[test]
fn settings_in_the_policy_and_in_a_file_are_refused() {
    for key in ["settings-file", "settings_file"] {
        let text =
            format!("[datasources.a]\nplugin = \"dynamodb\"\nsettings = {{}}\n{key} = \"x\"\n");
        let message = PolicyFile::parse(&text).unwrap_err().to_string();
        assert!(message.contains("settings and settings-file are both given"), "{message}");
    }
}

#[test]
fn old_spellings_are_parsed_and_written_in_the_new_spelling() {
    let old = "[datasources.a]\nplugin = 'dynamodb'\nsettings_file = 'x.json'\n\
               limits = { tables = 4 }\n";
    let new = "[datasources.a]\nplugin = 'dynamodb'\nsettings-file = 'x.json'\n\
               limits = { wasm-tables = 4 }\n";
    let file = PolicyFile::parse(old).unwrap();
    assert_eq!(file, PolicyFile::parse(new).unwrap());
    assert_eq!(file.datasources["a"].settings, SettingsSource::File("x.json".into()));
    let written = toml::Value::try_from(&file).unwrap();
    let datasource = &written["datasources"]["a"];
    assert_eq!(datasource["settings-file"].as_str(), Some("x.json"));
    assert_eq!(datasource["limits"]["wasm-tables"].as_integer(), Some(4));
    let keys: Vec<&str> = datasource.as_table().unwrap().keys().map(String::as_str).collect();
    assert!(!keys.contains(&"settings_file"), "{keys:?}");
    assert_eq!(datasource["limits"].get("tables"), None);
}

#[test]
fn errors_name_their_line() {
    let line = |text: &str| PolicyFile::parse(text).unwrap_err().line();
    assert_eq!(line("[datasources.a]\nplugin = 1\n"), Some(2));
    assert_eq!(line("\n\n[datasources.a\n"), Some(3));
}

#[test]
fn wrong_keys_of_a_template_are_named_with_their_line() {
    for (template, line, reason) in [
        ("setting = {}", 3, "did you mean `settings`?"),
        ("settings = { region = [] }", 3, "the list of allowed values is empty"),
        ("settings-file = \"a\"", 3, "unknown"),
        ("credentials = { from = \"user\" }", 3, "`user`, expected one of `caller`, `env`, `file`"),
        ("credentials = { from = \"caller2\" }", 3, "did you mean `caller`?"),
        (
            "credentials = { from = \"role\", arn = \"x\", source = { from = \"user\" } }",
            3,
            "`user`, expected one of `env`, `file`",
        ),
        ("egress = [\"https://{region}.a.example\"]", 1, "egress has {region}"),
        ("egress = [\"https://a.{region}\"]", 3, "the last label"),
        ("tls = { client-key = \"a\" }", 1, "belong together"),
        ("limits = { requests = 0 }", 1, "requests"),
        ("tenant-calls = { per-second = 0 }", 3, "`0`, expected 1 or more"),
    ] {
        let text = format!("[templates.t]\nplugin = \"dynamodb\"\n{template}\n");
        let error = PolicyFile::parse(&text).unwrap_err();
        assert!(error.to_string().contains(reason), "{template}: {error}");
        assert_eq!(error.line(), Some(line), "{template}: {error}");
    }
}
