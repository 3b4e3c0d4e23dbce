//! How many declarations a component has once every instantiation is written out.
//!
//! wasmtime inlines components: each instantiation repeats the declarations of the component. Ten
//! components, each of which instantiates the previous one ten times, are 10^10 declarations.

use crate::error::ComponentError;
use crate::limits;
use crate::type_size::TypeSizes;
use wasmparser::component_types::ComponentAnyTypeId;
use wasmparser::types::TypesRef;
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Instance, Payload,
};

/// The components that are being read, the root first.
#[derive(Default)]
pub(crate) struct Expansion {
    frames: Vec<Frame>,
    sizes: TypeSizes,
    /// Everything that was read, instantiated or not.
    declarations: u64,
}

/// A component that is being read.
#[derive(Default)]
struct Frame {
    /// The cost of instantiating it, so far.
    cost: u64,
    /// The cost of instantiating each component in its index space.
    components: Vec<u64>,
    instances: u32,
}

impl Expansion {
    /// Begins a component.
    pub(crate) fn begin(&mut self) {
        self.frames.push(Frame::default());
    }

    /// Ends the innermost component. It is then in the index space of the one around it.
    pub(crate) fn end(&mut self) {
        let ended = self.frames.pop().unwrap_or_default();
        if let Some(frame) = self.frames.last_mut() {
            frame.components.push(ended.cost);
        }
    }

