//! Suggestions for misspelt names.

/// The longest name for which a suggestion is looked for, in bytes. No key and no action is as
/// long, and the cost grows with the length.
const MAX_NAME: usize = 100;

/// Returns the name that is closest to an unknown one, unless they have hardly a letter in common.
pub(crate) fn nearest<'n>(
    unknown: &str,
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    if unknown.len() > MAX_NAME {
        return None;
    }
    let distance = |name| (strsim::damerau_levenshtein(unknown, name), name);
    let (distance, name) = names.into_iter().map(distance).min()?;
    (distance <= unknown.len() / 2 + 1).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelt_name_gets_the_closest_one() {
        let names = ["BatchGetItem", "GetItem", "PutItem"];
        assert_eq!(nearest("GetItems", names), Some("GetItem"));
        assert_eq!(nearest("getitem", names), Some("GetItem"));
        assert_eq!(nearest("DropDatabase", names), None);
        assert_eq!(nearest(&"GetItem".repeat(100), names), None);
        assert_eq!(nearest("GetItem", []), None);
    }
}
