//! The declarations of core modules.

use crate::error::ComponentError;
use crate::limits;
use wasmparser::{
    BlockType, CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind, Operator,
    Payload, SubType, TypeRef,
};

/// What all core modules of a component have together.
#[derive(Default)]
pub(crate) struct ModuleCounts {
    types: u64,
    imports: u64,
    exports: u64,
    globals: u64,
    tables: u64,
    table_entries: u64,
    memories: u64,
    element_segments: u64,
    elements: u64,
    element_expressions: u64,
    data_segments: u64,
    dynamic_segments: u64,
    image_bytes: u64,
}

/// A core module that is being read.
#[derive(Default)]
pub(crate) struct Module {
    /// The number of parameters and results of each type. None of both: it is not the type of a
    /// function.
    types: Vec<Arity>,
    /// The type of each function, imports first.
    functions: Vec<u32>,
    imported_functions: usize,
    imported_memories: usize,
    /// The initial size of each memory in bytes, imports first.
    memories: Vec<u64>,
    bodies: usize,
}

/// How many values a function or a block takes and returns.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Arity {
    pub(crate) params: u64,
    pub(crate) results: u64,
}

impl Arity {
    pub(crate) fn sum(self) -> u64 {
        self.params + self.results
    }
}

/// wasmtime copies the data segments of a module into an image of its memory if the image is not
/// larger than this (`memory_guaranteed_dense_image_size`).
const DENSE_IMAGE_BYTES: u64 = 16 * 1024 * 1024;

