//! Mappings that came, went, grew or shrank.

use std::collections::HashMap;

use serde::Serialize;

use crate::checkpoint::images::Mapping;

/// What changed in what a process has mapped. A mapping is the same where its name is, and its start or its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MappingDifference {
    /// What was mapped.
    pub mapped: Vec<Mapping>,
    /// What was unmapped.
    pub unmapped: Vec<Mapping>,
    /// What has another size or other permissions.
    pub resized: Vec<Resized>,
}

/// A mapping that has another size or other permissions now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resized {
    /// What it was.
    pub before: Mapping,
    /// What it is.
    pub after: Mapping,
}

pub(super) fn difference(before: &[Mapping], after: &[Mapping]) -> MappingDifference {
    let mut difference = MappingDifference::default();
    let mut is_left = vec![true; before.len()];
    let mut unknown: Vec<&Mapping> = after.iter().collect();
    // A stack grows downwards: its end stays.
    for edge in [|mapping: &Mapping| mapping.start, |mapping: &Mapping| mapping.end] {
        let left = before.iter().enumerate().filter(|(index, _)| is_left[*index]);
        let by_edge: HashMap<(u64, &str), usize> =
            left.map(|(index, mapping)| ((edge(mapping), &*mapping.name), index)).collect();
        let mut other = Vec::new();
        for mapping in unknown {
            let same = by_edge.get(&(edge(mapping), &*mapping.name)).copied().filter(|&index| is_left[index]);
            let Some(index) = same else {
                other.push(mapping);
                continue;
            };
            is_left[index] = false;
            if !is_alike(&before[index], mapping) {
                difference.resized.push(Resized { before: before[index].clone(), after: mapping.clone() });
            }
        }
        unknown = other;
    }
    difference.mapped = unknown.into_iter().cloned().collect();
    difference.unmapped =
        before.iter().zip(is_left).filter(|(_, left)| *left).map(|(mapping, _)| mapping.clone()).collect();
    difference.resized.sort_by_key(|resized| resized.after.start);
    difference
}

fn is_alike(before: &Mapping, after: &Mapping) -> bool {
    let of = |mapping: &Mapping| (mapping.start, mapping.end);
    of(before) == of(after) && before.permissions == after.permissions
}
