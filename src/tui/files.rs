//! The control files of the selected group, and which of them have changed.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{CgroupId, ControlFile};

/// For how long a file that has changed is marked.
const MARKED: Duration = Duration::from_secs(5);

/// What was read last, and what has changed of it.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) read: Option<(CgroupId, Result<Vec<ControlFile>, String>)>,
    /// When each file was last seen to change.
    changed: HashMap<&'static str, Duration>,
    /// Nothing was read for a while: what is different then has not changed just now.
    paused: bool,
}

impl Files {
    /// Takes what was read in, at a time since the start.
    pub(crate) fn take(&mut self, id: CgroupId, list: Result<Vec<ControlFile>, String>, now: Duration) {
        let before = self.read.take().filter(|(of, _)| *of == id && !self.paused);
        let Some((_, Ok(before))) = &before else {
            self.changed.clear();
            self.paused = false;
            self.read = Some((id, list));
            return;
        };
        for file in list.iter().flatten() {
            if before.iter().any(|old| old.name == file.name && old.contents != file.contents) {
                self.changed.insert(file.name, now);
            }
        }
        self.read = Some((id, list));
    }

    /// The files are not shown any more, and are not read.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
        self.changed.clear();
    }

    /// Whether a file is marked, so that its mark is to go.
    pub(crate) fn is_marked(&self, now: Duration) -> bool {
        self.changed.values().any(|at| now < *at + MARKED)
    }

    pub(crate) fn has_changed(&self, name: &str, now: Duration) -> bool {
        self.changed.get(name).is_some_and(|at| now < *at + MARKED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Contents;

    const GROUP: CgroupId = CgroupId { dev: 1, ino: 2 };

    fn file(name: &'static str, text: &str) -> ControlFile {
        ControlFile { name, contents: Contents::Text { bytes: text.as_bytes().into(), cut: false } }
    }

    fn marked(files: &Files, at: u64) -> Vec<&str> {
        let now = Duration::from_secs(at);
        files.changed.keys().copied().filter(|name| files.has_changed(name, now)).collect()
    }

    #[test]
    fn what_has_changed_is_marked_for_a_while_and_nothing_else() {
        let mut files = Files::default();
        let second = Duration::from_secs;
        let take = |files: &mut Files, id, freeze, at| {
            files.take(id, Ok(vec![file("cgroup.freeze", freeze), file("pids.max", "max\n")]), second(at));
        };
        take(&mut files, GROUP, "0\n", 1);
        assert_eq!(marked(&files, 1), [""; 0], "what is seen first has not changed");
        take(&mut files, GROUP, "1\n", 2);
        assert_eq!(marked(&files, 6), ["cgroup.freeze"]);
        assert!(files.is_marked(second(6)) && !files.is_marked(second(7)));
        files.pause();
        take(&mut files, GROUP, "0\n", 60);
        assert_eq!(marked(&files, 60), [""; 0], "it changed while nobody looked");
        take(&mut files, CgroupId { dev: 1, ino: 3 }, "1\n", 61);
        assert_eq!(marked(&files, 61), [""; 0], "another group");
    }
}
