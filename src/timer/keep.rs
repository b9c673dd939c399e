//! The process that waits for the deadline.

use std::fs::File;
use std::io::{self, BufRead, Write};
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

use super::arm::spare_memory;
use super::message::{Answer, FREEZE, READY};
use super::way_back::{Request, Target};
use super::{place, protection, record};
use crate::kernel::cgroupfs::Filesystem;
use crate::kernel::freezer;
use crate::kernel::host::since_boot;
use crate::kernel::membership::find_namespace;
use crate::kernel::runtime_folder::Held;
use crate::kernel::written::Written;
use crate::model::{CgroupId, CgroupPath, Hierarchy, MountRoot, Version};
use crate::runtime::{self, BySystemd, Forecast, Way};

/// What a timer is given: which group, and for how long. Nothing of it could make it do anything but freeze and thaw that one
/// group.
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
    /// How long the group is to be frozen, from the request on.
    pub span: Duration,
    /// The group is frozen for a time already, and its earlier timer is ended when this one is ready.
    pub requested: bool,
}

/// Keeps a timer: says on the output that it is ready, or why it is not; freezes the group when it is told to on the input;
/// thaws it at the deadline, and ends when there is nothing more to do.
///
/// # Errors
/// A sentence.
pub fn keep(order: &Order) -> Result<(), String> {
    // For whoever looks at the process list: the name would be that of the link which it was started through.
    let _ = nix::sys::prctl::set_name(c"cryoscope");
    match ready(order) {
        Ok(timer) => timer.run().map_err(|error| error.to_string()),
        Err(why) => {
            // Whoever started it is told, if still there.
            say(&why);
            Err(why)
        }
    }
}

fn say(line: &impl ToString) {
    let mut out = io::stdout();
    // In one write, so that it is never read by halves.
    let _ = out.write_all(format!("{}\n", line.to_string()).as_bytes()).and_then(|()| out.flush());
}

/// A timer that is ready.
struct Waiting {
    target: Target,
    way: Way,
    span: Duration,
    /// The group was frozen for a time before.
    requested: bool,
    /// Until the request is written: that of a freeze which begins now.
    deadline: Duration,
    alarm: OwnedFd,
    ended: UnixStream,
    written: Option<Written>,
    held: Held,
}

/// Everything that it needs until the deadline is there before it says that it is ready.
fn ready(order: &Order) -> Result<Waiting, String> {
    let said = |error: io::Error| error.to_string();
    protection::protect();
    spare_memory().map_err(said)?;
    let hierarchy = Hierarchy {
        version: order.version,
        mount_point: order.mount_point.clone(),
        root: order.root.clone(),
        device: (0, 0),
        read_only: false,
    };
    let fs = Filesystem::open(find_namespace(hierarchy)).map_err(said)?;
    let group = fs.same_group(&order.group, order.id).map_err(said)?;
    let group = group.ok_or_else(|| format!("{} is gone: it was removed meanwhile", order.group))?;
    place::leave(&fs, &group)?;
    let ended = signals().map_err(said)?;
    let alarm =
        timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC).map_err(|error| error.to_string())?;
    let deadline = since_boot() + order.span;
    if order.requested {
        set(&alarm, deadline).map_err(said)?;
    }
    // Without it everything is looked at once a second.
    let written = Written::of(&group).ok();
    let held = record::write(&group, deadline).map_err(said)?;
    let Forecast { way, .. } = runtime::forecast(&group);
    let target = Target { fs, group };
    Ok(Waiting {
        target,
        way,
        span: order.span,
        requested: order.requested,
        deadline,
        alarm,
        ended,
        written,
        held,
    })
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

fn set(alarm: &OwnedFd, deadline: Duration) -> io::Result<()> {
    let at = Timespec::try_from(deadline).map_err(io::Error::other)?;
    let once = Itimerspec { it_interval: Timespec::default(), it_value: at };
    timerfd_settime(alarm, TimerfdTimerFlags::ABSTIME, &once)?;
    Ok(())
}

/// What came of the wait for the word to freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// The group is frozen: there is a freeze to end.
    Frozen,
    /// Nothing was frozen, and nothing is going to be.
    Nothing,
    /// The group was frozen before, and its new end has come.
    Over,
}

