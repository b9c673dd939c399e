//! A checkpoint as it is stored: one tree in the folder itself, or each of several in a folder below.

use std::path::Path;

use super::folder::Folder;
use super::{ImageSet, ImagesError, Record, read_from, record};

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The folder, printable.
    pub folder: String,
    /// The trees, at least one.
    pub trees: Vec<ImageSet>,
    /// What cryoscope kept beside them.
    pub record: Option<Record>,
    /// What is wrong with the record; the images are read all the same.
    pub record_problem: Option<String>,
    /// What must be there and is not, by name below the folder.
    pub missing: Vec<String>,
}

/// Where `podman container checkpoint --export` and the CRI keep the images, below what is unpacked.
const EXPORTED: &str = "checkpoint";

/// Reads what a folder holds: the images in it, in the folders below it that are named by their root's PID, or in `checkpoint`, as in an
/// exported container that was unpacked.
///
/// # Errors
/// As [`super::read()`].
pub fn stored(folder: &Path) -> Result<Stored, ImagesError> {
    let top = Folder::open(folder)?;
    let (record, record_problem) = match record::read(&top) {
        Ok(record) => (record, None),
        Err(problem) => (None, Some(problem)),
    };
    let (names, mut missing) = below(&top)?;
    let path = top.path.clone();
    let trees = match names.is_empty() {
        true => vec![read_from(top)?],
        false => {
            let read = |name: &String| read_from(top.child(name)?);
            names.iter().map(read).collect::<Result<_, _>>()?
        }
    };
    for (tree, name) in trees.iter().zip(names.iter().map(String::as_str).chain(std::iter::repeat(""))) {
        let prefix = if name.is_empty() { String::new() } else { format!("{name}/") };
        missing.extend(tree.missing.iter().map(|file| format!("{prefix}{file}")));
    }
    Ok(Stored { folder: path, trees, record, record_problem, missing })
}

/// The folders with images below one that has none, and what the others among them lack.
fn below(top: &Folder) -> Result<(Vec<String>, Vec<String>), ImagesError> {
    let is_one = |folder: &Folder| folder.has("inventory.img") || folder.has("pstree.img");
    if is_one(top) {
        return Ok((Vec::new(), Vec::new()));
    }
    let has = |name: &str| top.child(name).is_ok_and(|folder| is_one(&folder));
    if has(EXPORTED) {
        return Ok((vec![EXPORTED.to_owned()], Vec::new()));
    }
    let mut pids: Vec<u32> = top.names()?.iter().filter_map(|name| pid(name)).collect();
    pids.sort_unstable();
    let (with, without): (Vec<String>, Vec<String>) =
        pids.iter().map(u32::to_string).filter(|name| top.child(name).is_ok()).partition(|name| has(name));
    match with.is_empty() {
        true => Ok((with, Vec::new())),
        false => Ok((with, without.into_iter().map(|name| format!("{name}/inventory.img")).collect())),
    }
}

/// A name that is a process number, written as such.
fn pid(name: &str) -> Option<u32> {
    name.parse().ok().filter(|number: &u32| number.to_string() == name)
}
