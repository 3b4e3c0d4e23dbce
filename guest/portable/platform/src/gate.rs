//! The gate: every check of a request that needs no body. All requests pass here, however the plugin
//! made them.

use crate::call::Call;
use crate::catalogue::TARGET_PREFIX;
use crate::denial::{Denial, Rule};
use crate::headers::is_forbidden;
use crate::origin::{ODD_IPV4, Origin};
use crate::settings::Settings;
use crate::signature::{self, Identity, only};
use alloc::format;
use alloc::string::{String, ToString};

/// The head of a request, as the engine will send it.
#[derive(Clone, Debug)]
pub struct Head<'h> {
    /// The method, in the form that HTTP sends.
    pub method: &'h str,
    /// Whether the scheme is https; `None` if it is neither http nor https.
    pub https: Option<bool>,
    /// The host and the port.
    pub authority: &'h str,
    /// The path with the query.
    pub path: &'h str,
    /// The headers.
    pub headers: &'h [(&'h str, &'h [u8])],
    /// The length of the body, if the platform holds it. The plugin writes any other body itself.
    pub body: Option<u64>,
}

/// Checks a request: its origin, method and path; its headers; its operation; its signature; the
/// length of its body. `identity` is the access key id and the session token with which keys were
/// issued, and `now` is in seconds since the Unix epoch.
///
/// # Errors
/// Returns a denial that names the rule and the remedy.
pub fn check(
    head: &Head<'_>,
    call: &Call,
    settings: &Settings,
    identity: Option<(&str, Option<&str>)>,
    now: u64,
) -> Result<(), Denial> {
    call.check_sends()?;
    check_origin(head, settings)?;
    if head.method != "POST" || head.path != "/" {
        let (method, path) = (beginning(head.method), beginning(head.path));
        let message = format!("the plugin sent {method} {path:?} instead of POST \"/\"");
        return Err(Denial::defect(Rule::Binding, message));
    }
    if let Some((name, _)) = head.headers.iter().find(|(name, _)| is_forbidden(name)) {
        let message = format!("the plugin sent the header {:?}", beginning(name));
        return Err(Denial::defect(Rule::Headers, message));
    }
    call.check_operation(operation(head)?, settings)?;
    let (access_key_id, session_token) = identity.ok_or_else(|| {
        Denial::defect(Rule::Signing, "the plugin sent a request before it asked for a key")
    })?;
    let identity = Identity { access_key_id, session_token };
    signature::check(head.headers, &identity, &settings.signing, now)?;
    check_length(head, settings)
}

fn check_origin(head: &Head<'_>, settings: &Settings) -> Result<(), Denial> {
    let authority = beginning(head.authority);
    let Some(https) = head.https else {
        return Err(Denial::defect(Rule::Egress, "the plugin used a scheme that is not HTTP's"));
    };
    let origin = Origin::new(https, head.authority).map_err(|reason| {
        if reason == ODD_IPV4 {
            // The plugin's own check of its settings accepts it, so that it is the operator's mistake.
            let remedy = "correct the endpoint in the settings, or leave it out";
            return Denial::new(Rule::Endpoint, format!("{authority:?}: {reason}"), remedy);
        }
        Denial::defect(Rule::Egress, format!("{authority:?} is not a host: {reason}"))
    })?;
    if settings.egress.contains(&origin) {
        return Ok(());
    }
    let message = format!("{origin} is not on the list of origins that this component may reach");
    Err(Denial::new(Rule::Egress, message, format!("add {origin} to PORTCULLIS_EGRESS")))
}

/// The operation of a request, which names it exactly once.
fn operation<'h>(head: &Head<'h>) -> Result<&'h str, Denial> {
    let target = only(head.headers, "x-amz-target");
    let target = target.map_err(|()| {
        Denial::defect(Rule::Binding, "the plugin sent a request with two operations")
    })?;
    let target = target.and_then(|target| core::str::from_utf8(target).ok());
    target.and_then(|target| target.strip_prefix(TARGET_PREFIX)).ok_or_else(|| {
        Denial::defect(Rule::Binding, "the plugin sent a request without an operation of DynamoDB")
    })
}

/// Checks that the platform holds the body, and that the request states its length or none. Nobody
/// here sees a body that the plugin writes with WASI itself: it could be endless, or longer than it is
/// said to be, and engines exist (jco) that send what follows as another request.
fn check_length(head: &Head<'_>, settings: &Settings) -> Result<(), Denial> {
    let stated = only(head.headers, "content-length").map_err(|()| {
        Denial::defect(Rule::RequestBytes, "the plugin sent a request with two lengths")
    })?;
    let length = head.body.ok_or_else(|| {
        let message = "the plugin sent a request whose body it writes itself";
        let remedy =
            "a plugin must make each request with http-messages, and send it before the next";
        Denial::new(Rule::RequestBytes, message, remedy)
    })?;
    if stated.is_some_and(|stated| stated != length.to_string().as_bytes()) {
        let message = format!("the plugin stated another length than {length}, that of the body");
        return Err(Denial::defect(Rule::RequestBytes, message));
    }
    let limit = settings.limits.request_bytes;
    if length > limit {
        let message = format!("a request has {length} bytes, but {limit} are allowed");
        let remedy = "raise PORTCULLIS_REQUEST_BYTES, or send less at a time";
        return Err(Denial::new(Rule::RequestBytes, message, remedy));
    }
    Ok(())
}

