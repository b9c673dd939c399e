//! The world that commands are carried out in: the kernel, its announcements, systemd, criu.
//!
//! Nothing here waits: what opens a file, asks a program or writes to a group is a job of a thread of its own ([`workers`]).
//! Questions never wait for writes, and thaws and signals never wait for freezes.

mod checkpoint;
mod export;
mod freezing;
mod held;
mod owners;
mod reads;
mod rescue;
mod signals;
mod systemd;
mod workers;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use crossbeam_channel::Sender;

use self::freezing::{Freeze, Freezing};
use self::workers::Workers;
use super::{CheckpointTold, Command, Event, Target};
use crate::checkpoint::Control;
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::membership::elsewhere;
use crate::model::{CgroupId, CgroupPath, Hierarchies, Hierarchy, Version};
use crate::timer::Log;
use crate::watch::{Focus, Message, Observer, Watching};

/// How many questions are answered at once. Further ones wait: a person asks one at a time, and marked groups ask by the thousand.
const MAX_READS: usize = 8;
/// How many signals, files and rescues are written at once.
const MAX_WRITES: usize = 8;

/// Carries commands out. Each hierarchy has an observer.
pub(super) struct World {
    hosts: Hierarchies,
    inbox: Sender<Event>,
    observers: HashMap<Version, Observer>,
    freezing: Freezing,
    reads: Workers,
    writes: Workers,
    owners: Sender<owners::Asked>,
    held: Sender<held::Asked>,
    /// The checkpoint that was started last.
    checkpoint: Option<checkpoint::Running>,
}

impl World {
    /// Begins to observe every hierarchy. What is observed goes to `observed`, which may be bounded, and all answers to `inbox`,
    /// which may not: the screen itself sends to it.
    pub(super) fn start(
        hosts: &Hierarchies,
        log: Option<Log>,
        inbox: &Sender<Event>,
        observed: &Sender<Event>,
    ) -> io::Result<Self> {
        let (budget, mut observers) = (Arc::default(), HashMap::new());
        for hierarchy in hosts.iter() {
            let version = hierarchy.version;
            let fs = Filesystem::open(hierarchy.clone())?;
            let (observed, other) = (observed.clone(), hosts.get(version.other()).cloned());
            // A closed inbox means that the program is ending.
            let tell = move |told| drop(observed.send(event(version, other.as_ref(), told)));
            observers.insert(version, Observer::start(fs, CgroupPath::root(), Arc::clone(&budget), tell)?);
        }
        let world = Self {
            hosts: hosts.clone(),
            inbox: inbox.clone(),
            observers,
            freezing: Freezing::start(hosts, log, inbox)?,
            reads: Workers::start("read", MAX_READS)?,
            writes: Workers::start("write", MAX_WRITES)?,
            owners: owners::start(hosts.clone(), inbox.clone())?,
            held: held::start(hosts.clone(), inbox.clone())?,
            checkpoint: None,
        };
        world.answer(|hosts| rescue::find(hosts, false))?;
        Ok(world)
    }

    /// Begins to carry a command out. What takes its time goes on when this has returned.
    pub(super) fn execute(&mut self, command: Command) {
        if let Err(error) = self.begin(command) {
            // A closed inbox means that the program is ending.
            let _ = self.inbox.send(Event::NoThread(error.to_string()));
        }
    }

    /// # Errors
    /// Where no further thread can be had: then the command is carried out when one is free.
    fn begin(&mut self, command: Command) -> io::Result<()> {
        match command {
            Command::Focus { version, visible, selected, files } => {
                self.focus(version, &Focus { visible, selected, files });
            }
            Command::Freeze { version, id, path, force, span } => {
                self.freezing.freeze(Target { version, id, path }, Freeze { force, span })?;
            }
            Command::Thaw { version, id, path } => self.freezing.thaw(Target { version, id, path })?,
            Command::CancelFreeze { version, id } => drop(self.freezing.cancel(version, id)),
            Command::Inspect { version, id, path } => {
                let inbox = self.inbox.clone();
                self.answer(move |hosts| {
                    let target = Target { version, id, path };
                    // Before the guard's word: what is chosen is chosen knowing both.
                    reads::forecast(hosts, &target).map(|event| inbox.send(event));
                    reads::inspect(hosts, &target)
                })?;
            }
            Command::Look { version, id, path, into, after, options } => {
                let asked = checkpoint::Asked { version, id, path, into, after, options };
                self.answer(|hosts| Some(Event::Looked(checkpoint::look(hosts, asked))))?;
            }
            Command::Run { plan, findings } => match checkpoint::run(plan, findings, &self.inbox) {
                Ok(running) => self.checkpoint = Some(running),
                Err(error) => {
                    let why = format!("the checkpoint could not start: {error}");
                    let _ = self.inbox.send(Event::Checkpoint(CheckpointTold::Ended(Err(why))));
                }
            },
            Command::Locate { version, pid } => {
                self.answer(move |hosts| Some(reads::locate(hosts, version, pid)))?;
            }
            // The threads that answer these end only with the program.
            Command::FindHeld { version, id, path } => drop(self.held.send((version, id, path))),
            Command::AskOwners { version, groups } => drop(self.owners.send((version, groups))),
            Command::FindTimers(groups) => self.answer(|hosts| Some(reads::timers(hosts, groups)))?,
            Command::FindCulprits { version, id, path } => {
                self.answer(move |hosts| reads::culprits(hosts, &Target { version, id, path }))?;
            }
            Command::AskSystemd { id, path, requested } => {
                self.answer(move |hosts| systemd::ask(hosts, id, &path, requested))?;
            }
            Command::LetRescue => self.control().for_each(Control::rescue),
            Command::LetEnd => self.control().for_each(Control::end_criu),
            Command::Stop => self.control().for_each(Control::cancel),
            Command::FindStranded => self.answer(|hosts| rescue::find(hosts, true))?,
            Command::Rescue(cases) => {
                let (hosts, inbox) = (self.hosts.clone(), self.inbox.clone());
                self.writes.run(move || rescue::rescue(&hosts, &cases, &inbox))?;
            }
            Command::Signal { process, signal } => {
                self.write(move || Event::Signalled(signals::send(process, signal)))?;
            }
            Command::Export { file, events } => {
                self.write(move || Event::Exported(export::export(&file, &events)))?;
            }
            // The loop has the terminal, and does these.
            Command::Copy(_)
            | Command::Mouse(_)
            | Command::Suspend
            | Command::TakeTerminal
            | Command::Quit => {}
        }
        Ok(())
    }

