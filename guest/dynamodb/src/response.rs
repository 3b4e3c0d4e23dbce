//! Responses of the service, and the code, message and details of those that are errors.

use crate::catalogue::{
    CONDITIONAL_CHECK_FAILED_EXCEPTION_DETAILS, Shape, TRANSACTION_CANCELED_EXCEPTION_DETAILS,
};
use crate::hints::{self, HintContext};
use crate::json::{BYTE_ORDER_MARK, Kind, Scanner, unescape};
use crate::retry::Reason;
use crate::transcode::details;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The response header with the CRC-32 of the body, as a decimal number.
pub const CHECKSUM: &str = "x-amz-crc32";

/// A response, unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers. Their names are in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The CRC-32 of the body, which the platform computes as the body arrives.
    pub crc32: u32,
}

impl Response {
    /// Returns the value of the first header called `name`, which must be in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns whether the body is empty, or only a byte order mark.
    #[must_use]
    pub fn has_no_text(&self) -> bool {
        matches!(self.body.as_slice(), [] | [0xef, 0xbb, 0xbf])
    }

    /// Returns whether the body matches the CRC-32 that the service sent. True if it sent none, and false
    /// if what it sent is not a CRC-32: the header is corrupted then.
    ///
    /// The service computes the CRC-32 over the bytes that it sends.
    #[must_use]
    pub fn checksum_matches(&self) -> bool {
        let mut sent = self.headers.iter().filter(|(name, _)| name == CHECKSUM);
        sent.all(|(_, value)| value.trim().parse() == Ok(self.crc32))
    }
}

/// An error of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceError {
    /// The error code, without its namespace.
    pub code: String,
    /// The service's message.
    pub message: String,
    /// The HTTP status.
    pub http_status: u16,
    /// The ID that the service gave to the request.
    pub request_id: Option<String>,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The number of requests that were sent.
    pub attempts: u32,
    /// Further fields of the response, as JSON.
    pub details: Option<String>,
    /// What the caller can do about the error.
    pub hint: Option<String>,
}

impl ServiceError {
    /// Reads an error from a response whose status is not 2xx.
    #[must_use]
    pub fn from_response(response: &Response, context: &HintContext, attempts: u32) -> Self {
        let body = String::from_utf8_lossy(&response.body);
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body);
        let found = find(body);
        let expects_tls = found.is_none() && expects_tls(response.status, body);
        let found = found.unwrap_or_default();
        let code = code(found.code, response);
        let message = found
            .message
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| fallback_message(body, response));
        let shape = match code.as_str() {
            "ConditionalCheckFailedException" => CONDITIONAL_CHECK_FAILED_EXCEPTION_DETAILS,
            "TransactionCanceledException" => TRANSACTION_CANCELED_EXCEPTION_DETAILS,
            _ => &Shape::Any,
        };
        let request_id = response
            .header("x-amzn-requestid")
            .or(response.header("x-amz-request-id"))
            .map(str::to_string)
            .or(found.request_id);
        Self {
            hint: if expects_tls {
                Some(EXPECTS_TLS.to_string())
            } else {
                hints::hint(&code, &message, context)
            },
            retryable: Reason::from_service_error(response.status, &code).is_some()
                // The same call would get another token, and might be applied twice.
                && !(context.token_is_generated && code == hints::IN_PROGRESS),
            details: details(body, shape, context.format).unwrap_or_default(),
            code,
            message,
            http_status: response.status,
            request_id,
            attempts,
        }
    }
}

/// Returns only the code of a response whose status is not 2xx.
#[must_use]
pub fn error_code(response: &Response) -> String {
    let body = String::from_utf8_lossy(&response.body);
    let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&body);
    code(find(body).and_then(|found| found.code), response)
}

/// Returns the code without its namespace: that of the body, of a header, or of the status.
fn code(from_body: Option<String>, response: &Response) -> String {
    // Some services write this header as `Code:http://internal.amazon.com/…`.
    let from_header = || response.header("x-amzn-errortype").map(str::to_string);
    from_body
        .or_else(from_header)
        .map(|code| bare_code(&code).to_string())
        .filter(|code| !code.is_empty())
        .unwrap_or_else(|| status_code(response.status).to_string())
}

fn find(body: &str) -> Option<Found> {
    json_error(body).or_else(|| xml_error(body))
}

