//! The values that a tenant may give a setting.

use super::settings::{MAX_TEXT_BYTES, SettingValue};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The values that a tenant may give a setting.
///
/// | in TOML | allows |
/// |---|---|
/// | `["eu-west-1", "us-*"]` | these texts; a `*` at the end matches one or more characters |
/// | `{ min = 1, max = 10 }` | whole numbers in this range, both ends included |
/// | `{ min = 0.5, max = 2.0 }` | numbers in this range |
/// | `"boolean"` | `true` and `false` |
///
/// The enum is exhaustive on purpose: code that checks values must handle each kind.
#[derive(Clone, Debug, PartialEq)]
pub enum AllowedValues {
    /// Texts, of which each matches one of the choices. There is at least one choice.
    Texts(Vec<Choice>),
    /// Numbers.
    Numbers(NumberRange),
    /// `true` and `false`.
    Boolean,
}

/// A text that is allowed, or the beginning of texts that are.
///
/// ```
/// use portcullis_policy::Choice;
///
/// let american: Choice = "us-*".parse()?;
/// assert!(american.matches("us-east-1") && !american.matches("us-") && !american.matches("eu-1"));
/// assert!("us-*-1".parse::<Choice>().is_err());
/// # Ok::<(), portcullis_policy::AllowedValuesError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Choice {
    /// This text.
    Text(String),
    /// Texts that begin like this, and go on.
    Prefix(String),
}

/// A range of numbers. Both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NumberRange {
    min: f64,
    max: f64,
    /// Whether only whole numbers are allowed.
    #[serde(skip)]
    is_whole: bool,
}

/// Values that cannot be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowedValuesError {
    /// There is no choice.
    #[error("the list of allowed values is empty; leave out the setting, or list a value")]
    NoChoice,
    /// A choice has a `*` that is not at its end, or it is longer than [`MAX_TEXT_BYTES`].
    #[error(
        "{0:?} is not an allowed value; expected a text of at most 1024 bytes without control \
         characters, optionally with one * at its end, as in \"us-*\""
    )]
    Choice(String),
    /// The range contains no number, or its ends are not exact.
    #[error(
        "a range needs min and max with min <= max, both between -9007199254740991 and \
         9007199254740991"
    )]
    Range,
}

/// The largest whole number up to which all are exact as JSON numbers (RFC 8259, section 6).
const MAX_EXACT: f64 = 9_007_199_254_740_991.0;

impl AllowedValues {
    /// Returns whether a tenant may give a setting this value.
    #[must_use]
    pub fn allow(&self, value: &SettingValue) -> bool {
        match (self, value) {
            (Self::Texts(choices), SettingValue::Text(text)) => {
                choices.iter().any(|choice| choice.matches(text))
            }
            (Self::Numbers(range), SettingValue::Whole(number)) => range.contains(decimal(*number)),
            (Self::Numbers(range), SettingValue::Decimal(number)) => {
                !range.is_whole && range.contains(*number)
            }
            (Self::Boolean, SettingValue::Boolean(_)) => true,
            _ => false,
        }
    }

    /// A value that is allowed.
    pub(super) fn example(&self) -> SettingValue {
        match self {
            Self::Texts(choices) => SettingValue::Text(match choices.first() {
                Some(Choice::Text(text)) => text.clone(),
                Some(Choice::Prefix(prefix)) => format!("{prefix}example"),
                None => String::new(),
            }),
            Self::Numbers(range) if range.is_whole => SettingValue::Whole(range.min as i64),
            Self::Numbers(range) => SettingValue::Decimal(range.min),
            Self::Boolean => SettingValue::Boolean(true),
        }
    }

    fn texts(choices: Vec<Choice>) -> Result<Self, AllowedValuesError> {
        if choices.is_empty() {
            return Err(AllowedValuesError::NoChoice);
        }
        Ok(Self::Texts(choices))
    }
}

