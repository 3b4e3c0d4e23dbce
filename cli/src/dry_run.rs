//! `--dry-run`: shows the request that would leave, and sends nothing.

use crate::failure::Failure;
use crate::json;
use crate::out::out;
use crate::terminal::visible;
use portcullis::{CheckedRequest, DryRun};
use portcullis_server::setup::PLACEHOLDER_ID;
use std::sync::{Mutex, PoisonError};

/// Keeps the first request.
#[derive(Default)]
pub(crate) struct FirstRequest(Mutex<Option<CheckedRequest>>);

impl DryRun for FirstRequest {
    fn checked(&self, request: CheckedRequest) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(request);
    }
}

impl FirstRequest {
    /// The request, if one would have left.
    pub(crate) fn take(&self) -> Option<CheckedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Prints a request that would leave.
pub(crate) fn print(request: &CheckedRequest) -> Result<(), Failure> {
    out!("{} {}{}", request.method, request.origin, visible(&request.path))?;
    for (name, value) in &request.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        out!("{name}: {}", visible(&without_signature(&value)))?;
    }
    out!()?;
    match std::str::from_utf8(&request.body) {
        Ok(body) => out!("{}", json::pretty(body))?,
        Err(_) => out!("({} bytes that are not text)", request.body.len())?,
    }
    eprintln!("the policy allows this request; nothing was sent");
    eprintln!("not checked: credentials, IAM, and the addresses of the host's name");
    Ok(())
}

/// A header without what placeholder credentials made: it would mislead.
fn without_signature(value: &str) -> String {
    let value = value.replace(PLACEHOLDER_ID, "(your access key id)");
    match value.split_once("Signature=") {
        Some((before, _)) => format!("{before}Signature=(made when it is sent)"),
        None => value,
    }
}
