//! All pages of a list, a query or a scan, one after the other: what has come is handed on before the next is asked for.

use crate::failure::Failure;
use crate::rows::rows;
use crate::target::Opened;
use dynamodb_plugin::catalogue::{Paging, Shape};
use dynamodb_plugin::transcode::{EncodeOptions, Format, encode};
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The pages of one call.
pub(crate) struct Pages<'a> {
    pub(crate) opened: &'a Opened,
    pub(crate) action: &'a str,
    pub(crate) paging: &'static Paging,
    pub(crate) options: &'a Map<String, Value>,
    input: OrderedFields,
    /// Where the next page begins; none before the first one, and after the last.
    cursor: Option<Box<RawValue>>,
    began: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(
        opened: &'a Opened,
        action: &'a str,
        paging: &'static Paging,
        options: &'a Map<String, Value>,
        input: &str,
    ) -> Result<Self, Failure> {
        // Comments and the like are taken out, so that a cursor can be put in; its places are checked where it is sent.
        let strict =
            encode(input, &Shape::Any, EncodeOptions { format: Format::Typed, strict: false })
                .map_err(|faults| {
                    let faults: Vec<String> = faults
                        .iter()
                        .map(|fault| format!("{}: {}", fault.pointer, fault.message))
                        .collect();
                    Failure::input(format!("the input cannot be sent:\n  {}", faults.join("\n  ")))
                })?;
        let input = serde_json::from_str(&strict)
            .map_err(|error| Failure::input(format!("the input is no JSON object: {error}")))?;
        Ok(Self { opened, action, paging, options, input, cursor: None, began: false })
    }

    /// The rows of the next page; none after the last one. When it fails, or is dropped, the cursor stays where it was.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Box<RawValue>>>, Failure> {
        if self.began && self.cursor.is_none() {
            return Ok(None);
        }
        if let Some(cursor) = &self.cursor {
            self.input.set(self.paging.input, cursor.clone());
        }
        let answer = self.opened.execute(self.action, &self.input.to_json(), self.options).await?;
        let answer: OrderedFields = serde_json::from_str(&answer).map_err(|error| {
            Failure::other(format!("the plugin's answer is no JSON object: {error}"))
        })?;
        self.began = true;
        self.cursor = answer
            .get(self.paging.output)
            .filter(|cursor| cursor.get() != "null")
            .map(ToOwned::to_owned);
        Ok(Some(rows(&answer, Some(self.paging.results))))
    }

    /// What to add to the input to go on; none where nothing is left.
    pub(crate) fn rest(&self) -> Option<String> {
        let cursor = self.cursor.as_ref()?;
        Some(format!("{:?}: {cursor}", self.paging.input))
    }
}
