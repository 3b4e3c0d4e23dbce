//! Suggestions for misspelt names.

use alloc::vec::Vec;

/// Returns the name in `known` that is closest to `wrong`, ignoring case.
///
/// Returns `None` if even the closest name differs in more than half of the letters.
///
/// ```
/// use dynamodb_json::nearest::nearest;
///
/// assert_eq!(nearest("getitem", ["BatchGetItem", "GetItem"]), Some("GetItem"));
/// assert_eq!(nearest("DropDatabase", ["BatchGetItem", "GetItem"]), None);
/// ```
#[must_use]
pub fn nearest<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // No name is this long, and the cost is the product of the two lengths, for every name.
    if wrong.len() > 100 {
        return None;
    }
    let limit = wrong.len() / 2 + 1;
    known
        .into_iter()
        .map(|name| (edits(wrong, name), name))
        .filter(|(edits, _)| *edits <= limit)
        .min()
        .map(|(_, name)| name)
}

/// Returns the Levenshtein distance, ignoring case.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_the_closest_known_name() {
        let known = ["BatchGetItem", "GetItem", "PutItem"];
        assert_eq!(nearest("getitem", known), Some("GetItem"));
        assert_eq!(nearest("PutItems", known), Some("PutItem"));
        assert_eq!(nearest("DropDatabase", known), None);
    }
}
