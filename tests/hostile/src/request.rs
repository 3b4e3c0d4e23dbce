//! Requests as an attack wants them.

use crate::exports::portcullis::datasource::connector::Error;
use crate::portcullis::datasource::aws_signing::derive_key;
use crate::wasi;
use crate::wasi::http::outgoing_handler::handle;
use crate::wasi::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// One request; the default is an honest one.
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

/// Who signs.
pub(crate) enum Signer {
    /// The datasource's own identity.
    Own,
    Nobody,
    /// Whoever has this access key id.
    Other(&'static str),
    /// The datasource's own, with this token.
    WithToken(&'static str),
    /// The datasource's own, for this day, region and service, which no key was given for.
    For(String, String, String),
}

/// An honest request for an action.
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

/// The header that carries an operation.
pub(crate) fn target(action: &str) -> String {
    format!("DynamoDB_20120810.{action}")
}

impl Attempt<'_> {
    pub(crate) fn send(self) -> Result<String, Error> {
        finish(self.begin().map_err(refused)?)
    }

    /// The headers: the operation and the signature.
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

/// The headers of a signature. The gate looks at who signs; whether the signature is right is the service's to say.
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
    // All but one thing is always right, so that it is this one that is refused.
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

pub(crate) fn finish(answer: FutureIncomingResponse) -> Result<String, Error> {
    answer.subscribe().block();
    let answer = answer.get().ok_or_else(|| Error::Other("no answer".to_string()))?;
    let answer = answer.map_err(|()| Error::Other("taken".to_string()))?.map_err(refused)?;
    Ok(format!("{{\"status\": {}}}", answer.status()))
}

/// Reads an answer's body, and says how long it was.
pub(crate) fn read(answer: FutureIncomingResponse) -> Result<String, Error> {
    answer.subscribe().block();
    let answer = answer.get().ok_or_else(|| Error::Other("no answer".to_string()))?;
    let answer = answer.map_err(|()| Error::Other("taken".to_string()))?.map_err(refused)?;
    let body = answer.consume().map_err(|()| Error::Other("no body".to_string()))?;
    let stream = body.stream().map_err(|()| Error::Other("no stream".to_string()))?;
    let mut read = 0;
    while let Ok(chunk) = stream.blocking_read(1 << 20) {
        read += chunk.len();
    }
    Ok(format!("{{\"read\": {read}}}"))
}

#[expect(clippy::needless_pass_by_value, reason = "made for map_err")]
pub(crate) fn refused(code: ErrorCode) -> Error {
    Error::Refused(format!("{code:?}"))
}

/// Asks for a key.
pub(crate) fn key(date: &str, region: &str, service: &str) -> Result<String, Error> {
    match derive_key(date, region, service) {
        Ok(_) => Ok("{\"got\": \"a key\"}".to_string()),
        Err(error) => Err(Error::Refused(format!("{error:?}"))),
    }
}

/// Today's key of the datasource, as it is.
pub(crate) fn key_bytes() -> Vec<u8> {
    derive_key(&today(), "us-east-1", "dynamodb").map(|material| material.key).unwrap_or_default()
}

/// The session token that came with it.
pub(crate) fn token() -> String {
    derive_key(&today(), "us-east-1", "dynamodb")
        .ok()
        .and_then(|material| material.session_token)
        .unwrap_or_default()
}

/// Today, as `YYYYMMDD`.
pub(crate) fn today() -> String {
    let days = wasi::clocks::wall_clock::now().seconds / 86_400;
    // Civil date from days, after Howard Hinnant.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}")
}
