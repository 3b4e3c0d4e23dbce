//! What it costs to compile a function.
//!
//! The weights were measured: modules that consist of one kind of instruction, in functions of
//! different sizes, were compiled by wasmtime 48 with the host's configuration. One unit of work is
//! at most 2 µs of one core.

use crate::error::ComponentError;
use crate::limits;
use crate::module::{Arity, Module};
use wasmparser::{FuncValidator, FunctionBody, Operator, OperatorsReader, WasmModuleResources};

/// Validates the next function of a module, and returns what it costs to compile it.
///
/// # Errors
/// Returns an error if the function is invalid, or too expensive.
pub(crate) fn check(
    body: &FunctionBody<'_>,
    validator: &mut FuncValidator<impl WasmModuleResources>,
    module: &mut Module,
) -> Result<Estimate, ComponentError> {
    let offset = body.range().start;
    let arity = module.next_body();
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let mut cost = Cost::new(u64::from(validator.len_locals()), arity);
    limits::FUNCTION_LOCALS.check(cost.locals, offset)?;
    let mut operators = OperatorsReader::new(reader);
    while !operators.eof() {
        let at = operators.original_position();
        let operator = operators.read()?;
        let encoded = body.as_bytes().get((at - offset) as usize..).unwrap_or_default();
        cost.add(&operator, encoded, module);
        limits::BLOCK_DEPTH.check(cost.labels.len() as u64, at)?;
        limits::LOOP_DEPTH.check(cost.loop_depth, at)?;
        validator.op(at, &operator)?;
    }
    operators.finish()?;
    limits::FUNCTION_LOOPS.check(cost.loops, offset)?;
    limits::FUNCTION_MEMORY.check(cost.memory(), offset)?;
    Ok(Estimate { work: cost.work(), code: cost.code(), edges: cost.edges })
}

/// What it costs to compile a function.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Estimate {
    /// Units of work.
    pub(crate) work: u64,
    /// Bytes of the compiled code and its tables, which stay until the component is compiled.
    pub(crate) code: u64,
    /// How often a variable passes along an edge of the control-flow graph.
    pub(crate) edges: u64,
}

/// What was counted in a function.
#[derive(Debug, Default)]
struct Cost {
    /// Parameters and local variables.
    locals: u64,
    /// Instructions, each weighted with the work for it.
    instructions: u64,
    /// Basic blocks.
    blocks: u64,
    loops: u64,
    /// Instructions that are calls into the host, or tables: each is several blocks.
    slow: u64,
    /// Variables that may differ where control flow joins.
    joins: u64,
    /// How often such a variable passes along an edge of the control-flow graph.
    edges: u64,
    labels: Vec<Label>,
    loop_depth: u64,
}

/// An enclosing block.
#[derive(Debug)]
struct Label {
    /// How many values a branch to it passes.
    values: u64,
    is_loop: bool,
    /// How many edges of the control-flow graph lead to it.
    edges: u64,
    /// How many times a variable is set within it.
    sets: u64,
}

/// The weight of an instruction that is not control flow, by its encoding. Chains of each of them
/// were compiled, 10,000 long: most take up to 2 µs and 550 bytes, and are 1.
/// <https://webassembly.github.io/spec/core/appendix/index-instructions.html>
fn weight(encoded: &[u8]) -> u64 {
    match encoded {
        // SIMD. The second part of the opcode is a number in LEB128.
        [0xfd, low, high, ..] => {
            let number = u16::from(low & 0x7f) | u16::from(*high) << 7;
            match if *low < 0x80 { u16::from(*low) } else { number } {
                // Unsigned truncation of four numbers: 22 µs and 6.8 KB.
                0xf9 | 0x102 => 13,
                // Other truncations, minima and maxima, and whether all lanes are true: up to
                // 12 µs and 4 KB.
                0x63 | 0x83 | 0xa3 | 0xc3 | 0xe8 | 0xe9 | 0xf4 | 0xf5 | 0xf8 | 0xfc | 0xfd
                | 0x101 | 0x103 | 0x104 => 8,
                // Up to 2.4 KB.
                _ => 5,
            }
        }
        // Saturating truncation: up to 8 µs and 2.9 KB. Comparison of floating-point numbers, and
        // division of integers: up to 2.8 KB.
        [0xfc, 0x00..=0x07, ..] | [0x5b..=0x66 | 0x6d..=0x70 | 0x7f..=0x82, ..] => 5,
        _ => 1,
    }
}

impl Cost {
    fn new(locals: u64, arity: Arity) -> Self {
        let mut cost = Self { locals, blocks: 1, ..Self::default() };
        cost.begin(arity.results, false);
        cost
    }

