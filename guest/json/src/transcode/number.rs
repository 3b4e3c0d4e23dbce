//! The range of DynamoDB numbers: up to 38 significant digits, and magnitudes from 1E-130 to
//! 9.9999999999999999999999999999999999999E+125.
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html#HowItWorks.DataTypes.Number>

/// Returns whether `text` is a number of at most 38 digits without an exponent. DynamoDB stores each
/// of these exactly. [`problem`] decides on others.
#[inline]
pub(super) fn is_ordinary(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let mut points = 0;
    for &byte in unsigned {
        if byte == b'.' {
            points += 1;
        } else if !byte.is_ascii_digit() {
            return false;
        }
    }
    points <= 1 && (points + 1..=points + 38).contains(&unsigned.len())
}

/// Returns what is wrong with a number, or `None` if DynamoDB can store it exactly.
pub(super) fn problem(text: &str) -> Option<&'static str> {
    if is_ordinary(text) {
        return None;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], &unsigned[at + 1..]),
        None => (unsigned, "0"),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    if (whole.is_empty() && fraction.is_empty())
        || !digits(whole)
        || !digits(fraction)
        || exponent_digits.is_empty()
        || !digits(exponent_digits)
    {
        return Some("is not a number");
    }
    // The significant digits run from the first to the last digit that is not zero.
    let all = || whole.bytes().chain(fraction.bytes());
    let count = whole.len() + fraction.len();
    // Without such a digit the number is zero, however it is written.
    let leading = all().position(|byte| byte != b'0')?;
    let trailing = all().rev().position(|byte| byte != b'0').unwrap_or(0);
    if count - leading - trailing > 38 {
        return Some(
            "has more than 38 significant digits, the maximum that DynamoDB stores; \
             store it as a string instead",
        );
    }
    // The exponent of the first significant digit.
    let power = exponent
        .parse::<i64>()
        .ok()
        .and_then(|exponent| exponent.checked_add(whole.len() as i64 - 1 - leading as i64));
    match power {
        Some(-130..=125) => None,
        _ => Some(
            "is outside DynamoDB's range of magnitudes (1E-130 to 9.99E+125); \
             store it as a string instead",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_dynamodb_can_store_are_accepted() {
        for text in [
            "0",
            "-0.0",
            "1",
            "1.50",
            "-1e-130",
            "9.9999999999999999999999999999999999999E+125",
            "12345678901234567890123456789012345678",
            "0.000",
            "100000000000000000000000000000000000000000000",
            "007",
            "0e999",
        ] {
            assert_eq!(problem(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_that_dynamodb_would_round_or_reject_are_reported() {
        for text in [
            "1e400",
            "1e-131",
            "1e126",
            "123456789012345678901234567890123456789",
            "1e99999999999999999999",
            "",
            "-",
            "1e",
            "abc",
            "1.2.3",
            "0x10",
            "NaN",
            "1_000",
        ] {
            assert!(problem(text).is_some(), "{text}");
        }
    }
}
