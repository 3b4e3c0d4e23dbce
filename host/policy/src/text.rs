//! Values that are written as one text: serde goes through the same `FromStr` and `Display` as everything else.

/// Gives a type with `FromStr` and `Display` the conversions that `#[serde(try_from = "String", into = "String")]` needs.
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
