//! A freeze for a time whose timer does not end it: it is gone, or overdue and stopped or frozen itself.

use std::io;

use crate::checkpoint::at_work::Claim;
use crate::model::shell::{quoted, write_request};
use crate::model::{Hierarchies, TimeLeft, TimerState, printable};
use crate::timer::{Orphan, OrphanError, orphans};

/// A freeze for a time whose timer does not end it.
#[derive(Debug)]
pub struct OrphanedTimer(Orphan);

/// Every such freeze of this user.
///
/// # Errors
/// What the kernel says of the runtime folder.
pub(super) fn look(hosts: &Hierarchies) -> io::Result<Vec<OrphanedTimer>> {
    Ok(orphans(hosts)?.into_iter().map(OrphanedTimer).collect())
}

impl OrphanedTimer {
    /// The same at every look: the screen knows a case by it.
    pub(super) fn what(&self) -> String {
        let group = printable(self.0.group().absolute.as_os_str().as_encoded_bytes());
        let (pid, state) = (self.0.pid(), self.0.state());
        match state {
            TimerState::Gone => format!(
                "{group} was frozen for a set time, and its timer (process {pid}) is gone: it will be thawed when \
                 that time ends"
            ),
            state => format!(
                "{group} was frozen for a set time, which has ended, and its timer (process {pid}) is {state}: it \
                 will be thawed, and the timer ended"
            ),
        }
    }

    /// The group that it thaws.
    pub(super) fn claim(&self) -> Claim {
        let group = vec![self.0.group().id];
        Claim { processes: Vec::new(), written: group.clone(), bearing: group }
    }

    pub(super) fn shell(&self) -> Vec<String> {
        let group = self.0.group();
        let thaw = match self.0.time_left() {
            TimeLeft::Overdue(_) => write_request(group.version, &group.absolute, false),
            TimeLeft::Left(left) => {
                let path = quoted(group.absolute.as_os_str());
                format!("cryoscope freeze {path} --for {}s", left.as_millis().div_ceil(1000))
            }
        };
        let lives = self.0.state() != TimerState::Gone;
        std::iter::once(thaw).chain(lives.then(|| format!("kill -KILL {}", self.0.pid()))).collect()
    }

    pub(super) fn rescue(self, hosts: &Hierarchies) -> Result<Vec<String>, OrphanError> {
        Ok(vec![self.0.end(hosts, None)?])
    }
}
