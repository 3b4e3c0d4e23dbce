//! PartiQL, as far as a policy must understand it: does a statement read only, and which table does it name.
//! What cannot be told is not guessed.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html>

/// Whether a statement is a SELECT. Anything else, a leading comment included, counts as a write.
pub(super) fn reads_only(statement: &str) -> bool {
    matches!(tokens(statement).as_deref(), Some([Token::Word(first), ..]) if first.eq_ignore_ascii_case("select"))
}

/// The one table that a statement names; none when it cannot be told.
pub(super) fn table(statement: &str) -> Option<String> {
    let tokens = tokens(statement)?;
    let is = |token: &Token, word: &str| matches!(token, Token::Word(text) if text.eq_ignore_ascii_case(word));
    let before = match &tokens[0] {
        first if is(first, "select") => "from",
        first if is(first, "insert") => "into",
        first if is(first, "update") => "update",
        first if is(first, "delete") => "from",
        _ => return None,
    };
    // Two such words would be two tables, or one in a place that this does not understand.
    let mut places = tokens.iter().enumerate().filter(|(_, token)| ["from", "into", "update"].iter().any(|word| is(token, word)));
    let (index, found) = places.next()?;
    if places.next().is_some() || !is(found, before) {
        return None;
    }
    match tokens.get(index + 1)? {
        Token::Quoted(name) => Some(name.clone()),
        // A bare name has neither hyphens nor dots; where one stands, this may not be how the service reads it.
        Token::Word(name) if !name.contains(['-', '.']) => Some(name.clone()),
        Token::Word(_) | Token::Other => None,
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    /// A bare word.
    Word(String),
    /// A name in double quotes.
    Quoted(String),
    /// A string, a number or punctuation.
    Other,
}

/// The tokens of a statement; none when a quote does not end, or a comment could hide something.
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
            '-' if rest.starts_with("--") => return None,
            '/' if rest.starts_with("/*") => return None,
            '`' => return None,
            c if c.is_alphanumeric() || c == '_' => {
                let length = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_string()));
                length
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

/// The text in quotes at the start of `text`, and how long it is with them. A doubled quote stands for one.
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
    fn only_a_select_reads() {
        for statement in ["SELECT * FROM a", "  select x from \"a\"", "\nSeLeCt 1"] {
            assert!(reads_only(statement), "{statement}");
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
        ] {
            assert!(!reads_only(statement), "{statement}");
        }
    }

    #[test]
    fn the_table_is_told_or_it_is_not() {
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
            ("", None),
        ] {
            assert_eq!(table(statement).as_deref(), expected, "{statement}");
        }
    }
}
