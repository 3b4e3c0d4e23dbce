//! What a filled template is, and how errors and memory are bounded.

use super::*;

fn bound(template: &str, values: &[(&str, &str)]) -> Result<String, String> {
    let values: BTreeMap<&str, &str> = values.iter().copied().collect();
    bind(template, &values, usize::MAX).map_err(|error| error.to_string())
}

#[test]
fn a_placeholder_takes_one_whole_value_and_keeps_its_digits() {
    let template = "{\"a\": {{a}}, // a comment with {{a}} and \"\n \"b\": [{{ b }}, {{a}}]}";
    let bound =
        bound(template, &[("a", "12345678901234567890.10"), ("b", r#"{"x": "{{a}}"}"#)]).unwrap();
    assert_eq!(
        bound,
        "{\"a\": 12345678901234567890.10, // a comment with {{a}} and \"\n \"b\": [{\"x\": \"{{a}}\"}, 12345678901234567890.10]}"
    );
}

#[test]
fn a_value_cannot_become_anything_but_a_value() {
    for injected in [r#""x"}, "y": {"#, "1, 2", "1 // ", "/* */ 1", "{{other}}", "", "}"] {
        let message = bound(r#"{"a": {{a}}, "b": {{other}}}"#, &[("a", injected), ("other", "1")])
            .unwrap_err();
        let problem = if injected.is_empty() { "the value is empty" } else { "this is not JSON" };
        assert!(message.starts_with(&format!("/values/a: {problem}")), "{injected}: {message}");
    }
}

#[test]
fn a_value_is_not_joined_to_what_is_next_to_it() {
    for joined in ["{{a}}{{a}}", "1{{a}}", "-{{a}}", "{{a}}.5", "{{a}}e3", "{{a}}0", "é{{a}}"] {
        let message = bound(&format!("[\n{joined}]"), &[("a", "1")]).unwrap_err();
        assert!(message.contains("line 2: {{a}} is joined to what is next"), "{message}");
    }
    for apart in ["[{{a}},{{a}}]", "{\"a\":{{a}}}", "[1/**/,{{a}}/**/,2]", "[{{a}}\n]"] {
        assert!(bound(apart, &[("a", "1")]).is_ok(), "{apart}");
    }
}

#[test]
fn a_value_without_quotes_is_shown_with_quotes_unless_it_is_long() {
    let message = bound("[{{l}}]", &[("l", "five")]).unwrap_err();
    assert!(message.contains("a text needs quotes: \"five\""), "{message}");
    assert!(message.contains("--bind NAME=TEXT"), "{message}");
    let message = bound("[{{l}}]", &[("l", "a-secret-that-is-long")]).unwrap_err();
    assert!(message.contains("a text needs quotes: \"…\"") && !message.contains("secret"));
}

#[test]
fn every_problem_is_reported_at_once() {
    let message = bound(
        "{\"a\": {{a}},\n\"b\": \"{{b}}\", \"c\": \"{{d}} is text\"}",
        &[("b", "1"), ("u", "2")],
    )
    .unwrap_err();
    assert!(
        message.contains("line 1: there is no value for {{a}}; the values are b, u"),
        "{message}"
    );
    assert!(message.contains("line 2: {{b}} is within quotes"), "{message}");
    let spaced = bound("\"a {{ b }}\"", &[("b", "1")]).unwrap_err();
    assert!(spaced.contains("{{b}} is within quotes"), "{spaced}");
    assert!(
        message.contains("/values/u: the template has no placeholder {{u}}")
            && !message.contains("{{d}}"),
        "{message}"
    );
}

#[test]
fn a_long_template_takes_one_pass() {
    // A second pass over each byte would take minutes.
    for piece in ["{{", "{{ a", "\"{{", "a\n", "/", "{{x}}", "\"\\\"\""] {
        let text = piece.repeat(1_000_000);
        if let Err(error) = bind(&text, &BTreeMap::<&str, &str>::new(), usize::MAX) {
            assert!(error.diagnostics().len() <= MAX_DIAGNOSTICS, "{piece}");
        }
    }
}

#[test]
fn text_that_is_not_a_placeholder_is_kept() {
    for text in [r#"{"a":{"b":{}}}"#, "{{", "{{}}", "{{a b}}", "\"open {{", "/* open {{a}}", "é{{"]
    {
        assert_eq!(bound(text, &[]).as_deref(), Ok(text), "{text}");
    }
}

#[test]
fn a_template_that_grows_beyond_the_limit_is_refused_before_anything_is_copied() {
    let value = format!("\"{}\"", "v".repeat(1000));
    let template = format!("[{}1]", "{{v}}, ".repeat(1000));
    let values = BTreeMap::from([("v", value.as_str())]);
    let length = 1000 * (value.len() + 2) + 3;
    assert_eq!(bind(&template, &values, length).map(|out| out.capacity()), Ok(length));
    let error = bind(&template, &values, length - 1).unwrap_err();
    assert!(error.is_too_large());
    assert_eq!(
        error.to_string(),
        format!(
            "/template: with its values, the template is larger than the limit of {} bytes",
            length - 1
        )
    );
    assert!(!bind("{{x}}", &values, length).unwrap_err().is_too_large());
}

#[test]
fn more_values_than_allowed_are_one_problem() {
    let names: Vec<String> = (0..=MAX_BOUND_VALUES).map(|number| format!("v{number}")).collect();
    let mut values: BTreeMap<&str, &str> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let error = bind("{}", &values, 100).unwrap_err().to_string();
    assert_eq!(error, "/values: there are 10001 values; at most 10000 are allowed");
    values.remove("v0");
    let error = bind("{}", &values, 100).unwrap_err();
    assert_eq!(error.diagnostics().len(), MAX_DIAGNOSTICS, "each of them is unused");
}

#[test]
fn an_error_is_small_whatever_the_template_and_the_values_contain() {
    let long = "n".repeat(1_000_000);
    let names: Vec<String> = (0..50).map(|number| format!("é/{number}{long}")).collect();
    let values: BTreeMap<&str, &str> = names.iter().map(|name| (name.as_str(), "?")).collect();
    let template = format!("{{{{{long}}}}} \"{{{{{}}}}}\"", names[0]);
    for (template, values) in [(template.repeat(30), &values), (template, &BTreeMap::new())] {
        let error = bind(&template, values, usize::MAX).unwrap_err();
        assert!(error.to_string().len() < 12_000, "{}", error.to_string().len());
    }
    let cut = bind(&format!("{{{{{long}}}}}"), &values, usize::MAX).unwrap_err();
    assert!(cut.to_string().contains(&format!("/values/é~10{}…: ", "n".repeat(97))), "{cut}");
}

#[test]
fn a_value_of_brackets_is_refused_before_it_is_parsed() {
    let message = bound("{{v}}", &[("v", &"[".repeat(1_000_000))]).unwrap_err();
    assert_eq!(message, "/values/v: it nests more than 10000 levels deep");
}

/// What [`reference`] finds out about a template.
#[derive(Default)]
struct Reference<'n> {
    filled: String,
    /// The names that occur in place of a value.
    used: BTreeSet<&'n str>,
    /// Whether a known name occurs within quotes, or is joined to what is next to it.
    is_refused: bool,
}

/// Fills a template slowly: at each place it tries every way to write each placeholder.
fn reference<'n>(template: &str, values: &BTreeMap<&'n str, &str>) -> Reference<'n> {
    let mut found = Reference::default();
    // What ends at this place: 'p' for a placeholder, 'w' for other characters of a value.
    let (mut place, mut ends) = (' ', ' ');
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        let here = values.iter().find_map(|(name, value)| {
            let ways = [format!("{{{{{name}}}}}"), format!("{{{{ {name} }}}}")];
            let way = ways.into_iter().find(|way| rest.starts_with(way))?;
            Some((*name, *value, way.len()))
        });
        let mut length = first.len_utf8();
        match (place, here) {
            (' ', Some((name, value, whole))) => {
                found.used.insert(name);
                found.filled.push_str(value);
                found.is_refused |= ends != ' ';
                ends = 'p';
                rest = &rest[whole..];
                continue;
            }
            ('"', Some(_)) => found.is_refused = true,
            _ => {}
        }
        let is_value = place == ' ' && (first.is_alphanumeric() || "+-_.".contains(first));
        found.is_refused |= is_value && ends == 'p';
        ends = if is_value { 'w' } else { ' ' };
        match place {
            ' ' if first == '"' => place = '"',
            ' ' if rest.starts_with("//") => place = '/',
            ' ' if rest.starts_with("/*") => (place, length) = ('*', 2),
            '"' if first == '"' => place = ' ',
            '"' if first == '\\' => length += rest[1..].chars().next().map_or(0, char::len_utf8),
            '/' if first == '\n' => place = ' ',
            '*' if rest.starts_with("*/") => (place, length) = (' ', 2),
            _ => {}
        }
        found.filled.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    found
}

#[test]
fn a_placeholder_in_place_of_a_fields_name_is_refused() {
    for template in ["{ {{k}}: 1}", "{\n {{ k }}\n : 1}"] {
        let message = bound(template, &[("k", "\"admin\"")]).unwrap_err();
        assert!(message.contains("{{k}} is in place of a field's name"), "{template}: {message}");
    }
    assert_eq!(bound("[{{k}}, 1]", &[("k", "2")]).unwrap(), "[2, 1]");
}

/// Pieces of templates. None has a colon, before which no placeholder may stand.
const PIECES: &str =
    r#"\{\{a\}\}|\{\{ b \}\}|\{\{c\}\}|"\{\{z\}\}"|"\\"x"|//|/\*|\*/|\n|[ {}\[\],1é]{0,3}"#;

proptest::proptest! {
    /// Whatever a value contains, it is the whole value of its placeholder, and the rest of the
    /// template is unchanged.
    #[test]
    fn a_text_value_is_bound_unchanged(text in ".*", key in "[a-z\"{}/\\\\:, ]*") {
        let (value, key) = (serde_json::Value::from(text), serde_json::Value::from(key));
        let template = format!("{{\"before\": {{{{v}}}}, {key}: [{{{{ v }}}}, 1], \"after\": true}}");
        if !key.to_string().contains("{{") {
            let bound = bound(&template, &[("v", &value.to_string())]).unwrap();
            let read: serde_json::Value = serde_json::from_str(&bound).unwrap();
            let mut expected = serde_json::json!({"before": value, "after": true});
            expected[key.as_str().unwrap()] = serde_json::json!([value, 1]);
            proptest::prop_assert_eq!(read, expected);
        }
    }

    /// A template or value that is not JSON is at worst an error.
    #[test]
    fn no_template_and_no_value_causes_a_panic(
        template in ".*",
        pieces in proptest::collection::vec("[{}\"/*a\\n\\\\]{0,6}", 0..8),
        value in ".*",
    ) {
        for template in [template, pieces.concat()] {
            // Whether the values fit does not matter here.
            let _ = bound(&template, &[("a", &value), ("b", "1")]);
        }
    }

    /// A filled template is never larger than the limit and takes no more memory, and one that fits
    /// is what a slow and simple implementation makes of it.
    #[test]
    fn a_filled_template_fits_the_limit_and_equals_the_reference(
        pieces in proptest::collection::vec(PIECES, 0..30),
        texts in proptest::collection::vec("[a{}\"/*é]{0,12}", 3),
        limit in 0usize..300,
    ) {
        let template = pieces.concat();
        let texts = texts.into_iter().map(|text| serde_json::Value::from(text).to_string());
        let texts: Vec<String> = texts.collect();
        let all: BTreeMap<&str, &str> =
            ["a", "b", "c"].into_iter().zip(texts.iter().map(String::as_str)).collect();
        let Reference { filled: expected, used, is_refused } = reference(&template, &all);
        let values: BTreeMap<&str, &str> =
            all.into_iter().filter(|(name, _)| used.contains(name)).collect();
        match bind(&template, &values, limit) {
            Ok(filled) => {
                proptest::prop_assert!(filled.len() <= limit && filled.capacity() <= limit);
                proptest::prop_assert!(!is_refused);
                proptest::prop_assert_eq!(filled, expected);
            }
            Err(error) if error.is_too_large() => proptest::prop_assert!(expected.len() > limit),
            Err(error) => proptest::prop_assert!(is_refused, "{}", error),
        }
    }
}