    /// The work to compile the function. The squares are the passes of Cranelift that are not
    /// linear: 5,000 loops in a row take 3.8 s, 100,000 joins in nested blocks 14 s, and 5,000
    /// copies between tables 1.8 s.
    fn work(&self) -> u64 {
        25 + self.instructions
            + self.edges
            + self.joins
            + self.joins * self.joins / 1_500
            + self.locals * self.blocks / 8
            + self.loops * self.loops / 13
            + self.slow * self.slow / 170
    }

    /// The memory to compile the function in bytes. It is released when the function is compiled.
    fn memory(&self) -> u64 {
        self.instructions * 550
            + self.edges * 370
            + self.joins * 900
            + self.locals * self.blocks * 50
            + (self.slow + self.loops) * 10_000
    }

    /// The memory of the compiled function in bytes: 5,600 even if it is empty.
    fn code(&self) -> u64 {
        5_600 + self.instructions * 40
    }

    /// Counts an instruction. `encoded` are the bytes from its first one on.
    fn add(&mut self, operator: &Operator<'_>, encoded: &[u8], module: &Module) {
        self.instructions += match operator {
            Operator::Block { blockty } => {
                let arity = module.of_block(*blockty);
                self.begin(arity.results, false);
                self.blocks += 1;
                2 + arity.sum()
            }
            Operator::If { blockty } => {
                let arity = module.of_block(*blockty);
                self.begin(arity.results, false);
                self.blocks += 2;
                2 + arity.sum()
            }
            Operator::Loop { blockty } => {
                let arity = module.of_block(*blockty);
                self.begin(arity.params, true);
                self.loops += 1;
                self.loop_depth += 1;
                self.blocks += 3;
                17 + arity.sum()
            }
            Operator::Else => {
                self.blocks += 1;
                1
            }
            Operator::End => {
                self.end();
                1
            }
            Operator::BrTable { targets } => {
                let values = self.branch(targets.default());
                targets.targets().flatten().fold(2 + values, |work, to| work + self.branch(to))
            }
            Operator::Br { relative_depth } => self.branch(*relative_depth),
            Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => {
                self.blocks += 1;
                1 + self.branch(*relative_depth)
            }
            Operator::Return => self.branch(self.labels.len().saturating_sub(1) as u32),
            Operator::LocalSet { .. } | Operator::LocalTee { .. } => {
                if let Some(label) = self.labels.last_mut() {
                    label.sets += 1;
                }
                1
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                5 + module.of_function(*function_index).sum()
            }
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. }
            | Operator::CallRef { type_index }
            | Operator::ReturnCallRef { type_index } => {
                self.slow(1, 4);
                20 + module.of_type(*type_index).sum()
            }
            Operator::TableGet { .. } | Operator::TableSet { .. } => {
                self.slow(1, 4);
                18
            }
            Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryGrow { .. } => {
                self.slow(1, 4);
                20
            }
            Operator::TableFill { .. } | Operator::TableGrow { .. } => {
                self.slow(3, 8);
                45
            }
            Operator::TableCopy { .. } | Operator::TableInit { .. } => {
                self.slow(6, 16);
                85
            }
            // Chains of additions are rewritten in many ways, to find the cheapest.
            Operator::I32Add | Operator::I64Add => 10,
            _ => weight(encoded),
        };
    }

    fn slow(&mut self, count: u64, blocks: u64) {
        self.slow += count;
        self.blocks += blocks;
    }

    fn begin(&mut self, values: u64, is_loop: bool) {
        // One edge leads to a loop's start, or to the end of another block.
        self.labels.push(Label { values, is_loop, edges: 1, sets: 0 });
    }

    /// A branch to a block. Returns the work for it.
    fn branch(&mut self, depth: u32) -> u64 {
        let at = self.labels.len().checked_sub(1 + depth as usize);
        // Validation refuses a branch that leads nowhere.
        let Some(label) = at.map(|at| &mut self.labels[at]) else { return 0 };
        label.edges += 1;
        1 + label.values
    }

    /// The end of a block. Each variable that is set within it may differ where its edges join.
    fn end(&mut self) {
        let Some(label) = self.labels.pop() else { return };
        if label.is_loop {
            self.loop_depth -= 1;
        }
        let joins = label.sets.min(self.locals);
        self.joins += joins;
        self.edges += joins * label.edges;
        if let Some(outer) = self.labels.last_mut() {
            outer.sets += label.sets;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::weight;

    #[test]
    fn instructions_that_cranelift_writes_out_weigh_more() {
        for (encoded, expected) in [
            (&[0x20, 0x00][..], 1),
            (&[0x6a], 1),
            (&[0x6d], 5),
            (&[0xfc, 0x03], 5),
            (&[0xfd, 0x0b, 0x00], 5),
            (&[0xfd, 0x63, 0x21], 8),
            (&[0xfd, 0xe8, 0x01], 8),
            (&[0xfd, 0xf9, 0x01], 13),
            (&[0xfd, 0x82, 0x02], 13),
        ] {
            assert_eq!(weight(encoded), expected, "{encoded:x?}");
        }
    }
}
