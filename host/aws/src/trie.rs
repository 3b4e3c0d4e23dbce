//! An Aho-Corasick automaton whose memory is overwritten when it is dropped. It finds texts in time
//! in proportion to what it reads, whatever the texts are.
//! <https://doi.org/10.1145/360825.360855>

use std::ops::Range;
use zeroize::Zeroizing;

/// The automaton of some texts.
pub(crate) struct Trie {
    /// The nodes, by depth. The children of a node are neighbours, sorted by their bytes.
    nodes: Vec<Node>,
    /// The byte that leads to each node.
    bytes: Zeroizing<Vec<u8>>,
}

/// A node of a [`Trie`]: the start of some texts.
pub(crate) type NodeId = u32;

struct Node {
    children: Range<NodeId>,
    /// The node of the longest proper suffix that is the start of a text, too.
    suffix: NodeId,
    depth: u32,
    /// The text that ends here.
    text: Option<u32>,
    /// Whether a text ends here, or at a suffix.
    ends: bool,
}

/// The start of every text.
pub(crate) const ROOT: NodeId = 0;

impl Trie {
    /// Builds the automaton of `texts`, which are sorted, not empty, and none of which starts with
    /// another.
    pub(crate) fn new(texts: &[&[u8]]) -> Self {
        let edges = 1 + texts.iter().map(|text| text.len()).sum::<usize>();
        // Never moved while it grows, since the memory that it leaves would not be overwritten.
        let mut bytes = Zeroizing::new(Vec::with_capacity(edges));
        bytes.push(0);
        let root = Node { children: 0..0, suffix: ROOT, depth: 0, text: None, ends: false };
        let mut trie = Self { nodes: vec![root], bytes };
        // The texts that start with each node.
        let mut ranges = vec![(0, texts.len())];
        let mut parent = 0;
        while let Some(&(start, end)) = ranges.get(parent) {
            let depth = trie.nodes[parent].depth as usize;
            let first = trie.nodes.len() as NodeId;
            let mut from = start;
            while let Some(&byte) = texts[from..end].first().and_then(|text| text.get(depth)) {
                let same = texts[from..end].partition_point(|text| text[depth] <= byte);
                let suffix =
                    if depth == 0 { ROOT } else { trie.next(trie.nodes[parent].suffix, byte) };
                let text = (texts[from].len() == depth + 1).then_some(from as u32);
                let ends = text.is_some() || trie.nodes[suffix as usize].ends;
                let depth = depth as u32 + 1;
                trie.nodes.push(Node { children: 0..0, suffix, depth, text, ends });
                trie.bytes.push(byte);
                ranges.push((from, from + same));
                from += same;
            }
            trie.nodes[parent].children = first..trie.nodes.len() as NodeId;
            parent += 1;
        }
        trie
    }

    /// The node after `byte`: the longest start of a text with which the bytes so far end.
    pub(crate) fn next(&self, mut at: NodeId, byte: u8) -> NodeId {
        loop {
            let node = &self.nodes[at as usize];
            let Range { start, end } = node.children;
            let bytes = &self.bytes[start as usize..end as usize];
            let found = match bytes {
                [only] => (*only == byte).then_some(0),
                _ => bytes.binary_search(&byte).ok(),
            };
            if let Some(index) = found {
                return start + index as NodeId;
            }
            if at == ROOT {
                return ROOT;
            }
            at = node.suffix;
        }
    }

    /// The number of bytes that lead to a node.
    pub(crate) fn depth(&self, at: NodeId) -> usize {
        self.nodes[at as usize].depth as usize
    }

    /// Whether a text ends at a node.
    pub(crate) fn ends(&self, at: NodeId) -> bool {
        self.nodes[at as usize].ends
    }

    /// The texts that end at a node, longest first.
    pub(crate) fn texts(&self, at: NodeId) -> impl Iterator<Item = usize> + '_ {
        let suffixes = std::iter::successors(Some(at), |&at| {
            Some(self.nodes[at as usize].suffix).filter(|&suffix| self.ends(suffix))
        });
        suffixes.filter_map(|at| self.nodes[at as usize].text.map(|text| text as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_is_found_where_it_ends(
            mut texts in prop::collection::vec("[ab]{1,6}", 0..6), within in "[ab]{0,30}",
        ) {
            texts.sort();
            texts.dedup_by(|text, before| text.starts_with(before.as_str()));
            let bytes: Vec<&[u8]> = texts.iter().map(String::as_bytes).collect();
            let trie = Trie::new(&bytes);
            let mut at = ROOT;
            for end in 1..=within.len() {
                at = trie.next(at, within.as_bytes()[end - 1]);
                let mut found: Vec<usize> = trie.texts(at).collect();
                found.sort_unstable();
                let ending = |&index: &usize| within[..end].ends_with(&texts[index]);
                let expected: Vec<usize> = (0..texts.len()).filter(ending).collect();
                prop_assert_eq!(trie.ends(at), !expected.is_empty());
                prop_assert_eq!(found, expected);
                let suffix = &within[end - trie.depth(at)..end];
                prop_assert!(suffix.is_empty() || texts.iter().any(|text| text.starts_with(suffix)));
            }
        }
    }
}
