//! PartiQL, as far as a policy must understand it: whether a statement only reads, and which table
//! it names. What is unclear is denied, never guessed.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html>

/// Whether a statement is a SELECT and nothing else. Everything else counts as a write, including
/// what is unclear: a comment, a second statement, a word in which a keyword could hide.
pub(crate) fn only_reads(statement: &str) -> bool {
    let Some(tokens) = tokens(statement) else { return false };
    let verbs = tokens.iter().filter(|token| VERBS.iter().any(|verb| token.is_word(verb))).count();
    tokens[0].is_word("select") && verbs == 1
}

/// The table that a statement names, as it is written: a quote that is doubled stays doubled. None if
/// there are several tables or it is unclear.
pub(crate) fn table(statement: &str) -> Option<&str> {
    let tokens = tokens(statement)?;
    let before = match &tokens[0] {
        first if first.is_word("select") || first.is_word("delete") => "from",
        first if first.is_word("insert") => "into",
        first if first.is_word("update") => "update",
        _ => return None,
    };
    // Two such words would be two tables, or a syntax that this code does not understand.
    let mut keywords = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| ["from", "into", "update"].iter().any(|word| token.is_word(word)));
    let (index, found) = keywords.next()?;
    if keywords.next().is_some() || !found.is_word(before) {
        return None;
    }
    let name = match tokens.get(index + 1)? {
        Token::Word(name) | Token::Quoted(name) => *name,
        Token::Dot | Token::Other => return None,
    };
    // The table is followed by its index, a keyword or nothing: no comma with another table, no
    // alias.
    let rest = match tokens.get(index + 2) {
        Some(Token::Dot) => match tokens.get(index + 3)? {
            Token::Quoted(_) => tokens.get(index + 4),
            _ => return None,
        },
        rest => rest,
    };
    let follows = rest.is_none_or(|token| {
        ["where", "order", "value", "set", "remove", "returning"]
            .iter()
            .any(|word| token.is_word(word))
    });
    follows.then_some(name)
}

const VERBS: [&str; 9] =
    ["select", "insert", "update", "delete", "exists", "create", "drop", "upsert", "replace"];

#[derive(Debug, PartialEq, Eq)]
enum Token<'s> {
    /// A bare word.
    Word(&'s str),
    /// A name in double quotes, without them.
    Quoted(&'s str),
    /// A dot.
    Dot,
    /// A string or other punctuation.
    Other,
}

impl Token<'_> {
    /// Whether it is the bare word `word`, in whatever case.
    fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }
}

/// The tokens of a statement; none if a quote is not closed, or if services may see other tokens.
fn tokens(statement: &str) -> Option<Vec<Token<'_>>> {
    // A service may take it for the end of the text.
    if statement.contains('\0') {
        return None;
    }
    let bytes = statement.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        let next = bytes.get(at + 1);
        at += match first {
            // Only what every service takes for a space.
            b' ' | b'\t' | b'\r' | b'\n' => 1,
            b'\'' => {
                tokens.push(Token::Other);
                quoted(&statement[at..], b'\'')?.len() + 2
            }
            b'"' => {
                let name = quoted(&statement[at..], b'"')?;
                tokens.push(Token::Quoted(name));
                name.len() + 2
            }
            // Comments are not looked behind: here, and in dialects that mark them with # or //.
            b'-' if next == Some(&b'-') => return None,
            b'/' if matches!(next, Some(b'*' | b'/')) => return None,
            b'.' => {
                tokens.push(Token::Dot);
                1
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => {
                let word = word(&statement[at..]);
                // The service decides where a number ends and a word begins: `1FROM a` may be both.
                if first.is_ascii_digit() && !word.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                // A prefix can change how a string ends: E'\'', q'[']'.
                if matches!(bytes.get(at + word.len()), Some(b'\'' | b'"')) {
                    return None;
                }
                tokens.push(Token::Word(word));
                word.len()
            }
            // The other punctuation of PartiQL.
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b',' | b':' | b'=' | b'+'
            | b'-' | b'*' | b'/' | b'%' | b'!' | b'?' | b'@' | b'|' | b'^' | b'&' | b'~' => {
                tokens.push(Token::Other);
                1
            }
            // Other statements, other kinds of quotes, control characters, and characters outside
            // ASCII, which some services take for a space or for a letter of a keyword.
            _ => return None,
        };
    }
    if tokens.is_empty() { None } else { Some(tokens) }
}

/// The word at the start of `text`.
fn word(text: &str) -> &str {
    let is_outside = |byte: &u8| !(byte.is_ascii_alphanumeric() || *byte == b'_');
    &text[..text.as_bytes().iter().position(is_outside).unwrap_or(text.len())]
}