/// The parts of an error that were found in the body.
#[derive(Default)]
struct Found {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

/// Parses `{"__type": "com.amazonaws.dynamodb.v20120810#Code", "message": "…"}`. Some errors spell
/// the message `Message`.
fn json_error(body: &str) -> Option<Found> {
    let mut scanner = Scanner::new(body);
    scanner.skip_whitespace();
    if scanner.peek_kind() != Ok(Kind::Object) {
        return None;
    }
    let mut found = Found::default();
    let mut more = scanner.enter_unless_empty(b'}').ok()?;
    while more {
        let name = scanner.field_name().ok()?;
        let name = unescape(scanner.slice(name.start + 1..name.end - 1)).into_owned();
        let is_string = scanner.peek_kind().ok()? == Kind::String;
        let value = scanner.skip_value().ok()?;
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
        more = scanner.next_element(b'}').ok()?;
    }
    Some(found)
}

/// Parses the XML form
/// `<ErrorResponse><Error><Code>…</Code><Message>…</Message></Error><RequestId>…</RequestId></ErrorResponse>`.
///
/// DynamoDB does not use it, but proxies and other AWS services on the path do.
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

/// Returns the code without its namespace (`com.amazonaws.dynamodb.v20120810#`) and without the URL
/// after it (`:http://…`).
fn bare_code(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.rsplit('#').next().unwrap_or(code).trim()
}

/// Returns a code for an error that has none.
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

/// The hint for a port that expects TLS.
const EXPECTS_TLS: &str = "This port expects TLS. Write https:// in the endpoint.";

/// Whether a server says that it got plain HTTP on a port for TLS. Web servers and load balancers
/// say it with status 400 and a page in their own words: nginx `The plain HTTP request was sent to
/// HTTPS port`, Apache `You're speaking plain HTTP to an SSL-enabled server port`, Go `Client sent
/// an HTTP request to an HTTPS server`, Tomcat `This combination of host and port requires TLS`.
fn expects_tls(status: u16, body: &str) -> bool {
    // A page may have links.
    let text = body.to_ascii_lowercase().replace("https://", "").replace("http://", "");
    status == 400 && ["https", "ssl", "tls"].iter().any(|word| text.contains(word))
}

/// Returns a message for an error that has none.
fn fallback_message(body: &str, response: &Response) -> String {
    let kind = response.header("content-type").unwrap_or("no content type");
    let text = body.trim();
    if text.is_empty() {
        return format!("the service responded with status {} and an empty body", response.status);
    }
    let shown: String = text.chars().take(200).collect();
    format!(
        "the service responded with status {} and a body that is not a DynamoDB error ({kind}): \
         {shown}",
        response.status
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcode::Format;

    fn read(status: u16, headers: &[(&str, &str)], body: &str) -> ServiceError {
        let headers =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let response = Response { status, headers, body: body.into(), crc32: 0 };
        ServiceError::from_response(
            &response,
            &HintContext {
                action: "GetItem",
                region: Some("eu-west-1"),
                request: "{}",
                ..HintContext::default()
            },
            1,
        )
    }

    #[test]
    fn the_code_is_read_without_its_namespace() {
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
    fn the_message_is_read_in_both_spellings() {
        assert_eq!(
            read(400, &[], r#"{"__type":"x#AccessDeniedException","Message":"no"}"#).message,
            "no"
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_an_error() {
        let error =
            read(400, &[], "\u{feff}{\"__type\":\"x#NewException\",\"message\":\"m\",\"a\":1}");
        assert_eq!(
            (error.code.as_str(), error.message.as_str(), error.details.as_deref()),
            ("NewException", "m", Some(r#"{"a":1}"#))
        );
        let text = read(502, &[], "\u{feff}no JSON").message;
        assert!(text.ends_with(": no JSON") && !text.contains('\u{feff}'), "{text:?}");
        assert!(read(502, &[], "\u{feff}").message.ends_with("an empty body"));
    }

    #[test]
    fn details_keep_the_other_fields_of_the_error() {
        let error = read(
            400,
            &[],
            r#"{"__type":"a#ConditionalCheckFailedException","message":"m","Item":{"S":{"N":"1"}}}"#,
        );
        assert_eq!(error.details.as_deref(), Some(r#"{"Item":{"S":{"N":"1"}}}"#));
        assert!(!error.retryable);
    }

    #[test]
    fn errors_without_a_json_body_have_a_code_and_a_message() {
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
    fn plain_http_on_a_port_for_tls_is_recognised() {
        for body in [
            "<html><head><title>400 The plain HTTP request was sent to HTTPS port</title></head>",
            "<p>Reason: You're speaking plain HTTP to an SSL-enabled server port.<br/> Instead use \
             the HTTPS scheme to access this URL, please.</p>",
            "Client sent an HTTP request to an HTTPS server.\n",
            "Bad Request\nThis combination of host and port requires TLS.\n",
        ] {
            assert_eq!(read(400, &[], body).hint.as_deref(), Some(EXPECTS_TLS), "{body}");
        }
        for (status, body) in [
            (400, "<a href=\"https://docs.example/\">Bad Request</a>"),
            (502, "the TLS handshake with the backend failed"),
            (400, "{\"__type\":\"x#ValidationException\",\"message\":\"not an https URL\"}"),
            (400, ""),
        ] {
            assert_eq!(read(status, &[], body).hint.as_deref(), None, "{body}");
        }
    }

    #[test]
    fn the_checksum_is_compared_with_the_bytes_as_received() {
        let matches = |sent: &[&str]| {
            let headers = sent.iter().map(|sent| (CHECKSUM.into(), (*sent).into())).collect();
            let body = b"123456789".to_vec();
            Response { status: 200, headers, crc32: crc32fast::hash(&body), body }
                .checksum_matches()
        };
        let right = "3421780262";
        assert!(matches(&[right]) && matches(&[]) && matches(&[right, right]));
        for corrupted in ["1", "", "abc", "-1", "4294967296", "3421780262, 3421780262"] {
            assert!(!matches(&[corrupted]) && !matches(&[right, corrupted]), "{corrupted}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_body_gives_a_code_and_a_message(
            status in 300u16..600,
            body in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
        ) {
            let response = Response { status, body, ..Response::default() };
            let context = HintContext { action: "GetItem", format: Format::Plain, ..HintContext::default() };
            let error = ServiceError::from_response(&response, &context, 1);
            proptest::prop_assert!(!error.code.is_empty() && !error.message.is_empty());
        }
    }
}
