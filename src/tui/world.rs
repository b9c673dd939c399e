//! The world that commands are carried out in: the kernel, its announcements, the clipboard.

mod checkpoint;
mod held;
mod owners;
mod rescue;
mod signals;
mod systemd;

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use crossbeam_channel::{Sender, unbounded};
use ratatui::crossterm::clipboard::CopyToClipboard;
use ratatui::crossterm::execute;

use super::screen::Clicks;
use super::{Command, Event, FreezeAction};
use crate::checkpoint::{Control, dumping};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{self, Outcome};
use crate::kernel::guard;
use crate::kernel::membership::{elsewhere, group_of};
use crate::model::{CgroupId, CgroupPath, Change, Hierarchies, Hierarchy, Version, printable, span};
use crate::runtime::{self, Forecast, Thawed};
use crate::timer::{self, Log};
use crate::watch::{Focus, Observer, Told, Watching};

/// How long a freeze may take before it is taken back.
const DEADLINE: Duration = Duration::from_secs(10);

/// Carries commands out. Each hierarchy has an observer; writes wait in a line of their own, so that a freeze that takes
/// its time keeps nothing else waiting.
pub(super) struct World {
    hosts: Hierarchies,
    inbox: Sender<Event>,
    observers: HashMap<Version, Observer>,
    writes: Sender<Write>,
    owners: Sender<owners::Asked>,
    held: Sender<held::Asked>,
    /// The checkpoint that was started last.
    checkpoint: Option<checkpoint::Running>,
}

/// A look or a write that may take time.
struct Write {
    what: What,
    version: Version,
    id: CgroupId,
    path: CgroupPath,
}

enum What {
    Inspect,
    Freeze { force: bool, span: Option<Duration> },
    Thaw,
}

impl World {
    /// Begins to observe every hierarchy; all answers go to `inbox`.
    pub(super) fn start(hosts: &Hierarchies, log: Option<Log>, inbox: &Sender<Event>) -> io::Result<Self> {
        let mut observers = HashMap::new();
        for hierarchy in hosts.iter() {
            let version = hierarchy.version;
            let fs = Filesystem::open(hierarchy.clone())?;
            let inbox = inbox.clone();
            // A closed inbox means that the program is ending.
            let other = hosts.get(version.other()).cloned();
            let tell = move |told| drop(inbox.send(event(version, other.as_ref(), told)));
            observers.insert(version, Observer::start(fs, CgroupPath::root(), tell)?);
        }
        rescue::find(hosts, false, inbox)?;
        let owners = owners::start(hosts.clone(), inbox.clone())?;
        let held = held::start(hosts.clone(), inbox.clone())?;
        let writes = writer(hosts.clone(), log, inbox.clone())?;
        Ok(Self {
            hosts: hosts.clone(),
            inbox: inbox.clone(),
            observers,
            writes,
            owners,
            held,
            checkpoint: None,
        })
    }

    /// Carries one command out; false when it is time to leave.
    pub(super) fn execute(&mut self, command: Command) -> io::Result<bool> {
        match command {
            Command::Focus { version, visible, selected, files } => {
                self.focus(version, &Focus { visible, selected, files });
            }
            Command::Freeze { version, id, path, force, span } => {
                self.write(What::Freeze { force, span }, version, id, path);
            }
            Command::Thaw { version, id, path } => self.write(What::Thaw, version, id, path),
            Command::Inspect { version, id, path } => self.write(What::Inspect, version, id, path),
            Command::Look { version, id, path, into, after, options } => {
                let asked = checkpoint::Asked { version, id, path, into, after, options };
                checkpoint::look(&self.hosts, asked, &self.inbox)?;
            }
            Command::Run { plan, findings } => {
                self.checkpoint = Some(checkpoint::run(plan, findings, &self.inbox)?);
            }
            Command::Locate { version, pid } => self.locate(version, pid),
            // The threads that answer these end only with the program.
            Command::FindHeld { version, id, path } => drop(self.held.send((version, id, path))),
            Command::AskOwners { version, groups } => drop(self.owners.send((version, groups))),
            Command::FindTimers(groups) => {
                // What the folder of the timers does not tell is not known here.
                let _ = self.inbox.send(Event::Timers(timer::timed(groups).unwrap_or_default()));
            }
            Command::FindCulprits { version, id, path } => self.find_culprits(version, id, &path)?,
            Command::AskSystemd { id, path, requested } => systemd::ask(id, &path, requested, &self.inbox)?,
            Command::LetRescue => self.control().for_each(Control::rescue),
            Command::LetEnd => self.control().for_each(Control::end_criu),
            Command::Stop => self.control().for_each(Control::cancel),
            Command::FindStranded => rescue::find(&self.hosts, true, &self.inbox)?,
            Command::Rescue(cases) => rescue::rescue(&self.hosts, cases, &self.inbox)?,
            Command::Signal { process, signal } => {
                let _ = self.inbox.send(Event::Signalled(signals::send(process, signal)));
            }
            Command::Export { file, events } => {
                let _ = self.inbox.send(Event::Exported(export(&file, &events)));
            }
            Command::Copy(text) => execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?,
            Command::Mouse(ours) => execute!(io::stdout(), Clicks(ours))?,
            // The loop has the terminal, and does it.
            Command::Suspend { .. } => {}
            Command::Quit => return Ok(false),
        }
        Ok(true)
    }

