//! Reading what the kernel does not announce: membership, and the v1 freezer's own steps. Only what is on screen, and only
//! where it can have changed.
//!
//! Not the process connector (`CONFIG_PROC_EVENTS`, linux/cn_proc.h): it says of every process of the host that it forks, execs
//! and exits, and of none that it was moved to another group. So groups would have to be read all the same, and each program
//! that anybody starts would wake this one.

use std::collections::BTreeSet;
use std::time::Instant;

use super::{LastProcesses, Watcher};
use crate::kernel::members::count;
use crate::model::tree::{Key, Node};
use crate::model::{CgroupId, CgroupPath, Change, Process, State, Version};
use crate::watch::message::Message;

impl Watcher<'_> {
    /// Whether processes of a group on screen can come and go unannounced.
    pub(super) fn is_restless_on_screen(&self) -> bool {
        self.on_screen().any(|key| self.tree.get(key).is_some_and(is_restless))
    }

    /// Reads what may have changed without an announcement, or `all` that is on screen.
    pub(super) fn poll(&mut self, all: bool) {
        let now = Instant::now();
        // One that was due is done with this one.
        let mut all = self.schedule.poll_began(now) || all;
        let polled = self.polling.is_some();
        if polled && self.is_wanted() && self.walk.is_none() && self.schedule.may_walk(now) {
            self.walks.insert(self.top.clone());
        }
        if self.is_v1() || polled {
            let freezing = if self.is_v1() { self.freezing() } else { Vec::new() };
            for key in freezing.into_iter().chain(self.on_screen()).collect::<BTreeSet<_>>() {
                let state = |watcher: &Self| watcher.tree.get(key).and_then(Node::state);
                let before = state(self);
                self.read(&self.tree.path(key));
                // What forked on the way to FROZEN is not looked at again.
                all |= state(self) != before;
            }
            self.schedule.screen_was_read();
        }
        for id in self.focus.as_ref().map(|focus| focus.visible.clone()).unwrap_or_default() {
            self.count(id, all);
        }
        self.list_processes(all);
        self.read_files(all);
        self.schedule.poll_ended(Instant::now());
    }

    /// Everything is wanted as long as nobody said what is on screen.
    pub(super) fn is_wanted(&self) -> bool {
        self.focus.as_ref().is_none_or(|focus| !focus.visible.is_empty() || focus.selected.is_some())
    }

    pub(super) fn is_v1(&self) -> bool {
        self.fs.hierarchy().version == Version::V1
    }

    pub(super) fn is_any_freezing(&self) -> bool {
        self.tree.get(self.tree.root()).is_some_and(|root| root.below.freezing > 0)
    }

    pub(super) fn on_screen(&self) -> impl Iterator<Item = Key> {
        let ids = self.focus.iter().flat_map(|focus| focus.visible.iter().chain(&focus.selected));
        ids.filter_map(|&id| self.tree.find(id))
    }

    pub(super) fn is_on_screen(&self, key: Key) -> bool {
        self.on_screen().any(|shown| shown == key)
    }

    /// The groups that are freezing; goes down only where there are any.
    fn freezing(&self) -> Vec<Key> {
        let (mut found, mut stack) = (Vec::new(), vec![self.tree.root()]);
        while let Some(key) = stack.pop() {
            let Some(node) = self.tree.get(key) else { continue };
            if node.state() == Some(State::Freezing) {
                found.push(key);
            }
            if node.below.freezing > 0 {
                stack.extend(&node.children);
            }
        }
        found
    }

    /// Whether its processes can have changed without an announcement.
    pub(super) fn may_change_silently(&self, node: &Node) -> bool {
        // A process that is moved into a frozen group, or out of it, is announced by a write alone.
        self.polling.is_some() || is_restless(node)
    }

    fn count(&mut self, id: CgroupId, all: bool) {
        let Some((key, node)) = self.tree.find(id).and_then(|key| Some((key, self.tree.get(key)?))) else {
            return;
        };
        let known = node.processes;
        let processes = if node.group.populated == Some(false) {
            Some(0)
        } else if all || known.is_none() || self.may_change_silently(node) {
            let group = self.fs.same_group(&self.tree.path(key), id);
            group.ok().flatten().and_then(|group| count(&group.dir))
        } else {
            known
        };
        if let Some(processes) = processes.filter(|&n| known != Some(n)) {
            self.apply(Change::Counted { id, processes });
        }
    }

    fn list_processes(&mut self, all: bool) {
        let Some(id) = self.focus.as_ref().and_then(|focus| focus.selected) else { return };
        let Some((key, node)) = self.tree.find(id).and_then(|key| Some((key, self.tree.get(key)?))) else {
            return;
        };
        let (state, path) = (node.state(), self.tree.path(key));
        let known =
            self.last_processes.as_ref().is_some_and(|listed| listed.id == id && listed.state == state);
        if known && !all && !self.may_change_silently(node) {
            return;
        }
        let list = self.processes_of(&path, id);
        let already_sent =
            self.last_processes.as_ref().is_some_and(|listed| listed.id == id && listed.list == list);
        self.last_processes = Some(LastProcesses { id, state, list: list.clone() });
        if !already_sent {
            let group = self.fs.same_group(&path, id).ok().flatten();
            (self.send)(Message::Processes {
                id,
                list,
                frozen_usec: group.and_then(|group| group.frozen_usec()),
            });
        }
    }

    fn processes_of(&mut self, path: &CgroupPath, id: CgroupId) -> Result<Vec<Process>, String> {
        let group = self.fs.same_group(path, id).map_err(|error| error.to_string())?;
        let Some(group) = group else { return Ok(Vec::new()) };
        self.processes.of(&group.dir).map_err(|error| error.to_string())
    }
}

/// Whether processes can come and go unannounced. In a frozen group none can fork; one that is killed there makes the kernel
/// announce the group's state.
fn is_restless(node: &Node) -> bool {
    node.group.populated != Some(false) && node.state() != Some(State::Frozen)
}
