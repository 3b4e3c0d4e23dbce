//! The credentials, and the keys that are derived from them.

use crate::scope::Scope;
use crate::settings::SettingError;
use alloc::string::String;
use alloc::vec::Vec;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

/// An identity. The secret is overwritten when the value is dropped.
///
/// Read it again for each key: a plugin keeps a key for minutes, and the secret need not be in memory
/// meanwhile.
pub struct Credentials {
    /// The access key id. It is not secret.
    pub access_key_id: String,
    secret: Zeroizing<String>,
    /// The session token of temporary credentials.
    pub session_token: Option<Zeroizing<String>>,
}

impl Credentials {
    /// Takes the credentials out of an environment. All other variables are overwritten and dropped.
    ///
    /// # Errors
    /// Returns an error that names the variable that is missing or that has a character which no key
    /// has, such as the end of a line.
    pub fn take(environment: Vec<(String, String)>) -> Result<Self, SettingError> {
        let (mut id, mut secret, mut token) = (None, None, None);
        for (name, mut value) in environment {
            let known = match name.as_str() {
                "AWS_ACCESS_KEY_ID" => &mut id,
                "AWS_SECRET_ACCESS_KEY" => &mut secret,
                "AWS_SESSION_TOKEN" => &mut token,
                _ => {
                    value.zeroize();
                    continue;
                }
            };
            *known = Some(Zeroizing::new(value)).filter(|value| !value.is_empty());
        }
        let id = plain("AWS_ACCESS_KEY_ID", id)?;
        let secret = plain("AWS_SECRET_ACCESS_KEY", secret)?;
        let session_token = match token {
            Some(token) => Some(plain("AWS_SESSION_TOKEN", Some(token))?),
            None => None,
        };
        Ok(Self { access_key_id: (*id).clone(), secret, session_token })
    }
}

/// Checks that a value is there, and that it can be part of a header.
fn plain(
    variable: &'static str,
    value: Option<Zeroizing<String>>,
) -> Result<Zeroizing<String>, SettingError> {
    let Some(value) = value else {
        let remedy = "set it in the engine's environment of this component";
        return Err(SettingError::new(variable, "it is not set", remedy));
    };
    // The value is a secret, so that the message must not have any part of it.
    if value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(value);
    }
    let message = "it has a space, the end of a line, or another character that no key has";
    Err(SettingError::new(variable, message, "copy the value again, without white space"))
}

/// Derives the key for one day (`YYYYMMDD`) and scope.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#[must_use]
pub fn derive_key(credentials: &Credentials, date: &str, scope: &Scope) -> Zeroizing<[u8; 32]> {
    let mut secret = Zeroizing::new(Vec::with_capacity(4 + credentials.secret.len()));
    secret.extend_from_slice(b"AWS4");
    secret.extend_from_slice(credentials.secret.as_bytes());
    let mut key = hmac_sha256(&secret, date);
    for part in [scope.region.as_str(), scope.service.as_str(), "aws4_request"] {
        key = hmac_sha256(&*key, part);
    }
    key
}

fn hmac_sha256(key: &[u8], text: &str) -> Zeroizing<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_string(), (*value).to_string())).collect()
    }

    #[test]
    fn the_key_equals_the_documented_one() {
        let credentials = Credentials::take(environment(&[
            ("PATH", "/bin"),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            ("AWS_SESSION_TOKEN", ""),
        ]))
        .unwrap();
        let key = derive_key(&credentials, "20150830", &Scope::new("us-east-1", "iam").unwrap());
        assert_eq!(
            hex::encode(*key),
            "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        );
        assert!(credentials.session_token.is_none(), "an empty variable is none");
    }

    #[test]
    fn a_missing_or_broken_variable_is_named_and_its_value_is_not_shown() {
        let missing = Credentials::take(environment(&[("AWS_ACCESS_KEY_ID", "A")]));
        let error = missing.err().unwrap().to_string();
        assert!(error.starts_with("AWS_SECRET_ACCESS_KEY: it is not set"), "{error}");
        let broken = environment(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "abc\n")]);
        let error = Credentials::take(broken).err().unwrap().to_string();
        assert!(error.contains("AWS_SECRET_ACCESS_KEY") && !error.contains("abc"), "{error}");
    }
}
