//! The first pass: what can be counted without reading types or instructions.

use crate::error::ComponentError;
use crate::limits;
use std::ops::Range;
use wasmparser::{
    ComponentExternalKind, ComponentType, ComponentTypeDeclaration, Encoding,
    InstanceTypeDeclaration, Parser, Payload, WasmFeatures,
};

/// The first bytes of a WebAssembly file.
const MAGIC: &[u8] = b"\0asm";
/// The next bytes of a core module.
const MODULE: &[u8] = &[1, 0, 0, 0];

/// The features that the host's wasmtime supports: WebAssembly 3.0 without threads, exceptions and
/// garbage-collected types, and components without concurrency. `wasmtime::Config` has these
/// defaults, given the Cargo features that the workspace enables.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::WASM3
    .difference(WasmFeatures::THREADS)
    .difference(WasmFeatures::EXCEPTIONS)
    .difference(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::COMPONENT_MODEL);

/// A parser for these features.
pub(crate) fn parser() -> Parser {
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    parser
}

/// Checks the header, and limits the sizes of sections and how components are nested.
pub(crate) fn check(bytes: &[u8]) -> Result<(), ComponentError> {
    if !bytes.starts_with(MAGIC) {
        return Err(ComponentError::NotWebAssembly);
    }
    if bytes[MAGIC.len()..].starts_with(MODULE) {
        return Err(ComponentError::CoreModule);
    }
    let mut found = Found::default();
    for payload in parser().parse_all(bytes) {
        found.add(&payload?)?;
    }
    Ok(())
}

#[derive(Default)]
struct Found {
    nesting: u64,
    nested: u64,
    declarations: u64,
    instances: u64,
    core_declarations: u64,
    names: u64,
}

impl Found {
    fn add(&mut self, payload: &Payload<'_>) -> Result<(), ComponentError> {
        match payload {
            Payload::Version { encoding: Encoding::Component, range, .. } => {
                self.nesting += 1;
                limits::NESTING.check(self.nesting, range.start)
            }
            Payload::Version { range, .. } => {
                self.nesting += 1;
                limits::NESTING.check(self.nesting - 1, range.start)
            }
            Payload::End(_) => {
                self.nesting -= 1;
                Ok(())
            }
            Payload::ModuleSection { unchecked_range: range, .. }
            | Payload::ComponentSection { unchecked_range: range, .. } => {
                self.nested += 1;
                limits::NESTED.check(self.nested, range.start)
            }
            Payload::InstanceSection(section) => self.declarations(&section.range()),
            Payload::CoreTypeSection(section) => self.declarations(&section.range()),
            Payload::ComponentInstanceSection(section) => {
                self.declarations(&section.range())?;
                self.instances(u64::from(section.count()), section.range().start)
            }
            Payload::ComponentAliasSection(section) => self.declarations(&section.range()),
            Payload::ComponentTypeSection(section) => {
                self.declarations(&section.range())?;
                for ty in section.clone().into_iter_with_offsets() {
                    let (offset, ty) = ty?;
                    limits::TYPE_NESTING.check(nesting(&ty), offset)?;
                }
                Ok(())
            }
            Payload::ComponentCanonicalSection(section) => self.declarations(&section.range()),
            Payload::ComponentImportSection(section) => {
                self.declarations(&section.range())?;
                for import in section.clone().into_iter_with_offsets() {
                    let (offset, import) = import?;
                    if import.ty.kind() == ComponentExternalKind::Instance {
                        self.instances(1, offset)?;
                    }
                }
                Ok(())
            }
            Payload::ComponentExportSection(section) => self.declarations(&section.range()),
            Payload::TypeSection(section) => self.core_declarations(&section.range()),
            Payload::ImportSection(section) => self.core_declarations(&section.range()),
            Payload::FunctionSection(section) => self.core_declarations(&section.range()),
            Payload::TableSection(section) => self.core_declarations(&section.range()),
            Payload::MemorySection(section) => self.core_declarations(&section.range()),
            Payload::GlobalSection(section) => self.core_declarations(&section.range()),
            Payload::ExportSection(section) => self.core_declarations(&section.range()),
            Payload::ElementSection(section) => self.core_declarations(&section.range()),
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                limits::FUNCTION_BYTES.check(range.end - range.start, range.start)
            }
            Payload::CustomSection(section) if section.name() == "name" => {
                self.names += section.data().len() as u64;
                limits::NAME_BYTES.check(self.names, section.data_offset())
            }
            _ => Ok(()),
        }
    }

    fn declarations(&mut self, range: &Range<u64>) -> Result<(), ComponentError> {
        self.declarations += range.end - range.start;
        limits::DECLARATION_BYTES.check(self.declarations, range.end)
    }

    fn instances(&mut self, count: u64, offset: u64) -> Result<(), ComponentError> {
        self.instances += count;
        limits::INSTANCES.check(self.instances, offset)
    }

    fn core_declarations(&mut self, range: &Range<u64>) -> Result<(), ComponentError> {
        self.core_declarations += range.end - range.start;
        limits::CORE_DECLARATION_BYTES.check(self.core_declarations, range.end)
    }
}

/// How deeply declarations are nested in a type. The parser refuses more than 100 levels, so the
/// recursion is bounded.
fn nesting(ty: &ComponentType<'_>) -> u64 {
    match ty {
        ComponentType::Component(declarations) => {
            let nested = declarations.iter().map(|declaration| match declaration {
                ComponentTypeDeclaration::Type(ty) => nesting(ty),
                _ => 0,
            });
            1 + nested.max().unwrap_or(0)
        }
        ComponentType::Instance(declarations) => {
            let nested = declarations.iter().map(|declaration| match declaration {
                InstanceTypeDeclaration::Type(ty) => nesting(ty),
                _ => 0,
            });
            1 + nested.max().unwrap_or(0)
        }
        _ => 0,
    }
}
