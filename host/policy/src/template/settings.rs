//! The settings that a tenant gives.

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

/// The settings that a tenant gives: plain values by name. They are parsed once, checked by
/// `Template::fill`, and passed to the plugin as they were checked.
///
/// A key that is given twice is kept as such, and refused like every other value that a template
/// does not allow, so that one error can name all faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantSettings(BTreeMap<String, SettingValue>);

/// The value of a setting. No template allows [`Self::Other`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum SettingValue {
    /// A text.
    Text(String),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Decimal(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// Something else, by its name: `null`, `a list`, `an object`, `a long text`, or `two values`.
    #[serde(skip)]
    Other(&'static str),
}

/// The longest text that a tenant may give a setting, in bytes. 1,024: as long as the ARN of a table
/// may be.
pub const MAX_TEXT_BYTES: usize = 1024;
/// The most settings that a tenant may give, more than any plugin has. Others are left out, and one
/// more is refused.
const MAX_SETTINGS: usize = 64;
/// The longest name of a setting, in bytes. 64: names longer than that are in no template.
pub(super) const MAX_NAME_BYTES: usize = 64;

/// The name under which `serde_json` passes on a number that is no integer of 64 bits, as text, if its
/// feature `arbitrary_precision` is on. An object that has it is no more than that number.
const NUMBER: &str = "$serde_json::private::Number";

impl TenantSettings {
    /// The value of a setting.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SettingValue> {
        self.0.get(name)
    }

    /// The settings in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SettingValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    fn insert(&mut self, name: String, value: SettingValue) {
        if self.0.len() > MAX_SETTINGS {
            return;
        }
        match self.0.entry(cut(name)) {
            Entry::Vacant(entry) => drop(entry.insert(value)),
            Entry::Occupied(mut entry) => drop(entry.insert(SettingValue::Other("two values"))),
        }
    }
}

/// The beginning of a name that is too long for any setting.
fn cut(mut name: String) -> String {
    if name.len() > MAX_NAME_BYTES {
        name.truncate(name.floor_char_boundary(MAX_NAME_BYTES));
        name.push('…');
    }
    name
}

impl<N: Into<String>> FromIterator<(N, SettingValue)> for TenantSettings {
    fn from_iter<I: IntoIterator<Item = (N, SettingValue)>>(settings: I) -> Self {
        let mut result = Self::default();
        for (name, value) in settings {
            result.insert(name.into(), value);
        }
        result
    }
}

impl<'de> Deserialize<'de> for TenantSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Settings;
        impl<'de> Visitor<'de> for Settings {
            type Value = TenantSettings;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TenantSettings, A::Error> {
                let mut settings = TenantSettings::default();
                while let Some((name, value)) = map.next_entry()? {
                    settings.insert(name, value);
                }
                Ok(settings)
            }
        }
        deserializer.deserialize_map(Settings)
    }
}

impl<'de> Deserialize<'de> for SettingValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Value;
        impl<'de> Visitor<'de> for Value {
            type Value = SettingValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<SettingValue, E> {
                Ok(SettingValue::Boolean(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<SettingValue, E> {
                Ok(SettingValue::Whole(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<SettingValue, E> {
                Ok(i64::try_from(value)
                    .map_or(SettingValue::Other("a very large number"), SettingValue::Whole))
            }

            fn visit_f64<E>(self, value: f64) -> Result<SettingValue, E> {
                Ok(SettingValue::Decimal(value))
            }

            fn visit_str<E>(self, value: &str) -> Result<SettingValue, E> {
                if value.len() > MAX_TEXT_BYTES {
                    return Ok(SettingValue::Other("a long text"));
                }
                Ok(SettingValue::Text(value.to_string()))
            }

            fn visit_unit<E>(self) -> Result<SettingValue, E> {
                Ok(SettingValue::Other("null"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SettingValue, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(SettingValue::Other("a list"))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SettingValue, A::Error> {
                let mut value = SettingValue::Other("an object");
                let mut is_first = true;
                while let Some(name) = map.next_key::<Cow<'_, str>>()? {
                    if is_first && name == NUMBER {
                        let number = map.next_value::<Cow<'_, str>>()?.parse::<f64>();
                        value = match number {
                            Ok(number) if number.is_finite() => SettingValue::Decimal(number),
                            _ => SettingValue::Other("a very large number"),
                        };
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        value = SettingValue::Other("an object");
                    }
                    is_first = false;
                }
                Ok(value)
            }
        }
        deserializer.deserialize_any(Value)
    }
}

impl fmt::Display for SettingValue {
    /// Shows the value in a message. A text that may be a secret in the wrong place is not shown:
    /// names of regions and the like are short, and in lower case.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        match self {
            Self::Text(text) if text.len() <= 32 && text.bytes().all(is_plain) => {
                write!(f, "{text:?}")
            }
            Self::Text(_) => f.write_str("another text"),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Decimal(number) => write!(f, "{number:?}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}
