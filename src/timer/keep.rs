//! The process that waits for the deadline.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use super::arm::SAID_READY;
use super::{place, record};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer;
use crate::kernel::host::since_boot;
use crate::kernel::processes::is_any_traced;
use crate::kernel::runtime_folder::Held;
use crate::kernel::written::Written;
use crate::model::{CgroupId, CgroupPath, Hierarchy, State, Version};
use crate::runtime::{self, ThawError};

/// What a timer is told: which group, and when. It says nothing that could make it do anything but thaw that one group.
#[derive(Debug)]
pub struct Order {
    /// Which freezer.
    pub version: Version,
    /// Where the hierarchy is mounted.
    pub mount_point: PathBuf,
    /// Which group of it is mounted there.
    pub root: CgroupPath,
    /// The group's path.
    pub group: CgroupPath,
    /// Which group it is: another one of that path is not thawed.
    pub id: CgroupId,
    /// The time from now on.
    pub span: Duration,
}

/// Keeps a timer: says on the output that it is ready, or why it is not, and ends when there is nothing more to do. Its input
/// ends when the freeze is written, or is not to come.
///
/// # Errors
/// A sentence.
pub fn keep(order: &Order) -> Result<(), String> {
    // For whoever looks at the process list: the name would be that of the link which it was started through.
    let _ = nix::sys::prctl::set_name(c"cryoscope");
    match ready(order) {
        Ok(Some(timer)) => timer.run().map_err(|error| error.to_string()),
        Ok(None) => Ok(()),
        Err(why) => {
            // Whoever started it is told, if still there.
            let _ = writeln!(io::stdout(), "{why}");
            Err(why)
        }
    }
}

/// A timer that is ready.
struct Waiting {
    fs: Filesystem,
    group: Group,
    alarm: OwnedFd,
    ended: UnixStream,
    written: Option<Written>,
    held: Held,
}

/// Everything that it needs until the deadline is there before it says that it is ready. `None` where nobody listens: then
/// there is nothing to wait for.
fn ready(order: &Order) -> Result<Option<Waiting>, String> {
    let hierarchy = Hierarchy {
        version: order.version,
        mount_point: order.mount_point.clone(),
        root: order.root.clone(),
        device: (0, 0),
        read_only: false,
    };
    let said = |error: io::Error| error.to_string();
    let fs = Filesystem::open(hierarchy).map_err(said)?;
    let group = fs.same_group(&order.group, order.id).map_err(said)?;
    let group = group.ok_or_else(|| format!("{} is gone: it was removed meanwhile", order.group))?;
    place::leave(&fs, &group)?;
    let ended = signals().map_err(said)?;
    let deadline = since_boot() + order.span;
    let alarm = alarm(deadline).map_err(said)?;
    // Without it everything is looked at once a second.
    let written = Written::of(&group).ok();
    let held = record::write(&group, deadline).map_err(said)?;
    let timer = Waiting { fs, group, alarm, ended, written, held };
    let mut out = io::stdout();
    if writeln!(out, "{SAID_READY}{}", deadline.as_nanos()).and_then(|()| out.flush()).is_err() {
        timer.held.remove().map_err(said)?;
        return Ok(None);
    }
    let null = OpenOptions::new().write(true).open("/dev/null").map_err(said)?;
    rustix::stdio::dup2_stdout(null).map_err(|error| error.to_string())?;
    Ok(Some(timer))
}

/// Readable when the timer is to end now. A hang-up is none of its business, nor a Ctrl-C somewhere.
fn signals() -> io::Result<UnixStream> {
    let (ended, write) = UnixStream::pair()?;
    pipe::register(SIGTERM, write)?;
    for ignored in [SIGHUP, SIGINT] {
        signal_hook::flag::register(ignored, Arc::default())?;
    }
    Ok(ended)
}

fn alarm(deadline: Duration) -> io::Result<OwnedFd> {
    let alarm = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?;
    let at = Timespec::try_from(deadline).map_err(io::Error::other)?;
    let once = Itimerspec { it_interval: Timespec::default(), it_value: at };
    timerfd_settime(&alarm, TimerfdTimerFlags::ABSTIME, &once)?;
    Ok(alarm)
}

/// Why the waiting is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The deadline is reached, or the timer is to end now.
    Thaw,
    /// There is nothing to thaw: no freeze came, or it was taken back, or the group is gone.
    Nothing,
}

impl Waiting {
    fn run(self) -> io::Result<()> {
        let over = self.wait()?;
        tracing::info!(group = %self.group.path, ?over, "the timer's end");
        if over == Over::Thaw
            && let Err(error) = self.thaw()
        {
            tracing::error!(group = %self.group.path, %error, "not thawed");
        }
        self.held.remove()
    }

    /// First for the program that freezes, then for whatever comes first of the deadline, a signal, and a thaw.
    fn wait(&self) -> io::Result<Over> {
        let stdin = io::stdin();
        let both = [PollFd::new(&self.alarm, PollFlags::IN), PollFd::new(&self.ended, PollFlags::IN)];
        let mut freezing = [both[0].clone(), both[1].clone(), PollFd::new(&stdin, PollFlags::IN)];
        while !is_ready(&freezing[2]) {
            await_one(&mut freezing, None)?;
            if is_ready(&freezing[0]) || is_ready(&freezing[1]) {
                return Ok(Over::Thaw);
            }
        }
        let null = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(null)?;
        if self.group.read()?.is_none_or(|read| !read.freezer.requested()) {
            return Ok(Over::Nothing);
        }
        let mut frozen = both.to_vec();
        frozen.extend(self.written.iter().map(|written| PollFd::new(written, PollFlags::IN)));
        let pause = self.written.is_none().then_some(Timespec { tv_sec: 1, tv_nsec: 0 });
        loop {
            if self.is_taken_back().unwrap_or(false) {
                return Ok(Over::Nothing);
            }
            await_one(&mut frozen, pause.as_ref())?;
            if is_ready(&frozen[0]) || is_ready(&frozen[1]) {
                return Ok(Over::Thaw);
            }
            if let Some(written) = &self.written {
                written.clear();
            }
        }
    }

    /// Whether the group is gone, or runs: it does not ask, no ancestor holds it, and no tracer does.
    fn is_taken_back(&self) -> io::Result<bool> {
        let Some(read) = self.group.read()? else { return Ok(true) };
        let runs = !read.freezer.requested() && read.freezer.state(false) == Some(State::Thawed);
        Ok(runs && !is_any_traced(&self.group.dir)?)
    }

    /// Through systemd where that froze the unit too; where systemd does not do it (it may be in the group), without.
    fn thaw(&self) -> Result<(), ThawError> {
        if let Ok(read) = self.group.read()
            && read.is_none_or(|read| !read.freezer.requested())
        {
            return Ok(());
        }
        match runtime::thaw(&self.group, &self.fs) {
            Err(ThawError::Systemd { .. }) => Ok(freezer::request(&self.group, false)?),
            done => done.map(drop),
        }
    }
}

fn await_one(fds: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> io::Result<()> {
    match poll(fds, timeout) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Readable, or at its end.
fn is_ready(fd: &PollFd<'_>) -> bool {
    !fd.revents().is_empty()
}
