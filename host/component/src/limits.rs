//! The limits of [`check`](crate::check).
//!
//! The largest component that must pass is the JavaScript runtime of `componentize-js`: 12.5 MB
//! with 12,700 functions. wasmtime 48 compiles it with 371 MB in 13 s of one core, which is 7 s on
//! two. That leaves little room above that runtime: 14 % in work, and 12 % in code.
//!
//! Components that are made of one expensive construct, up to these limits, took at most 39 s of
//! one core (20 s on two cores), and about 480 MB. A component that combines the most expensive
//! functions with as much code as is allowed may take more: the estimates bound it at 20 MB,
//! [`CODE_MEMORY`], and [`FUNCTION_MEMORY`] for each core. So a process that compiles untrusted
//! components needs a limit on its memory and time as well.

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

/// Everything in components except core modules and custom sections. The JavaScript runtime has
/// 14 KB. Types are read into memory at some 50 bytes for each.
pub const DECLARATION_BYTES: Limit = Limit::new("bytes of declarations", 256 * 1024);
/// Core modules and components within the component. The JavaScript runtime has 4.
pub const NESTED: Limit = Limit::new("nested core modules and components", 100);
/// How deeply components are nested. Tools nest 1 level, and compositions of components 2.
pub const NESTING: Limit = Limit::new("levels of nested components", 8);
/// How deeply the declarations of component and instance types are nested. Tools nest 2 levels. 641
/// levels (1.9 KB) overflow a stack of 2 MiB in the parser of wasmtime 48.
pub const TYPE_NESTING: Limit = Limit::new("levels of nested component and instance types", 16);
/// How deeply types refer to other types. wasmtime recurses over them; `wasi:http` has 10 levels.
pub const TYPE_DEPTH: Limit = Limit::new("levels in a type", 50);
/// Instances that are imported or created by components. Validation copies the resources in their
/// types: 1,000 instances of 100 resources took 83 MB and 0.6 s.
pub const INSTANCES: Limit = Limit::new("instances of components", 200);
/// Types, imports, exports, aliases, instances and functions of components.
pub const DECLARATIONS: Limit = Limit::new("declarations", 20_000);
/// The same, with instantiated components and types written out. wasmtime does write them out:
/// 363 bytes of instances that contain each other twice, 18 levels deep, took 1.9 GB.
pub const EXPANSION: Limit = Limit::new("declarations and parts of types, written out", 100_000);

/// Everything in core modules except code, data and custom sections. The JavaScript runtime has
/// 40 KB.
pub const CORE_DECLARATION_BYTES: Limit =
    Limit::new("bytes of declarations in core modules", 1024 * 1024);
/// Core types. Each may need code of its own: 2,000 with 92 parameters take 1 s. The JavaScript
/// runtime has 180.
pub const CORE_TYPES: Limit = Limit::new("core types", 2_000);
/// Parameters of a core function or block. Cranelift handles each at every call.
pub const PARAMETERS: Limit = Limit::new("parameters of a core function", 100);
/// Results of a core function or block. Every branch to a block passes them.
pub const RESULTS: Limit = Limit::new("results of a core function", 16);
/// Imports of core modules.
pub const CORE_IMPORTS: Limit = Limit::new("imports of core modules", 5_000);
/// Exports of core modules.
pub const CORE_EXPORTS: Limit = Limit::new("exports of core modules", 10_000);
/// Globals. 50,000 take 16 s if each is computed from another, and 5,000 take 0.1 s.
pub const GLOBALS: Limit = Limit::new("globals", 5_000);
/// Tables of functions.
pub const TABLES: Limit = Limit::new("tables", 20);
/// Initial entries of all tables. 50 tables of a million entries took 680 MB. The JavaScript
/// runtime has 7,700.
pub const TABLE_ENTRIES: Limit = Limit::new("entries of tables", 100_000);
/// Memories.
pub const MEMORIES: Limit = Limit::new("memories", 20);
/// Segments of elements. Tools write one for each table.
pub const ELEMENT_SEGMENTS: Limit = Limit::new("element segments", 100);
/// Elements of all segments.
pub const ELEMENTS: Limit = Limit::new("elements", 100_000);
/// Elements that are expressions instead of functions. Code is compiled for each: 90,000 took
/// 600 MB.
pub const ELEMENT_EXPRESSIONS: Limit = Limit::new("elements that are expressions", 1_000);
/// Segments of data. The JavaScript runtime has 10,000.
pub const DATA_SEGMENTS: Limit = Limit::new("data segments", 50_000);
/// Segments of data that are not copied into memory while compiling, because their place is not a
/// constant, or they are far apart. Code is compiled for each: 20,000 took 430 MB.
pub const DYNAMIC_SEGMENTS: Limit =
    Limit::new("data segments that are not copied while compiling", 200);
/// The memory that segments of data span. wasmtime makes an image of it: 2 KB of modules with two
/// segments each, 16 MiB apart, took 1.9 GB.
pub const IMAGE_BYTES: Limit = Limit::new("bytes of initial memory", 32 * 1024 * 1024);
/// Instructions of an expression that gives a global, or the place of a segment, its value.
pub const CONSTANT_OPERATORS: Limit = Limit::new("instructions of a constant expression", 16);
/// Sections with the names of functions. wasmtime keeps each name in a map.
pub const NAME_BYTES: Limit = Limit::new("bytes of names for debugging", 2 * 1024 * 1024);

/// One function. The largest of the JavaScript runtime has 172 KB.
pub const FUNCTION_BYTES: Limit = Limit::new("bytes of one function", 384 * 1024);
/// Parameters and local variables of one function. The JavaScript runtime has at most 122.
pub const FUNCTION_LOCALS: Limit = Limit::new("local variables of one function", 10_000);
/// How deeply blocks are nested. The JavaScript runtime nests 457 levels.
pub const BLOCK_DEPTH: Limit = Limit::new("levels of nested blocks", 1_000);
/// How deeply loops are nested. 1,000 levels take 1.8 s in a function of 7 KB, and 10,000 levels do
/// not end within 2 min.
pub const LOOP_DEPTH: Limit = Limit::new("levels of nested loops", 100);
/// Loops in one function. The time for them grows with the square: 5,000 take 3.8 s. The JavaScript
/// runtime has at most 392.
pub const FUNCTION_LOOPS: Limit = Limit::new("loops in one function", 800);
/// What compiling one function takes, as estimated from its instructions. wasmtime compiles as many
/// functions at a time as there are cores. The largest estimate for the JavaScript runtime is
/// 205 MB.
pub const FUNCTION_MEMORY: Limit =
    Limit::new("estimated bytes of memory to compile one function", 220_000_000);
/// The compiled code of all functions, as estimated from their instructions. The estimate for the
/// JavaScript runtime is 376 MB; it takes 371 MB in total.
pub const CODE_MEMORY: Limit = Limit::new("estimated bytes of compiled code", 420_000_000);
/// Variables that pass along edges of the control-flow graph, in all functions: each may be a move
/// in the compiled code. 16 million took 840 MB. The JavaScript runtime has 3.9 million.
pub const EDGES: Limit = Limit::new("variables that pass between blocks", 5_000_000);
/// The work to compile all functions, in units of up to 2 µs of one core. The estimate for the
/// JavaScript runtime is 17.5 million; it takes 13 s of one core.
pub const WORK: Limit = Limit::new("units of work to compile all functions", 20_000_000);
