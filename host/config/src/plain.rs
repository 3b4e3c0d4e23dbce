//! The TOML parser's messages in words that an operator knows.

/// What the parser expects, in its words and in ours.
const EXPECTED: [(&str, &str); 17] = [
    ("expected a duration", "expected a time with its unit, in quotes, as in \"30s\" or \"500ms\""),
    ("expected parsable string", "expected a size, as in \"64 MiB\""),
    ("expected an integer or string", "expected a size, as in \"64 MiB\""),
    ("expected a nonzero u32", "expected 1 or more"),
    ("expected u16", "expected a whole number, without quotes"),
    ("expected u32", "expected a whole number, without quotes"),
    ("expected u64", "expected a whole number, without quotes"),
    ("expected usize", "expected a whole number, without quotes"),
    ("expected a map", "expected a table, as in { key = \"value\" }"),
    ("expected a sequence", "expected a list, as in [\"a\", \"b\"]"),
    ("expected path string", "expected a path, in quotes"),
    ("expected a string", "expected a text, in quotes"),
    ("expected a boolean", "expected true or false"),
    ("expected socket address", SOCKET),
    ("invalid socket address syntax", SOCKET),
    ("invalid IP address syntax", NETWORK),
    ("wanted string or table", "expected one name, in quotes"),
];

const SOCKET: &str = "expected an address and a port, as in \"127.0.0.1:8700\"";
const NETWORK: &str = "expected a network: an address and a length, as in \"10.0.0.0/8\"";

/// What the parser found, in its words and in ours.
const FOUND: [(&str, &str); 7] = [
    ("invalid type: string ", "this is the text "),
    ("invalid type: integer ", "this is the number "),
    ("invalid type: floating point ", "this is the number "),
    ("invalid type: boolean ", "this is "),
    ("invalid type: sequence", "this is a list"),
    ("invalid type: map", "this is a table"),
    ("unknown variant ", "unknown value "),
];

/// The message with the parser's own words replaced. What it quotes stays.
pub(crate) fn plain(message: &str) -> String {
    let mut message = message.to_string();
    for (theirs, ours) in FOUND {
        if let Some(rest) = message.strip_prefix(theirs) {
            message = format!("{ours}{rest}");
        }
    }
    if let Some(rest) = message.strip_prefix("invalid value: ") {
        let rest = ["integer ", "string ", "floating point "]
            .iter()
            .find_map(|kind| rest.strip_prefix(kind))
            .unwrap_or(rest);
        message = format!("this value does not fit: {rest}");
    }
    for (theirs, ours) in EXPECTED {
        if let Some(before) = message.strip_suffix(theirs) {
            return format!("{before}{ours}");
        }
    }
    // The name of one of our types.
    match message.rsplit_once("expected struct ") {
        Some((before, name)) if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            format!("{before}expected a table, as in {{ key = \"value\" }}")
        }
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn messages_say_what_to_write_and_name_no_types_of_ours() {
        for (theirs, ours) in [
            (
                "invalid type: integer `10`, expected a duration",
                "this is the number `10`, expected a time with its unit, in quotes, as in \"30s\" or \
                 \"500ms\"",
            ),
            (
                "invalid type: string \"x\", expected struct TlsConfig",
                "this is the text \"x\", expected a table, as in { key = \"value\" }",
            ),
            (
                "invalid value: integer `-1`, expected u32",
                "this value does not fit: `-1`, expected a whole number, without quotes",
            ),
            (
                "invalid value: integer `0`, expected a nonzero u32",
                "this value does not fit: `0`, expected 1 or more",
            ),
            (
                "invalid socket address syntax",
                "expected an address and a port, as in \"127.0.0.1:8700\"",
            ),
            ("duplicate key", "duplicate key"),
        ] {
            assert_eq!(plain(theirs), ours);
        }
    }
}
