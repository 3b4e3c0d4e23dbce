//! Builds requests in the ways that attacks need.

use crate::bindings::exports::portcullis::datasource::connector::Error;
use crate::bindings::portcullis::datasource::aws_signing::derive_key;
use crate::bindings::wasi;
use crate::bindings::wasi::http::outgoing_handler::handle;
use crate::bindings::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// One request. [`honest`] creates one that the host allows; an attack changes parts of it.
pub(crate) struct Attempt<'a> {
    pub(crate) scheme: Scheme,
    pub(crate) authority: &'a str,
    pub(crate) method: Method,
    pub(crate) path: &'a str,
    pub(crate) targets: Vec<String>,
    pub(crate) body: &'a str,
    pub(crate) signer: Signer,
    pub(crate) options: Option<RequestOptions>,
}

/// Who signs a request.
pub(crate) enum Signer {
    /// The identity of the datasource.
    Own,
    /// Nobody: the request has no signature.
    Nobody,
    /// Another identity, with this access key id.
    Other(&'static str),
    /// The identity of the datasource, but with this session token.
    WithToken(&'static str),
    /// The identity of the datasource, for this day, region and service.
    For(String, String, String),
}

/// Creates an honest request for an action.
pub(crate) fn honest<'a>(authority: &'a str, action: &str, body: &'a str) -> Attempt<'a> {
    Attempt {
        scheme: Scheme::Http,
        authority,
        method: Method::Post,
        path: "/",
        targets: vec![target(action)],
        body,
        signer: Signer::Own,
        options: None,
    }
}

/// Returns the value of the `x-amz-target` header for an operation.
pub(crate) fn target(action: &str) -> String {
    format!("DynamoDB_20120810.{action}")
}

impl Attempt<'_> {
    pub(crate) fn send(self) -> Result<String, Error> {
        finish(self.begin().map_err(refused)?)
    }

    /// Returns the headers: the operation and the signature.
    pub(crate) fn headers(&self) -> Vec<(String, Vec<u8>)> {
        let mut headers: Vec<(String, Vec<u8>)> = self
            .targets
            .iter()
            .map(|target| ("x-amz-target".to_string(), target.as_bytes().to_vec()))
            .collect();
        headers.extend(signature(&self.signer));
        headers
    }

    pub(crate) fn begin(self) -> Result<FutureIncomingResponse, ErrorCode> {
        let request = OutgoingRequest::new(
            Fields::from_list(&self.headers()).map_err(|_| ErrorCode::HttpRequestDenied)?,
        );
        let built = request
            .set_method(&self.method)
            .and_then(|()| request.set_scheme(Some(&self.scheme)))
            .and_then(|()| request.set_authority(Some(self.authority)))
            .and_then(|()| request.set_path_with_query(Some(self.path)));
        built.map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
        let outgoing = request.body().map_err(|()| ErrorCode::HttpProtocolError)?;
        let stream = outgoing.write().map_err(|()| ErrorCode::HttpProtocolError)?;
        stream
            .blocking_write_and_flush(self.body.as_bytes())
            .map_err(|_| ErrorCode::HttpProtocolError)?;
        drop(stream);
        OutgoingBody::finish(outgoing, None)?;
        handle(request, self.options)
    }
}

/// Returns the headers of a signature. The signature itself is zeros: the gate checks who signs,
/// and the service would check the signature.
fn signature(signer: &Signer) -> Vec<(String, Vec<u8>)> {
    let date = today();
    let own = || {
        derive_key(&date, "us-east-1", "dynamodb")
            .ok()
            .map(|material| (material.access_key_id, material.session_token))
    };
    if matches!(signer, Signer::Nobody) {
        return Vec::new();
    }
    // Everything but one part is correct, so that this part is the reason for the refusal.
    let Some((own_id, own_token)) = own() else { return Vec::new() };
    let id = if let Signer::Other(id) = signer { id.to_string() } else { own_id };
    let token =
        if let Signer::WithToken(token) = signer { Some(token.to_string()) } else { own_token };
    let scope = match signer {
        Signer::For(date, region, service) => format!("{date}/{region}/{service}"),
        _ => format!("{date}/us-east-1/dynamodb"),
    };
    let credential = format!("{id}/{scope}/aws4_request");
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={:064}",
        0
    );
    let mut headers = vec![("authorization".to_string(), value.into_bytes())];
    headers.extend(token.map(|token| ("x-amz-security-token".to_string(), token.into_bytes())));
    headers
}

pub(crate) fn finish(response: FutureIncomingResponse) -> Result<String, Error> {
    response.subscribe().block();
    let response = response.get().ok_or_else(|| Error::Other("no response".to_string()))?;
    let response = response.map_err(|()| Error::Other("taken".to_string()))?.map_err(refused)?;
    Ok(format!("{{\"status\": {}}}", response.status()))
}

/// Reads the body of a response, and returns its length.
pub(crate) fn read(response: FutureIncomingResponse) -> Result<String, Error> {
    response.subscribe().block();
    let response = response.get().ok_or_else(|| Error::Other("no response".to_string()))?;
    let response = response.map_err(|()| Error::Other("taken".to_string()))?.map_err(refused)?;
    let body = response.consume().map_err(|()| Error::Other("no body".to_string()))?;
    let stream = body.stream().map_err(|()| Error::Other("no stream".to_string()))?;
    let mut read = 0;
    while let Ok(chunk) = stream.blocking_read(1 << 20) {
        read += chunk.len();
    }
    Ok(format!("{{\"read\": {read}}}"))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err needs")]
pub(crate) fn refused(code: ErrorCode) -> Error {
    Error::Refused(format!("{code:?}"))
}

/// Asks the host for a signing key.
pub(crate) fn key(date: &str, region: &str, service: &str) -> Result<String, Error> {
    match derive_key(date, region, service) {
        Ok(_) => Ok("{\"got\": \"a key\"}".to_string()),
        Err(error) => Err(Error::Refused(format!("{error:?}"))),
    }
}

/// Returns the bytes of today's signing key, or nothing if the host refuses.
pub(crate) fn key_bytes() -> Vec<u8> {
    derive_key(&today(), "us-east-1", "dynamodb").map(|material| material.key).unwrap_or_default()
}

/// Returns the session token of the datasource, or nothing if the host refuses.
pub(crate) fn token() -> String {
    derive_key(&today(), "us-east-1", "dynamodb")
        .ok()
        .and_then(|material| material.session_token)
        .unwrap_or_default()
}

/// Returns the current date (UTC) as `YYYYMMDD`.
pub(crate) fn today() -> String {
    let days = wasi::clocks::wall_clock::now().seconds / 86_400;
    // Days to date: Howard Hinnant's `civil_from_days`,
    // <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}")
}
