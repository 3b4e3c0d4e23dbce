//! Bodies: one pass over a body allows and denies what a slow reference does, which reads the body
//! as a tree that keeps duplicates, and walks along each path of the manifest. Bodies are built
//! along those paths, with duplicates, escapes, wrong types and damaged bytes.
#![no_main]

use libfuzzer_sys::arbitrary::{Result as Built, Unstructured};
use libfuzzer_sys::fuzz_target;
use portcullis_aws::{AwsService, Service};
use portcullis_policy::{Action, ActionName, JsonStep, Manifest, Policy, TableName};
use std::iter::Peekable;
use std::str::Chars;
use std::sync::{Arc, LazyLock};

fuzz_target!(|data: &[u8]| {
    let _ = compare(&mut Unstructured::new(data));
});

fn compare(bytes: &mut Unstructured<'_>) -> Built<()> {
    let (service, policy) = bytes.choose(&SERVICES)?;
    let name: ActionName = bytes.choose(&ACTIONS)?.parse().expect("these are names");
    if !service.reads_body(&name) {
        return Ok(());
    }
    let action = MANIFEST.action(&name).expect("the manifest lists them");
    let paths: Vec<&[JsonStep]> =
        action.statements().iter().chain(action.tables()).map(|path| path.steps()).collect();
    let mut body = String::new();
    write_along(bytes, &paths, &mut body)?;
    let mut body = body.into_bytes();
    damage(bytes, &mut body)?;
    let decision = service.check_body(&name, &body, &|checked| policy.enforce(checked, |_| ()));
    if let Some(expected) = is_allowed(action, policy, &body) {
        let shown = String::from_utf8_lossy(&body);
        assert_eq!(decision.is_ok(), expected, "{name} {decision:?} {shown}");
    }
    Ok(())
}

static MANIFEST: LazyLock<Manifest> = LazyLock::new(|| {
    Manifest::parse(include_str!("../../guest/component/manifest.toml")).expect("it is a manifest")
});

static SERVICES: LazyLock<Vec<(AwsService, Policy)>> = LazyLock::new(|| {
    let tables = r#"tables = ["orders", "logs-*", "arn:aws:dynamodb:eu-west-1:1:table/*"]"#;
    let policies = [
        "access = 'read'".to_string(),
        format!("access = 'admin'\n{tables}"),
        format!("access = 'read'\n{tables}"),
        format!("access = 'admin'\nobserve = ['tables']\n{tables}"),
        format!("access = 'read'\nobserve = ['tables']\n{tables}"),
    ];
    let open = |text: String| {
        let policy: Policy = toml::from_str(&text).expect("it is a policy");
        let manifest = Arc::new(MANIFEST.clone());
        (AwsService::new(manifest, Arc::new(policy.clone()), None), policy)
    };
    policies.into_iter().map(open).collect()
});

const ACTIONS: [&str; 12] = [
    "GetItem",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactGetItems",
    "TransactWriteItems",
    "ExecuteStatement",
    "BatchExecuteStatement",
    "ExecuteTransaction",
    "RestoreTableFromBackup",
    "ImportTable",
    "CreateTable",
    "ListTables",
];

const TABLES: [&str; 9] = [
    "orders",
    "logs-1",
    "secrets",
    "",
    "orders ",
    "arn:aws:dynamodb:eu-west-1:1:table/orders",
    "arn:aws:dynamodb:eu-west-1:1:table/orders/index/a",
    "arn:aws:dynamodb:eu-west-1:1:table/orders/../a",
    "arn:aws:dynamodb:us-east-1:1:table/orders",
];

/// An object with this field is taken for a number, whether or not `serde_json` shows numbers so.
const NUMBER: &str = "$serde_json::private::Number";

/// Statements, whether they only read, and their table.
const STATEMENTS: [(&str, bool, Option<&str>); 7] = [
    ("SELECT * FROM orders", true, Some("orders")),
    ("SELECT * FROM \"secrets\" WHERE a = 'é'", true, Some("secrets")),
    ("SELECT * FROM orders, secrets", true, None),
    ("DELETE FROM orders WHERE a = 1", false, Some("orders")),
    ("INSERT INTO secrets VALUE {'a': 1}", false, Some("secrets")),
    ("SELECT 'a\\'' FROM orders", false, None),
    ("", false, None),
];