    fn control(&self) -> impl Iterator<Item = &Control> {
        self.checkpoint.iter().map(|running| &*running.control)
    }

    /// Whether a checkpoint runs.
    pub(super) fn is_busy(&self) -> bool {
        self.checkpoint.as_ref().is_some_and(|running| !running.thread.is_finished())
    }

    /// Waits for the end of a checkpoint: criu is not left alone, nor are the freeze flags.
    pub(super) fn finish(self) {
        if let Some(running) = self.checkpoint {
            // Nobody is left who could be asked.
            running.control.rescue();
            running.control.end_criu();
            // A panic in it has been reported by the panic hook.
            let _ = running.thread.join();
        }
    }

    /// The hierarchy that is not on screen is not read again unasked.
    fn focus(&self, shown: Version, focus: &Focus) {
        for (&version, observer) in &self.observers {
            observer.focus(if version == shown { focus.clone() } else { Focus::default() });
        }
    }

    fn locate(&self, version: Version, pid: i32) {
        let place = |hierarchy: &Hierarchy| group_of(pid, hierarchy).ok()?.group();
        let path = self.hosts.get(version).and_then(place);
        // A closed inbox means that the program is ending.
        let _ = self.inbox.send(Event::Located { pid, path });
    }

    /// In a thread of its own: there may be many groups below.
    fn find_culprits(&self, version: Version, id: CgroupId, path: &CgroupPath) -> io::Result<()> {
        let Some(hierarchy) = self.hosts.get(version).cloned() else { return Ok(()) };
        let (inbox, path) = (self.inbox.clone(), path.clone());
        let body = move || {
            // Where it is gone there is nothing to say.
            let Ok((_, group)) = open(&hierarchy, &path, id) else { return };
            let _ = inbox.send(Event::Culprits { id, list: freezer::running(&group) });
        };
        std::thread::Builder::new().name("culprits".into()).spawn(body).map(drop)
    }

    fn write(&self, what: What, version: Version, id: CgroupId, path: CgroupPath) {
        // The writer ends only with the program.
        let _ = self.writes.send(Write { what, version, id, path });
    }
}

/// Into a new file that nobody else may read: group names can tell much.
fn export(file: &Path, events: &str) -> Result<String, String> {
    let name = printable(file.as_os_str().as_encoded_bytes()).into_owned();
    let write = || -> io::Result<()> {
        let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
        new.write_all(events.as_bytes())
    };
    let written = format!("written: {name}, {}", span::count(events.lines().count(), "event", "events"));
    write().map(|()| written).map_err(|error| format!("the events are not written to {name}: {error}"))
}

fn event(version: Version, other: Option<&Hierarchy>, told: Told) -> Event {
    match told {
        Told::Root(root) => Event::Root { version, root },
        Told::Changes(changes) => Event::Changes { version, changes },
        Told::Scanned => Event::Scanned { version },
        Told::Processes { id, list, frozen_usec } => {
            let known = list.as_ref().ok().zip(other);
            let elsewhere = known.map(|(list, other)| {
                elsewhere(list.iter().map(|process| process.id.pid), other).into_iter().collect()
            });
            Event::Processes { id, list, elsewhere: elsewhere.unwrap_or_default(), frozen_usec }
        }
        Told::Watching(Watching { groups, polling, unreadable }) => Event::Watching {
            version,
            groups_watched: groups,
            polling,
            unreadable: unreadable.iter().map(|(path, why)| format!("{path}: {why}")).collect(),
        },
        Told::Failed(why) => Event::Unobserved { version, why },
        Told::Files { id, list } => Event::Files { id, list },
        Told::Happened(occurred) => Event::Happened { version, at: jiff::ZonedDateTime::now(), occurred },
    }
}

fn writer(hosts: Hierarchies, log: Option<Log>, inbox: Sender<Event>) -> io::Result<Sender<Write>> {
    let (sender, writes) = unbounded::<Write>();
    let body = move || {
        for write in writes {
            let Some(hierarchy) = hosts.get(write.version) else { continue };
            let (version, id, path) = (write.version, write.id, write.path.clone());
            let before = matches!(write.what, What::Inspect).then(|| foretell(hierarchy, &path, id));
            if before.flatten().is_some_and(|event| inbox.send(event).is_err()) {
                return;
            }
            let done = carry_out(hierarchy, write, log.as_ref());
            // What the write made of the group comes before the word that it is done, whatever the observer saw by now.
            let seen = open(hierarchy, &path, id).ok().and_then(|(_, group)| group.read().ok().flatten());
            let changes = seen.map(|group| Event::Changes { version, changes: vec![Change::Read(group)] });
            for event in changes.into_iter().chain([done]) {
                if inbox.send(event).is_err() {
                    return;
                }
            }
        }
    };
    std::thread::Builder::new().name("writes".into()).spawn(body)?;
    Ok(sender)
}

