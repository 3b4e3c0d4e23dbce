//! One connection of a client: it writes prebuilt requests, and reads responses until they are
//! complete. It does as little as possible, since it shares a core with the upstream.

use anyhow::{Context, Result, bail, ensure};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A connection to a server.
pub struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A response that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The bytes of the body.
    pub length: usize,
}

/// More than a small response with its headers, and few reads for a large one.
const BUFFER: usize = 64 * 1024;

impl Connection {
    /// Opens a connection. With a configuration of TLS, it is encrypted.
    pub async fn open(server: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Result<Self> {
        let stream = TcpStream::connect(server).await.context("the server cannot be reached")?;
        stream.set_nodelay(true)?;
        let stream = match tls {
            None => Stream::Plain(stream),
            Some(config) => {
                let connector = TlsConnector::from(config.clone());
                let name = ServerName::try_from("localhost")?;
                Stream::Tls(Box::new(connector.connect(name, stream).await?))
            }
        };
        Ok(Self { stream, buffer: vec![0; BUFFER] })
    }

    /// Sends a request and reads its response.
    pub async fn call(&mut self, request: &[u8]) -> Result<Response> {
        match &mut self.stream {
            Stream::Plain(stream) => exchange(stream, request, &mut self.buffer).await,
            Stream::Tls(stream) => exchange(stream.as_mut(), request, &mut self.buffer).await,
        }
    }

    /// Returns the beginning of the last response, with its head.
    pub fn text(&self) -> String {
        let end = self.buffer.iter().position(|byte| *byte == 0).unwrap_or(self.buffer.len());
        String::from_utf8_lossy(&self.buffer[..end.min(2_000)]).into_owned()
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    request: &[u8],
    buffer: &mut [u8],
) -> Result<Response> {
    stream.write_all(request).await?;
    stream.flush().await?;
    let mut filled = 0;
    let (status, head, length) = loop {
        ensure!(filled < buffer.len(), "the head of the response is too large");
        let read = stream.read(&mut buffer[filled..]).await?;
        ensure!(read > 0, "the server closed the connection");
        filled += read;
        if let Some(head) = buffer[..filled].windows(4).position(|part| part == b"\r\n\r\n") {
            let (status, length) = parse(&buffer[..head])?;
            break (status, head + 4, length);
        }
    };
    let mut read = filled - head;
    while read < length {
        // A response that does not fit in the buffer is only counted.
        let from = if head + length <= buffer.len() { filled } else { 0 };
        let more = stream.read(&mut buffer[from..]).await?;
        ensure!(more > 0, "the server closed the connection within a response");
        filled += more;
        read += more;
    }
    ensure!(read == length, "the response is longer than its content-length");
    Ok(Response { status, length })
}

/// Returns the status and the length of the body.
fn parse(head: &[u8]) -> Result<(u16, usize)> {
    let head = std::str::from_utf8(head)?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
    let status = status.and_then(|line| line.get(..3)).context("this is no response")?.parse()?;
    for line in lines {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok((status, value.trim().parse()?));
        }
    }
    bail!("the response has no content-length: {head}")
}