/// Writes a value that has the form of these paths, unless the bytes want another.
fn write_along(bytes: &mut Unstructured<'_>, paths: &[&[JsonStep]], out: &mut String) -> Built<()> {
    // No bytes are left, or the value is another one.
    if bytes.is_empty() || paths.is_empty() || bytes.ratio(1, 12)? {
        return write_any(bytes, 2, out);
    }
    if paths.iter().any(|steps| steps.is_empty()) {
        let text = if bytes.arbitrary()? {
            bytes.choose(&TABLES)?.to_string()
        } else {
            let statement = bytes.choose(&STATEMENTS)?.0;
            // Sometimes as long as it may be, or longer by one.
            let spaces = 8192 - statement.chars().count();
            let spaces =
                if bytes.ratio(1, 12)? { bytes.int_in_range(spaces..=spaces + 1)? } else { 0 };
            format!("{statement}{}", " ".repeat(spaces))
        };
        return write_text(bytes, &text, out);
    }
    if paths.iter().any(|steps| steps[0] == JsonStep::Each) {
        let rest: Vec<&[JsonStep]> = paths.iter().map(|steps| &steps[1..]).collect();
        let as_object = bytes.ratio(1, 8)?;
        out.push(if as_object { '{' } else { '[' });
        let mut element = String::new();
        for index in 0..bytes.int_in_range(0..=3)? {
            element.clear();
            if as_object {
                write_text(bytes, "x", &mut element)?;
                element.push(':');
            }
            write_along(bytes, &rest, &mut element)?;
            // Sometimes as many as there may be, or more by some.
            let count = if bytes.ratio(1, 24)? { bytes.int_in_range(997..=1001)? } else { 1 };
            for one in 0..count {
                out.push_str(if index + one > 0 { "," } else { "" });
                out.push_str(&element);
            }
        }
        out.push(if as_object { '}' } else { ']' });
        return Ok(());
    }
    out.push('{');
    let mut names = Vec::new();
    for steps in paths {
        match &steps[0] {
            JsonStep::Field(name) if !names.contains(&name.as_str()) => names.push(name),
            JsonStep::Keys => names.extend(["orders", "logs-2"]),
            _ => {}
        }
    }
    let mut is_first = true;
    for name in names {
        let times = *bytes.choose(&[1, 1, 1, 1, 1, 1, 0, 0, 0, 2])?;
        for _ in 0..times {
            write_comma(&mut is_first, out);
            let spelled = match bytes.int_in_range(0..=31)? {
                0 => name.to_lowercase(),
                1 => name.replace('s', "\u{17f}"),
                2 => bytes.choose(&TABLES)?.to_string(),
                _ => name.to_string(),
            };
            write_text(bytes, &spelled, out)?;
            out.push_str(": ");
            let rest: Vec<&[JsonStep]> = paths
                .iter()
                .filter(|steps| matches!(&steps[0], JsonStep::Field(field) if field == name))
                .map(|steps| &steps[1..])
                .collect();
            write_along(bytes, &rest, out)?;
        }
        if bytes.ratio(1, 8)? {
            write_comma(&mut is_first, out);
            write_text(bytes, "x", out)?;
            out.push(':');
            write_any(bytes, 3, out)?;
        }
    }
    out.push('}');
    Ok(())
}

fn write_comma(is_first: &mut bool, out: &mut String) {
    out.push_str(if *is_first { " " } else { " ,\n" });
    *is_first = false;
}

fn write_any(bytes: &mut Unstructured<'_>, depth: u32, out: &mut String) -> Built<()> {
    match if bytes.is_empty() { 0 } else { bytes.int_in_range(0..=9)? } {
        0 => out.push_str("null"),
        1 => out.push_str(bytes.choose(&[
            "0",
            "-0.5e+3",
            "01",
            "1.",
            "1e999",
            "-",
            "12345678901234567890",
        ])?),
        2 => out.push_str(bytes.choose(&["true", "false", "nul", "NaN"])?),
        3 => out.push_str(bytes.choose(&[
            "\"\\ud800\"",
            "\"\\ud83d\\ude00\"",
            "\"\\x\"",
            "\"\t\"",
            "\"\\\"",
        ])?),
        4 => {
            let levels = bytes.int_in_range(120..=130)?;
            out.push_str(&"[".repeat(levels));
            out.push_str(&"]".repeat(levels));
        }
        5 | 6 if depth > 0 => {
            out.push('[');
            write_any(bytes, depth - 1, out)?;
            out.push(']');
        }
        7 | 8 if depth > 0 => {
            out.push('{');
            let name = *bytes.choose(&["TableName", "Statement", "x", NUMBER])?;
            write_text(bytes, name, out)?;
            out.push(':');
            write_any(bytes, depth - 1, out)?;
            out.push('}');
        }
        _ => write_text(bytes, "orders", out)?,
    }
    Ok(())
}

