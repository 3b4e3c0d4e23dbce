//! Prints JSON. It is formatted as text and not parsed, so that numbers keep every digit.

use crate::args::Output;
use crate::failure::Failure;
use crate::out::{self, out};
use crate::terminal::escaped;
use anstyle::{AnsiColor, Style};
use std::fmt::Write;
use std::io::IsTerminal;

/// Prints JSON in the given format. The default is indented JSON on a terminal, and unchanged JSON
/// elsewhere.
pub(crate) fn print(text: &str, output: Option<Output>) -> Result<(), Failure> {
    let output = output.unwrap_or(if std::io::stdout().is_terminal() {
        Output::Pretty
    } else {
        Output::Json
    });
    match output {
        // A terminal would carry out control characters.
        Output::Json if std::io::stdout().is_terminal() => {
            out!("{}", text.chars().map(escaped).collect::<String>())
        }
        Output::Json => out::raw(text),
        // The formats for items are handled in `print_rows.rs`. Other results are indented.
        Output::Pretty | Output::Table | Output::Ndjson | Output::Csv => out!("{}", pretty(text)),
    }
}

const NAME: Style = AnsiColor::Cyan.on_default();
const TEXT: Style = AnsiColor::Green.on_default();

/// Formats JSON with an indent of two spaces. Field names and strings are coloured.
pub(crate) fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0usize;
    let mut rest = text.trim();
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(first) = rest.chars().next() {
        let mut length = first.len_utf8();
        match first {
            '{' | '[' => {
                out.push(first);
                let inner = rest[1..].trim_start();
                if inner.starts_with(['}', ']']) {
                    // An empty object or array stays on one line.
                    out.push_str(&inner[..1]);
                    length = rest.len() - inner.len() + 1;
                } else {
                    depth += 1;
                    line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut out, depth);
                out.push(first);
            }
            ',' => {
                out.push(',');
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            '"' => {
                length = portcullis_json::string_length(rest);
                let is_name = rest[length..].trim_start().starts_with(':');
                let style = if is_name { NAME } else { TEXT };
                let text: String = rest[..length].chars().map(escaped).collect();
                // Writing to a string cannot fail.
                let _ = write!(out, "{style}{text}{style:#}");
            }
            c if c.is_whitespace() => {}
            // JSON allows no other control characters outside strings, but a plugin may send them.
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
        rest = &rest[length..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(&pretty(text)).to_string()
    }

    #[test]
    fn control_characters_in_strings_are_escaped() {
        assert_eq!(plain("\"a\u{9b}b\u{7f}\""), "\"a\\u009bb\\u007f\"");
    }

    #[test]
    fn json_is_indented_and_numbers_keep_every_digit() {
        let text = concat!(
            r#"{"a":[1.50,{"b":"x,{}\"y"}],"e":{},"l":[ ],"#,
            r#""n":12345678901234567890123456789012345678}"#
        );
        let expected = r#"{
  "a": [
    1.50,
    {
      "b": "x,{}\"y"
    }
  ],
  "e": {},
  "l": [],
  "n": 12345678901234567890123456789012345678
}"#;
        assert_eq!(plain(text), expected);
    }
}
