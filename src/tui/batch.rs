//! A freeze or a thaw of several marked groups: what has come of it so far.

use std::collections::HashSet;

use super::{FreezeAction, Target};
use crate::model::{CgroupId, span};

/// Goes on until every group has its answer.
#[derive(Debug)]
pub(crate) struct Batch {
    action: FreezeAction,
    waiting: HashSet<CgroupId>,
    done: usize,
    failed: Vec<String>,
}

impl Batch {
    pub(crate) fn new(action: FreezeAction, targets: &[Target]) -> Self {
        let waiting = targets.iter().map(|target| target.id).collect();
        Self { action, waiting, done: 0, failed: Vec::new() }
    }

    /// Takes the answer for one of its groups; false for any other.
    pub(crate) fn take(
        &mut self,
        action: FreezeAction,
        id: CgroupId,
        outcome: &Result<String, String>,
    ) -> bool {
        if action != self.action || !self.waiting.remove(&id) {
            return false;
        }
        match outcome {
            Ok(_) => self.done += 1,
            Err(why) => self.failed.push(why.clone()),
        }
        true
    }

    /// What came of it, once all have their answer; an error where one failed.
    pub(crate) fn outcome(&self) -> Option<Result<String, String>> {
        if !self.waiting.is_empty() {
            return None;
        }
        let word = if self.action == FreezeAction::Freeze { "frozen" } else { "thawed" };
        let all = self.done + self.failed.len();
        Some(match self.failed.first() {
            None => Ok(format!("{} {word}", span::count(all, "group is", "groups are"))),
            Some(first) => Err(format!("{} of {all} groups {word}; first failure: {first}", self.done)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CgroupPath, Version};

    #[test]
    fn it_is_over_with_the_last_answer_and_names_the_first_failure() {
        let id = |ino| CgroupId { dev: 1, ino };
        let target = |ino| Target { version: Version::V2, id: id(ino), path: CgroupPath::new(b"/a") };
        let mut batch = Batch::new(FreezeAction::Freeze, &[target(1), target(2)]);
        assert!(!batch.take(FreezeAction::Thaw, id(1), &Ok(String::new())), "another one");
        assert!(batch.take(FreezeAction::Freeze, id(1), &Ok(String::new())));
        assert_eq!(batch.outcome(), None);
        assert!(batch.take(FreezeAction::Freeze, id(2), &Err("/b: EPERM".to_owned())));
        let said = "1 of 2 groups frozen; first failure: /b: EPERM";
        assert_eq!(batch.outcome(), Some(Err(said.to_owned())));
    }
}
