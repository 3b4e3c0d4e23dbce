//! When a token expires.

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use toml::value::{Datetime, Offset};

/// The time from which on a token is refused. A policy file has it as a datetime of TOML with an
/// offset from UTC, or as the same in quotes.
///
/// ```
/// use portcullis_config::{Expiry, ExpiryError};
///
/// let expires: Expiry = "2027-01-01T01:00:00+01:00".parse()?;
/// assert_eq!(expires.to_string(), "2027-01-01T00:00:00Z");
/// assert_eq!("2027-01-01T00:00:00".parse::<Expiry>(), Err(ExpiryError::NoOffset));
/// # Ok::<(), ExpiryError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Expiry(SystemTime);

/// The last second of the year 9999, after which a year has more digits than a text has places.
const LAST: Duration = Duration::from_secs(253_402_300_799);

impl Expiry {
    /// The time.
    #[must_use]
    pub fn time(self) -> SystemTime {
        self.0
    }

    fn new(time: SystemTime) -> Result<Self, ExpiryError> {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) if since <= LAST => Ok(Self(time)),
            _ => Err(ExpiryError::OutOfRange),
        }
    }
}

/// The error of parsing an [`Expiry`]. It does not quote the text, which may be a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExpiryError {
    /// The text is not a datetime.
    #[error(
        "expires of a token must be a date and time with an offset from UTC, as in \
         expires = 2026-12-31T00:00:00Z"
    )]
    Malformed,
    /// The offset from UTC is missing: it would be another time on each machine.
    #[error(
        "expires of a token has no offset from UTC; add Z for UTC, as in \
         expires = 2026-12-31T00:00:00Z"
    )]
    NoOffset,
    /// The year is before 1970 or after 9999.
    #[error("expires of a token must be in the years 1970 to 9999")]
    OutOfRange,
}

impl FromStr for Expiry {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        text.parse::<Datetime>().map_err(|_| ExpiryError::Malformed)?.try_into()
    }
}

impl TryFrom<Datetime> for Expiry {
    type Error = ExpiryError;

    fn try_from(datetime: Datetime) -> Result<Self, ExpiryError> {
        let Datetime { date: Some(date), time, offset } = datetime else {
            return Err(ExpiryError::Malformed);
        };
        // A date alone is a local date: the beginning of the day is another one everywhere.
        let (Some(time), Some(offset)) = (time, offset) else {
            return Err(ExpiryError::NoOffset);
        };
        let (hour, minute, second) = (time.hour, time.minute, time.second.unwrap_or_default());
        // As if it was in UTC. Fractions of a second are left out.
        let local = humantime::parse_rfc3339(&format!("{date}T{hour:02}:{minute:02}:{second:02}Z"));
        let local = local.map_err(|_| ExpiryError::OutOfRange)?;
        let minutes = match offset {
            Offset::Z => 0,
            Offset::Custom { minutes } => minutes,
        };
        let difference = Duration::from_secs(60 * u64::from(minutes.unsigned_abs()));
        let utc =
            if minutes < 0 { local.checked_add(difference) } else { local.checked_sub(difference) };
        Self::new(utc.ok_or(ExpiryError::OutOfRange)?)
    }
}

impl fmt::Display for Expiry {
    /// Writes the time in UTC: `2026-12-31T00:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", humantime::format_rfc3339_seconds(self.0))
    }
}

impl From<Expiry> for String {
    fn from(expiry: Expiry) -> Self {
        expiry.to_string()
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DatetimeOrText;
        impl<'de> Visitor<'de> for DatetimeOrText {
            type Value = Expiry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date and time with an offset from UTC")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Expiry, E> {
                text.parse().map_err(E::custom)
            }

            // The form in which the parser of TOML passes a datetime.
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Expiry, A::Error> {
                let datetime = Datetime::deserialize(MapAccessDeserializer::new(map));
                let datetime = datetime.map_err(|_| ExpiryError::Malformed);
                datetime.and_then(Expiry::try_from).map_err(serde::de::Error::custom)
            }
        }
        deserializer.deserialize_any(DatetimeOrText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Line {
        expires: Expiry,
    }

    fn parse(value: &str) -> Result<String, String> {
        let line = toml::from_str::<Line>(&format!("expires = {value}"));
        line.map(|line| line.expires.to_string()).map_err(|error| error.message().to_string())
    }

    #[test]
    fn a_datetime_with_an_offset_is_accepted_with_and_without_quotes() {
        for (value, expected) in [
            ("2026-12-31T00:00:00Z", "2026-12-31T00:00:00Z"),
            ("2026-12-31 00:00:00z", "2026-12-31T00:00:00Z"),
            ("2026-12-31T00:00:00.999Z", "2026-12-31T00:00:00Z"),
            ("2026-12-31T23:30:00-01:30", "2027-01-01T01:00:00Z"),
            ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00Z"),
        ] {
            assert_eq!(parse(value).as_deref(), Ok(expected), "{value}");
            assert_eq!(parse(&format!("\"{value}\"")).as_deref(), Ok(expected), "{value}");
        }
        let moment = "2001-09-09T01:46:40Z".parse::<Expiry>().unwrap();
        assert_eq!(moment.time(), UNIX_EPOCH + Duration::from_secs(1_000_000_000));
    }

    #[test]
    fn a_time_without_an_offset_is_refused_with_advice() {
        for value in ["2026-12-31T00:00:00", "2026-12-31", "\"2026-12-31T00:00:00\""] {
            assert_eq!(parse(value), Err(ExpiryError::NoOffset.to_string()), "{value}");
        }
        assert!(ExpiryError::NoOffset.to_string().contains("add Z for UTC"));
    }

    #[test]
    fn what_is_not_a_time_from_1970_to_9999_is_refused() {
        for value in ["\"\"", "\"tomorrow\"", "12:00:00", "{ a = 1 }", "\"2026-13-01T00:00:00Z\""] {
            assert_eq!(parse(value), Err(ExpiryError::Malformed.to_string()), "{value}");
        }
        for value in [
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-23:59",
            "0000-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(value), Err(ExpiryError::OutOfRange.to_string()), "{value}");
        }
        assert_eq!(parse("9999-12-31T23:59:59Z").as_deref(), Ok("9999-12-31T23:59:59Z"));
        assert!(parse("12").is_err());
    }
}