impl Choice {
    /// Returns whether a text is allowed.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            Self::Text(allowed) => text == allowed,
            Self::Prefix(prefix) => {
                text.len() <= MAX_TEXT_BYTES
                    && text.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.is_empty())
                    && !text.contains(char::is_control)
            }
        }
    }
}

impl NumberRange {
    /// Whole numbers from `min` to `max`.
    ///
    /// # Errors
    /// Returns an error if there is none, or if they are not exact as JSON numbers.
    pub fn whole(min: i64, max: i64) -> Result<Self, AllowedValuesError> {
        Ok(Self { is_whole: true, ..Self::decimal(decimal(min), decimal(max))? })
    }

    /// Numbers from `min` to `max`.
    ///
    /// # Errors
    /// Returns an error if there is none, or if whole ones are not exact as JSON numbers.
    pub fn decimal(min: f64, max: f64) -> Result<Self, AllowedValuesError> {
        if -MAX_EXACT <= min && min <= max && max <= MAX_EXACT {
            return Ok(Self { min, max, is_whole: false });
        }
        Err(AllowedValuesError::Range)
    }

    /// The smallest number.
    #[must_use]
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The largest number.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.max
    }

    /// Whether only whole numbers are allowed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn contains(&self, number: f64) -> bool {
        (self.min..=self.max).contains(&number)
    }
}

/// A whole number as a decimal one. Larger ones than [`MAX_EXACT`] are rounded, and outside of every
/// range before and after that.
#[expect(clippy::cast_precision_loss, reason = "ranges have exact ends")]
fn decimal(number: i64) -> f64 {
    number as f64
}

impl FromStr for Choice {
    type Err = AllowedValuesError;

    fn from_str(text: &str) -> Result<Self, AllowedValuesError> {
        let (fixed, is_prefix) = text.strip_suffix('*').map_or((text, false), |text| (text, true));
        if fixed.contains('*') || fixed.contains(char::is_control) || fixed.len() > MAX_TEXT_BYTES {
            let shown = text.chars().take(100).collect();
            return Err(AllowedValuesError::Choice(shown));
        }
        let fixed = fixed.to_string();
        Ok(if is_prefix { Self::Prefix(fixed) } else { Self::Text(fixed) })
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

crate::text::as_text!(Choice);

impl fmt::Display for AllowedValues {
    /// Says what is expected: `"eu-west-1" or "us-*"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Texts(choices) => {
                for (index, choice) in choices.iter().enumerate() {
                    f.write_str(if index > 0 { " or " } else { "" })?;
                    write!(f, "{:?}", choice.to_string())?;
                }
                Ok(())
            }
            Self::Numbers(range) => {
                let kind = if range.is_whole { "a whole number" } else { "a number" };
                write!(f, "{kind} from {} to {}", range.min, range.max)
            }
            Self::Boolean => f.write_str("true or false"),
        }
    }
}

impl Serialize for AllowedValues {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Texts(choices) => choices.serialize(serializer),
            Self::Numbers(range) if range.is_whole => {
                WholeRange { min: range.min as i64, max: range.max as i64 }.serialize(serializer)
            }
            Self::Numbers(range) => range.serialize(serializer),
            Self::Boolean => serializer.serialize_str(BOOLEAN),
        }
    }
}

#[derive(Serialize)]
struct WholeRange {
    min: i64,
    max: i64,
}

const BOOLEAN: &str = "boolean";