/// The part of a plugin's text that messages show.
fn beginning(text: &str) -> String {
    text.chars().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Purpose;

    const NOW: u64 = 1_440_938_160;
    const TARGET: (&str, &[u8]) = ("x-amz-target", b"DynamoDB_20120810.GetItem");

    fn signature() -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20150830/us-east-1/dynamodb/aws4_request, \
             SignedHeaders=host, Signature={}",
            "0".repeat(64)
        )
    }

    fn checked(change: impl FnOnce(&mut Head<'_>), more: &[(&str, &[u8])]) -> Result<(), Denial> {
        let settings = Settings::parse(
            [
                ("PORTCULLIS_EGRESS", "http://127.0.0.1:8000"),
                ("AWS_REGION", "us-east-1"),
                ("PORTCULLIS_REQUEST_BYTES", "1000"),
            ]
            .into_iter(),
        )
        .unwrap();
        let signature = signature();
        let mut headers = vec![TARGET, ("authorization", signature.as_bytes())];
        headers.extend(more);
        let mut head = Head {
            method: "POST",
            https: Some(false),
            authority: "127.0.0.1:8000",
            path: "/",
            headers: &headers,
            body: Some(1000),
        };
        change(&mut head);
        let call = Call::begin(Purpose::Action("GetItem".to_string()), 0, &settings.limits);
        check(&head, &call, &settings, Some(("AKID", None)), NOW)
    }

    const LENGTH: (&str, &[u8]) = ("content-length", b"1000");

    #[test]
    fn an_honest_request_passes_and_each_change_is_refused() {
        assert_eq!(checked(|_| (), &[LENGTH]), Ok(()));
        let refused = |change: fn(&mut Head<'_>)| checked(change, &[LENGTH]).unwrap_err().rule;
        assert_eq!(refused(|head| head.https = Some(true)), Rule::Egress);
        assert_eq!(refused(|head| head.https = None), Rule::Egress);
        assert_eq!(refused(|head| head.authority = "127.0.0.1:8001"), Rule::Egress);
        assert_eq!(refused(|head| head.authority = "127.0.0.1:8000@b"), Rule::Egress);
        assert_eq!(refused(|head| head.authority = ""), Rule::Egress);
        assert_eq!(refused(|head| head.method = "PUT"), Rule::Binding);
        assert_eq!(refused(|head| head.path = "//other.example/"), Rule::Binding);
        assert_eq!(refused(|head| head.path = "/?a"), Rule::Binding);
        assert_eq!(refused(|head| head.headers = &[]), Rule::Binding);
        assert_eq!(refused(|head| head.headers = &[TARGET]), Rule::Signing);
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let settings = Settings::parse([("PORTCULLIS_EGRESS", "http://a")].into_iter()).unwrap();
        let head = Head {
            method: "POST",
            https: Some(false),
            authority: "a",
            path: "/",
            headers: &[TARGET],
            body: Some(1000),
        };
        let call = Call::begin(Purpose::Action("GetItem".to_string()), 0, &settings.limits);
        let denial = check(&head, &call, &settings, None, NOW).unwrap_err();
        assert_eq!(denial.rule, Rule::Signing);
    }

    #[test]
    fn headers_that_change_the_meaning_of_a_request_are_refused() {
        for (name, value, rule) in [
            ("x-amz-target", &b"DynamoDB_20120810.DeleteTable"[..], Rule::Binding),
            ("host", b"other.example", Rule::Headers),
            ("transfer_encoding", b"chunked", Rule::Headers),
            ("authorization", b"AWS4-HMAC-SHA256 Credential=B", Rule::Signing),
            ("content-length", b"1000", Rule::RequestBytes),
        ] {
            let denial = checked(|_| (), &[LENGTH, (name, value)]).unwrap_err();
            assert_eq!(denial.rule, rule, "{name}: {denial}");
        }
    }

    #[test]
    fn only_a_body_that_the_platform_holds_is_sent_and_only_with_its_length() {
        assert_eq!(checked(|_| (), &[]), Ok(()));
        for wrong in ["999", "1001", "01000", "", "-1", "+1000", "1e3", "99999999999999999999999"] {
            let denial = checked(|_| (), &[("content-length", wrong.as_bytes())]).unwrap_err();
            assert_eq!(denial.rule, Rule::RequestBytes, "{wrong}");
        }
        for stated in [&[][..], &[LENGTH]] {
            let denial = checked(|head| head.body = None, stated).unwrap_err();
            assert_eq!(denial.rule, Rule::RequestBytes);
            assert!(denial.message.contains("writes itself"), "{denial}");
        }
        let denial = checked(|head| head.body = Some(1001), &[]).unwrap_err();
        assert!(denial.remedy.contains("PORTCULLIS_REQUEST_BYTES"), "{denial}");
    }

    #[test]
    fn an_odd_spelling_of_an_address_is_an_error_of_the_settings() {
        for odd in [
            checked(|head| head.authority = "2130706433:8000", &[LENGTH]),
            checked(|head| head.authority = "0x7f000001", &[LENGTH]),
            checked(|head| head.authority = "127.1", &[LENGTH]),
            checked(|head| head.authority = "127.0.0.01:8000", &[LENGTH]),
        ] {
            let (message, is_setting) = odd.unwrap_err().into_ending();
            assert!(is_setting && message.contains("four decimal parts"), "{message}");
            assert!(message.contains("correct the endpoint in the settings"), "{message}");
        }
        let (_, is_setting) = checked(|head| head.authority = "b", &[]).unwrap_err().into_ending();
        assert!(!is_setting);
    }

    #[test]
    fn a_denial_names_what_would_allow_the_request() {
        let denial = checked(|head| head.authority = "10.0.0.1", &[LENGTH]).unwrap_err();
        assert_eq!(denial.remedy, "add http://10.0.0.1 to PORTCULLIS_EGRESS");
    }
}
