//! The signing keys of one datasource: derived from its secret, each good for one day, region and service.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html#derive-signing-key>

use super::{Credentials, CredentialsError, ProvideCredentials};
use hmac::{Hmac, KeyInit, Mac};
use portcullis_policy::CredentialScope;
use sha2::Sha256;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use time::{Date, OffsetDateTime};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

/// What the sandbox is given.
#[derive(Clone)]
pub(crate) struct Material {
    pub(crate) access_key_id: String,
    pub(crate) session_token: Option<super::Secret>,
    pub(crate) key: Zeroizing<[u8; 32]>,
    /// Seconds since the Unix epoch.
    pub(crate) expires: u64,
}

/// Fetches credentials when they are first needed, and derives keys from them.
pub(crate) struct KeyRing {
    provider: Option<Arc<dyn ProvideCredentials>>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    credentials: Option<(Credentials, SystemTime)>,
    keys: Vec<(String, CredentialScope, Zeroizing<[u8; 32]>)>,
}

/// How long credentials without an end are kept: what rotates them (a file, an environment) is seen after that.
const REFRESH: Duration = Duration::from_mins(15);
/// How long before their end temporary credentials are fetched anew.
const AHEAD: Duration = Duration::from_mins(5);
/// The least time between two fetches: credentials that are about to end are not fetched for every call.
const LEAST: Duration = Duration::from_secs(5);
/// Keys kept: today's and its neighbours', for a few scopes.
const MAX_KEYS: usize = 8;

impl KeyRing {
    pub(crate) fn new(provider: Option<Arc<dyn ProvideCredentials>>) -> Self {
        Self { provider, known: Mutex::default() }
    }

    /// The key of a scope and a day, which the caller has checked.
    ///
    /// # Errors
    /// There are no credentials.
    pub(crate) async fn derive(
        &self,
        date: &str,
        scope: &CredentialScope,
    ) -> Result<Material, CredentialsError> {
        let provider = self.provider.as_ref().ok_or_else(|| {
            CredentialsError(
                "this datasource has none; add to its policy: credentials = { from = \"env\" }"
                    .to_string(),
            )
        })?;
        let now = SystemTime::now();
        let mut known = self.known.lock().await;
        if known.credentials.as_ref().is_none_or(|(_, until)| *until <= now) {
            let credentials = match (provider.fetch().await, &known.credentials) {
                (Ok(credentials), _) => credentials,
                // They are fetched ahead of their end, so the ones at hand may serve for a while.
                (Err(_), Some((last, _))) if last.expires.is_none_or(|end| end > now) => {
                    last.clone()
                }
                (Err(error), _) => return Err(error),
            };
            let until = credentials
                .expires
                .map_or(now + REFRESH, |end| {
                    end.checked_sub(AHEAD).unwrap_or(now).min(now + REFRESH)
                })
                .max(now + LEAST);
            known.keys.clear();
            known.credentials = Some((credentials, until));
        }
        let Known { credentials: Some((credentials, until)), keys } = &mut *known else {
            return Err(CredentialsError("the provider gave none".to_string()));
        };
        let key = if let Some((_, _, key)) =
            keys.iter().find(|(day, known, _)| day == date && known == scope)
        {
            key.clone()
        } else {
            let key = derive_key(credentials.secret_access_key.expose(), date, scope);
            if keys.len() >= MAX_KEYS {
                keys.remove(0);
            }
            keys.push((date.to_string(), scope.clone(), key.clone()));
            key
        };
        let expires = until.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Ok(Material {
            access_key_id: credentials.access_key_id.clone(),
            session_token: credentials.session_token.clone(),
            key,
            expires,
        })
    }
}

/// Whether `date`, `YYYYMMDD`, is today or a day beside it: clocks and midnights differ by no more.
pub(crate) fn is_current(date: &str, now: OffsetDateTime) -> bool {
    day(date).is_some_and(|day| (now.to_julian_day() - day).abs() <= 1)
}

/// The number of a day.
fn day(date: &str) -> Option<i32> {
    let digits = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let date: u32 = date.parse().ok().filter(|_| digits)?;
    let (year, month, day) = ((date / 10_000) as i32, (date / 100 % 100) as u8, (date % 100) as u8);
    Some(Date::from_calendar_date(year, month.try_into().ok()?, day).ok()?.to_julian_day())
}

fn derive_key(secret: &str, date: &str, scope: &CredentialScope) -> Zeroizing<[u8; 32]> {
    let secret = Zeroizing::new(format!("AWS4{secret}"));
    let mut key = hmac_sha256(secret.as_bytes(), date.as_bytes());
    for part in [scope.region(), scope.service(), "aws4_request"] {
        key = hmac_sha256(&*key, part.as_bytes());
    }
    key
}

fn hmac_sha256(key: &[u8], data: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_that_of_the_documentation() {
        // The example of AWS's guide to deriving a signing key.
        let scope = CredentialScope::new("us-east-1", "iam").unwrap();
        let key = derive_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", &scope);
        assert_eq!(
            hex::encode(*key),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
    }

    #[test]
    fn only_days_beside_today_are_current() {
        let now = OffsetDateTime::from_unix_timestamp(1_440_938_160).unwrap();
        for (date, expected) in [
            ("20150829", true),
            ("20150830", true),
            ("20150831", true),
            ("20150828", false),
            ("20150901", false),
            ("", false),
            ("2015083", false),
        ] {
            assert_eq!(is_current(date, now), expected, "{date}");
        }
    }
}
