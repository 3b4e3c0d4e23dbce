//! The pages of a list, query or scan, fetched one after the other. The caller handles each page
//! before the next one is fetched.

use crate::failure::Failure;
use crate::target::Opened;
use dynamodb_plugin::catalogue::{Paging, Shape};
use dynamodb_plugin::cursor::{is_end, is_same};
use dynamodb_plugin::transcode::{EncodeOptions, Format, encode};
use portcullis_server::OrderedFields;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The pages of one action.
pub(crate) struct Pages<'a> {
    opened: &'a Opened,
    action: &'a str,
    paging: &'static Paging,
    options: &'a Map<String, Value>,
    input: OrderedFields,
    /// The start of the next page. `None` before the first page and after the last one.
    cursor: Option<Box<RawValue>>,
    started: bool,
    /// The service returned the cursor that it got.
    stuck: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(
        opened: &'a Opened,
        action: &'a str,
        paging: &'static Paging,
        options: &'a Map<String, Value>,
        input: &str,
    ) -> Result<Self, Failure> {
        // Removes comments and trailing commas, so that a cursor can be added. `Shape::Any` accepts
        // every field: each call checks the input against the model.
        let strict =
            encode(input, &Shape::Any, EncodeOptions { format: Format::Typed, strict: false })
                .map_err(|problems| {
                    let problems: Vec<String> = problems
                        .iter()
                        .map(|problem| format!("{}: {}", problem.pointer, problem.message))
                        .collect();
                    let problems = problems.join("\n  ");
                    Failure::input(format!("the input cannot be sent:\n  {problems}"))
                })?;
        let input = serde_json::from_str(&strict)
            .map_err(|error| Failure::input(format!("the input is not a JSON object: {error}")))?;
        Ok(Self {
            opened,
            action,
            paging,
            options,
            input,
            cursor: None,
            started: false,
            stuck: false,
        })
    }

    /// Fetches the next page. Returns `None` after the last page. If it fails or is dropped, the
    /// cursor does not change.
    ///
    /// # Errors
    /// Returns an error if the call fails, or if the service has returned the cursor that it got: it
    /// would return the same page again.
    pub(crate) async fn next(&mut self) -> Result<Option<OrderedFields>, Failure> {
        if self.started && self.cursor.is_none() {
            return Ok(None);
        }
        if self.stuck {
            return Err(Failure::service("the service returned a cursor that did not move"));
        }
        if let Some(cursor) = &self.cursor {
            self.input.set(self.paging.input, cursor.clone());
        }
        let response =
            self.opened.execute(self.action, &self.input.to_json(), self.options).await?;
        let response: OrderedFields = serde_json::from_str(&response).map_err(|error| {
            Failure::other(format!("the plugin's response is not a JSON object: {error}"))
        })?;
        let before = self.input.get(self.paging.input);
        self.started = true;
        self.cursor = response
            .get(self.paging.output)
            .filter(|cursor| !is_end(cursor.get()))
            .map(RawValue::to_owned);
        self.stuck = self
            .cursor
            .as_deref()
            .zip(before)
            .is_some_and(|(cursor, before)| is_same(cursor.get(), before.get()));
        Ok(Some(response))
    }

    /// Returns the field to add to the input in order to continue after the pages that were
    /// fetched. `None` if no page is left.
    pub(crate) fn cursor_field(&self) -> Option<String> {
        let cursor = self.cursor.as_ref()?;
        Some(format!("{:?}: {cursor}", self.paging.input))
    }
}
