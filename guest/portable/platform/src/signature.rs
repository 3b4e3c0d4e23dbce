//! The signature of a request: it must name this component's identity, a scope that is allowed, and a
//! current day. Whether the signature is right is for the service to check.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use crate::date::is_current;
use crate::denial::{Denial, Rule};
use crate::scope::Scope;
use alloc::format;

/// Whose signature a request may have.
pub(crate) struct Identity<'i> {
    pub(crate) access_key_id: &'i str,
    pub(crate) session_token: Option<&'i str>,
}

/// Checks the headers `authorization` and `x-amz-security-token` of a request. `now` is in seconds
/// since the Unix epoch.
pub(crate) fn check(
    headers: &[(&str, &[u8])],
    identity: &Identity<'_>,
    scopes: &[Scope],
    now: u64,
) -> Result<(), Denial> {
    let deny =
        |what: &str| Denial::defect(Rule::Signing, format!("the plugin sent a request {what}"));
    let header = only(headers, "authorization").map_err(|()| deny("with two signatures"))?;
    let header = header.ok_or_else(|| deny("without a signature"))?;
    let credential = core::str::from_utf8(header).ok().and_then(credential);
    let credential = credential.ok_or_else(|| deny("with a malformed signature"))?;
    let mut parts = credential.split('/');
    let mut next = || parts.next().unwrap_or_default();
    let (id, date, region, service) = (next(), next(), next(), next());
    if next() != "aws4_request" || parts.next().is_some() {
        return Err(deny("with a malformed credential scope"));
    }
    if id != identity.access_key_id {
        return Err(deny("that another identity signed"));
    }
    if !is_current(date, now) {
        return Err(deny("that is signed for a day which is not today, yesterday or tomorrow"));
    }
    if !scopes.iter().any(|scope| scope.region == region && scope.service == service) {
        return Err(deny("that is signed for a scope which PORTCULLIS_SIGNING does not list"));
    }
    let token = only(headers, "x-amz-security-token").map_err(|()| deny("with two tokens"))?;
    if token != identity.session_token.map(str::as_bytes) {
        return Err(deny("with another session token, or without one"));
    }
    Ok(())
}

/// Returns the value of a header, `None` if it is missing, and an error if there are two.
pub(crate) fn only<'h>(headers: &[(&str, &'h [u8])], name: &str) -> Result<Option<&'h [u8]>, ()> {
    let mut values = headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
    let first = values.next().map(|(_, value)| *value);
    if values.next().is_some() { Err(()) } else { Ok(first) }
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

    const NOW: u64 = 1_440_938_160;

    fn header(credential: &str) -> String {
        let signature = "0".repeat(64);
        format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
        )
    }

    fn checked(values: &[String], tokens: &[&str], own: Option<&str>) -> Result<(), Denial> {
        let mut headers: Vec<(&str, &[u8])> =
            values.iter().map(|value| ("authorization", value.as_bytes())).collect();
        headers.extend(tokens.iter().map(|it| ("X-Amz-Security-Token", it.as_bytes())));
        let identity = Identity { access_key_id: "AKID", session_token: own };
        check(&headers, &identity, &[Scope::new("us-east-1", "dynamodb").unwrap()], NOW)
    }

    #[test]
    fn identity_day_and_scope_are_checked() {
        let own = header("AKID/20150830/us-east-1/dynamodb/aws4_request");
        assert_eq!(checked(&[own], &[], None), Ok(()));
        for (credential, reason) in [
            ("OTHER/20150830/us-east-1/dynamodb/aws4_request", "another identity"),
            ("AKID/20150901/us-east-1/dynamodb/aws4_request", "a day"),
            ("AKID/20150830/eu-west-1/dynamodb/aws4_request", "a scope"),
            ("AKID/20150830/us-east-1/s3/aws4_request", "a scope"),
            ("AKID/20150830/us-east-1/dynamodb/aws4_request/x", "malformed"),
            ("AKID/20150830/us-east-1/dynamodb", "malformed"),
        ] {
            let denial = checked(&[header(credential)], &[], None).unwrap_err();
            assert!(denial.message.contains(reason), "{credential}: {denial}");
        }
    }

    #[test]
    fn there_is_one_signature_and_the_own_token() {
        let own = header("AKID/20150830/us-east-1/dynamodb/aws4_request");
        assert_eq!(checked(std::slice::from_ref(&own), &["own"], Some("own")), Ok(()));
        for (signatures, tokens, token) in [
            (vec![], vec![], None),
            (vec![own.clone(), own.clone()], vec![], None),
            (vec![own.clone()], vec!["own", "own"], Some("own")),
            (vec![own.clone()], vec!["other"], Some("own")),
            (vec![own.clone()], vec!["other"], None),
            (vec![own], vec![], Some("own")),
        ] {
            assert!(checked(&signatures, &tokens, token).is_err(), "{signatures:?} {tokens:?}");
        }
    }

    #[test]
    fn a_signature_has_three_parts_and_one_credential() {
        let header = header("A/1/r/s/aws4_request");
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
