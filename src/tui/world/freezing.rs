//! Freezes and thaws. Each is a job of its own with a deadline of its own; a freeze can be cancelled, and a thaw waits for none.

use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossbeam_channel::Sender;

use super::open;
use super::workers::Workers;
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{self, Outcome};
use crate::kernel::guard;
use crate::model::{CgroupId, CgroupPath, Change, Hierarchies, Hierarchy, Version};
use crate::runtime::{self, Forecast, Thawed};
use crate::timer::{self, Log};
use crate::tui::{Event, FreezeAction, Target};

/// How long a freeze may take before it is taken back.
const FREEZE_TIMEOUT: Duration = Duration::from_secs(10);
/// How many freezes go on at once: more than a person can follow. Further ones wait.
const MAX_FREEZES: usize = 64;
/// The same of thaws.
const MAX_THAWS: usize = 64;
/// How long the end of the program waits for freezes that are cancelled. Each looks every 20 ms.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// How a group is frozen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freeze {
    /// Even where the guard speaks against it.
    pub(super) force: bool,
    /// For this time.
    pub(super) span: Option<Duration>,
}

/// Carries freezes and thaws out.
pub(super) struct Freezing {
    jobs: Jobs,
    freezes: Workers,
    thaws: Workers,
}

/// What each job needs.
#[derive(Clone)]
struct Jobs {
    hosts: Hierarchies,
    log: Option<Log>,
    inbox: Sender<Event>,
    running: Arc<Running>,
}

impl Freezing {
    pub(super) fn start(hosts: &Hierarchies, log: Option<Log>, inbox: &Sender<Event>) -> io::Result<Self> {
        let (hosts, inbox) = (hosts.clone(), inbox.clone());
        Ok(Self {
            jobs: Jobs { hosts, log, inbox, running: Arc::default() },
            freezes: Workers::start("freeze", MAX_FREEZES)?,
            thaws: Workers::start("thaw", MAX_THAWS)?,
        })
    }

    pub(super) fn freeze(&self, target: Target, how: Freeze) -> io::Result<()> {
        let (jobs, begun) = (self.jobs.clone(), self.jobs.running.begin(&target));
        self.freezes.run(move || {
            let outcome = jobs.freeze(&target, how, &begun.cancelled);
            jobs.tell(FreezeAction::Freeze, target, outcome);
        })
    }

    /// A freeze of the group that goes on is cancelled by it.
    pub(super) fn thaw(&self, target: Target) -> io::Result<()> {
        let (jobs, cancelled) = (self.jobs.clone(), self.cancel(target.version, target.id));
        self.thaws.run(move || {
            let outcome = jobs.thaw(&target, cancelled);
            jobs.tell(FreezeAction::Thaw, target, outcome);
        })
    }

    /// Cancels the freeze of a group; false where none goes on.
    pub(super) fn cancel(&self, version: Version, id: CgroupId) -> bool {
        let list = self.jobs.running.lock();
        let mut of_group =
            list.freezes.iter().filter(|(target, _)| (target.version, target.id) == (version, id));
        of_group.by_ref().inspect(|(_, cancelled)| cancelled.store(true, Ordering::Relaxed)).count() > 0
    }

    /// Cancels every freeze that goes on, and waits until their requests are taken back; what came of them, a sentence each.
    pub(super) fn finish(self) -> Vec<String> {
        self.jobs.running.finish()
    }
}

