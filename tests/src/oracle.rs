//! Computes the signature of a request with AWS's own code, as the reference for ours.

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use portcullis_testkit::recorder::RecordedRequest;
use time::PrimitiveDateTime;
use time::macros::format_description;

/// Returns the signature in a request, and the one that `aws-sigv4` computes for the same request.
///
/// # Panics
/// Panics if the request has no valid `authorization` and `x-amz-date` headers.
#[must_use]
pub fn signatures(
    request: &RecordedRequest,
    access_key_id: &str,
    secret: &str,
    token: Option<&str>,
    region: &str,
) -> (String, String) {
    let authorization = request.header("authorization");
    let carried =
        authorization.rsplit_once("Signature=").expect("the request is signed").1.to_string();
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let moment = PrimitiveDateTime::parse(request.header("x-amz-date"), format)
        .expect("x-amz-date is a date and time")
        .assume_utc();
    let identity: Identity =
        Credentials::new(access_key_id, secret, token.map(Into::into), None, "test").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("dynamodb")
        .settings(SigningSettings::default());
    let params = params.time(moment.into()).build().expect("all parameters are given").into();
    let url = format!("http://{}{}", request.header("host"), request.path);
    let signed = authorization
        .split("SignedHeaders=")
        .nth(1)
        .and_then(|rest| rest.split(',').next())
        .expect("the request names its signed headers");
    let headers: Vec<(&str, &str)> = signed
        .split(';')
        .filter(|name| !matches!(*name, "host" | "x-amz-date" | "x-amz-security-token"))
        .map(|name| (name, request.header(name)))
        .collect();
    let signable = SignableRequest::new(
        &request.method,
        &url,
        headers.into_iter(),
        SignableBody::Bytes(&request.body),
    )
    .expect("the request can be signed");
    let computed =
        sign(signable, &params).expect("the request can be signed").signature().to_string();
    (carried, computed)
}
