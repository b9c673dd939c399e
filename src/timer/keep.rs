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
use super::way_back::{Request, Target};
use super::{place, record};
use crate::kernel::cgroupfs::Filesystem;
use crate::kernel::host::since_boot;
use crate::kernel::membership::find_namespace;
use crate::kernel::runtime_folder::Held;
use crate::kernel::written::Written;
use crate::model::{CgroupId, CgroupPath, Hierarchy, MountRoot, Version};

/// What a timer is told: which group, and when. It says nothing that could make it do anything but thaw that one group.
#[derive(Debug)]
pub struct Order {
    /// Which freezer.
    pub version: Version,
    /// Where the hierarchy is mounted.
    pub mount_point: PathBuf,
    /// Which group of it is mounted there.
    pub root: MountRoot,
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
    target: Target,
    deadline: Duration,
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
    let fs = Filesystem::open(find_namespace(hierarchy)).map_err(said)?;
    let group = fs.same_group(&order.group, order.id).map_err(said)?;
    let group = group.ok_or_else(|| format!("{} is gone: it was removed meanwhile", order.group))?;
    place::leave(&fs, &group)?;
    let ended = signals().map_err(said)?;
    let deadline = since_boot() + order.span;
    let alarm = alarm(deadline).map_err(said)?;
    // Without it everything is looked at once a second.
    let written = Written::of(&group).ok();
    let held = record::write(&group, deadline).map_err(said)?;
    let timer = Waiting { target: Target { fs, group }, deadline, alarm, ended, written, held };
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
    fn run(mut self) -> io::Result<()> {
        let mut over = self.await_freeze()?;
        loop {
            let over = match over.take() {
                Some(over) => over,
                None => self.await_end()?,
            };
            tracing::info!(group = %self.target.group.path, ?over, "the timer's end");
            if over == Over::Thaw {
                self.target.thaw_for_good();
            }
            self.held.remove()?;
            // Who sets the request again looks then whether there is a timer: so they see that there is none, or it is seen here.
            match over {
                Over::Thaw => {
                    self.target.thaw_for_good();
                    return Ok(());
                }
                Over::Nothing if self.target.look().unwrap_or(Request::TakenBack) == Request::TakenBack => {
                    return Ok(());
                }
                Over::Nothing => self.held = record::write(&self.target.group, self.deadline)?,
            }
        }
    }

    /// For the program that freezes. `None` where it has frozen.
    fn await_freeze(&self) -> io::Result<Option<Over>> {
        let stdin = io::stdin();
        let [alarm, ended] = self.ends();
        let mut freezing = [alarm, ended, PollFd::new(&stdin, PollFlags::IN)];
        while !is_ready(&freezing[2]) {
            await_one(&mut freezing, None)?;
            if is_ready(&freezing[0]) || is_ready(&freezing[1]) {
                return Ok(Some(Over::Thaw));
            }
        }
        let null = std::fs::File::open("/dev/null")?;
        rustix::stdio::dup2_stdin(null)?;
        Ok((!self.target.asks()).then_some(Over::Nothing))
    }

    /// For whatever comes first of the deadline, a signal, and a thaw.
    fn await_end(&self) -> io::Result<Over> {
        let mut frozen = self.ends().to_vec();
        frozen.extend(self.written.iter().map(|written| PollFd::new(written, PollFlags::IN)));
        let mut before = Request::Stands;
        loop {
            // One that was away is set again soon after: it counts as taken back only where it is not.
            let now = self.target.look().unwrap_or(before);
            if now == Request::TakenBack && before != Request::Away {
                return Ok(Over::Nothing);
            }
            // The end of those who took it away is not announced.
            let announced = self.written.is_some() && now == Request::Stands;
            before = now;
            await_one(&mut frozen, (!announced).then_some(&SECOND))?;
            if is_ready(&frozen[0]) || is_ready(&frozen[1]) {
                return Ok(Over::Thaw);
            }
            if let Some(written) = &self.written {
                written.clear();
            }
        }
    }

    fn ends(&self) -> [PollFd<'_>; 2] {
        [PollFd::new(&self.alarm, PollFlags::IN), PollFd::new(&self.ended, PollFlags::IN)]
    }
}

const SECOND: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

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
