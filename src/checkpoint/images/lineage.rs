//! Images that hold only what changed, and the ones that they are built on: `parent` in each folder leads to the next.

use super::ImagesError;
use super::folder::Folder;

/// So many sets of images may be built on each other.
const MAX_FOLDERS: usize = 64;

/// A folder of images, and those that it is built on, nearest first. At least one.
#[derive(Debug)]
pub(super) struct Lineage {
    folders: Vec<Folder>,
    /// A `parent` leads to nothing.
    pub is_cut_off: bool,
}

impl Lineage {
    /// Opens what a folder is built on.
    ///
    /// # Errors
    /// The links lead in a circle, there are too many, or a folder cannot be opened.
    pub(super) fn open(folder: Folder) -> Result<Self, ImagesError> {
        let mut lineage = Self { folders: vec![folder], is_cut_off: false };
        let mut seen = Vec::new();
        loop {
            let last = lineage.last();
            let identity = last.identity()?;
            if seen.contains(&identity) || seen.len() == MAX_FOLDERS {
                let why = match seen.contains(&identity) {
                    true => "the links form a loop".to_owned(),
                    false => format!("it is at the end of a chain of more than {MAX_FOLDERS}"),
                };
                return Err(ImagesError::Unfit { file: last.path.clone(), why });
            }
            seen.push(identity);
            match last.parent() {
                Ok(Some(parent)) => lineage.folders.push(parent),
                Ok(None) => return Ok(lineage),
                Err(ImagesError::Gone(_)) => {
                    lineage.is_cut_off = true;
                    return Ok(lineage);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The folders, nearest first.
    pub(super) fn folders(&self) -> &[Folder] {
        &self.folders
    }

    /// The folder itself.
    pub(super) fn first(&self) -> &Folder {
        &self.folders[0]
    }

    fn last(&self) -> &Folder {
        &self.folders[self.folders.len() - 1]
    }
}
