use super::*;

fn problems(text: &str) -> Vec<(String, String)> {
    Settings::parse(text)
        .unwrap_err()
        .into_iter()
        .map(|diagnostic| (diagnostic.pointer, diagnostic.message))
        .collect()
}

#[test]
fn a_region_is_the_only_required_setting_and_is_trimmed() {
    let settings = Settings::parse("{\"region\": \" eu-west-1\\n\"} // mine").unwrap();
    assert_eq!(settings.region, "eu-west-1");
    assert_eq!((settings.max_attempts, settings.strict, settings.format), (4, true, Format::Typed));
}

#[test]
fn a_region_that_could_change_the_host_is_rejected() {
    for region in [
        "us-east-1.evil.example/#",
        "x@evil",
        "us-east-1\\nHost: evil",
        "",
        "EU-WEST-1",
        "-a",
        "a/b",
        "a?b",
    ] {
        let found = problems(&format!("{{\"region\": \"{region}\"}}"));
        assert_eq!(found[0].0, "/region", "{region}");
    }
}

#[test]
fn all_problems_in_settings_are_reported_at_once() {
    let found = problems(r#"{"regoin":"x","format":"Typed","maxAttempts":0,"useFips":"yes"}"#);
    let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
    assert_eq!(pointers, ["/regoin", "/format", "/maxAttempts", "/useFips", "/region"]);
    assert!(found[0].1.contains("did you mean region?"));
}

#[test]
fn credentials_in_settings_are_rejected_with_a_pointer_to_the_policy() {
    let found = problems(r#"{"region":"eu-west-1","secretAccessKey":"x"}"#);
    assert!(found[0].1.contains("policy"), "{found:?}");
}

#[test]
fn an_endpoint_is_an_origin_without_path_query_or_user() {
    for endpoint in [
        "ftp://x",
        "https://a@b",
        "https://a/b",
        "https://a?b",
        "http://",
        "x",
        "https://a b",
        "https://a#b",
        "https://%61",
    ] {
        let found = problems(&format!("{{\"region\":\"eu-west-1\",\"endpoint\":\"{endpoint}\"}}"));
        assert_eq!(found[0].0, "/endpoint", "{endpoint}");
    }
    let custom = Settings::parse(r#"{"region":"eu-west-1","endpoint":"https://Example.com:443/"}"#)
        .unwrap()
        .endpoint
        .unwrap();
    assert_eq!((custom.https, custom.authority.as_str()), (true, "example.com"));
    for (spelt, sent) in [
        ("http://127.0.0.1:07911", "127.0.0.1:7911"),
        ("HTTP://my_host:8000", "my_host:8000"),
        ("http://[0:0:0:0:0:0:0:1]:80", "[::1]"),
    ] {
        let settings =
            Settings::parse(&format!("{{\"region\":\"eu-west-1\",\"endpoint\":\"{spelt}\"}}"))
                .unwrap();
        assert_eq!(settings.endpoint.unwrap().authority, sent);
    }
}

#[test]
fn options_override_settings_and_unknown_options_are_rejected() {
    let settings = Settings::parse(r#"{"region":"eu-west-1","strict":false}"#).unwrap();
    let options = Options::parse(r#"{"format":"plain"}"#, &settings).unwrap();
    assert_eq!(options, Options { format: Format::Plain, ..settings.options() });
    assert_eq!(Options::parse(r#"{"formt":"plain"}"#, &settings).unwrap_err()[0].pointer, "/formt");
}

#[test]
fn settings_that_are_not_an_object_are_rejected() {
    for text in ["[]", "1", "\"eu-west-1\"", "null", "", "{"] {
        assert!(Settings::parse(text).is_err(), "{text}");
    }
}