impl Jobs {
    fn freeze(&self, target: &Target, how: Freeze, cancelled: &AtomicBool) -> Result<String, String> {
        let hierarchy = self.hierarchy(target.version)?;
        let (fs, group) = open(hierarchy, &target.path, target.id)?;
        let refusal = (!how.force).then(|| guard::refusal(&fs, &group)).flatten();
        if let Some(refusal) = refusal {
            return Err(format!("{} is not frozen: {refusal}", target.path));
        }
        let mut watch = |_| match cancelled.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        };
        let Some(span) = how.span else {
            let Forecast { way, .. } = runtime::forecast(&group);
            let frozen = timer::freeze_without_end(&group, &way, FREEZE_TIMEOUT, &mut watch);
            return match frozen.map_err(|error| error.to_string())? {
                Outcome::Already => Ok(format!("{} was already frozen", group.path)),
                Outcome::Done | Outcome::HeldAbove => {
                    Ok(format!("{} is frozen{}", group.path, runtime::watchdog_stopped(&way)))
                }
            };
        };
        let Forecast { way, .. } = runtime::forecast(&group);
        let until = timer::freeze(&fs, &group, FREEZE_TIMEOUT, span, self.log.as_ref(), &mut watch);
        let until = until.map_err(|error| error.to_string())?;
        let watchdog = if until.left.is_zero() { String::new() } else { runtime::watchdog_stopped(&way) };
        Ok(format!("{}{watchdog}", until.sentence(&group.path.to_string())))
    }

    /// `cancelled`: a freeze of the group was cancelled for this.
    fn thaw(&self, target: &Target, cancelled: bool) -> Result<String, String> {
        let (fs, group) = open(self.hierarchy(target.version)?, &target.path, target.id)?;
        thaw(&fs, &group, cancelled)
    }

    fn hierarchy(&self, version: Version) -> Result<&Hierarchy, String> {
        self.hosts.get(version).ok_or_else(|| format!("{version} is not mounted"))
    }

    /// What the write made of the group comes before the word that it is done, whatever the observer saw by now.
    fn tell(&self, action: FreezeAction, target: Target, outcome: Result<String, String>) {
        let Target { version, id, path } = target;
        if let Err(why) = &outcome {
            tracing::error!(?action, %path, why, "failed");
        }
        let group = self.hosts.get(version).and_then(|hierarchy| open(hierarchy, &path, id).ok());
        let seen = group.and_then(|(_, group)| group.read().ok().flatten());
        let changes = seen.map(|group| Event::Changes { version, changes: vec![Change::Read(group)] });
        let said = outcome.clone();
        let done = Event::Done { action, version, id, path, outcome };
        let is_heard = changes.into_iter().chain([done]).all(|event| self.inbox.send(event).is_ok());
        if !is_heard {
            // The screen is closed: it is said where the program ends.
            self.running.lock().unheard.push(said.unwrap_or_else(|why| why));
        }
    }
}

fn thaw(fs: &Filesystem, group: &Group, cancelled: bool) -> Result<String, String> {
    let asked = group.read().ok().flatten().is_some_and(|read| read.freezer.requested());
    let Thawed { outcome, disagreement } = timer::thaw(group, fs).map_err(|error| error.to_string())?;
    let but = disagreement.map(|what| format!("; {what}")).unwrap_or_default();
    match outcome {
        Outcome::Already if cancelled => {
            Ok(format!("{} is thawed: its freeze was cancelled{but}", group.path))
        }
        Outcome::Done => Ok(format!("{} is thawed{but}", group.path)),
        Outcome::Already => Ok(format!("{} was not frozen", group.path)),
        Outcome::HeldAbove => {
            let above = freezer::asking_ancestor(fs, &group.path).unwrap_or_else(CgroupPath::root);
            let cleared = if asked { "its own request is cleared, but " } else { "" };
            Err(format!(
                "{}: {cleared}it stays frozen by its ancestor {above}: thaw {above}{but}",
                group.path
            ))
        }
    }
}

/// The freezes that go on.
#[derive(Default)]
struct Running {
    list: Mutex<List>,
    ended: Condvar,
}

#[derive(Default)]
struct List {
    freezes: Vec<(Target, Arc<AtomicBool>)>,
    /// What was said when the screen was closed already.
    unheard: Vec<String>,
}

/// One of them: it is on the list as long as this lives.
struct Begun {
    running: Arc<Running>,
    cancelled: Arc<AtomicBool>,
}

impl Running {
    fn begin(self: &Arc<Self>, target: &Target) -> Begun {
        let cancelled = Arc::new(AtomicBool::new(false));
        self.lock().freezes.push((target.clone(), Arc::clone(&cancelled)));
        Begun { running: Arc::clone(self), cancelled }
    }

    fn finish(&self) -> Vec<String> {
        let list = self.lock();
        list.freezes.iter().for_each(|(_, cancelled)| cancelled.store(true, Ordering::Relaxed));
        let waited = self.ended.wait_timeout_while(list, CANCEL_TIMEOUT, |list| !list.freezes.is_empty());
        let (mut list, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let mut said = std::mem::take(&mut list.unheard);
        let open = list.freezes.iter().map(|(target, _)| target);
        said.extend(open.map(|target| format!("could not cancel the freeze of {} in time", target.path)));
        said
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        // Each change of the list is one step.
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.running.lock().freezes.retain(|(_, cancelled)| !Arc::ptr_eq(cancelled, &self.cancelled));
        self.running.ended.notify_all();
    }
}
