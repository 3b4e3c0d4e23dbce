//! The types of the generated catalogue.

use dynamodb_json::shape::{Field, Shape};

/// An operation of the service.
#[derive(Debug)]
pub struct Operation {
    /// The service's name for it, such as `GetItem`.
    pub name: &'static str,
    /// What it does to the caller's data.
    pub access: Access,
    /// The shape of its input. Always a structure.
    pub input: &'static Shape,
    /// The shape of its output, as far as it leads to attribute values. [`Shape::Any`] if there are
    /// none.
    pub output: &'static Shape,
    /// The field of the input that takes an idempotency token.
    pub token: Option<&'static str>,
    /// How its results are paged, if they are.
    pub paging: Option<Paging>,
    /// Where its output holds what a table shows as rows, if it does.
    pub rows: Option<Rows>,
    /// A small example of its input, as JSON.
    pub example: &'static str,
}

/// The access class of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads items or descriptions.
    Read,
    /// Changes items.
    Write,
    /// Creates, changes or deletes tables, backups, tags, policies and the like.
    Admin,
}

/// The fields that carry the cursor of a paged operation.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// The field of the input that takes the cursor.
    pub input: &'static str,
    /// The field of the output that holds the cursor of the next page.
    pub output: &'static str,
}

/// A field of an output, and how it holds what a table shows as rows.
///
/// The enum is exhaustive on purpose: the model has no other way, and a new one needs code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// A list; each element is a row. `Items` of `Query`, `TableNames` of `ListTables`.
    List(&'static str),
    /// A list of objects; the field `Item` of each is a row. `Responses` of `TransactGetItems`.
    Wrapped(&'static str),
    /// Lists by the names of tables; each element is a row. `Responses` of `BatchGetItem`.
    ByTable(&'static str),
    /// One item, which is the only row. `Item` of `GetItem`, `Attributes` of `UpdateItem`.
    Item(&'static str),
}

impl Rows {
    /// The name of the field.
    #[must_use]
    pub fn field(self) -> &'static str {
        let (Self::List(field) | Self::Wrapped(field) | Self::ByTable(field) | Self::Item(field)) =
            self;
        field
    }
}

/// Creates a required field.
pub(super) const fn required(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, required: true }
}

/// Creates an optional field.
pub(super) const fn optional(name: &'static str, shape: &'static Shape) -> Field {
    Field { name, shape, required: false }
}
