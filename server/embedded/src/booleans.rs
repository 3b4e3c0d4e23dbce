//! Numbers in the place of booleans.
//!
//! DynamoDB's error says whether such a number was written as a whole number. `serde_json` reads
//! `-0`, and whole numbers with more than 64 bits, as decimals. Since every number in the place of
//! a boolean is refused, `0` stands for them.

use std::borrow::Cow;

/// The members that are booleans.
const BOOLEANS: [&str; 5] = ["BOOL", "NULL", "ConsistentRead", "ScanIndexForward", "Exists"];

/// The body with `0` for each such number. `body` must be JSON.
pub(crate) fn whole_numbers(body: &str) -> Cow<'_, str> {
    let bytes = body.as_bytes();
    let mut result = String::new();
    let (mut at, mut copied) = (0, 0);
    // Whether the next value belongs to a member that is a boolean.
    let mut boolean = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at);
                let is_name = bytes[end..].iter().find(|b| !b.is_ascii_whitespace()) == Some(&b':');
                let name = body.get(at + 1..end - 1);
                boolean = is_name && name.is_some_and(|name| BOOLEANS.contains(&name));
                at = end;
            }
            b'-' | b'0'..=b'9' => {
                let is_part = |b: &u8| matches!(b, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
                let end = at + bytes[at..].iter().take_while(|b| is_part(b)).count();
                if boolean && is_whole_but_read_as_decimal(&body[at..end]) {
                    result.push_str(&body[copied..at]);
                    result.push('0');
                    copied = end;
                }
                boolean = false;
                at = end;
            }
            b':' => at += 1,
            _ => {
                boolean &= byte.is_ascii_whitespace();
                at += 1;
            }
        }
    }
    if copied == 0 {
        return Cow::Borrowed(body);
    }
    result.push_str(&body[copied..]);
    Cow::Owned(result)
}

fn is_whole_but_read_as_decimal(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.bytes().all(|byte| byte.is_ascii_digit())
        && (number == "-0" || (number.parse::<i64>().is_err() && number.parse::<u64>().is_err()))
}

/// The index after the string that starts at `start`.
pub(crate) fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::whole_numbers;

    #[test]
    fn only_whole_numbers_in_the_place_of_booleans_change() {
        let big = "1".repeat(30);
        assert_eq!(whole_numbers(r#"{"BOOL": -0}"#), r#"{"BOOL": 0}"#);
        let body = format!(r#"{{"NULL" : -{big}, "Exists":{big}, "N": {big}}}"#);
        let expected = format!(r#"{{"NULL" : 0, "Exists":0, "N": {big}}}"#);
        assert_eq!(whole_numbers(&body), expected);
        for same in [
            r#"{"BOOL": 1, "NULL": 1.5, "Exists": -0.0, "ConsistentRead": 1e400}"#,
            r#"{"BOOL": [-0], "a": "BOOL", "b": -0}"#,
            r#"{"S": "\"BOOL\": -0", "x": -0}"#,
            "",
            "-0",
        ] {
            assert_eq!(whole_numbers(same), same);
        }
    }
}