/// The quoted text at the start of `text`, without its quotes. Two quotes in a row are one quote of
/// the text. None if it does not end, or if a backslash is before a quote of either kind: a service
/// for which that is an escape sees another end.
fn quoted(text: &str, quote: u8) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1);
        match byte {
            b'\\' if matches!(next, Some(b'\'' | b'"')) => return None,
            _ if byte != quote => at += 1,
            _ if next == Some(&byte) => at += 2,
            _ => return Some(&text[1..at]),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_select_counts_as_a_read() {
        for statement in ["SELECT * FROM a", "  select x from \"a\"", "\nSeLeCt 1"] {
            assert!(only_reads(statement), "{statement}");
        }
        for statement in [
            "DELETE FROM a",
            "INSERT INTO a VALUE {}",
            "UPDATE a SET b=1",
            "EXISTS(SELECT * FROM a)",
            "-- x\nDELETE FROM a",
            "/* SELECT */ DELETE FROM a",
            "",
            "SELECTX",
            "\"select\" from a",
            "(select 1)",
            "SELECT * FROM a; DELETE FROM b",
            "SELECT * FROM a -- ",
            "SELECT 1DELETE FROM a",
        ] {
            assert!(!only_reads(statement), "{statement}");
        }
    }

    #[test]
    fn a_statement_that_services_may_read_differently_is_unclear() {
        for statement in [
            // An escape, or not: the string ends at another quote.
            r"SELECT * FROM orders WHERE a = 'it\'s'",
            r#"SELECT "a\"b" FROM orders"#,
            r"SELECT 'a\' FROM secrets -- ' FROM orders",
            r"SELECT 'a\\' FROM orders",
            r#"SELECT 'a\"' FROM orders"#,
            r"SELECT E'a' FROM orders",
            "SELECT q'[ ' ]' FROM orders",
            // Comments of other dialects.
            "SELECT # '\n * FROM secrets WHERE a = '\n FROM orders",
            "SELECT // '\n * FROM secrets WHERE a = '\n FROM orders",
            "SELECT $$ ' $$ FROM orders",
            // The end of the text, or not.
            "SELECT * FROM orders\0",
            "SELECT * FROM orders WHERE a = '\0'",
            // A space or a letter, or not.
            "SELECT\u{a0}* FROM orders",
            "SELECT * FROM orders\u{b}",
            "SELECT * FROM orders\u{2028}",
            "SELECT * FROM orders WHERE a = 1 IN\u{17f}ERT",
            "SELECT * FROM \u{17f}ecrets",
        ] {
            assert_eq!(table(statement), None, "{statement}");
            assert!(!only_reads(statement), "{statement}");
        }
        for statement in [
            r"SELECT * FROM orders WHERE a = 'C:\temp'",
            "SELECT * FROM orders WHERE a = 'é\u{2028}'",
            "SELECT \"é\" FROM \"orders\" WHERE b = ?",
            "\tSELECT a[0], {'b': 1.5} FROM orders WHERE c <> -1 AND d >= 2",
        ] {
            assert_eq!(table(statement), Some("orders"), "{statement}");
            assert!(only_reads(statement), "{statement}");
        }
    }

    #[test]
    fn a_table_is_found_only_if_it_is_unambiguous() {
        for (statement, expected) in [
            ("SELECT * FROM users WHERE a = 'from other'", Some("users")),
            ("SELECT * FROM \"my.users\".\"index\"", Some("my.users")),
            ("select \"from\" from users", Some("users")),
            ("INSERT INTO \"users\" VALUE {'a': 'b'}", Some("users")),
            ("UPDATE \"users\" SET a = 1 WHERE b = 2", Some("users")),
            ("DELETE FROM users WHERE a = ''''", Some("users")),
            ("SELECT * FROM a WHERE b IN (SELECT c FROM d)", None),
            ("SELECT * FROM 'users'", None),
            ("SELECT * FROM users.index", None),
            ("SELECT * FROM my-users", None),
            ("EXISTS(SELECT * FROM a)", None),
            ("DELETE FROM \"a", None),
            ("SELECT * FROM a -- FROM b", None),
            ("UPDATE a SET from = 1", None),
            ("SELECT a-FROM secrets WHERE b=1--\n FROM orders", None),
            ("SELECT a, 1.FROM secrets s-- FROM orders", None),
            ("SELECT a, 1.FROM secrets WHERE b = 1", Some("secrets")),
            ("SELECT * FROM orders, secrets", None),
            ("SELECT * FROM orders o, secrets", None),
            ("SELECT * FROM orders.x.y", None),
            ("SELECT * FROM orders; SELECT * FROM secrets", None),
            ("DELETE FROM users WHERE a = 1 RETURNING ALL OLD *", Some("users")),
            ("", None),
        ] {
            assert_eq!(table(statement), expected, "{statement}");
        }
    }
}
