//! What the world was asked of the groups on the screen beside their state, and what it has answered.

use std::collections::HashMap;
use std::time::Duration;

use super::held::Held;
use crate::model::{CgroupId, CgroupPath, Process};

/// What was read of a group when its processes were listed.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) id: CgroupId,
    pub(crate) list: Result<Vec<Process>, String>,
    /// Groups of the other hierarchy, with how many of the processes are in each.
    pub(crate) elsewhere: Vec<(CgroupPath, usize)>,
    pub(crate) frozen_usec: Option<u64>,
    /// Time since the start.
    pub(crate) at: Duration,
}

/// What keeps a group from freezing.
#[derive(Debug, Clone)]
pub(crate) struct Culprits {
    pub(crate) id: CgroupId,
    /// When it was asked last: time since the start.
    pub(crate) asked: Duration,
    /// `None` until the first answer.
    pub(crate) list: Option<Vec<Process>>,
}

/// All of it. Each part is asked for again when it may have changed (`update/asking.rs`).
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The processes of the group that was selected last.
    pub(crate) processes: Option<Listed>,
    /// What the other hierarchy holds.
    pub(crate) held: Held,
    /// What stands beside the groups that were on the screen.
    pub(crate) owners: HashMap<CgroupId, Option<String>>,
    /// The unit that systemd was asked of last, its request then, and what it said.
    pub(crate) systemd: Option<(CgroupId, bool, Option<String>)>,
    /// When a timer thaws the groups on the screen that ask for a freeze, where one does: time since the start.
    pub(crate) timers: HashMap<CgroupId, Option<Duration>>,
    /// What keeps the selected group from freezing.
    pub(crate) culprits: Option<Culprits>,
}
