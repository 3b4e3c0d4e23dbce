//! The bytes that clients of a server send.

use crate::cases::Case;
use crate::constants::{ACCESS_KEY_ID, REGION, SECRET};
use crate::serve::policy::{DATASOURCE, SAVED, TEMPLATE, TOKEN};
use std::net::SocketAddr;

/// Returns a request in DynamoDB's own protocol, with the headers that AWS's SDK for Rust sends.
pub fn wire(server: SocketAddr, case: Case) -> Vec<u8> {
    let body = case.input();
    format!(
        "POST /ddb/{DATASOURCE}/ HTTP/1.1\r\n\
         host: {server}\r\n\
         content-type: application/x-amz-json-1.0\r\n\
         x-amz-target: DynamoDB_20120810.{action}\r\n\
         content-length: {length}\r\n\
         user-agent: aws-sdk-rust/1.3.10 os/linux lang/rust/1.95.0\r\n\
         x-amz-user-agent: aws-sdk-rust/1.3.10 ua/2.1 api/dynamodb/1.136.0 os/linux \
         lang/rust/1.95.0 m/E\r\n\
         amz-sdk-invocation-id: 1f8ad4b2-0f63-4c1e-9a45-5d3e7b60c1aa\r\n\
         amz-sdk-request: attempt=1; max=3\r\n\
         x-amz-date: 20150830T123600Z\r\n\
         authorization: AWS4-HMAC-SHA256 \
         Credential={TOKEN}/20150830/{REGION}/dynamodb/aws4_request, \
         SignedHeaders=amz-sdk-request;content-type;host;x-amz-date;x-amz-target;x-amz-user-agent, \
         Signature=cea326deeabad8d78de446662ed2b82ab1399a05fb27456547a5ee456745285d\r\n\r\n{body}",
        action = case.action(),
        length = body.len(),
    )
    .into_bytes()
}

/// Returns a request of the JSON API. The query has the options of the action; it may be empty.
pub fn json(server: SocketAddr, action: &str, query: &str, body: &str) -> Vec<u8> {
    let path = format!("datasources/{DATASOURCE}/actions/{action}{query}");
    request("POST", server, &path, "application/json", body)
}

/// Returns a request to save a datasource of a tenant.
pub fn save(server: SocketAddr) -> Vec<u8> {
    let body = format!("{{\"template\":\"{TEMPLATE}\",{}}}", given());
    request("PUT", server, &format!("datasources/{SAVED}"), "application/json", &body)
}

/// Returns a request for the datasource that was saved.
pub fn saved(server: SocketAddr, case: Case) -> Vec<u8> {
    let path = format!("datasources/{SAVED}/actions/{}", case.action());
    request("POST", server, &path, "application/json", &case.input())
}

/// Returns a request that brings its datasource along.
pub fn inline(server: SocketAddr, case: Case) -> Vec<u8> {
    let body = format!("{{{},\"input\":{}}}", given(), case.input());
    let path = format!("templates/{TEMPLATE}/actions/{}", case.action());
    request("POST", server, &path, "application/vnd.portcullis.call+json", &body)
}

/// What a tenant fills in.
fn given() -> String {
    format!(
        "\"settings\":{{\"region\":\"{REGION}\"}},\
         \"credentials\":{{\"accessKeyId\":\"{ACCESS_KEY_ID}\",\"secretAccessKey\":\"{SECRET}\"}}"
    )
}

fn request(method: &str, server: SocketAddr, path: &str, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} /v1/{path} HTTP/1.1\r\n\
         host: {server}\r\n\
         content-type: {kind}\r\n\
         accept: application/json\r\n\
         user-agent: bench\r\n\
         authorization: Bearer {TOKEN}\r\n\
         content-length: {length}\r\n\r\n{body}",
        length = body.len(),
    )
    .into_bytes()
}
