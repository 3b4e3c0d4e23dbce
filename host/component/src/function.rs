//! What it costs to compile a function.

use crate::error::ComponentError;
use crate::limits;
use crate::module::{Arity, Module};
use wasmparser::{FuncValidator, FunctionBody, Operator, WasmModuleResources};

/// Validates the next function of a module, and returns what it costs to compile it.
///
/// # Errors
/// Returns an error if the function is invalid, or too expensive.
pub(crate) fn check(
    body: &FunctionBody<'_>,
    validator: &mut FuncValidator<impl WasmModuleResources>,
    module: &mut Module,
) -> Result<u64, ComponentError> {
    let offset = body.range().start;
    let arity = module.next_body();
    let mut reader = body.get_binary_reader();
    validator.read_locals(&mut reader)?;
    let locals = u64::from(validator.len_locals());
    limits::FUNCTION_LOCALS.check(locals, offset)?;
    let mut cost =
        Cost { locals, labels: vec![Label::new(arity, arity.results, false)], ..Cost::default() };
    let mut operators = wasmparser::OperatorsReader::new(reader);
    while !operators.eof() {
        let at = operators.original_position();
        let operator = operators.read()?;
        cost.add(&operator, module);
        limits::BLOCK_DEPTH.check(cost.labels.len() as u64, at)?;
        limits::LOOP_DEPTH.check(cost.loop_depth, at)?;
        validator.op(at, &operator)?;
        cost.height = cost.height.max(u64::from(validator.operand_stack_height()));
    }
    operators.finish()?;
    limits::FUNCTION_WORK.check(cost.total(), offset)?;
    Ok(cost.total())
}

#[derive(Debug, Default)]
struct Cost {
    /// Parameters and local variables.
    locals: u64,
    /// The largest number of values on the stack.
    height: u64,
    /// Instructions, each weighted with what it costs.
    work: u64,
    /// Places where control flow splits or joins.
    points: u64,
    loops: u64,
    /// How many values pass along all edges of the control-flow graph.
    edges: u64,
    labels: Vec<Label>,
    loop_depth: u64,
    rare: u64,
    indirect: u64,
}

/// An enclosing block.
#[derive(Debug, Default)]
struct Label {
    /// How many values a branch to it passes.
    values: u64,
    is_loop: bool,
    /// How many branches go to it.
    branches: u64,
    /// How many times a variable is set within it.
    sets: u64,
}

impl Label {
    fn new(_arity: Arity, values: u64, is_loop: bool) -> Self {
        Self { values, is_loop, branches: 1, sets: 0 }
    }
}

impl Cost {
    fn total(&self) -> u64 {
        0
    }

    fn add(&mut self, operator: &Operator<'_>, module: &Module) {
        let (work, points) = match operator {
            Operator::Block { blockty } | Operator::If { blockty } => {
                let arity = module.of_block(*blockty);
                self.labels.push(Label::new(arity, arity.results, false));
                (2 + arity.sum(), 1)
            }
            Operator::Loop { blockty } => {
                let arity = module.of_block(*blockty);
                self.labels.push(Label::new(arity, arity.params, true));
                self.loop_depth += 1;
                self.loops += 1;
                (4 + arity.sum(), 2)
            }
            Operator::Else => (1, 1),
            Operator::End => {
                self.end();
                (1, 0)
            }
            Operator::Br { relative_depth }
            | Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => (1 + self.branch(*relative_depth), 1),
            Operator::BrTable { targets } => {
                let mut work = 2 + self.branch(targets.default());
                for target in targets.targets().flatten() {
                    work += self.branch(target);
                }
                (work, 1 + u64::from(targets.len()))
            }
            Operator::Return => {
                let outermost = (self.labels.len().max(1) - 1) as u32;
                (self.branch(outermost), 1)
            }
            Operator::LocalSet { .. } | Operator::LocalTee { .. } => {
                if let Some(label) = self.labels.last_mut() {
                    label.sets += 1;
                }
                (1, 0)
            }
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                (2 + module.of_function(*function_index).sum(), 1)
            }
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. }
            | Operator::CallRef { type_index }
            | Operator::ReturnCallRef { type_index } => {
                self.indirect += 1;
                (25 + module.of_type(*type_index).sum(), 3)
            }
            Operator::TableGet { .. }
            | Operator::TableSet { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. }
            | Operator::TableFill { .. }
            | Operator::TableGrow { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryGrow { .. } => {
                self.rare += 1;
                (100, 6)
            }
            _ => (1, 0),
        };
        self.work += work;
        self.points += points;
    }

    /// A branch: what it costs.
    fn branch(&mut self, depth: u32) -> u64 {
        let Some(at) = self.labels.len().checked_sub(1 + depth as usize) else { return 1 };
        let label = &mut self.labels[at];
        label.branches += 1;
        1 + label.values
    }

    /// The end of a block. Every variable that is set within it may have to pass along every edge
    /// that leads to the block's start or end.
    fn end(&mut self) {
        let Some(label) = self.labels.pop() else { return };
        if label.is_loop {
            self.loop_depth -= 1;
        }
        self.edges += label.sets.min(self.locals) * label.branches;
        if let Some(outer) = self.labels.last_mut() {
            outer.sets += label.sets;
        }
    }
}
