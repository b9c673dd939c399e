//! The one that looks: a thread a hierarchy that keeps a tree equal to the kernel's.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Sender, unbounded};

use super::budget::Budget;
use super::eye::Eye;
use crate::kernel::Filesystem;
use crate::model::tree::Occurrence;
use crate::model::{Cgroup, CgroupId, CgroupPath, Change, ControlFile, Process};

/// What an observer tells.
#[derive(Debug)]
pub enum Told {
    /// The tree begins, or begins anew: this is its root.
    Root(Cgroup),
    /// Facts, in the order in which they were read.
    Changes(Vec<Change>),
    /// What these facts mean; nothing before the first scan is complete.
    Happened(Vec<Occurrence>),
    /// The first scan is complete.
    Scanned,
    /// The processes of the group that is looked at, or why they can't be read.
    Processes {
        /// Which group.
        id: CgroupId,
        /// What was read.
        list: Result<Vec<Process>, String>,
        /// For how long the group has been frozen in all, in microseconds, where the kernel counts that.
        frozen_usec: Option<u64>,
    },
    /// The control files of the group that is looked at, or why they can't be read. Told where they are shown.
    Files {
        /// Which group.
        id: CgroupId,
        /// What was read; empty where the group is gone.
        list: Result<Vec<ControlFile>, String>,
    },
    /// How the changes are learnt. Told when everything that was known to have changed is read and watched.
    Watching(Watching),
    /// The hierarchy is not observed any more, and why: nothing is told after this.
    Failed(String),
}

/// How the changes are learnt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watching {
    /// How many groups the kernel announces changes of; 0 where everything is polled.
    pub groups: usize,
    /// How many groups there are.
    pub of: usize,
    /// Why the others are polled instead; `None` where the kernel announces changes of all.
    pub polling: Option<String>,
    /// The groups that cannot be read, and why: what is in them is missing from the tree.
    pub unreadable: Vec<(CgroupPath, String)>,
}

/// What is on screen: only that is read again where the kernel announces nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Focus {
    /// The groups whose rows are shown.
    pub visible: Vec<CgroupId>,
    /// The group whose processes are shown.
    pub selected: Option<CgroupId>,
    /// Its control files are shown, too.
    pub files: bool,
}

/// A running observer. It ends soon after this is dropped, which does not wait for it.
#[derive(Debug)]
pub struct Observer {
    focus: Sender<Focus>,
}

impl Observer {
    /// Begins to observe the groups from `top` down, with watches of a budget. `tell` is called from the observer's own thread.
    ///
    /// Until something is said to be on screen, nothing is: then only what the kernel announces is read, or everything
    /// where it is polled.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn start(
        fs: Filesystem,
        top: CgroupPath,
        budget: Arc<Budget>,
        tell: impl FnMut(Told) + Send + 'static,
    ) -> io::Result<Self> {
        let (focus, looks) = unbounded();
        let name = format!("observe-{}", fs.hierarchy().version);
        let body = move || {
            let mut tell = tell;
            let observe = || Eye::open(fs, top, budget, &mut tell)?.run(&looks);
            // A fault in here must not end in silence: whoever listens would take the last state for the present one.
            let why = match catch_unwind(AssertUnwindSafe(observe)) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(fault) => format!("a fault of this program: {}", words(&*fault)),
            };
            tell(Told::Failed(why));
        };
        std::thread::Builder::new().name(name).spawn(body)?;
        Ok(Self { focus })
    }

    /// Says what is on screen now.
    pub fn focus(&self, focus: Focus) {
        // An observer that has failed has said so itself.
        let _ = self.focus.send(focus);
    }
}

/// What a panic said.
fn words(fault: &(dyn Any + Send)) -> &str {
    let text = fault.downcast_ref::<&str>().copied();
    text.or_else(|| fault.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}
