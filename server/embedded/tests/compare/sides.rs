//! The two servers that are compared, and how their responses are.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use portcullis_embedded::EmbeddedDatabase;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

/// Both servers, each with a database of its own.
pub(crate) struct Sides {
    /// dynoxide's server.
    pub(crate) theirs: Side,
    /// The embedded database.
    pub(crate) ours: Side,
    database: EmbeddedDatabase,
}

/// One of them.
pub(crate) struct Side {
    sender: SendRequest<Full<Bytes>>,
    /// The ARN of the stream of the table `events`. It has the time in it.
    stream: String,
}

/// What a server responded.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Sides {
    /// Starts both servers, without tables.
    pub(crate) async fn start() -> Self {
        let database = dynoxide::Database::memory().expect("a database can be created");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let server =
            dynoxide::server::serve_with_shutdown(listener, database, std::future::pending());
        tokio::spawn(server);
        #[expect(clippy::disallowed_methods, reason = "a test's client, not a plugin's")]
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let theirs = Side::new(stream).await;

        let database = EmbeddedDatabase::open(None, true).expect("a database can be created");
        let (client, server) = tokio::io::duplex(64 * 1024);
        tokio::spawn(database.serve(server));
        Self { theirs, ours: Side::new(client).await, database }
    }

    /// Sends the same request to both, and compares their responses.
    pub(crate) async fn compare(&mut self, operation: &str, body: &str) -> Answer {
        let (mut theirs, mut ours) = self.send(operation, body).await;
        // dynoxide names any one of several mistakes: the first one in the order of a hash map,
        // which differs with each request. A refused request changes nothing, so it is repeated.
        for _ in 0..MAX_REPEATS {
            if theirs.status != 400 || ours.status != 400 || json(&theirs.body) == json(&ours.body)
            {
                break;
            }
            (theirs, ours) = self.send(operation, body).await;
        }
        let same = theirs.status == ours.status && json(&theirs.body) == json(&ours.body);
        assert!(same, "{operation} {body}\n  theirs: {theirs:?}\n  ours:   {ours:?}");
        let content_type = |answer: &Answer| answer.headers.get("content-type").cloned();
        assert_eq!(content_type(&theirs), content_type(&ours), "{operation} {body}");
        ours
    }

    /// Sends the same request to both: first dynoxide's response, then ours.
    pub(crate) async fn send(&mut self, operation: &str, body: &str) -> (Answer, Answer) {
        (self.theirs.call(operation, body).await, self.ours.call(operation, body).await)
    }

    /// Sends the same request to both, with a function that creates it.
    pub(crate) async fn send_raw(
        &mut self,
        request: impl Fn() -> Request<Full<Bytes>>,
    ) -> (Answer, Answer) {
        (self.theirs.exchange(request()).await, self.ours.exchange(request()).await)
    }

    /// Creates the tables and items that the requests of the tests name.
    pub(crate) async fn fill(&mut self) {
        for (operation, body) in crate::operations::SETUP {
            self.compare(operation, body).await;
        }
        for side in [&mut self.theirs, &mut self.ours] {
            let table = side.call("DescribeTable", r#"{"TableName": "events"}"#).await;
            let table: Value = serde_json::from_str(&table.body).expect("it is JSON");
            let stream = table["Table"]["LatestStreamArn"].as_str();
            side.stream = stream.unwrap_or("missing").to_string();
        }
    }

    /// Stops the embedded database.
    pub(crate) async fn stop(self) {
        self.database.stop().await;
    }
}

impl Side {
    async fn new(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("it speaks HTTP");
        tokio::spawn(connection);
        Self { sender, stream: "missing".to_string() }
    }

    async fn call(&mut self, operation: &str, body: &str) -> Answer {
        let body = body.replace("$STREAM", &self.stream);
        let prefix = if matches!(
            operation,
            "DescribeStream" | "GetRecords" | "GetShardIterator" | "ListStreams"
        ) {
            "DynamoDBStreams_20120810"
        } else {
            "DynamoDB_20120810"
        };
        let mut answer = self.exchange(signed(&format!("{prefix}.{operation}"), body)).await;
        answer.body = answer.body.replace(&self.stream, "$STREAM");
        answer
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Answer {
        self.sender.ready().await.expect("the connection is open");
        let response = self.sender.send_request(request).await.expect("there is a response");
        let (head, body) = Response::into_parts(response);
        let body = body.collect().await.expect("the body is complete").to_bytes();
        // The response to HEAD has the headers of a body, and none.
        let checksum = head
            .headers
            .get("x-amz-crc32")
            .filter(|_| !body.is_empty())
            .map(|value| value.to_str().expect("ASCII"));
        if let Some(checksum) = checksum {
            assert_eq!(checksum, crc32fast::hash(&body).to_string());
        }
        let body = String::from_utf8(body.into()).expect("it is UTF-8");
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }
}

/// Two random choices among two mistakes differ forty times with a probability of 10⁻¹².
const MAX_REPEATS: usize = 40;

/// A request as clients sign it.
pub(crate) fn signed(target: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::builder()
        .method(Method::POST)
        .uri("/")
        .header("host", "local")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", target)
        .header("x-amz-date", "20260101T000000Z")
        .header("authorization", AUTHORIZATION)
        .body(Full::new(body.into()))
        .expect("the request is valid")
}

pub(crate) const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
    Credential=A/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";

/// The body without ids and dates.
pub(crate) fn json(body: &str) -> Value {
    let mut value = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_string()));
    forget(&mut value);
    value
}

fn forget(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if VARYING.contains(&name.as_str()) {
                    *member = Value::String("…".to_string());
                } else {
                    forget(member);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(forget),
        _ => {}
    }
}

/// Members with ids and dates.
const VARYING: &[&str] = &[
    "ApproximateCreationDateTime",
    "CreationDateTime",
    "CreationRequestDateTime",
    "LastUpdateToPayPerRequestDateTime",
    "EndingSequenceNumber",
    "LatestStreamArn",
    "LatestStreamLabel",
    "NextShardIterator",
    "SequenceNumber",
    "StartingSequenceNumber",
    "StreamLabel",
    "TableId",
    "eventID",
];
