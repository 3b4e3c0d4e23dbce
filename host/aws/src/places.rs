//! Where the input of an action names tables and contains statements: the paths of the manifest, as
//! one tree, so that a body is read once for all of them.

use portcullis_policy::{Action, JsonStep};
use std::cell::Cell;
use std::ops::BitOr;

/// A place in a body that paths lead to or through.
#[derive(Debug, Default)]
pub(crate) struct Place<'m> {
    /// What a text at this place is.
    pub(crate) text: Kinds,
    /// What the names of an object's fields are.
    pub(crate) names: Kinds,
    /// The fields that paths name.
    pub(crate) fields: Vec<Field<'m>>,
    /// Each element of an array, and each other field of an object.
    pub(crate) each: Option<Box<Place<'m>>>,
    /// The kinds of all paths through `fields`.
    through_fields: Kinds,
    /// The kinds of all paths through `each`.
    through_each: Kinds,
}

/// A field that a path names.
#[derive(Debug)]
pub(crate) struct Field<'m> {
    pub(crate) name: &'m str,
    pub(crate) place: Place<'m>,
    /// The last object in which the field occurred, by its number.
    pub(crate) last_seen: Cell<u64>,
}

/// What texts are: statements, tables, both or neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds {
    pub(crate) statements: bool,
    pub(crate) tables: bool,
}

impl<'m> Place<'m> {
    /// The root of the tree for an action: where its statements are and, if `tables`, its tables.
    pub(crate) fn root(action: &'m Action, tables: bool) -> Self {
        let statements = action.statements().iter().map(|path| (Kinds::STATEMENTS, path.steps()));
        let named = action.tables().iter().filter(|_| tables);
        let named = named.map(|path| (Kinds::TABLES, path.steps()));
        Self::new(&statements.chain(named).collect::<Vec<_>>())
    }

    /// The place from which the paths go on with these steps.
    fn new(paths: &[(Kinds, &'m [JsonStep])]) -> Self {
        let mut place = Self::default();
        let mut each = Vec::new();
        let mut named: Vec<(&str, Vec<_>)> = Vec::new();
        for &(kinds, steps) in paths {
            match steps.split_first() {
                None => place.text = place.text | kinds,
                Some((JsonStep::Keys, _)) => place.names = place.names | kinds,
                Some((JsonStep::Each, rest)) => {
                    place.through_each = place.through_each | kinds;
                    each.push((kinds, rest));
                }
                Some((JsonStep::Field(name), rest)) => {
                    place.through_fields = place.through_fields | kinds;
                    match named.iter_mut().find(|(known, _)| known == name) {
                        Some((_, paths)) => paths.push((kinds, rest)),
                        None => named.push((name, vec![(kinds, rest)])),
                    }
                }
            }
        }
        // A field that is named is also one of each.
        let fields = named.into_iter().map(|(name, paths)| Field {
            name,
            place: Self::new(&[paths, each.clone()].concat()),
            last_seen: Cell::new(0),
        });
        place.fields = fields.collect();
        if !each.is_empty() {
            place.each = Some(Box::new(Self::new(&each)));
        }
        place
    }

    /// The paths that go on from here: for them a text has the wrong form.
    pub(crate) fn inner(&self) -> Kinds {
        self.names | self.through_fields | self.through_each
    }

    /// The paths for which an array has the wrong form.
    pub(crate) fn not_array(&self) -> Kinds {
        self.text | self.names | self.through_fields
    }

    /// The field that a path calls `name`.
    ///
    /// # Errors
    /// Returns an error if the names differ only in case: some services ignore case.
    pub(crate) fn field(&self, name: &str) -> Result<Option<&Field<'m>>, OtherCase> {
        let mut other_case = false;
        for field in &self.fields {
            if field.name == name {
                return Ok(Some(field));
            }
            other_case |= differs_only_in_case(field.name, name);
        }
        if other_case { Err(OtherCase) } else { Ok(None) }
    }
}

/// A field whose name differs from that of a path only in case.
#[derive(Debug)]
pub(crate) struct OtherCase;

fn differs_only_in_case(one: &str, other: &str) -> bool {
    if one.len() == other.len() && one.eq_ignore_ascii_case(other) {
        return true;
    }
    // In both directions, because `ſ` and the sign for Kelvin are `s` and `k` in another case.
    // A character has at most four bytes, so a much longer name is another one.
    let may_be = !(one.is_ascii() && other.is_ascii()) && other.len() <= 4 * one.len();
    may_be && folded(one).eq(folded(other))
}

fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

impl Kinds {
    pub(crate) const STATEMENTS: Self = Self { statements: true, tables: false };
    pub(crate) const TABLES: Self = Self { statements: false, tables: true };

    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            statements: self.statements || other.statements,
            tables: self.tables || other.tables,
        }
    }
}
