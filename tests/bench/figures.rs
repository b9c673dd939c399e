//! What the benches measure with.

use std::fs;
use std::time::Duration;

use crate::real::support::Group;
use crate::real::support::terminal::Terminal;

pub const WIDE: (u16, u16) = (140, 50);
const IDLE: Duration = Duration::from_secs(20);

/// So many groups in groups of a hundred each: `00/00`, `00/01`, …
pub fn groups(name: &str, many: usize) -> Group {
    let group = Group::v2(name);
    for at in 0..many {
        fs::create_dir_all(group.path().join(format!("{:02}/{:02}", at / 100, at % 100))).unwrap();
    }
    group
}

/// The value below which so many of a thousand are.
pub fn part(sorted: &[Duration], of_a_thousand: usize) -> Duration {
    sorted[(sorted.len() - 1) * of_a_thousand / 1000]
}

/// From the key for the help to the help, and back.
pub fn key(terminal: &mut Terminal) -> Duration {
    terminal.keys("?");
    let open = terminal.shows(" Help ");
    terminal.keys("?");
    open.max(terminal.wait("no help", |screen| !screen.contents().contains(" Help ")))
}

/// What the program does when there is nothing to do.
pub fn idle(terminal: &Terminal, what: &str) {
    // The last frames are out.
    std::thread::sleep(Duration::from_secs(1));
    let (busy, switches) = (cpu(terminal), terminal.switches());
    std::thread::sleep(IDLE);
    let (busy, switches) = (cpu(terminal) - busy, terminal.switches() - switches);
    println!("idle for {IDLE:?}, {what}: CPU {busy:?}, {switches} voluntary context switches");
}

pub fn say(what: &str, time: Duration) {
    println!("{what}: {time:?}");
}

/// What it used of the CPUs so far, to a hundredth of a second.
pub fn cpu(terminal: &Terminal) -> Duration {
    let stat = procfs::process::Process::new(terminal.pid()).unwrap().stat().unwrap();
    Duration::from_millis((stat.utime + stat.stime) * 1000 / procfs::ticks_per_second())
}

/// A line of `/proc/PID/status`.
pub fn status(terminal: &Terminal, key: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{}/status", terminal.pid())).unwrap();
    text.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim_start_matches(':').trim().to_owned()
}
