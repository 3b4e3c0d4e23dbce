//! Runs a server, its client and the service behind it in one thread, so that callgrind can count the
//! instructions of a request from end to end, with the plugin in its sandbox.
//!
//! Arguments: `wire` or `json`, and how many requests to make. The variables of `credentials` and
//! `PORTCULLIS_CACHE`, the folder for compiled code, must be set.

#![expect(clippy::disallowed_methods, reason = "the client of a test")]

use portcullis_server::setup::PolicyLocation;
use portcullis_server::{Options, Served};
use portcullis_testkit::recorder::{self, Response};
use std::error::Error;
use std::future::pending;
use tests::calls;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("the arguments are: wire or json, times");
    let (api, times) = (next()?, next()?.parse::<u32>()?);
    let [call, ..] = calls::all();
    let service = recorder::start(Response::ok(call.response.clone())).await;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("portcullis.toml");
    std::fs::write(&file, policy(&service.authority))?;
    let server =
        portcullis_server::open(Options::new(Served::Policy(PolicyLocation::named(&file))));
    let server = server.await?;
    let url = server.endpoints()[0].url.clone();
    let address = url.strip_prefix("http://").ok_or("the server has no TLS")?;
    let request = request(&api, address, &call.input)?;
    let requests = async {
        let mut connection = TcpStream::connect(address).await?;
        for _ in 0..times {
            exchange(&mut connection, request.as_bytes(), &call.response).await?;
        }
        Ok::<_, Box<dyn Error>>(())
    };
    tokio::select! {
        ended = server.serve(pending()) => Ok(ended?),
        done = requests => done,
    }
}

fn policy(authority: &str) -> String {
    format!(
        "[datasources.shop]\n\
         plugin = \"dynamodb\"\n\
         settings = {{ region = \"eu-west-1\", endpoint = \"http://{authority}\" }}\n\
         egress = [\"http://{authority}\"]\n\
         networks = {{ \"http://{authority}\" = [\"127.0.0.0/8\"] }}\n\
         access = \"write\"\n\
         credentials = {{ from = \"env\" }}\n\
         [server]\n\
         listen = \"127.0.0.1:0\"\n"
    )
}

/// A request as an AWS SDK sends it, or one of the JSON API.
fn request(api: &str, address: &str, input: &str) -> Result<String, String> {
    let (path, headers) = match api {
        "wire" => (
            "/ddb/shop/",
            "content-type: application/x-amz-json-1.0\r\n\
             x-amz-target: DynamoDB_20120810.GetItem\r\n\
             x-amz-date: 20150830T123600Z\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/dynamodb/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
             Signature=cea326deeabad8d78de446662ed2b82ab1399a05fb27456547a5ee456745285d\r\n",
        ),
        "json" => ("/v1/datasources/shop/actions/GetItem", "content-type: application/json\r\n"),
        other => return Err(format!("there is no API {other:?}")),
    };
    let length = input.len();
    Ok(format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-length: {length}\r\n\r\n{input}"
    ))
}

/// Sends a request and reads its response, which must end with `body`.
async fn exchange(
    connection: &mut TcpStream,
    request: &[u8],
    body: &str,
) -> Result<(), Box<dyn Error>> {
    connection.write_all(request).await?;
    let mut response = Vec::with_capacity(2048);
    while !response.ends_with(body.as_bytes()) {
        if connection.read_buf(&mut response).await? == 0 {
            return Err("the server closed the connection".into());
        }
        if response.len() >= 12 && !response.starts_with(b"HTTP/1.1 200") {
            return Err(String::from_utf8_lossy(&response).into());
        }
    }
    Ok(())
}
