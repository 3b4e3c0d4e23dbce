//! The limits of [`check`](crate::check).

use crate::error::ComponentError;

/// How much of something a component may have.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// What is counted.
    pub what: &'static str,
    /// The maximum.
    pub max: u64,
}

impl Limit {
    const fn new(what: &'static str, max: u64) -> Self {
        Self { what, max }
    }

    /// Returns an error if more than the maximum was found up to byte `offset`.
    pub(crate) fn check(self, found: u64, offset: u64) -> Result<(), ComponentError> {
        if found > self.max {
            let Self { what, max } = self;
            return Err(ComponentError::TooExpensive { what, found, max, offset });
        }
        Ok(())
    }
}

pub const DECLARATION_BYTES: Limit = Limit::new("bytes of declarations", 256 * 1024);
pub const NESTED: Limit = Limit::new("nested core modules and components", 100);
pub const NESTING: Limit = Limit::new("levels of nested components", 8);
pub const TYPE_NESTING: Limit = Limit::new("levels of nested component and instance types", 16);
pub const TYPE_DEPTH: Limit = Limit::new("levels in a type", 50);
pub const DECLARATIONS: Limit = Limit::new("declarations", 20_000);
pub const EXPANSION: Limit = Limit::new("declarations after expansion", 500_000);
pub const CORE_DECLARATION_BYTES: Limit =
    Limit::new("bytes of declarations in core modules", 1024 * 1024);
pub const CORE_TYPES: Limit = Limit::new("core types", 2_000);
pub const PARAMETERS: Limit = Limit::new("parameters of a core function", 100);
pub const RESULTS: Limit = Limit::new("results of a core function", 16);
pub const CORE_IMPORTS: Limit = Limit::new("imports of core modules", 5_000);
pub const CORE_EXPORTS: Limit = Limit::new("exports of core modules", 10_000);
pub const GLOBALS: Limit = Limit::new("globals", 5_000);
pub const TABLES: Limit = Limit::new("tables", 20);
pub const TABLE_ENTRIES: Limit = Limit::new("entries of tables", 100_000);
pub const MEMORIES: Limit = Limit::new("memories", 20);
pub const ELEMENT_SEGMENTS: Limit = Limit::new("element segments", 100);
pub const ELEMENTS: Limit = Limit::new("elements", 100_000);
pub const ELEMENT_EXPRESSIONS: Limit = Limit::new("elements that are expressions", 1_000);
pub const DATA_SEGMENTS: Limit = Limit::new("data segments", 50_000);
pub const DYNAMIC_SEGMENTS: Limit =
    Limit::new("data segments that are not copied while compiling", 200);
pub const IMAGE_BYTES: Limit = Limit::new("bytes of initial memory", 32 * 1024 * 1024);
pub const CONSTANT_OPERATORS: Limit = Limit::new("instructions of a constant expression", 16);
pub const NAME_BYTES: Limit = Limit::new("bytes of names for debugging", 2 * 1024 * 1024);
pub const FUNCTION_BYTES: Limit = Limit::new("bytes of one function", 384 * 1024);
pub const FUNCTION_LOCALS: Limit = Limit::new("local variables of one function", 10_000);
pub const BLOCK_DEPTH: Limit = Limit::new("levels of nested blocks", 1_000);
pub const LOOP_DEPTH: Limit = Limit::new("levels of nested loops", 100);
pub const FUNCTION_WORK: Limit = Limit::new("units of work for one function", 1_000_000_000);
pub const WORK: Limit = Limit::new("units of work for all functions", 1_000_000_000);
