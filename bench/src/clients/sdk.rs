//! AWS's SDK for Rust with its defaults, except that TLS uses `ring`, like all clients here.

use crate::cases::Case;
use crate::constants::{ACCESS_KEY_ID, REGION, SECRET};
use anyhow::{Result, ensure};
use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, SharedHttpClient};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use aws_sdk_dynamodb::{Client, Config};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use serde_json::Value;
use std::collections::HashMap;

/// The client, and the items of the write case in the SDK's types.
pub struct Sdk {
    client: Client,
    writes: HashMap<String, Vec<WriteRequest>>,
}

impl Sdk {
    pub(super) fn new(endpoint: &str, ca: &str) -> Result<Self> {
        let trust = TrustStore::empty().with_pem_certificate(ca.as_bytes());
        let context = TlsContext::builder().with_trust_store(trust).build()?;
        let http: SharedHttpClient = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .tls_context(context)
            .build_https();
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static(REGION))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET, None, None, "bench"))
            .http_client(http)
            .build();
        Ok(Self { client: Client::from_conf(config), writes: writes()? })
    }

    pub(super) async fn call(&self, case: Case) -> Result<()> {
        match case {
            Case::GetItem => {
                let key = [
                    ("customer", AttributeValue::S("c-000042".to_string())),
                    ("order", AttributeValue::N("1042".to_string())),
                ];
                let key = key.map(|(name, value)| (name.to_string(), value)).into();
                let response =
                    self.client.get_item().table_name("orders").set_key(Some(key)).send().await?;
                ensure!(
                    response.item().is_some_and(|item| item.len() == 7),
                    "the item is incomplete"
                );
            }
            Case::Query => {
                let values = [(":c".to_string(), AttributeValue::S("c-000042".to_string()))].into();
                let query = self
                    .client
                    .query()
                    .table_name("orders")
                    .key_condition_expression("customer = :c");
                let response = query.set_expression_attribute_values(Some(values)).send().await?;
                ensure!(
                    response.count() as usize == response.items().len(),
                    "the response is incomplete"
                );
            }
            Case::Scan => {
                let response =
                    self.client.scan().table_name("orders").limit(1_000_000).send().await?;
                ensure!(
                    response.count() as usize == response.items().len(),
                    "the response is incomplete"
                );
            }
            Case::BatchWrite => {
                self.client
                    .batch_write_item()
                    .set_request_items(Some(self.writes.clone()))
                    .send()
                    .await?;
            }
        }
        Ok(())
    }
}

/// Returns the input of the write case in the SDK's types.
fn writes() -> Result<HashMap<String, Vec<WriteRequest>>> {
    let input: Value = serde_json::from_str(&Case::BatchWrite.input())?;
    let mut writes = Vec::new();
    for put in input["RequestItems"]["orders"].as_array().into_iter().flatten() {
        let Value::Object(item) = &put["PutRequest"]["Item"] else { continue };
        let item = item.iter().map(|(name, value)| (name.clone(), attribute(value))).collect();
        writes.push(
            WriteRequest::builder()
                .put_request(PutRequest::builder().set_item(Some(item)).build()?)
                .build(),
        );
    }
    Ok([("orders".to_string(), writes)].into())
}

fn attribute(value: &Value) -> AttributeValue {
    let (name, inner) = value
        .as_object()
        .and_then(|members| members.iter().next())
        .expect("an attribute value has a type");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    match name.as_str() {
        "S" => AttributeValue::S(text(inner)),
        "N" => AttributeValue::N(text(inner)),
        "BOOL" => AttributeValue::Bool(inner == &Value::Bool(true)),
        "SS" => AttributeValue::Ss(inner.as_array().into_iter().flatten().map(text).collect()),
        "L" => AttributeValue::L(inner.as_array().into_iter().flatten().map(attribute).collect()),
        "M" => AttributeValue::M(
            inner
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), attribute(value)))
                .collect(),
        ),
        _ => AttributeValue::B(Blob::new(text(inner))),
    }
}
