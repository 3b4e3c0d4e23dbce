//! The service's answers that are errors: their code, message and details, from whatever form they come in.

use crate::catalogue::{
    CONDITIONAL_CHECK_FAILED_EXCEPTION_DETAILS, Shape, TRANSACTION_CANCELED_EXCEPTION_DETAILS,
};
use crate::hints::{self, Asked};
use crate::json::{Kind, Scanner, unescape};
use crate::transcode::{Format, details};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The header with the CRC-32 of the body's bytes, in decimal.
pub const CHECKSUM: &str = "x-amz-crc32";

/// An answer as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// The CRC-32 of the body.
    pub crc32: u32,
}

impl Answer {
    /// An answer with a body that is there as a whole.
    #[must_use]
    pub fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        let crc32 = crc32fast::hash(&body);
        Self { status, headers, body, crc32 }
    }

    /// The value of the first header called `name`, in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether the status is one of success.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the body is what the service computed its CRC-32 of; true where it sent none.
    /// The service computes it of the bytes on the wire.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        checksum(&self.headers).is_none_or(|expected| self.crc32 == expected)
    }
}

/// The checksum that the service states of a body.
#[must_use]
pub fn checksum(headers: &[(String, String)]) -> Option<u32> {
    headers.iter().find(|(name, _)| name == CHECKSUM)?.1.trim().parse().ok()
}

/// What the service said is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The code without its name space.
    pub code: String,
    /// The service's text.
    pub message: String,
    /// The HTTP status.
    pub http_status: u16,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// Requests sent.
    pub attempts: u32,
    /// Further members, as JSON.
    pub details: Option<String>,
    /// What the caller can do.
    pub hint: Option<String>,
}

impl ServiceError {
    /// Reads an answer whose status is not one of success.
    #[must_use]
    pub fn read(answer: &Answer, asked: &Asked, format: Format, attempts: u32) -> Self {
        let body = String::from_utf8_lossy(&answer.body);
        let found = json_error(&body).or_else(|| xml_error(&body)).unwrap_or_default();
        // The header is written as `Code:http://internal.amazon.com/…` by some services.
        let from_header = answer.header("x-amzn-errortype").map(str::to_string);
        let code = found
            .code
            .or(from_header)
            .map(|code| bare(&code).to_string())
            .filter(|code| !code.is_empty());
        let code = code.unwrap_or_else(|| status_code(answer.status).to_string());
        let message = found
            .message
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| without_text(&body, answer));
        let shape = match code.as_str() {
            "ConditionalCheckFailedException" => CONDITIONAL_CHECK_FAILED_EXCEPTION_DETAILS,
            "TransactionCanceledException" => TRANSACTION_CANCELED_EXCEPTION_DETAILS,
            _ => &Shape::Any,
        };
        let request_id = answer
            .header("x-amzn-requestid")
            .or(answer.header("x-amz-request-id"))
            .map(str::to_string)
            .or(found.request_id);
        Self {
            hint: hints::hint(&code, &message, asked),
            retryable: crate::retry::Reason::of_service(answer.status, &code).is_some(),
            details: details(&body, shape, format).unwrap_or_default(),
            code,
            message,
            http_status: answer.status,
            request_id,
            attempts,
        }
    }
}

#[derive(Default)]
struct Found {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

/// `{"__type": "com.amazonaws.dynamodb.v20120810#Code", "message": "…"}`; the message is also spelt `Message`.
fn json_error(body: &str) -> Option<Found> {
    let mut scanner = Scanner::new(body);
    scanner.space();
    if scanner.kind() != Ok(Kind::Object) {
        return None;
    }
    let mut found = Found::default();
    let mut more = scanner.first(b'}').ok()?;
    while more {
        let name = scanner.name().ok()?;
        let name = unescape(scanner.slice(name.start + 1..name.end - 1)).into_owned();
        let is_string = scanner.kind().ok()? == Kind::String;
        let value = scanner.skip().ok()?;
        if is_string {
            let text =
                || Some(unescape(scanner.slice(value.start + 1..value.end - 1)).into_owned());
            match name.as_str() {
                "__type" => found.code = text(),
                "code" if found.code.is_none() => found.code = text(),
                "message" | "Message" => found.message = text(),
                _ => {}
            }
        }
        more = scanner.next(b'}').ok()?;
    }
    Some(found)
}

/// `<ErrorResponse><Error><Code>…</Code><Message>…</Message></Error><RequestId>…</RequestId></ErrorResponse>`:
/// not DynamoDB's own form, but that of proxies and of other AWS services on the way.
fn xml_error(body: &str) -> Option<Found> {
    let element = |name: &str| {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let start = body.find(&open)? + open.len();
        let length = body[start..].find(&close)?;
        let text = &body[start..start + length];
        Some(
            text.replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\"")
                .replace("&apos;", "'")
                .replace("&amp;", "&"),
        )
    };
    let code = element("Code")?;
    Some(Found {
        code: Some(code),
        message: element("Message"),
        request_id: element("RequestId").or_else(|| element("RequestID")),
    })
}

