//! A screen on which nothing happens, beside others', and what a group costs in memory.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::figures::{WIDE, cpu, groups, key, part, say, status};
use crate::real::support::Group;
use crate::real::support::terminal::Terminal;

const WINDOW: Duration = Duration::from_secs(20);

/// Ten thousand groups: what each program uses while nothing happens.
pub fn idle_beside_others() {
    let group = groups("idle", 10_000);
    let mut ours = Terminal::at(group.path(), WIDE);
    ours.shows("watch 10,");
    ours.keys("+*");
    ours.shows_line(&["▾ 00"]);
    // The last of its frames are out.
    std::thread::sleep(Duration::from_secs(2));
    measure(&ours, "cryoscope");
    ours.keys("q");
    ours.end();
    for (program, options) in [("systemd-cgtop", &["-d", "1"][..]), ("htop", &[]), ("below", &["live"])] {
        if Command::new(program).arg("--version").stdout(Stdio::null()).status().is_err() {
            println!("{program} is not here");
            continue;
        }
        let mut command = Command::new(program);
        command.args(options);
        let mut other = Terminal::start(command, WIDE);
        other.wait("its first frame", |screen| screen.contents().lines().count() > 3);
        measure(&other, program);
        other.signal(Signal::SIGTERM);
        other.end();
    }
}

/// CPU first, then system calls: counting them costs CPU.
fn measure(terminal: &Terminal, what: &str) {
    let (busy, start) = (cpu(terminal), Instant::now());
    std::thread::sleep(WINDOW);
    let share = (cpu(terminal) - busy).div_duration_f64(start.elapsed()) * 100.0;
    let calls = calls_of(terminal.pid()).map_or("unknown".to_owned(), |calls| calls.to_string());
    println!("idle, {what}: {share:.2} % of a CPU; system calls in {WINDOW:?}: {calls}");
}

/// How many system calls a process makes in the window; `None` without strace.
fn calls_of(pid: i32) -> Option<u64> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("timeout");
    strace.args(["-s", "INT", &WINDOW.as_secs().to_string(), "strace", "-f", "-c", "-o"]);
    let status =
        strace.arg(file.path()).args(["-p", &pid.to_string()]).stderr(Stdio::null()).status().ok()?;
    // What timeout(1) says of what it has ended; without strace it says something else.
    (status.code() == Some(124)).then(|| total(&std::fs::read_to_string(file.path()).unwrap()).unwrap_or(0))
}

/// The sum of the calls in what `strace -c` writes.
pub fn total(table: &str) -> Option<u64> {
    let line = table.lines().rev().find(|line| line.ends_with(" total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

/// What a group takes of the program's memory, and what many of them do to a frame.
pub fn memory() {
    let few = resident(&Group::v2("none"), 0);
    for many in [10_000, 100_000] {
        let all = resident(&groups("many", many), many);
        let each = all.saturating_sub(few) * 1024 / many as u64;
        println!("{many} groups: {all} KiB resident, {each} bytes a group");
    }
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_cryoscope")).unwrap().len();
    println!("the program: {} KiB", size / 1024);
}

/// In KiB, when all is scanned and watched.
fn resident(group: &Group, many: usize) -> u64 {
    let start = Instant::now();
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows("Groups");
    say(&format!("{many} groups: first frame"), start.elapsed());
    // Above the limit of watches it polls.
    let done =
        |screen: &vt100::Screen| ["watch ", "polling"].iter().any(|word| screen.contents().contains(word));
    assert!(terminal.follow(Duration::from_secs(60), done));
    terminal.shows_line(&[">", group.name().to_str().unwrap()]);
    say("scanned and watched", start.elapsed());
    let after = kib(&terminal);
    if many > 0 {
        terminal.keys("*");
        terminal.shows_line(&["▾ 00"]);
        let mut frames: Vec<Duration> = (0..20).map(|_| key(&mut terminal)).collect();
        frames.sort();
        say(
            &format!("{many} rows unfolded, {} KiB: a key and its frame", kib(&terminal)),
            part(&frames, 500),
        );
    }
    terminal.keys("q");
    terminal.end();
    after
}

fn kib(terminal: &Terminal) -> u64 {
    status(terminal, "VmRSS").trim_end_matches("kB").trim().parse().unwrap()
}