impl Module {
    /// Reads a section of the module, which is valid.
    ///
    /// # Errors
    /// Returns an error if the component has too much of something.
    pub(crate) fn add(
        &mut self,
        payload: &Payload<'_>,
        counts: &mut ModuleCounts,
    ) -> Result<(), ComponentError> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone().into_iter_with_offsets() {
                    let (offset, group) = group?;
                    for ty in group.types() {
                        counts.types += 1;
                        limits::CORE_TYPES.check(counts.types, offset)?;
                        self.add_type(ty, offset)?;
                    }
                }
            }
            Payload::ImportSection(section) => {
                let end = section.range().end;
                for import in section.clone().into_imports() {
                    counts.imports += 1;
                    limits::CORE_IMPORTS.check(counts.imports, end)?;
                    self.add_import(import?.ty);
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section.clone() {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section.clone().into_iter_with_offsets() {
                    let (offset, table) = table?;
                    counts.tables += 1;
                    limits::TABLES.check(counts.tables, offset)?;
                    counts.table_entries = counts.table_entries.saturating_add(table.ty.initial);
                    limits::TABLE_ENTRIES.check(counts.table_entries, offset)?;
                }
            }
            Payload::MemorySection(section) => {
                for memory in section.clone().into_iter_with_offsets() {
                    let (offset, memory) = memory?;
                    counts.memories += 1;
                    limits::MEMORIES.check(counts.memories, offset)?;
                    self.memories.push(memory.initial.saturating_mul(64 * 1024));
                }
            }
            Payload::GlobalSection(section) => {
                for global in section.clone().into_iter_with_offsets() {
                    let (offset, global) = global?;
                    counts.globals += 1;
                    limits::GLOBALS.check(counts.globals, offset)?;
                    operators(&global.init_expr, offset)?;
                }
            }
            Payload::ExportSection(section) => {
                counts.exports += u64::from(section.count());
                limits::CORE_EXPORTS.check(counts.exports, section.range().start)?;
            }
            Payload::ElementSection(section) => {
                for element in section.clone().into_iter_with_offsets() {
                    let (offset, element) = element?;
                    counts.element_segments += 1;
                    limits::ELEMENT_SEGMENTS.check(counts.element_segments, offset)?;
                    if let ElementKind::Active { offset_expr, .. } = &element.kind {
                        operators(offset_expr, offset)?;
                    }
                    counts.add_elements(element.items, offset)?;
                }
            }
            Payload::DataSection(section) => self.add_data(section, counts)?,
            _ => {}
        }
        Ok(())
    }

    /// The type of the next function that has a body.
    pub(crate) fn next_body(&mut self) -> Arity {
        let function = self.imported_functions + self.bodies;
        self.bodies += 1;
        self.of_function(function as u32)
    }

    pub(crate) fn of_type(&self, ty: u32) -> Arity {
        // Validation refuses what is out of range.
        self.types.get(ty as usize).copied().unwrap_or_default()
    }

    pub(crate) fn of_function(&self, function: u32) -> Arity {
        self.functions.get(function as usize).map_or_else(Arity::default, |ty| self.of_type(*ty))
    }

    pub(crate) fn of_block(&self, ty: BlockType) -> Arity {
        match ty {
            BlockType::Empty => Arity::default(),
            BlockType::Type(_) => Arity { params: 0, results: 1 },
            BlockType::FuncType(ty) => self.of_type(ty),
        }
    }

    fn add_type(&mut self, ty: &SubType, offset: u64) -> Result<(), ComponentError> {
        let mut arity = Arity::default();
        if let CompositeInnerType::Func(ty) = &ty.composite_type.inner {
            arity = Arity { params: ty.params().len() as u64, results: ty.results().len() as u64 };
            limits::PARAMETERS.check(arity.params, offset)?;
            limits::RESULTS.check(arity.results, offset)?;
        }
        self.types.push(arity);
        Ok(())
    }

    fn add_import(&mut self, ty: TypeRef) {
        match ty {
            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                self.functions.push(ty);
                self.imported_functions += 1;
            }
            TypeRef::Memory(_) => {
                self.memories.push(0);
                self.imported_memories += 1;
            }
            _ => {}
        }
    }

    /// Adds the data segments. They are either all copied into images of the memories while
    /// compiling, or all by a function that is compiled for it.
    fn add_data(
        &self,
        section: &wasmparser::DataSectionReader<'_>,
        counts: &mut ModuleCounts,
    ) -> Result<(), ComponentError> {
        let mut extents = vec![(u64::MAX, 0); self.memories.len()];
        let mut is_static = true;
        let end_of_section = section.range().end;
        counts.data_segments += u64::from(section.count());
        limits::DATA_SEGMENTS.check(counts.data_segments, end_of_section)?;
        for data in section.clone() {
            let data = data?;
            if let DataKind::Active { memory_index, offset_expr } = data.kind {
                operators(&offset_expr, data.range.start)?;
                let memory = memory_index as usize;
                let start = constant(&offset_expr);
                let end = start.and_then(|start| start.checked_add(data.data.len() as u64));
                if let (Some(start), Some(end)) = (start, end)
                    && memory >= self.imported_memories
                    && self.memories.get(memory).is_some_and(|size| end <= *size)
                {
                    let (min, max) = extents[memory];
                    extents[memory] = (start.min(min), end.max(max));
                } else {
                    is_static = false;
                }
            }
        }
        for (min, max) in extents {
            let bytes = u64::saturating_sub(max, min);
            is_static &= bytes < DENSE_IMAGE_BYTES;
            counts.image_bytes += bytes;
        }
        limits::IMAGE_BYTES.check(counts.image_bytes, end_of_section)?;
        if !is_static {
            counts.dynamic_segments += u64::from(section.count());
            limits::DYNAMIC_SEGMENTS.check(counts.dynamic_segments, end_of_section)?;
        }
        Ok(())
    }
}

impl ModuleCounts {
    fn add_elements(&mut self, items: ElementItems<'_>, offset: u64) -> Result<(), ComponentError> {
        let count = match items {
            ElementItems::Functions(functions) => functions.count(),
            ElementItems::Expressions(_, expressions) => {
                self.element_expressions += u64::from(expressions.count());
                limits::ELEMENT_EXPRESSIONS.check(self.element_expressions, offset)?;
                for expression in expressions.clone() {
                    operators(&expression?, offset)?;
                }
                expressions.count()
            }
        };
        self.elements += u64::from(count);
        limits::ELEMENTS.check(self.elements, offset)
    }
}

/// Limits the length of a constant expression.
fn operators(expression: &ConstExpr<'_>, offset: u64) -> Result<(), ComponentError> {
    let mut count = 0;
    for operator in expression.get_operators_reader() {
        operator?;
        count += 1;
        limits::CONSTANT_OPERATORS.check(count, offset)?;
    }
    Ok(())
}

/// The value of an expression that is one constant.
fn constant(expression: &ConstExpr<'_>) -> Option<u64> {
    let mut operators = expression.get_operators_reader().into_iter();
    let value = match operators.next()?.ok()? {
        Operator::I32Const { value } => u64::from(value.cast_unsigned()),
        Operator::I64Const { value } => value.cast_unsigned(),
        _ => return None,
    };
    matches!(operators.next(), Some(Ok(Operator::End))).then_some(value)
}
