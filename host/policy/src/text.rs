//! Serde support for types that are written as one string, through their `FromStr` and `Display`.

/// Implements the conversions that `#[serde(try_from = "String", into = "String")]` needs, for
/// types with `FromStr` and `Display`.
macro_rules! as_text {
    ($($name:ty),+) => {$(
        impl TryFrom<String> for $name {
            type Error = <$name as std::str::FromStr>::Err;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}
pub(crate) use as_text;
