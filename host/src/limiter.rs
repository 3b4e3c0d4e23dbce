//! Limits the memory and the tables of one instance, within the memory of the process.

use portcullis_gate::Progress;
use portcullis_memory::{Exceeded, MemoryLimit, Reservation};
use portcullis_policy::{LimitKind, Limits, MAX_TABLE_ELEMENTS};
use std::sync::Arc;
use wasmtime::{ResourceLimiter, Result};

/// Limits the memory and the tables of one instance. If a limit is reached, the running call fails.
pub(crate) struct Limiter {
    /// The bytes of all linear memories.
    memory: usize,
    /// The elements of all tables.
    elements: usize,
    /// The part of the process's memory; none before the instance has any.
    reserved: Result<Reservation, Exceeded>,
    limits: Limits,
    progress: Option<Arc<Progress>>,
}

/// Linear memories of one instance: a plugin has one, and the adapter of a component may have
/// another.
pub(crate) const MAX_MEMORIES: usize = 4;

/// What an instance takes beside its memories and tables, in bytes: its store and its resources.
const INSTANCE_BYTES: usize = 64 * 1024;
/// The size of an element of a table, in bytes.
const ELEMENT_BYTES: usize = size_of::<usize>();

impl Limiter {
    pub(crate) fn new(limits: Limits, process: &Arc<MemoryLimit>) -> Self {
        let reserved = process.reserve(0);
        Self { memory: 0, elements: 0, reserved, limits, progress: None }
    }

    pub(crate) fn begin(&mut self, progress: Arc<Progress>) {
        self.progress = Some(progress);
    }

    pub(crate) fn end(&mut self) {
        self.progress = None;
    }

    /// The bytes of linear memory.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// The bytes that are reserved for the instance.
    pub(crate) fn reserved(&self) -> u64 {
        self.reserved.as_ref().map_or(0, Reservation::bytes)
    }

    /// Reserves what the instance takes with this memory and these elements. If it does not fit,
    /// the running call fails.
    fn reserve(&mut self, memory: usize, elements: usize) -> bool {
        // A guest that goes on after a failure must not make others lose their idle instances.
        if self.progress.as_ref().is_some_and(|progress| progress.has_failed()) {
            return false;
        }
        let tables = elements.saturating_mul(ELEMENT_BYTES);
        let bytes = memory.saturating_add(tables).saturating_add(INSTANCE_BYTES) as u64;
        let reserved = match &mut self.reserved {
            Ok(reserved) => reserved.resize(bytes),
            Err(exceeded) => Err(*exceeded),
        };
        if let (Err(exceeded), Some(progress)) = (reserved, &self.progress) {
            progress.fail_at_memory(exceeded);
        }
        reserved.is_ok()
    }

    fn fail(&self, which: LimitKind, bound: String) {
        if let Some(progress) = &self.progress {
            progress.fail_at_limit(which, bound);
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        // A component may have several memories; the limit is on their sum.
        let all = self.memory.saturating_sub(current).saturating_add(desired);
        if all as u64 > self.limits.memory.as_u64()
            || maximum.is_some_and(|maximum| desired > maximum)
        {
            self.fail(LimitKind::Memory, self.limits.memory.to_string());
            return Ok(false);
        }
        if !self.reserve(all, self.elements) {
            return Ok(false);
        }
        self.memory = all;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool> {
        if desired > MAX_TABLE_ELEMENTS || maximum.is_some_and(|maximum| desired > maximum) {
            self.fail(LimitKind::WasmTables, format!("{MAX_TABLE_ELEMENTS} elements"));
            return Ok(false);
        }
        let all = self.elements.saturating_sub(current).saturating_add(desired);
        if !self.reserve(self.memory, all) {
            return Ok(false);
        }
        self.elements = all;
        Ok(true)
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        self.limits.wasm_tables as usize
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }
}
