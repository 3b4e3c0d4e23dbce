//! What the plugin knows of the service: every operation of the API model with the shape of its input and
//! output. The tables in `generated` come from the model (`make catalogue`); this file gives them their types.

#[rustfmt::skip]
mod generated;

mod schema;

pub use dynamodb_json::shape::{Member, Shape, member};
pub use generated::OPERATIONS;
pub use generated::{
    CONDITIONAL_CHECK_FAILED_EXCEPTION_DETAILS, TRANSACTION_CANCELED_EXCEPTION_DETAILS,
};

pub use schema::json_schema;

/// One operation of the service.
#[derive(Debug)]
pub struct Operation {
    /// The service's name for it: `GetItem`.
    pub name: &'static str,
    /// What it does to the caller's data.
    pub access: Access,
    /// The shape of its input; always a structure.
    pub input: &'static Shape,
    /// The shape of its output, as far as attribute values reach; `Any` where it holds none.
    pub output: &'static Shape,
    /// The member that makes repeating the call harmless.
    pub token: Option<&'static str>,
    /// How its answers are paged, for operations that are.
    pub paging: Option<Paging>,
    /// The JSON of a small call.
    pub example: &'static str,
}

/// What an operation does: reads, changes items, or administers tables and permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads items or descriptions.
    Read,
    /// Changes items.
    Write,
    /// Creates, changes or deletes tables, backups, tags, policies …
    Admin,
}

/// The members that carry a paged operation's cursor and results.
#[derive(Clone, Copy, Debug)]
pub struct Paging {
    /// The member of the input that continues.
    pub input: &'static str,
    /// The member of the output that says where to continue.
    pub output: &'static str,
    /// The member of the output that holds the list.
    pub results: &'static str,
}

/// The operation called `name`, by its exact name.
#[must_use]
pub fn operation(name: &str) -> Option<&'static Operation> {
    let index = OPERATIONS.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
    Some(&OPERATIONS[index])
}

const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: true }
}

const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_operations_of_the_model_are_known_by_name() {
        assert_eq!(OPERATIONS.len(), 62);
        for known in &OPERATIONS {
            assert!(
                core::ptr::eq(operation(known.name).unwrap(), known),
                "{} is found",
                known.name
            );
        }
        assert!(operation("getitem").is_none());
    }

    #[test]
    fn members_are_sorted_so_that_search_finds_them() {
        for known in &OPERATIONS {
            let Shape::Structure(members) = known.input else {
                panic!("{} has a structure as input", known.name)
            };
            assert!(members.is_sorted_by(|a, b| a.name < b.name), "{}", known.name);
        }
    }
}
