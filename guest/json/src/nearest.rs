//! The nearest known name to one that is not known.

use alloc::vec::Vec;

/// The name in `known` that takes the fewest edits to get from `wrong`, case aside; none when all are far.
#[must_use]
pub fn nearest<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A longer text than any name is no misspelling, and would cost its length times that of every name.
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

/// Levenshtein's distance, case aside.
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
    fn a_misspelt_name_finds_the_nearest() {
        let known = ["BatchGetItem", "GetItem", "PutItem"];
        assert_eq!(nearest("getitem", known), Some("GetItem"));
        assert_eq!(nearest("PutItems", known), Some("PutItem"));
        assert_eq!(nearest("DropDatabase", known), None);
    }
}
