use super::*;
use portcullis_policy::{Action, JsonPath, JsonStep};
use proptest::prelude::*;
use std::fmt::Write;

/// The action of a manifest with these paths.
fn action(statements: &[String], tables: &[String]) -> Action {
    let text = format!("access = \"write\"\nstatements = {statements:?}\ntables = {tables:?}");
    toml::from_str(&text).unwrap()
}

/// What a body names, with one path for tables.
fn tables(path: &str, body: &str) -> Result<(Vec<String>, bool), UnreadableBody> {
    let action = action(&[], &[path.to_string()]);
    let root = Place::root(&action, true);
    let named = Named::read(body.as_bytes(), &root)?;
    Ok((texts(&named.tables), named.malformed.tables))
}

fn texts(found: &[JsonText<'_>]) -> Vec<String> {
    found.iter().map(|text| text.unescape().into_owned()).collect()
}

#[test]
fn only_the_stated_places_are_read() {
    let (found, malformed) = tables(
        "/A/*/T",
        r#" {"x":[{"T":"no"}],"A":[{"T":"a","y":{"T":"no"}},null,{"T":null},{}],"B":{"T":1}} "#,
    )
    .unwrap();
    assert_eq!((found, malformed), (vec!["a".to_string()], false));
}

#[test]
fn a_field_of_a_path_that_occurs_twice_is_refused_in_every_spelling() {
    for body in [
        r#"{"T":"a","T":"a"}"#,
        r#"{"T":null,"T":"a"}"#,
        r#"{"T":"a","x":1,"\u0054":"b"}"#,
        r#"{"T":"a","t":"b"}"#,
        r#"{"t":"b"}"#,
    ] {
        assert!(matches!(tables("/T", body), Err(UnreadableBody::Syntax(_))), "{body}");
    }
    let kelvin = "{\"k\":\"a\",\"\u{212a}\":\"b\"}";
    assert!(matches!(tables("/k", kelvin), Err(UnreadableBody::Syntax(_))));
    let nested = r#"{"A":[{"T":"a"},{"T":"a","T":"b"}]}"#;
    assert!(matches!(tables("/A/*/T", nested), Err(UnreadableBody::Syntax(_))));
}

#[test]
fn fields_that_occur_twice_elsewhere_are_not_the_gates_business() {
    let body = r#"{"x":1,"x":{"T":1,"T":2},"A":[{"T":"a","y":0,"y":0},{"T":"b"}]}"#;
    assert_eq!(tables("/A/*/T", body).unwrap().0, ["a", "b"]);
}

#[test]
fn every_occurrence_of_a_name_is_visited() {
    assert_eq!(tables("/R/{key}", r#"{"R":{"a":1,"b":2,"\u0061":3}}"#).unwrap().0, ["a", "b", "a"]);
    let body = r#"{"R":{"x":{"T":"a"},"x":{"T":"b"}}}"#;
    assert_eq!(tables("/R/*/T", body).unwrap().0, ["a", "b"]);
}

#[test]
fn a_value_of_another_form_on_a_path_is_noticed() {
    for body in [
        r#"{"A":1}"#,
        r#"{"A":-1.5e3}"#,
        r#"{"A":true}"#,
        r#"{"A":"a"}"#,
        r#"{"A":"\n"}"#,
        r#"{"A":["a"]}"#,
        r#"{"A":[{"T":{}}]}"#,
        r#"{"A":[{"T":["a"]}]}"#,
        r#"{"A":[{"T":false}]}"#,
        r#"{"A":[[]]}"#,
    ] {
        assert_eq!(tables("/A/*/T", body).unwrap(), (vec![], true), "{body}");
    }
}

#[test]
fn what_is_not_one_json_object_is_refused() {
    for body in
        ["", "{", "nul", "{} {}", "{}x", "{\"T\":\"\\ud800\"}", "{\"\\ud800\":1}", "\u{feff}{}"]
    {
        assert!(matches!(tables("/T", body), Err(UnreadableBody::Syntax(_))), "{body}");
    }
    for body in ["[]", "null", "1", "\"T\"", " true"] {
        assert!(matches!(tables("/T", body), Err(UnreadableBody::NotAnObject)), "{body}");
    }
    let action = action(&[], &["/T".to_string()]);
    let root = Place::root(&action, true);
    let result = Named::read(b"{\"x\":\"\xff\"}", &root);
    assert!(matches!(result, Err(UnreadableBody::NotUtf8(6))));
}

#[test]
fn what_is_collected_is_bounded() {
    let list = |count| format!("{{\"A\":[{}{{}}]}}", "{\"T\":\"a\"},".repeat(count));
    assert_eq!(tables("/A/*/T", &list(1000)).unwrap().0.len(), 1000);
    assert!(matches!(tables("/A/*/T", &list(1001)), Err(UnreadableBody::TooMany)));
    for character in ["a", "é", "\\n", "\\ud83d\\ude00"] {
        let text = |count| format!("{{\"T\":\"{}\"}}", character.repeat(count));
        assert_eq!(tables("/T", &text(8192)).unwrap().0[0].chars().count(), 8192);
        assert!(matches!(tables("/T", &text(8193)), Err(UnreadableBody::TooLong)));
    }
    let name = |count| format!("{{\"R\":{{\"{}\":1}}}}", "a".repeat(count));
    assert_eq!(tables("/R/{key}", &name(8192)).unwrap().0.len(), 1);
    assert!(matches!(tables("/R/{key}", &name(8193)), Err(UnreadableBody::TooLong)));
}

#[test]
fn a_field_may_differ_in_case_from_another_field_of_the_paths() {
    let action = action(&["/A".to_string()], &["/a".to_string()]);
    let named = Named::read(br#"{"a":"t","A":"s"}"#, &Place::root(&action, true)).unwrap();
    assert_eq!(
        (texts(&named.statements), texts(&named.tables)),
        (vec!["s".into()], vec!["t".into()])
    );
}

/// JSON that keeps duplicates, for the reference.
#[derive(Clone, Debug)]
enum Tree {
    Null,
    Number,
    Text(String),
    List(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

impl Tree {
    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Number => out.push_str("-1.5"),
            Self::Text(text) => write!(out, "\"{}\"", text.replace('b', "\\u0062")).unwrap(),
            Self::List(list) => {
                out.push('[');
                for (index, value) in list.iter().enumerate() {
                    out.push_str(if index > 0 { " , " } else { "" });
                    value.write(out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if index > 0 { "," } else { "" });
                    Self::Text(name.clone()).write(out);
                    out.push_str(" : ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// The texts that the steps lead to. An error tells whether a field occurs twice (true), or a
    /// value has another form.
    fn walk(&self, steps: &[JsonStep], found: &mut Vec<String>, faults: &mut Vec<bool>) {
        match (steps.split_first(), self) {
            (_, Self::Null) => {}
            (None, Self::Text(text)) => found.push(text.clone()),
            (Some((JsonStep::Field(name), rest)), Self::Object(fields)) => {
                let matching = fields.iter().filter(|(field, _)| field.eq_ignore_ascii_case(name));
                if matching.clone().count() > 1 || matching.clone().any(|(field, _)| field != name)
                {
                    faults.push(true);
                }
                matching.for_each(|(_, value)| value.walk(rest, found, faults));
            }
            (Some((JsonStep::Each, rest)), Self::List(list)) => {
                for value in list {
                    value.walk(rest, found, faults);
                }
            }
            (Some((JsonStep::Each, rest)), Self::Object(fields)) => {
                for (_, value) in fields {
                    value.walk(rest, found, faults);
                }
            }
            (Some((JsonStep::Keys, _)), Self::Object(fields)) => {
                found.extend(fields.iter().map(|(name, _)| name.clone()));
            }
            _ => faults.push(false),
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let leaf =
        prop_oneof![Just(Tree::Null), Just(Tree::Number), "[abA]{0,2}".prop_map(Tree::Text),];
    let value = leaf.prop_recursive(4, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
            prop::collection::vec(("[abcA]", inner), 0..4).prop_map(Tree::Object),
        ]
    });
    prop::collection::vec(("[abcA]", value), 0..4).prop_map(Tree::Object)
}

fn paths() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("(/([abc]|\\*)){1,3}|(/([abc]|\\*)){0,2}/\\{key\\}", 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn one_pass_finds_what_a_walk_along_each_path_finds(
        body in trees(), statements in paths(), tables in paths(),
    ) {
        let walk = |paths: &[String]| {
            let (mut found, mut faults) = (Vec::new(), Vec::new());
            for path in paths.iter().collect::<std::collections::BTreeSet<_>>() {
                body.walk(path.parse::<JsonPath>().unwrap().steps(), &mut found, &mut faults);
            }
            found.sort();
            (found, faults.contains(&false), faults.contains(&true))
        };
        let sorted = |found: &[JsonText<'_>]| {
            let mut texts = texts(found);
            texts.sort();
            texts
        };
        let (expected_statements, malformed_statements, first) = walk(&statements);
        let (expected_tables, malformed_tables, second) = walk(&tables);
        let action = action(&statements, &tables);
        let mut text = String::new();
        body.write(&mut text);
        let found = Named::read(text.as_bytes(), &Place::root(&action, true));
        if first || second {
            prop_assert!(matches!(found, Err(UnreadableBody::Syntax(_))), "{}", text);
            return Ok(());
        }
        let found = found.unwrap();
        prop_assert_eq!(found.malformed.statements, malformed_statements, "{}", &text);
        prop_assert_eq!(found.malformed.tables, malformed_tables, "{}", &text);
        // The same text is found once, even if several paths lead to it.
        let distinct = |mut texts: Vec<String>| { texts.dedup(); texts };
        prop_assert_eq!(distinct(sorted(&found.statements)), distinct(expected_statements));
        prop_assert_eq!(distinct(sorted(&found.tables)), distinct(expected_tables), "{}", text);
    }
}