impl<'de> Deserialize<'de> for AllowedValues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = AllowedValues;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the values that are allowed: [\"a\", \"b-*\"], { min = 1, max = 10 } or \
                     \"boolean\"",
                )
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AllowedValues, E> {
                if text == BOOLEAN {
                    return Ok(AllowedValues::Boolean);
                }
                Err(E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<AllowedValues, A::Error> {
                let mut choices = Vec::new();
                while let Some(choice) = list.next_element()? {
                    choices.push(choice);
                }
                AllowedValues::texts(choices).map_err(serde::de::Error::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AllowedValues, A::Error> {
                let RawRange { min, max } = RawRange::deserialize(MapAccessDeserializer::new(map))?;
                let range = match (min, max) {
                    (RawNumber::Whole(min), RawNumber::Whole(max)) => NumberRange::whole(min, max),
                    (min, max) => NumberRange::decimal(min.value(), max.value()),
                };
                range.map(AllowedValues::Numbers).map_err(serde::de::Error::custom)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRange {
    min: RawNumber,
    max: RawNumber,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "a number")]
enum RawNumber {
    Whole(i64),
    Decimal(f64),
}

impl RawNumber {
    fn value(self) -> f64 {
        match self {
            Self::Whole(number) => decimal(number),
            Self::Decimal(number) => number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Line {
        v: AllowedValues,
    }

    fn parse(value: &str) -> Result<AllowedValues, String> {
        let line = toml::from_str::<Line>(&format!("v = {value}"));
        line.map(|line| line.v).map_err(|error| error.message().to_string())
    }

    fn text(text: &str) -> SettingValue {
        SettingValue::Text(text.to_string())
    }

    #[test]
    fn texts_match_as_a_whole_or_by_their_beginning() {
        let regions = parse("[\"eu-west-1\", \"us-*\"]").unwrap();
        assert_eq!(regions.to_string(), "\"eu-west-1\" or \"us-*\"");
        for (value, expected) in [
            ("eu-west-1", true),
            ("us-east-1", true),
            ("us-", false),
            ("eu-west-1 ", false),
            ("eu-west-1.evil.example", false),
            ("EU-WEST-1", false),
            ("us-*", true),
            ("us-\n", false),
            ("", false),
        ] {
            assert_eq!(regions.allow(&text(value)), expected, "{value:?}");
        }
        assert!(!regions.allow(&text(&format!("us-{}", "a".repeat(1024)))));
        assert!(!regions.allow(&SettingValue::Whole(1)));
    }

    #[test]
    fn numbers_are_in_the_range_and_whole_if_its_ends_are() {
        let whole = parse("{ min = 1, max = 10 }").unwrap();
        let decimal = parse("{ min = 0.5, max = 10 }").unwrap();
        for (value, in_whole, in_decimal) in [
            (SettingValue::Whole(1), true, true),
            (SettingValue::Whole(10), true, true),
            (SettingValue::Whole(11), false, false),
            (SettingValue::Whole(0), false, false),
            (SettingValue::Whole(i64::MIN), false, false),
            (SettingValue::Decimal(1.5), false, true),
            (SettingValue::Decimal(f64::NAN), false, false),
            (SettingValue::Decimal(f64::INFINITY), false, false),
            (text("1"), false, false),
        ] {
            assert_eq!((whole.allow(&value), decimal.allow(&value)), (in_whole, in_decimal));
        }
        assert_eq!(whole.to_string(), "a whole number from 1 to 10");
    }

    #[test]
    fn values_that_cannot_be_allowed_are_refused() {
        for (wrong, reason) in [
            ("[]", "is empty"),
            ("[\"*a\"]", "is not an allowed value"),
            ("[\"a*b*\"]", "is not an allowed value"),
            ("[\"a\\n\"]", "is not an allowed value"),
            ("[1]", "expected a string"),
            ("{ min = 2, max = 1 }", "a range needs"),
            ("{ min = nan, max = 1.0 }", "a range needs"),
            ("{ min = 0, max = 9223372036854775807 }", "a range needs"),
            ("{ min = 0 }", "missing field"),
            ("{ min = 0, max = 1, step = 1 }", "unknown field"),
            ("\"bool\"", "expected the values that are allowed"),
            ("true", "expected the values that are allowed"),
        ] {
            let message = parse(wrong).unwrap_err();
            assert!(message.contains(reason), "{wrong}: {message}");
        }
    }

    #[test]
    fn examples_are_allowed() {
        for values in ["[\"a\"]", "[\"a-*\"]", "[\"*\"]", "{ min = -3, max = 9 }", "\"boolean\""] {
            let values = parse(values).unwrap();
            assert!(values.allow(&values.example()), "{values}");
        }
    }
}
