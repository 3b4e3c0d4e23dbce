//! Measures what HTTP alone costs: hyper-util's pooled client sends the same requests as the
//! plugin, with bodies that were made in advance and with a fixed signature.

use crate::cases::Case;
use crate::certificate::trusting;
use crate::constants::{ACCESS_KEY_ID, REGION};
use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The client, and a body for each case.
pub struct Bare {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: String,
    bodies: Vec<(Case, Bytes)>,
}

impl Bare {
    pub(super) fn new(endpoint: &str, ca: &str) -> Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(trusting(ca, rustls::DEFAULT_VERSIONS)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let bodies = Case::ALL.into_iter().map(|case| (case, Bytes::from(case.input()))).collect();
        Ok(Self { client, endpoint: endpoint.to_string(), bodies })
    }

    pub(super) async fn call(&self, case: Case) -> Result<()> {
        let (_, body) = self
            .bodies
            .iter()
            .find(|(known, _)| *known == case)
            .expect("there is a body for each case");
        let request = Request::post(&self.endpoint)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-date", "20150830T123600Z")
            .header("x-amz-target", format!("DynamoDB_20120810.{}", case.action()))
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 \
                     Credential={ACCESS_KEY_ID}/20150830/{REGION}/dynamodb/aws4_request, \
                     SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
                     Signature=cea326deeabad8d78de446662ed2b82ab1399a05fb27456547a5ee456745285d"
                ),
            )
            .body(Full::new(body.clone()))?;
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        ensure!(status == StatusCode::OK && !body.is_empty(), "{status}");
        Ok(())
    }
}