/// Why the waiting is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// The deadline is reached, or the timer is to end now.
    Thaw,
    /// There is nothing to thaw: the freeze was taken back, or the group is gone.
    Nothing,
}

impl Waiting {
    fn run(mut self) -> io::Result<()> {
        let mut over = match self.begin()? {
            Begin::Frozen => None,
            Begin::Over => Some(Over::Thaw),
            Begin::Nothing => return self.held.remove(),
        };
        loop {
            let over = match over.take() {
                Some(over) => over,
                None => self.await_end()?,
            };
            tracing::info!(group = %self.target.group.path, ?over, "the timer's end");
            if over == Over::Thaw && !self.thaw() {
                // What is written down stays: whoever looks sees a freeze whose timer is gone, and can end it.
                return Err(io::Error::other("the group was not thawed"));
            }
            self.held.remove()?;
            // Who sets the request again looks then whether there is a timer: so they see that there is none, or it is seen here.
            match over {
                Over::Nothing if self.target.look().unwrap_or(Request::TakenBack) != Request::TakenBack => {
                    self.held = record::write(&self.target.group, self.deadline)?;
                }
                Over::Thaw if !self.target.thaw_for_good() => {
                    drop(record::write(&self.target.group, self.deadline)?);
                    return Err(io::Error::other("the group was not rolled back"));
                }
                // What earlier timers left of a freeze that is over.
                _ => return record::forget(self.target.group.id),
            }
        }
    }

    /// Says that it is ready, and waits for the word to freeze.
    fn begin(&mut self) -> io::Result<Begin> {
        say(&READY);
        let begin = self.await_word()?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdin(&null)?;
        rustix::stdio::dup2_stdout(&null)?;
        Ok(begin)
    }

    fn await_word(&mut self) -> io::Result<Begin> {
        let stdin = io::stdin();
        loop {
            let [alarm, ended] = self.ends();
            let mut fds = [PollFd::new(&stdin, PollFlags::IN), ended, alarm];
            await_one(&mut fds, None)?;
            let [word, ended, alarm] = fds.each_ref().map(is_ready);
            // Set only where the group is frozen already.
            if alarm || ended {
                return Ok(if self.requested { Begin::Over } else { Begin::Nothing });
            }
            if word {
                break;
            }
        }
        let mut line = String::new();
        // What cannot be read is not the word.
        let _ = stdin.lock().read_line(&mut line);
        if line.trim() == FREEZE {
            return self.freeze();
        }
        // Whoever started this is gone. A group that was frozen before gets its new end all the same.
        Ok(if self.requested && self.target.asks() { Begin::Frozen } else { Begin::Nothing })
    }

    /// Writes the request. However late that comes, this process thaws after it: there is nobody else who writes it.
    fn freeze(&mut self) -> io::Result<Begin> {
        if !self.requested && self.target.asks() {
            say(&Answer::Taken);
            return Ok(Begin::Nothing);
        }
        self.deadline = since_boot() + self.span;
        set(&self.alarm, self.deadline)?;
        // Written down before the write: were this process killed between the two, the freeze would be found.
        let held = record::write(&self.target.group, self.deadline)?;
        std::mem::replace(&mut self.held, held).remove()?;
        let group = &self.target.group;
        // By this process, which thaws it: no freeze of systemd's comes after its end.
        let by_systemd = runtime::freeze_by_systemd(group, &self.way);
        match freezer::write_request(group, true) {
            Ok(()) => {
                say(&Answer::Frozen(self.deadline));
                Ok(Begin::Frozen)
            }
            Err(error) => {
                by_systemd.into_iter().for_each(BySystemd::take_back);
                say(&Answer::Failed(error));
                Ok(if self.requested && self.target.asks() { Begin::Frozen } else { Begin::Nothing })
            }
        }
    }

    /// Thaws, again and again where that fails; false where it does not succeed.
    fn thaw(&self) -> bool {
        let mut pause = Duration::from_millis(100);
        while !self.target.thaw_for_good() {
            if pause > LONGEST_PAUSE {
                return false;
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        true
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

/// A thaw that fails is tried again for about twice as long.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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
