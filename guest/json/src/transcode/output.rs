//! The text that a pass writes: the text that it reads, except for the parts that must change.

use crate::json;
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::ops::Range;

/// Copies a text up to the parts that must change.
pub(super) struct Output<'a> {
    text: &'a str,
    /// The output, and zeros after it. It is empty until something is written.
    buffer: Vec<u8>,
    /// The length of the output.
    length: usize,
    /// The offset up to which the text has been copied or dropped.
    copied: usize,
}

impl<'a> Output<'a> {
    /// Starts at `start`. What is before it is dropped.
    pub(super) fn new(text: &'a str, start: usize) -> Self {
        Self { text, buffer: Vec::new(), length: 0, copied: start }
    }

    /// Copies the text up to `at`, then writes `inserted`.
    pub(super) fn insert_at(&mut self, at: usize, inserted: &str) {
        self.copy(at);
        self.write(inserted.as_bytes());
    }

    /// Omits a span of the text.
    #[inline(always)]
    pub(super) fn drop_span(&mut self, span: Range<usize>) {
        self.copy(span.start);
        self.copied = span.end;
    }

    /// Writes `text` instead of everything up to `end`.
    pub(super) fn replace_all(&mut self, text: &str, end: usize) {
        self.length = 0;
        self.copied = end;
        self.write(text.as_bytes());
    }

    /// Returns a mark for [`Self::insert_at_mark`]: the end of what was written so far.
    pub(super) fn mark(&self) -> usize {
        self.length
    }

    /// Inserts `inserted` before everything that was written after `mark`.
    pub(super) fn insert_at_mark(&mut self, mark: usize, inserted: &str) {
        let end = self.length;
        self.write(inserted.as_bytes());
        self.buffer.copy_within(mark..end, mark + inserted.len());
        self.buffer[mark..mark + inserted.len()].copy_from_slice(inserted.as_bytes());
    }

    /// Copies the rest of the text, and returns the output. If nothing was written, this is the rest
    /// of the text itself.
    pub(super) fn finish(mut self) -> Cow<'a, str> {
        if self.length == 0 {
            return Cow::Borrowed(&self.text[self.copied..]);
        }
        self.copy(self.text.len());
        self.buffer.truncate(self.length);
        let Some(text) = json::text(self.buffer) else {
            // All parts begin and end at quotes, brackets and other tokens, and these are ASCII.
            unreachable!()
        };
        Cow::Owned(text)
    }

    /// Copies the text up to `upto`.
    #[inline(always)]
    fn copy(&mut self, upto: usize) {
        let from = self.copied;
        self.copied = upto;
        // To copy any number of bytes is a call out of the sandbox. Most parts are short. These are
        // copied with as many bytes after them as make the length a constant, for which the compiler
        // writes a few instructions.
        let length = upto - from;
        if length <= SHORT
            && let Some(part) = self.text.as_bytes()[from..].first_chunk::<SHORT>()
            && let Some(free) = self.buffer[self.length..].first_chunk_mut::<SHORT>()
        {
            *free = *part;
            self.length += length;
        } else {
            self.write(&self.text.as_bytes()[from..upto]);
        }
    }

    #[inline(never)]
    fn write(&mut self, part: &[u8]) {
        let end = self.length + part.len();
        if end > self.buffer.len() {
            let rest = self.text.len() - self.copied;
            self.buffer.resize(end + rest + rest / 4 + 2 * SHORT, 0);
        }
        self.buffer[self.length..end].copy_from_slice(part);
        self.length = end;
    }
}

/// The length of a short part, in bytes.
const SHORT: usize = 32;