/// Writes a JSON string, with some of its characters escaped.
fn write_text(bytes: &mut Unstructured<'_>, text: &str, out: &mut String) -> Built<()> {
    let escaped: u8 = bytes.arbitrary()?;
    out.push('"');
    for (index, character) in text.chars().enumerate() {
        match character {
            '"' | '\\' => {
                out.push('\\');
                out.push(character);
            }
            _ if escaped < 64 && escaped as usize % 8 == index => {
                out.push_str(&format!("\\u{:04X}", character as u32));
            }
            _ => out.push(character),
        }
    }
    if escaped == 255 {
        out.push_str("\\udc00");
    }
    out.push('"');
    Ok(())
}

/// Changes, removes or adds a byte of one body in eight.
fn damage(bytes: &mut Unstructured<'_>, body: &mut Vec<u8>) -> Built<()> {
    if body.is_empty() || !bytes.ratio(1, 8)? {
        return Ok(());
    }
    let at = bytes.choose_index(body.len())?;
    match bytes.int_in_range(0..=3)? {
        0 => body[at] = bytes.arbitrary()?,
        1 => body.truncate(at),
        2 => drop(body.remove(at)),
        _ => body.insert(at, bytes.arbitrary()?),
    }
    Ok(())
}

/// Whether the reference allows a body; none if it does not know a statement.
fn is_allowed(action: &Action, policy: &Policy, body: &[u8]) -> Option<bool> {
    let decides_on_writes = !action.statements().is_empty() && policy.access < action.access();
    let is_limited = policy.tables.is_some();
    let is_observed = !policy.report_only.is_empty();
    if action.statements().is_empty() && action.tables().is_empty() {
        return Some(true);
    }
    let unreadable = Some(!decides_on_writes && is_observed);
    let Some(Tree::Object(fields)) = std::str::from_utf8(body).ok().and_then(Parser::parse) else {
        return unreadable;
    };
    let body = Tree::Object(fields);
    let mut statements = Walk::default();
    let mut tables = Walk::default();
    action.statements().iter().for_each(|path| statements.follow(&body, path.steps()));
    if is_limited {
        action.tables().iter().for_each(|path| tables.follow(&body, path.steps()));
    }
    if statements.is_ambiguous
        || tables.is_ambiguous
        || statements.found.len() + tables.found.len() > 1000
    {
        return unreadable;
    }
    if statements.is_malformed {
        return Some(false);
    }
    let mut known = Vec::new();
    for text in &statements.found {
        let text = text.trim_end_matches(' ');
        known.push(STATEMENTS.iter().find(|(statement, _, _)| *statement == text)?);
    }
    if decides_on_writes && (known.is_empty() || known.iter().any(|(_, reads, _)| !reads)) {
        return Some(false);
    }
    if !is_limited || is_observed {
        return Some(true);
    }
    let is_listed =
        |table: &str| TableName::parse(table).is_ok_and(|table| policy.check_table(table).is_ok());
    Some(
        !tables.is_malformed
            && (action.tables().is_empty() || !tables.found.is_empty())
            && (action.statements().is_empty() || !known.is_empty())
            && tables.found.iter().all(|table| is_listed(table))
            && known.iter().all(|(_, _, table)| table.is_some_and(is_listed)),
    )
}

/// What a walk along the paths of one kind has found.
#[derive(Default)]
struct Walk {
    found: Vec<String>,
    /// A value has another form than the path.
    is_malformed: bool,
    /// A field occurs twice or in another case, or a text is too long or no text.
    is_ambiguous: bool,
}

impl Walk {
    fn follow(&mut self, value: &Tree, steps: &[JsonStep]) {
        match (steps.split_first(), value) {
            (_, Tree::Null) => {}
            (None, Tree::Text(text)) => self.add(text.as_ref()),
            (Some((step, rest)), Tree::Object(fields)) => {
                self.is_ambiguous |= fields.iter().any(|(name, _)| name.is_none());
                self.is_malformed |= fields.iter().any(|(name, _)| name.as_deref() == Some(NUMBER));
                match step {
                    JsonStep::Keys => fields.iter().for_each(|(name, _)| self.add(name.as_ref())),
                    JsonStep::Each => fields.iter().for_each(|(_, value)| self.follow(value, rest)),
                    JsonStep::Field(field) => {
                        let fold = |name: &str| name.to_uppercase();
                        let same = fields.iter().filter(|(name, _)| {
                            name.as_ref().is_some_and(|name| fold(name) == fold(field))
                        });
                        self.is_ambiguous |= same.clone().count() > 1
                            || same.clone().any(|(name, _)| name.as_ref() != Some(field));
                        same.for_each(|(_, value)| self.follow(value, rest));
                    }
                }
            }
            (Some((JsonStep::Each, rest)), Tree::List(list)) => {
                list.iter().for_each(|value| self.follow(value, rest));
            }
            (Some(_), Tree::Text(None)) => self.is_ambiguous = true,
            _ => self.is_malformed = true,
        }
    }

