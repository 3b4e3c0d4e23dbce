//! Request bodies, limited in bytes, in memory and in time.

use crate::memory;
use axum::body::Body;
use http_body::Body as _;
use http_body_util::BodyExt;
use portcullis_config::ServerConfig;
use portcullis_memory::{Account, Charge, Exceeded};
use std::sync::Arc;

/// A body that was not read completely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    /// It is larger than all bodies of one token may be, in bytes.
    NeverFits(u64),
    TooSlow,
    /// It ended before its stated length, or is not HTTP.
    Broken,
    /// There is no memory for it.
    NoMemory(Exceeded),
}

impl BodyError {
    pub(crate) fn message(self, server: &ServerConfig) -> String {
        match self {
            Self::TooLarge => {
                format!("the body is larger than server.body-bytes, {}", server.body_bytes)
            }
            Self::NeverFits(limit) => format!(
                "the body is larger than all bodies of one token or tenant together may be, {} MiB \
                 of host.memory",
                limit >> 20
            ),
            Self::TooSlow => format!(
                "the body did not arrive within server.body-timeout, {}",
                humantime::format_duration(server.body_timeout)
            ),
            Self::Broken => "the body ended before its stated length".to_string(),
            Self::NoMemory(exceeded) => memory::refusal(exceeded),
        }
    }
}

/// A complete body, and its memory.
pub(crate) struct Received {
    pub(crate) bytes: Vec<u8>,
    pub(crate) charge: Charge,
}

/// Reads a body completely. Nothing is read of a body whose stated length is too large, or for
/// which there is no memory.
pub(crate) async fn read(
    body: Body,
    server: &ServerConfig,
    account: &Arc<Account>,
) -> Result<Received, BodyError> {
    let max = server.body_bytes.as_u64();
    let stated = body.size_hint().lower();
    if stated > max {
        return Err(BodyError::TooLarge);
    }
    if stated > account.limit() {
        return Err(BodyError::NeverFits(account.limit()));
    }
    let reading = receive(body, stated, max, account);
    match tokio::time::timeout(server.body_timeout, reading).await {
        Ok(received) => received,
        Err(_) => Err(BodyError::TooSlow),
    }
}

/// The memory for the beginning of a body whose length is not stated.
const FIRST_BYTES: u64 = 16 * 1024;

async fn receive(
    mut body: Body,
    stated: u64,
    max: u64,
    account: &Arc<Account>,
) -> Result<Received, BodyError> {
    let first = if body.size_hint().exact().is_some() { stated } else { FIRST_BYTES };
    let charge = account.charge(first).map_err(BodyError::NoMemory)?;
    let mut received = Received { bytes: Vec::with_capacity(first as usize), charge };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Some(data) = frame.data_ref() else { continue };
        let length = (received.bytes.len() + data.len()) as u64;
        if length > max {
            return Err(BodyError::TooLarge);
        }
        if length > account.limit() {
            return Err(BodyError::NeverFits(account.limit()));
        }
        let charged = received.charge.bytes();
        if length > charged {
            // Doubled, so that each byte is copied about once.
            let most = max.min(account.limit());
            let more = (length - charged).max(charged).min(most - charged);
            received.charge.grow(more).map_err(BodyError::NoMemory)?;
            received.bytes.reserve_exact((charged + more) as usize - received.bytes.len());
        }
        received.bytes.extend_from_slice(data);
    }
    Ok(received)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http_body::Frame;
    use portcullis_memory::MemoryLimit;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    /// A body of so many pieces.
    struct Pieces(u64);

    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
            self.0 = left;
            Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b'x'; 1000])))))
        }
    }

    /// Reads a body that arrives in pieces of 1000 bytes, without a stated length.
    async fn receive_pieces(count: u64, max: u64, memory: u64) -> Result<(usize, u64), BodyError> {
        let body = Body::new(Pieces(count));
        let account = Account::new(memory, MemoryLimit::new(memory));
        let received = receive(body, 0, max, &account).await?;
        assert!(received.bytes.capacity() as u64 <= received.charge.bytes());
        Ok((received.bytes.len(), account.held()))
    }

    #[tokio::test]
    async fn memory_is_charged_as_a_body_arrives() {
        assert_eq!(receive_pieces(3, 1_000_000, 100_000).await, Ok((3000, FIRST_BYTES)));
        assert_eq!(receive_pieces(20, 1_000_000, 100_000).await, Ok((20_000, 2 * FIRST_BYTES)));
        assert_eq!(receive_pieces(20, 20_000, 100_000).await, Ok((20_000, 20_000)));
        assert_eq!(receive_pieces(21, 20_000, 100_000).await, Err(BodyError::TooLarge));
        assert_eq!(receive_pieces(20, 1_000_000, 20_000).await, Ok((20_000, 20_000)));
        assert_eq!(receive_pieces(21, 1_000_000, 20_000).await, Err(BodyError::NeverFits(20_000)));
        let full = Err(BodyError::NoMemory(Exceeded::Account { limit: 10_000 }));
        assert_eq!(receive_pieces(1, 1_000_000, 10_000).await, full);
    }
}