/// The code between a name space (`com.amazonaws.dynamodb.v20120810#`) and an address (`:http://…`).
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code).trim()
}

/// What to call an error that has no code.
fn status_code(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        403 => "Forbidden",
        404 => "NotFound",
        413 => "RequestEntityTooLarge",
        429 => "ThrottlingException",
        500 => "InternalServerError",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        300..=399 => "Redirect",
        _ => "UnknownError",
    }
}

/// A message for an error that brings none.
fn without_text(body: &str, answer: &Answer) -> String {
    let kind = answer.header("content-type").unwrap_or("no content type");
    let text = body.trim();
    if text.is_empty() {
        return format!("the service answered with status {} and an empty body", answer.status);
    }
    let shown: String = text.chars().take(200).collect();
    format!(
        "the service answered with status {} and a body that is not DynamoDB's ({kind}): {shown}",
        answer.status
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, headers: &[(&str, &str)], body: &str) -> ServiceError {
        let headers =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let answer = Answer::new(status, headers, body.as_bytes().to_vec());
        ServiceError::read(
            &answer,
            &Asked { action: "GetItem", region: "eu-west-1" },
            Format::Typed,
            1,
        )
    }

    #[test]
    fn every_spelling_of_the_type_gives_the_bare_code() {
        for prefix in [
            "com.amazonaws.dynamodb.v20120810#",
            "com.amazon.coral.service#",
            "com.amazon.coral.validate#",
            "",
        ] {
            let error = read(
                400,
                &[("x-amzn-requestid", "R1")],
                &format!("{{\"__type\":\"{prefix}ValidationException\",\"message\":\"m\"}}"),
            );
            assert_eq!(
                (error.code.as_str(), error.message.as_str(), error.request_id.as_deref()),
                ("ValidationException", "m", Some("R1"))
            );
        }
        let error = read(
            400,
            &[("x-amzn-errortype", "AccessDeniedException:http://internal.amazon.com/coral/")],
            "",
        );
        assert_eq!(error.code, "AccessDeniedException");
    }

    #[test]
    fn message_and_capital_message_are_both_read() {
        assert_eq!(
            read(400, &[], r#"{"__type":"x#AccessDeniedException","Message":"no"}"#).message,
            "no"
        );
    }

    #[test]
    fn cancellation_reasons_and_items_are_kept() {
        let error = read(
            400,
            &[],
            r#"{"__type":"a#ConditionalCheckFailedException","message":"m","Item":{"S":{"N":"1"}}}"#,
        );
        assert_eq!(error.details.as_deref(), Some(r#"{"Item":{"S":{"N":"1"}}}"#));
        assert!(!error.retryable);
    }

    #[test]
    fn empty_html_and_xml_bodies_give_a_code_and_a_text() {
        assert_eq!(read(503, &[], "").code, "ServiceUnavailable");
        let html = read(502, &[("content-type", "text/html")], "<html><h1>Bad Gateway</h1></html>");
        assert!(
            html.message.contains("text/html") && html.message.contains("Bad Gateway"),
            "{}",
            html.message
        );
        let xml = read(
            403,
            &[],
            "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>a &amp; b</Message></Error><RequestId>7</RequestId></ErrorResponse>",
        );
        assert_eq!(
            (xml.code.as_str(), xml.message.as_str(), xml.request_id.as_deref()),
            ("InvalidClientTokenId", "a & b", Some("7"))
        );
    }

    #[test]
    fn the_checksum_is_of_the_bytes_as_received() {
        let answer = |crc: &str| {
            Answer::new(200, alloc::vec![("x-amz-crc32".into(), crc.into())], b"123456789".to_vec())
        };
        assert!(answer("3421780262").is_whole());
        assert!(!answer("1").is_whole());
        assert!(Answer::new(200, Vec::new(), b"x".to_vec()).is_whole());
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_reading_panic(status in 300u16..600, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let answer = Answer::new(status, Vec::new(), body);
            let error = ServiceError::read(&answer, &Asked { action: "GetItem", region: "x" }, Format::Plain, 1);
            proptest::prop_assert!(!error.code.is_empty() && !error.message.is_empty());
        }
    }
}