    /// Adds a section of the innermost component, which is valid and whose types are `types`.
    ///
    /// # Errors
    /// Returns an error if the component is too large when it is written out, or uses components as
    /// values, so that nobody can tell.
    pub(crate) fn add(
        &mut self,
        payload: &Payload<'_>,
        types: TypesRef<'_>,
    ) -> Result<(), ComponentError> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone().into_iter_with_offsets() {
                    let (offset, import) = import?;
                    let size = match import.ty {
                        ComponentTypeRef::Module(_) | ComponentTypeRef::Component(_) => {
                            return Err(unresolvable("imports", offset));
                        }
                        ComponentTypeRef::Instance(ty) | ComponentTypeRef::Func(ty) => {
                            self.sizes.of_type(types, types.component_any_type_at(ty), offset)?
                        }
                        _ => 1,
                    };
                    if let ComponentTypeRef::Instance(_) = import.ty {
                        self.new_instance();
                    }
                    self.declare(size, offset)?;
                }
            }
            Payload::ComponentTypeSection(section) => {
                let count = types.component_type_count();
                let first = count - section.count();
                for (ty, item) in (first..count).zip(section.clone().into_iter_with_offsets()) {
                    let (offset, _) = item?;
                    self.sizes.of_type(types, types.component_any_type_at(ty), offset)?;
                    self.declare(0, offset)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone().into_iter_with_offsets() {
                    let (offset, alias) = alias?;
                    self.alias(&alias, types, offset)?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone().into_iter_with_offsets() {
                    let (offset, instance) = instance?;
                    self.instance(&instance, types, offset)?;
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section.clone().into_iter_with_offsets() {
                    let (offset, function) = function?;
                    let size = match function {
                        CanonicalFunction::Lift { type_index, .. } => {
                            let ty = types.component_any_type_at(type_index);
                            self.sizes.of_type(types, ty, offset)?
                        }
                        CanonicalFunction::Lower { func_index, .. } => {
                            let ty = types.component_function_at(func_index);
                            self.sizes.of_type(types, ComponentAnyTypeId::Func(ty), offset)?
                        }
                        _ => 1,
                    };
                    self.declare(size, offset)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone().into_iter_with_offsets() {
                    let (offset, export) = export?;
                    let size = self.item(export.kind, export.index, types, "exports", offset)?;
                    if export.kind == ComponentExternalKind::Instance {
                        self.new_instance();
                    }
                    self.declare(size, offset)?;
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone().into_iter_with_offsets() {
                    let (offset, instance) = instance?;
                    let size = match instance {
                        Instance::Instantiate { args, .. } => args.len(),
                        Instance::FromExports(exports) => exports.len(),
                    };
                    self.declare(size as u64, offset)?;
                }
            }
            Payload::CoreTypeSection(section) => {
                self.declare(u64::from(section.count()), section.range().start)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn alias(
        &mut self,
        alias: &ComponentAlias<'_>,
        types: TypesRef<'_>,
        offset: u64,
    ) -> Result<(), ComponentError> {
        use ComponentExternalKind::{Component, Module};
        match alias {
            ComponentAlias::InstanceExport { kind: Component | Module, .. } => {
                return Err(unresolvable("takes from an instance", offset));
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Instance, .. } => {
                let id = types.component_instance_at(self.new_instance());
                let size = self.sizes.of_type(types, ComponentAnyTypeId::Instance(id), offset)?;
                return self.declare(size, offset);
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                let frame = self.frames.len().checked_sub(1 + *count as usize);
                let component = frame.map(|at| self.frames[at].components[*index as usize]);
                if let (Some(frame), Some(component)) = (self.frames.last_mut(), component) {
                    frame.components.push(component);
                }
            }
            _ => {}
        }
        self.declare(0, offset)
    }

    fn instance(
        &mut self,
        instance: &ComponentInstance<'_>,
        types: TypesRef<'_>,
        offset: u64,
    ) -> Result<(), ComponentError> {
        let id = types.component_instance_at(self.new_instance());
        let mut size = self.sizes.of_type(types, ComponentAnyTypeId::Instance(id), offset)?;
        match instance {
            ComponentInstance::Instantiate { component_index, args } => {
                let component =
                    self.frames.last().map(|frame| frame.components[*component_index as usize]);
                size = size.saturating_add(component.unwrap_or_default());
                for arg in args {
                    let arg = self.item(arg.kind, arg.index, types, "passes", offset)?;
                    size = size.saturating_add(arg);
                }
            }
            ComponentInstance::FromExports(exports) => {
                for export in exports {
                    self.item(export.kind, export.index, types, "exports", offset)?;
                }
            }
        }
        self.declare(size, offset)
    }

    /// The size of an item that is passed on.
    fn item(
        &mut self,
        kind: ComponentExternalKind,
        index: u32,
        types: TypesRef<'_>,
        verb: &str,
        offset: u64,
    ) -> Result<u64, ComponentError> {
        let id = match kind {
            ComponentExternalKind::Module | ComponentExternalKind::Component => {
                return Err(unresolvable(verb, offset));
            }
            ComponentExternalKind::Instance => {
                ComponentAnyTypeId::Instance(types.component_instance_at(index))
            }
            ComponentExternalKind::Func => {
                ComponentAnyTypeId::Func(types.component_function_at(index))
            }
            ComponentExternalKind::Type => types.component_any_type_at(index),
            ComponentExternalKind::Value => return Ok(1),
        };
        self.sizes.of_type(types, id, offset)
    }

    /// Counts an instance of the innermost component, and returns its index.
    fn new_instance(&mut self) -> u32 {
        self.frames.last_mut().map_or(0, |frame| {
            frame.instances += 1;
            frame.instances - 1
        })
    }

    fn declare(&mut self, size: u64, offset: u64) -> Result<(), ComponentError> {
        self.declarations = self.declarations.saturating_add(1);
        limits::DECLARATIONS.check(self.declarations, offset)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.cost = frame.cost.saturating_add(1).saturating_add(size);
            limits::EXPANSION.check(frame.cost, offset)?;
        }
        Ok(())
    }
}

fn unresolvable(verb: &str, offset: u64) -> ComponentError {
    let reason = format!(
        "a component {verb} a component or a core module, which Portcullis does not support: \
         define it where it is instantiated"
    );
    ComponentError::Invalid { offset, reason }
}
