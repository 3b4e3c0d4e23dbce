//! How large types are when everything they refer to is written out.

use crate::error::ComponentError;
use crate::limits;
use std::collections::HashMap;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentDefinedType, ComponentEntityType, ComponentItem, ComponentValType,
};
use wasmparser::types::TypesRef;

/// The types that were measured. Types refer to each other: a few bytes can define a type that has
/// a million parts when it is written out, and the compiler does write it out.
#[derive(Default)]
pub(crate) struct TypeSizes {
    known: HashMap<ComponentAnyTypeId, Extent>,
}

/// How large a type is.
#[derive(Clone, Copy, Default)]
struct Extent {
    /// The number of its parts, all of them written out.
    size: u64,
    /// How deeply they are nested.
    depth: u64,
}

impl Extent {
    const LEAF: Self = Self { size: 1, depth: 1 };

    /// Both of them, next to each other.
    fn and(self, other: Self) -> Self {
        Self { size: self.size.saturating_add(other.size), depth: self.depth.max(other.depth) }
    }
}

impl TypeSizes {
    /// The number of parts of the type `id`, all of them written out.
    ///
    /// # Errors
    /// Returns an error if the type is nested too deeply.
    pub(crate) fn of_type(
        &mut self,
        types: TypesRef<'_>,
        id: ComponentAnyTypeId,
        offset: u64,
    ) -> Result<u64, ComponentError> {
        Ok(Walk { sizes: self, types, offset }.any(id)?.size)
    }
}

/// A type that is being measured. It recurses as deeply as the type is nested, which validation has
/// limited to 100 levels.
struct Walk<'w> {
    sizes: &'w mut TypeSizes,
    types: TypesRef<'w>,
    offset: u64,
}

impl Walk<'_> {
    fn any(&mut self, id: ComponentAnyTypeId) -> Result<Extent, ComponentError> {
        if let Some(known) = self.sizes.known.get(&id) {
            return Ok(*known);
        }
        let types = self.types;
        let parts = match id {
            ComponentAnyTypeId::Resource(_) => Extent::default(),
            ComponentAnyTypeId::Defined(id) => self.defined(&types[id])?,
            ComponentAnyTypeId::Func(id) => {
                let ty = &types[id];
                self.values(ty.params.iter().map(|(_, ty)| *ty).chain(ty.result))?
            }
            ComponentAnyTypeId::Instance(id) => self.items(types[id].exports.values())?,
            ComponentAnyTypeId::Component(id) => {
                let ty = &types[id];
                self.items(ty.imports.values().chain(ty.exports.values()))?
            }
        };
        let extent = Extent { size: parts.size.saturating_add(1), depth: parts.depth + 1 };
        limits::TYPE_DEPTH.check(extent.depth, self.offset)?;
        self.sizes.known.insert(id, extent);
        Ok(extent)
    }

    fn defined(&mut self, ty: &ComponentDefinedType) -> Result<Extent, ComponentError> {
        match ty {
            ComponentDefinedType::Primitive(_)
            | ComponentDefinedType::Own(_)
            | ComponentDefinedType::Borrow(_) => Ok(Extent::default()),
            ComponentDefinedType::Flags(names) | ComponentDefinedType::Enum(names) => {
                Ok(Extent { size: names.len() as u64, depth: 1 })
            }
            ComponentDefinedType::Record(ty) => self.values(ty.fields.values().copied()),
            ComponentDefinedType::Variant(ty) => {
                let payloads = self.values(ty.cases.values().filter_map(|case| case.ty))?;
                Ok(payloads.and(Extent { size: ty.cases.len() as u64, depth: 1 }))
            }
            ComponentDefinedType::Tuple(ty) => self.values(ty.types.iter().copied()),
            ComponentDefinedType::Map { key, value, .. } => self.values([*key, *value]),
            ComponentDefinedType::List { element, .. }
            | ComponentDefinedType::FixedLengthList { element, .. } => self.values([*element]),
            ComponentDefinedType::Option { ty, .. } => self.values([*ty]),
            ComponentDefinedType::Result { ok, err, .. } => {
                self.values(ok.iter().chain(err.iter()).copied())
            }
            ComponentDefinedType::Future { ty, .. } | ComponentDefinedType::Stream { ty, .. } => {
                self.values(ty.iter().copied())
            }
        }
    }

    fn values(
        &mut self,
        values: impl IntoIterator<Item = ComponentValType>,
    ) -> Result<Extent, ComponentError> {
        let mut values = values.into_iter();
        values.try_fold(Extent::default(), |sum, ty| Ok(sum.and(self.value(ty)?)))
    }

    fn value(&mut self, ty: ComponentValType) -> Result<Extent, ComponentError> {
        match ty {
            ComponentValType::Primitive(_) => Ok(Extent::LEAF),
            ComponentValType::Type(id) => self.any(ComponentAnyTypeId::Defined(id)),
        }
    }

    fn items<'i>(
        &mut self,
        mut items: impl Iterator<Item = &'i ComponentItem>,
    ) -> Result<Extent, ComponentError> {
        items.try_fold(Extent::default(), |sum, item| Ok(sum.and(self.entity(item.ty)?)))
    }

    fn entity(&mut self, entity: ComponentEntityType) -> Result<Extent, ComponentError> {
        match entity {
            // The declarations of core modules are counted where they are.
            ComponentEntityType::Module(_) => Ok(Extent::LEAF),
            ComponentEntityType::Func(id) => self.any(ComponentAnyTypeId::Func(id)),
            ComponentEntityType::Value(ty) => self.value(ty),
            ComponentEntityType::Type { created, .. } => self.any(created),
            ComponentEntityType::Instance(id) => self.any(ComponentAnyTypeId::Instance(id)),
            ComponentEntityType::Component(id) => self.any(ComponentAnyTypeId::Component(id)),
        }
    }
}