    /// Answers a question. Nothing is said where there is nothing to say.
    fn answer(&self, read: impl FnOnce(&Hierarchies) -> Option<Event> + Send + 'static) -> io::Result<()> {
        let (hosts, inbox) = (self.hosts.clone(), self.inbox.clone());
        // A closed inbox means that the program is ending.
        self.reads.run(move || drop(read(&hosts).map(|event| inbox.send(event))))
    }

    fn write(&self, write: impl FnOnce() -> Event + Send + 'static) -> io::Result<()> {
        let inbox = self.inbox.clone();
        self.writes.run(move || drop(inbox.send(write())))
    }

    fn control(&self) -> impl Iterator<Item = &Control> {
        self.checkpoint.iter().map(|running| &*running.control)
    }

    /// Whether a checkpoint runs.
    pub(super) fn is_busy(&self) -> bool {
        self.checkpoint.as_ref().is_some_and(|running| !running.thread.is_finished())
    }

    /// Takes back what is not complete, and waits for the end of a checkpoint: criu is not left alone, nor are the freeze flags.
    /// What came of it, a sentence each.
    pub(super) fn finish(self) -> Vec<String> {
        let said = self.freezing.finish();
        if let Some(running) = self.checkpoint {
            // Nobody is left who could be asked.
            running.control.rescue();
            running.control.end_criu();
            // A panic in it has been reported by the panic hook.
            let _ = running.thread.join();
        }
        said
    }

    /// The hierarchy that is not on screen is not read again unasked.
    fn focus(&self, shown: Version, focus: &Focus) {
        for (&version, observer) in &self.observers {
            observer.focus(if version == shown { focus.clone() } else { Focus::default() });
        }
    }
}

/// What an observer tells, as an event.
fn event(version: Version, other: Option<&Hierarchy>, told: Message) -> Event {
    match told {
        Message::Root(root) => Event::Root { version, root },
        Message::Changes(changes) => Event::Changes { version, changes },
        Message::Scanned => Event::Scanned { version },
        Message::Processes { id, list, frozen_usec } => {
            let known = list.as_ref().ok().zip(other);
            let elsewhere = known.map(|(list, other)| {
                elsewhere(list.iter().map(|process| process.id.pid), other).into_iter().collect()
            });
            Event::Processes { id, list, elsewhere: elsewhere.unwrap_or_default(), frozen_usec }
        }
        Message::Watching(Watching { groups, of, polling, unreadable }) => Event::Watching {
            version,
            groups_watched: groups,
            groups: of,
            polling,
            unreadable: unreadable.iter().map(|(path, why)| format!("{path}: {why}")).collect(),
        },
        Message::Failed(why) => Event::Unobserved { version, why },
        Message::Files { id, list } => Event::Files { id, list },
        Message::Happened(occurred) => Event::Happened { version, at: jiff::ZonedDateTime::now(), occurred },
    }
}

/// The group that was seen: not another one that has its path now.
fn open(hierarchy: &Hierarchy, path: &CgroupPath, id: CgroupId) -> Result<(Filesystem, Group), String> {
    let fs = Filesystem::open(hierarchy.clone()).map_err(|error| error.to_string())?;
    let group = fs.same_group(path, id).map_err(|error| error.to_string())?;
    group
        .map(|group| (fs, group))
        .ok_or_else(|| format!("{path} is gone: it was removed or re-created meanwhile"))
}
