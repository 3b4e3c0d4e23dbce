//! Limits the memory and the tables of one instance.

use portcullis_gate::Progress;
use portcullis_policy::{LimitKind, Limits, MAX_TABLE_ELEMENTS};
use std::sync::Arc;
use wasmtime::{ResourceLimiter, Result};

/// Limits the memory and the tables of one instance. If a limit is reached, the running call fails.
pub(crate) struct Limiter {
    /// The bytes of all linear memories.
    memory: usize,
    limits: Limits,
    progress: Option<Arc<Progress>>,
}

/// Linear memories of one instance: a plugin has one, and the adapter of a component may have
/// another.
pub(crate) const MAX_MEMORIES: usize = 4;

impl Limiter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { memory: 0, limits, progress: None }
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
        self.memory = all;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        if desired > MAX_TABLE_ELEMENTS || maximum.is_some_and(|maximum| desired > maximum) {
            self.fail(LimitKind::WasmTables, format!("{MAX_TABLE_ELEMENTS} elements"));
            return Ok(false);
        }
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
