//! Freezes and thaws that were asked for and have not ended.

use super::{Command, FreezeAction, Target};
use crate::model::{CgroupId, Version};

/// All of them, in the order in which they were asked for.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Vec<Write>);

#[derive(Debug)]
struct Write {
    action: FreezeAction,
    target: Target,
    /// A freeze whose group is to be thawed meanwhile: what comes of the thaw is what counts.
    superseded: bool,
}

impl UnderWay {
    /// Remembers what is about to be done.
    pub(crate) fn begin(&mut self, commands: &[Command]) {
        for command in commands {
            let (action, version, id, path) = match command {
                Command::Freeze { version, id, path, .. } => (FreezeAction::Freeze, *version, *id, path),
                Command::Thaw { version, id, path } => (FreezeAction::Thaw, *version, *id, path),
                _ => continue,
            };
            let target = Target { version, id, path: path.clone() };
            for write in self.0.iter_mut().filter(|write| write.target.id == id) {
                write.superseded = action == FreezeAction::Thaw && write.action == FreezeAction::Freeze;
            }
            self.0.push(Write { action, target, superseded: false });
        }
    }

    /// One has ended. False where something else counts than what came of it.
    pub(crate) fn end(&mut self, action: FreezeAction, version: Version, id: CgroupId) -> bool {
        let key = (action, version, id);
        let ended = self.0.iter().position(|w| (w.action, w.target.version, w.target.id) == key);
        ended.is_none_or(|at| !self.0.remove(at).superseded)
    }

    /// What is being done to a group; the last where it is both.
    pub(crate) fn of(&self, id: CgroupId) -> Option<FreezeAction> {
        self.0.iter().rev().find(|write| write.target.id == id).map(|write| write.action)
    }

    /// The groups that are being frozen.
    pub(crate) fn freezes(&self) -> impl Iterator<Item = &Target> {
        self.0.iter().filter(|write| write.action == FreezeAction::Freeze).map(|write| &write.target)
    }
}
