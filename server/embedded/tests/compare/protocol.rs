//! Requests that are wrong before an operation is found.

use crate::sides::{AUTHORIZATION, Sides, json, signed};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;

const LIST: &str = "DynamoDB_20120810.ListTables";

/// A body, headers and a path.
type Case<'c> = (&'c [u8], &'c [(&'c str, &'c str)], &'c str);

/// A request of such parts.
fn request(body: &[u8], headers: &[(&str, &str)], path: &str) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(Method::POST).uri(path).header("host", "local");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Full::new(Bytes::copy_from_slice(body))).expect("the request is valid")
}

#[tokio::test]
async fn requests_that_name_no_operation_get_the_same_response() {
    const AMZ: (&str, &str) = ("content-type", "application/x-amz-json-1.0");
    const TARGET: (&str, &str) = ("x-amz-target", LIST);
    const AUTH: (&str, &str) = ("authorization", AUTHORIZATION);
    const DATE: (&str, &str) = ("x-amz-date", "20260101T000000Z");
    let all = [AMZ, TARGET, AUTH, DATE];
    let cases: &[Case] = &[
        (b"{}", &all, "/"),
        (b"", &all, "/"),
        (b" ", &all, "/"),
        (b"{", &all, "/"),
        (b"[]", &all, "/"),
        (b"1", &all, "/"),
        (b"null", &all, "/"),
        (b"\"x\"", &all, "/"),
        (b"{} {}", &all, "/"),
        (b"{'a': 1}", &all, "/"),
        (b"\xff\xfe", &all, "/"),
        (b"{\"a\": \"\xc3\"}", &all, "/"),
        (b"{}", &all, "/other"),
        (b"{}", &all, "//"),
        (b"", &[], "/"),
        (b"{}", &[], "/"),
        (b"{}", &[AMZ], "/"),
        (b"{", &[AMZ], "/"),
        (b"", &[AMZ], "/"),
        (b"{}", &[TARGET, AUTH, DATE], "/"),
        (b"", &[TARGET, AUTH, DATE], "/"),
        (b"{}", &[("content-type", "text/plain"), TARGET, AUTH, DATE], "/"),
        (b"{}", &[("content-type", "application/json"), TARGET, AUTH, DATE], "/"),
        (b"{}", &[("content-type", " Application/JSON ; charset=x"), TARGET, AUTH, DATE], "/"),
        (b"{}", &[("content-type", "application/x-amz-json-1.1"), TARGET, AUTH, DATE], "/"),
        (b"{}", &[AMZ, ("x-amz-target", "ListTables"), AUTH, DATE], "/"),
        (b"{}", &[AMZ, ("x-amz-target", ""), AUTH, DATE], "/"),
        (b"{}", &[AMZ, ("x-amz-target", "DynamoDB_20120810."), AUTH, DATE], "/"),
        (b"{}", &[AMZ, ("x-amz-target", "DynamoDB_20120810.Frobnicate"), AUTH, DATE], "/"),
        (b"{}", &[AMZ, ("x-amz-target", "DynamoDB_20120810.listtables"), AUTH, DATE], "/"),
        (b"{}", &[AMZ, ("x-amz-target", "DynamoDB_20111205.ListTables"), AUTH, DATE], "/"),
        (b"{}", &[AMZ, ("x-amz-target", "DynamoDBStreams_20120810.ListTables"), AUTH, DATE], "/"),
        (b"{}", &[AMZ, TARGET], "/"),
        (b"", &[AMZ, TARGET], "/"),
        (b"{}", &[AMZ, TARGET, AUTH], "/"),
        (b"{}", &[AMZ, TARGET, AUTH, ("date", "x")], "/"),
        (b"{}", &[AMZ, TARGET, DATE, ("authorization", "Basic eDp5")], "/"),
        (b"{}", &[AMZ, TARGET, DATE, ("authorization", "AWS4-HMAC-SHA256 Credential=A")], "/"),
        (b"{}", &[AMZ, TARGET, DATE, ("authorization", "AWS4-HMAC-SHA256")], "/"),
        (b"{}", &[AMZ, TARGET, ("authorization", "AWS4-HMAC-SHA256 Signature=A")], "/"),
        (b"{}", &[AMZ, TARGET, AUTH, DATE], "/?X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        (b"{}", &[AMZ, TARGET, DATE], "/?X-Amz-Algorithm=AWS4-HMAC-SHA256"),
        (b"{}", &[AMZ, TARGET, DATE], "/?X-Amz-Algorithm="),
        (
            b"{}",
            &[AMZ, TARGET],
            "/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&\
            X-Amz-SignedHeaders=d&X-Amz-Date=e",
        ),
    ];
    let mut sides = Sides::start().await;
    for (body, headers, path) in cases {
        let (theirs, ours) = sides.send_raw(|| request(body, headers, path)).await;
        let same = theirs.status == ours.status && json(&theirs.body) == json(&ours.body);
        assert!(same, "{headers:?} {path}\n  theirs: {theirs:?}\n  ours:   {ours:?}");
        assert_eq!(theirs.headers.get("content-type"), ours.headers.get("content-type"));
    }
    sides.stop().await;
}

#[tokio::test]
async fn other_methods_get_the_same_response() {
    let mut sides = Sides::start().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::HEAD] {
        let (theirs, ours) = sides
            .send_raw(|| {
                let mut request = signed(LIST, "{}");
                *request.method_mut() = method.clone();
                request
            })
            .await;
        assert_eq!((theirs.status, &theirs.body), (ours.status, &ours.body), "{method}");
    }
    sides.stop().await;
}

#[tokio::test]
async fn a_body_of_16_mebibytes_is_read_and_a_larger_one_is_refused() {
    let mut sides = Sides::start().await;
    let limit = portcullis_embedded::MAX_BODY_BYTES;
    let body = |bytes: usize| format!("{{{}}}", " ".repeat(bytes - 2));
    let (theirs, ours) = sides.send_raw(|| signed(LIST, body(limit))).await;
    assert_eq!((theirs.status, ours.status), (200, 200));
    sides.stop().await;
    // A server that does not read a body to its end closes the connection.
    let mut sides = Sides::start().await;
    let (theirs, ours) = sides.send_raw(|| signed(LIST, body(limit + 1))).await;
    assert_eq!((theirs.status, ours.status), (413, 413));
    assert_eq!(theirs.body, ours.body);
    sides.stop().await;
}
