//! Whether images are all there and can be read.

use std::path::Path;

use super::{ImageSet, ImagesError, read};
use crate::checkpoint::Finding;
use crate::model::span::count;

const WHY: &str = "it cannot be restored";

/// Looks whether the images in a folder are there and readable, and hold these processes (numbers in their own PID namespace).
pub fn verify(folder: &Path, pids: &[i32]) -> Vec<Finding> {
    verify_read(&read(folder), pids)
}

/// The same of images that were read already.
pub fn verify_read(images: &Result<ImageSet, ImagesError>, pids: &[i32]) -> Vec<Finding> {
    match images {
        Ok(set) => set.verify(pids),
        // criu may write what this program does not know, and be right.
        Err(error @ (ImagesError::Version(_) | ImagesError::TooDeep(_))) => {
            vec![Finding::unknown("image", "whether the images are readable", error)]
        }
        Err(error) => vec![Finding::blocker("image", error.to_string(), WHY)],
    }
}

impl ImageSet {
    /// Whether every image is there, and these processes are in them.
    pub fn verify(&self, pids: &[i32]) -> Vec<Finding> {
        let absent = pids.iter().filter(|&&pid| !self.processes.iter().any(|process| process.pid == pid));
        let absent = absent.map(|pid| format!("process {pid} is not in the images"));
        let missing = self.missing.iter().map(|name| format!("{name} is missing in {}", self.folder));
        let wrong: Vec<Finding> =
            absent.chain(missing).map(|what| Finding::blocker("image", what, WHY)).collect();
        if !wrong.is_empty() {
            return wrong;
        }
        let (processes, threads) = (self.processes.len(), self.threads);
        vec![Finding::ok(
            "images",
            format!(
                "the images are readable: {}, {}",
                count(processes, "process", "processes"),
                count(threads, "thread", "threads")
            ),
        )]
    }
}