    fn add(&mut self, text: Option<&String>) {
        match text {
            Some(text) if text.chars().count() <= 8192 => self.found.push(text.clone()),
            _ => self.is_ambiguous = true,
        }
    }
}

/// JSON with all fields of its objects, in their order. A text with half a surrogate pair is none.
enum Tree {
    Null,
    Other,
    Text(Option<String>),
    List(Vec<Tree>),
    Object(Vec<(Option<String>, Tree)>),
}

struct Parser<'t>(Peekable<Chars<'t>>);

impl Parser<'_> {
    fn parse(text: &str) -> Option<Tree> {
        let mut parser = Parser(text.chars().peekable());
        let tree = parser.value(0)?;
        parser.space();
        parser.0.next().is_none().then_some(tree)
    }

    fn space(&mut self) {
        while self.0.next_if(|c| matches!(c, ' ' | '\t' | '\r' | '\n')).is_some() {}
    }

    /// The next character after white space, if it is this one.
    fn takes(&mut self, wanted: char) -> bool {
        self.space();
        self.0.next_if_eq(&wanted).is_some()
    }

    fn value(&mut self, depth: u32) -> Option<Tree> {
        self.space();
        match self.0.next()? {
            '[' if depth < 127 => {
                let mut list = Vec::new();
                while !(list.is_empty() && self.takes(']')) {
                    list.push(self.value(depth + 1)?);
                    if self.takes(']') {
                        break;
                    }
                    self.takes(',').then_some(())?;
                }
                Some(Tree::List(list))
            }
            '{' if depth < 127 => {
                let mut fields = Vec::new();
                while !(fields.is_empty() && self.takes('}')) {
                    self.takes('"').then_some(())?;
                    let name = self.text()?;
                    self.takes(':').then_some(())?;
                    fields.push((name, self.value(depth + 1)?));
                    if self.takes('}') {
                        break;
                    }
                    self.takes(',').then_some(())?;
                }
                Some(Tree::Object(fields))
            }
            '"' => self.text().map(Tree::Text),
            'n' => self.word("ull").map(|()| Tree::Null),
            't' => self.word("rue").map(|()| Tree::Other),
            'f' => self.word("alse").map(|()| Tree::Other),
            '-' => {
                let first = self.0.next()?;
                self.number(first)
            }
            first => self.number(first),
        }
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        rest.chars().all(|c| self.0.next_if_eq(&c).is_some()).then_some(())
    }

    fn number(&mut self, first: char) -> Option<Tree> {
        match first {
            '0' => {}
            '1'..='9' => while self.0.next_if(char::is_ascii_digit).is_some() {},
            _ => return None,
        }
        if self.0.next_if_eq(&'.').is_some() {
            self.digits()?;
        }
        if self.0.next_if(|c| matches!(c, 'e' | 'E')).is_some() {
            self.0.next_if(|c| matches!(c, '+' | '-'));
            self.digits()?;
        }
        Some(Tree::Other)
    }

    fn digits(&mut self) -> Option<()> {
        self.0.next_if(char::is_ascii_digit)?;
        while self.0.next_if(char::is_ascii_digit).is_some() {}
        Some(())
    }

    /// A string after its first quote. The outer value is none if it is not JSON, the inner one if
    /// it is not a text.
    fn text(&mut self) -> Option<Option<String>> {
        let mut units = Vec::new();
        loop {
            match self.0.next()? {
                '"' => return Some(String::from_utf16(&units).ok()),
                '\\' => units.push(match self.0.next()? {
                    c @ ('"' | '\\' | '/') => c as u16,
                    'b' => 8,
                    'f' => 12,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'u' => {
                        let mut unit = 0;
                        for _ in 0..4 {
                            unit = unit * 16 + self.0.next()?.to_digit(16)? as u16;
                        }
                        unit
                    }
                    _ => return None,
                }),
                c if c < ' ' => return None,
                c => units.extend(c.encode_utf16(&mut [0; 2]).iter()),
            }
        }
    }
}
