//! The signature of a request: it must be made with a key that the host issued.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use crate::issued_keys::IssuedKeys;
use crate::key_ring::is_current;
use http::HeaderMap;
use portcullis_policy::{ActionName, Denial, Rule};
use time::OffsetDateTime;

/// Checks that a request is signed with the datasource's own identity: with a key that the host
/// issued, for a scope that it allowed. Another signature would be another account's.
pub(crate) fn check(
    issued: &IssuedKeys,
    operation: &ActionName,
    headers: &HeaderMap,
) -> Result<(), Denial> {
    let mut signatures = headers.get_all(http::header::AUTHORIZATION).iter();
    let signature = signatures.next().and_then(|value| value.to_str().ok());
    let credential = signature.and_then(credential);
    let mut tokens = headers.get_all("x-amz-security-token").iter();
    let token = tokens.next().map(|value| value.to_str().unwrap_or_default());
    let single = signatures.next().is_none() && tokens.next().is_none();
    let today = OffsetDateTime::now_utc();
    let is_current =
        |credential: &str| credential.split('/').nth(1).is_some_and(|date| is_current(date, today));
    if single
        && credential
            .is_some_and(|credential| is_current(credential) && issued.contains(credential, token))
    {
        return Ok(());
    }
    let message =
        format!("the plugin sent {operation} without a signature of this datasource's identity");
    let remedy = "nothing allows this; report the plugin to its publisher";
    Err(Denial::new(Rule::Signing, operation.as_str(), message, remedy))
}

/// The credential of an `authorization` header that has its three parts, each exactly once, and
/// nothing else: a service might read a second credential.
fn credential(header: &str) -> Option<&str> {
    let (credential, rest) =
        header.strip_prefix("AWS4-HMAC-SHA256 Credential=")?.split_once(',')?;
    let (signed, rest) = rest.strip_prefix(" SignedHeaders=")?.split_once(',')?;
    let signature = rest.strip_prefix(" Signature=")?;
    let plain = |text: &str, more: &[u8]| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || more.contains(&byte))
    };
    let whole = plain(credential, b"/-_")
        && plain(signed, b";-")
        && signature.len() == 64
        && plain(signature, b"");
    whole.then_some(credential)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_has_three_parts_and_one_credential() {
        let signature = "0".repeat(64);
        let header = format!(
            "AWS4-HMAC-SHA256 Credential=A/1/r/s/aws4_request, SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        assert_eq!(credential(&header), Some("A/1/r/s/aws4_request"));
        for wrong in [
            header.replace("Signature", "Credential=B/1/r/s/aws4_request, Signature"),
            format!("{header}, Credential=B"),
            header.replace("SignedHeaders=host;", "SignedHeaders=host,Credential=B;"),
            header.replace("HMAC", "ECDSA-P256"),
            header[..header.len() - 1].to_string(),
            String::new(),
        ] {
            assert_eq!(credential(&wrong), None, "{wrong}");
        }
    }
}
