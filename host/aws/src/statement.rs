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

/// The table that a statement names; none if there are several or it is unclear.
pub(crate) fn table(statement: &str) -> Option<String> {
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
        Token::Word(name) | Token::Quoted(name) => name.clone(),
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
enum Token {
    /// A bare word.
    Word(String),
    /// A name in double quotes.
    Quoted(String),
    /// A dot.
    Dot,
    /// A string or other punctuation.
    Other,
}

impl Token {
    /// Whether it is the bare word `word`, in whatever case.
    fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(text) if text.eq_ignore_ascii_case(word))
    }
}

/// The tokens of a statement; none if a quote is not closed, or a comment could hide something.
fn tokens(statement: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = statement.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\'' => {
                tokens.push(Token::Other);
                quoted(rest, '\'')?.1
            }
            '"' => {
                let (text, length) = quoted(rest, '"')?;
                tokens.push(Token::Quoted(text));
                length
            }
            // Comments, other statements and other kinds of quotes are not looked behind.
            '-' if rest.starts_with("--") => return None,
            '/' if rest.starts_with("/*") => return None,
            ';' | '`' | '\\' => return None,
            c if c.is_alphanumeric() || c == '_' => {
                let length =
                    rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                // The service decides where a number ends and a word begins: `1FROM a` may be both.
                if c.is_numeric() && rest[..length].chars().any(|c| c.is_alphabetic() || c == '_') {
                    return None;
                }
                tokens.push(Token::Word(rest[..length].to_string()));
                length
            }
            '.' => {
                tokens.push(Token::Dot);
                1
            }
            c => {
                tokens.push(Token::Other);
                c.len_utf8()
            }
        };
        rest = rest[length..].trim_start();
    }
    if tokens.is_empty() { None } else { Some(tokens) }
}

/// The quoted text at the start of `text`, and its length with the quotes. Two quotes in a row are
/// one quote of the text.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut inner = String::new();
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        if character != quote {
            inner.push(character);
        } else if characters.peek().is_some_and(|(_, next)| *next == quote) {
            characters.next();
            inner.push(quote);
        } else {
            return Some((inner, at + quote.len_utf8()));
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
            assert_eq!(table(statement).as_deref(), expected, "{statement}");
        }
    }
}