/// What systemd does to the group while it is frozen; nothing where it is gone.
fn foretell(hierarchy: &Hierarchy, path: &CgroupPath, id: CgroupId) -> Option<Event> {
    let (fs, group) = open(hierarchy, path, id).ok()?;
    let forecast = runtime::forecast(&group);
    let warnings = guard::sessions(&fs, &group).into_iter().chain(forecast.warnings(None)).collect();
    Some(Event::Forecast { id, command: forecast.way.command(), warnings })
}

fn carry_out(hierarchy: &Hierarchy, write: Write, log: Option<&Log>) -> Event {
    let Write { what, version, id, path } = write;
    let refusal = || {
        let (fs, group) = open(hierarchy, &path, id).ok()?;
        guard::refusal(&fs, &group).map(|refusal| refusal.to_string())
    };
    let (action, outcome) = match what {
        What::Inspect => {
            let opened = open(hierarchy, &path, id).ok();
            let dump = opened.and_then(|(fs, group)| dumping::of_group(&fs, &group));
            let dump = dump.map(|dumping| dumping.to_string());
            return Event::Guard { id, refusal: refusal(), owner: None, dump };
        }
        What::Freeze { force, span } => match refusal().filter(|_| !force) {
            Some(why) => (FreezeAction::Freeze, Err(format!("{path} is not frozen: {why}"))),
            None => {
                let frozen = open(hierarchy, &path, id).and_then(|(fs, group)| match span {
                    Some(span) => freeze_for(&fs, &group, span, log),
                    None => freeze(&group),
                });
                (FreezeAction::Freeze, frozen)
            }
        },
        What::Thaw => {
            (FreezeAction::Thaw, open(hierarchy, &path, id).and_then(|(fs, group)| thaw(&fs, &group)))
        }
    };
    if let Err(why) = &outcome {
        tracing::error!(?action, %path, why, "failed");
    }
    Event::Done { action, version, id, path, outcome }
}

/// The group that was seen: not another one that has its path now.
fn open(hierarchy: &Hierarchy, path: &CgroupPath, id: CgroupId) -> Result<(Filesystem, Group), String> {
    let fs = Filesystem::open(hierarchy.clone()).map_err(|error| error.to_string())?;
    let group = fs.same_group(path, id).map_err(|error| error.to_string())?;
    group
        .map(|group| (fs, group))
        .ok_or_else(|| format!("{path} is gone: it was removed or made anew meanwhile"))
}

fn freeze(group: &Group) -> Result<String, String> {
    match timer::freeze_without_end(group, DEADLINE).map_err(|error| error.to_string())? {
        Outcome::Already => Ok(format!("{} was frozen already", group.path)),
        Outcome::Done | Outcome::HeldAbove => {
            let Forecast { way, .. } = runtime::forecast(group);
            let handed_over = runtime::hand_over(group, &way);
            tracing::info!(group = %group.path, ?handed_over, "to systemd");
            Ok(format!("{} is frozen{}", group.path, runtime::watchdog_stopped(&way)))
        }
    }
}

fn freeze_for(fs: &Filesystem, group: &Group, span: Duration, log: Option<&Log>) -> Result<String, String> {
    let Forecast { way, .. } = runtime::forecast(group);
    let until = timer::freeze(fs, group, DEADLINE, span, log).map_err(|error| error.to_string())?;
    let watchdog = if until.left.is_zero() { String::new() } else { runtime::watchdog_stopped(&way) };
    Ok(format!("{}{watchdog}", until.sentence(&group.path.to_string())))
}

fn thaw(fs: &Filesystem, group: &Group) -> Result<String, String> {
    let asked = group.read().ok().flatten().is_some_and(|read| read.freezer.requested());
    let Thawed { outcome, disagreement } = timer::thaw(group, fs).map_err(|error| error.to_string())?;
    let but = disagreement.map(|what| format!("; {what}")).unwrap_or_default();
    match outcome {
        Outcome::Done => Ok(format!("{} is thawed{but}", group.path)),
        Outcome::Already => Ok(format!("{} was not frozen", group.path)),
        Outcome::HeldAbove => {
            let above = freezer::asking_ancestor(fs, &group.path).unwrap_or_else(CgroupPath::root);
            let cleared = if asked { "its own request is taken back, but " } else { "" };
            Err(format!(
                "{}: {cleared}it stays frozen, for {above} asks for it: thaw {above}{but}",
                group.path
            ))
        }
    }
}
