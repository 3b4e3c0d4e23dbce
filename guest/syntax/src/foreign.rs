//! Inputs that are something else than JSON: a statement, the name of a file, text in UTF-16.

use alloc::format;
use alloc::string::{String, ToString};

/// Quotes that a shell or a word processor leaves around an input.
pub(crate) const QUOTES: [char; 7] = ['\'', '`', '‘', '’', '“', '”', '„'];

/// The longest statement that is repeated in a message: it is still easy to copy.
const MAX_STATEMENT: usize = 200;
/// The longest text that is taken for the name of a file: Linux allows 255 bytes for each part.
const MAX_PATH: usize = 300;

/// Returns what a whole text is, and what to write instead, if it is a statement or the name of a
/// file. Returns `None` for any other text.
///
/// ```
/// use dynamodb_syntax::foreign;
///
/// let problem = foreign("SELECT * FROM users").unwrap();
/// assert!(problem.contains(r#"{"Statement": "SELECT * FROM users"}"#));
/// assert!(foreign("./key.json").unwrap().contains("@./key.json"));
/// assert_eq!(foreign("{}"), None);
/// ```
#[cold]
#[inline(never)]
#[must_use]
pub fn foreign(text: &str) -> Option<String> {
    let text = text.trim_ascii();
    let inside = text.strip_prefix(QUOTES).and_then(|text| text.strip_suffix(QUOTES));
    let whole = inside.unwrap_or(text);
    if is_statement(whole) {
        let is_short = whole.chars().nth(MAX_STATEMENT).is_none();
        let shown = if is_short { whole } else { "…" };
        let quoted = shown.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        return Some(format!(
            "this is a PartiQL statement; run it with the action ExecuteStatement and the input \
             {{\"Statement\": \"{quoted}\"}}"
        ));
    }
    let path = path(whole)?;
    Some(format!(
        "this is the name of a file; on the command line write @{path} to send what is in it, and \
         to a server send what is in it"
    ))
}

fn is_statement(text: &str) -> bool {
    let verb = text.split(|c: char| c.is_ascii_whitespace() || c == '(').next().unwrap_or_default();
    ["SELECT", "INSERT", "UPDATE", "DELETE", "EXISTS"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(verb))
        && !text[verb.len()..].trim_ascii_start().starts_with([':', '='])
        && text.len() > verb.len()
}

/// Returns the name of a file, without what other tools write before it.
fn path(text: &str) -> Option<&str> {
    let after = |scheme: &str| {
        let start = text.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme));
        start.map(|_| &text[scheme.len()..])
    };
    // The AWS CLI writes `file://key.json`.
    let named = after("@").or_else(|| after("file://")).or_else(|| after("fileb://"));
    let path = named.unwrap_or(text);
    let odd = ['{', '}', '[', ']', '"', '\n', '\r', '\t', '*', '<', '>', '|'];
    if path.is_empty() || path.len() > MAX_PATH || path.contains(odd) {
        return None;
    }
    let mut chars = path.chars();
    let drive = chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.next() == Some(':')
        && matches!(chars.next(), Some('/' | '\\'));
    let starts = ["./", "../", "~/", ".\\", "..\\"].iter().any(|start| path.starts_with(start))
        || (path.len() > 1 && path.starts_with('/') && !path.starts_with("//"))
        || drive;
    let ends = [".json", ".jsonc", ".json5", ".ndjson", ".jsonl", ".txt", ".yaml", ".yml", ".js"]
        .iter()
        .any(|end| path.len() > end.len() && path.to_ascii_lowercase().ends_with(end))
        && !path.contains([':', '=']);
    (named.is_some() || starts || ends).then_some(path)
}

/// Returns what is wrong with a text that was stored in another encoding than UTF-8, if it stops
/// being JSON at the offset `at`.
pub(crate) fn other_encoding(text: &str, at: usize) -> Option<String> {
    let bytes = text.as_bytes();
    // In UTF-16, every second byte of ASCII text is zero.
    let alternates = bytes.get(at) == Some(&0) && bytes.get(at + 2).is_none_or(|byte| *byte == 0);
    // The byte order mark of UTF-16, as programs that expect UTF-8 or Latin-1 decode it.
    let marked = ["\u{fffd}\u{fffd}", "ÿþ", "þÿ"].iter().any(|mark| text.starts_with(mark));
    (alternates || marked).then(|| {
        "this is text in UTF-16, in which every second byte is zero; save it as UTF-8 (in \
         PowerShell: Out-File -Encoding utf8)"
            .to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_recognised_and_repeated_as_the_input_to_write() {
        for (text, statement) in [
            ("SELECT * FROM users", "SELECT * FROM users"),
            (" select *\nfrom \"a-b\" where id='1'\n", "select *\\nfrom \\\"a-b\\\" where id='1'"),
            ("'DELETE FROM t WHERE id=?'", "DELETE FROM t WHERE id=?"),
            ("INSERT INTO t VALUE {'id': 'a'}", "INSERT INTO t VALUE {'id': 'a'}"),
            ("update t set a=1", "update t set a=1"),
            ("EXISTS(SELECT * FROM t)", "EXISTS(SELECT * FROM t)"),
        ] {
            let problem = foreign(text).unwrap();
            assert!(problem.contains("ExecuteStatement"), "{problem}");
            let input = format!("{{\"Statement\": \"{statement}\"}}");
            assert!(problem.ends_with(&input), "{problem}");
        }
        let long = foreign(&format!("SELECT {}", "x".repeat(100_000))).unwrap();
        assert!(long.ends_with("{\"Statement\": \"…\"}"), "{long}");
    }

    #[test]
    fn names_of_files_are_recognised() {
        for (text, path) in [
            ("query.json", "query.json"),
            ("./x.json", "./x.json"),
            ("../a/b", "../a/b"),
            ("/tmp/x", "/tmp/x"),
            ("~/key.JSON\n", "~/key.JSON"),
            ("my query.json", "my query.json"),
            ("file://key.json", "key.json"),
            ("fileb://key", "key"),
            ("@key.json", "key.json"),
            ("C:\\Users\\me\\key.json", "C:\\Users\\me\\key.json"),
            (".\\key", ".\\key"),
            ("a/b.jsonc", "a/b.jsonc"),
        ] {
            let problem = foreign(text).unwrap_or_else(|| panic!("{text}"));
            assert!(problem.contains(&format!("write @{path} to")), "{problem}");
        }
    }

    #[test]
    fn other_texts_are_neither() {
        for text in [
            "",
            "{}",
            "{Table: \"x.json\"}",
            "SELECT",
            "select: x",
            "nope",
            "True",
            "// a",
            "/*",
            "/",
            "https://example.com/x.json",
            "Table=x.json",
            "'",
            "[1] x.json",
            ".json",
            "a\nb.json",
        ] {
            assert_eq!(foreign(text), None, "{text}");
        }
    }
}
