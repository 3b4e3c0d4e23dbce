//! The second pass: validates everything, and adds up what it costs to compile.

use crate::error::ComponentError;
use crate::expansion::Expansion;
use crate::function;
use crate::limits;
use crate::module::{Module, ModuleCounts};
use crate::structure::{FEATURES, parser};
use wasmparser::{
    ComponentExternalKind, Encoding, FuncValidatorAllocations, Payload, ValidPayload, Validator,
};

/// What the root component imports and exports.
#[derive(Default)]
pub(crate) struct Items {
    pub(crate) imports: Vec<Item>,
    pub(crate) exports: Vec<Item>,
}

/// An import or export.
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) is_instance: bool,
}

/// Validates a component, and limits what it costs to compile it.
///
/// # Errors
/// Returns an error if it is not valid, or too expensive to compile.
pub(crate) fn check(bytes: &[u8]) -> Result<Items, ComponentError> {
    let mut state = State::default();
    let mut validator = Validator::new_with_features(FEATURES);
    for payload in parser().parse_all(bytes) {
        let payload = payload?;
        if let ValidPayload::Func(function, body) = validator.payload(&payload)? {
            let allocations = std::mem::take(&mut state.allocations);
            let mut function = function.into_validator(allocations);
            let estimate = function::check(&body, &mut function, &mut state.module)?;
            state.allocations = function.into_allocations();
            state.work += estimate.work;
            state.code += estimate.code;
            state.edges += estimate.edges;
            limits::EDGES.check(state.edges, body.range().start)?;
            limits::WORK.check(state.work, body.range().start)?;
            limits::CODE_MEMORY.check(state.code, body.range().start)?;
        }
        state.add(&payload, &validator)?;
    }
    Ok(state.items)
}

#[derive(Default)]
struct State {
    items: Items,
    expansion: Expansion,
    /// Of each component or core module that is being read, the root first.
    encodings: Vec<Encoding>,
    module: Module,
    counts: ModuleCounts,
    work: u64,
    code: u64,
    edges: u64,
    allocations: FuncValidatorAllocations,
}

impl State {
    fn add(&mut self, payload: &Payload<'_>, validator: &Validator) -> Result<(), ComponentError> {
        match payload {
            Payload::Version { encoding, .. } => {
                self.encodings.push(*encoding);
                match encoding {
                    Encoding::Component => self.expansion.begin(),
                    Encoding::Module => self.module = Module::default(),
                }
                return Ok(());
            }
            Payload::End(_) => {
                if let Some(Encoding::Component) = self.encodings.pop() {
                    self.expansion.end();
                }
                return Ok(());
            }
            _ => {}
        }
        if let Some(Encoding::Module) = self.encodings.last() {
            return self.module.add(payload, &mut self.counts);
        }
        if self.encodings.len() == 1 {
            self.items.add(payload)?;
        }
        match validator.types(0) {
            Some(types) => self.expansion.add(payload, types),
            None => Ok(()),
        }
    }
}

impl Items {
    fn add(&mut self, payload: &Payload<'_>) -> Result<(), ComponentError> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    let import = import?;
                    let is_instance = import.ty.kind() == ComponentExternalKind::Instance;
                    self.imports.push(Item { name: import.name.name.to_string(), is_instance });
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone() {
                    let export = export?;
                    let is_instance = export.kind == ComponentExternalKind::Instance;
                    self.exports.push(Item { name: export.name.name.to_string(), is_instance });
                }
            }
            _ => {}
        }
        Ok(())
    }
}
