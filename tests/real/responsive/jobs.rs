//! The screen as a job of a shell.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::*;

/// An interactive shell, with the screen as its job.
struct Shell {
    terminal: Terminal,
    job: i32,
}

impl Shell {
    fn start(group: &Group) -> Self {
        let mut command = Command::new("bash");
        command.args(["--norc", "--noprofile", "-i"]).env("PS1", "ready> ");
        let mut terminal = Terminal::start(command, WIDE);
        terminal.shows("ready>");
        terminal.keys(&format!("{PROGRAM} {}\n", group.path().display()));
        terminal.wait("alternate screen", |screen| screen.alternate_screen());
        terminal.shows_line(&[">", name(group)]);
        let children = format!("/proc/{0}/task/{0}/children", terminal.pid());
        let children = fs::read_to_string(children).unwrap();
        let job = children.split_whitespace().next().unwrap().parse().unwrap();
        Self { terminal, job }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.job), signal).unwrap();
    }

    #[track_caller]
    fn is_stopped(&mut self) {
        let job = self.job;
        // The terminal answers meanwhile.
        let is_stopped = |_: &vt100::Screen| state(job) == 'T';
        until("it is stopped", SOON, || self.terminal.follow(Duration::from_millis(5), is_stopped));
    }

    /// The shell is there, and a line can be typed into it.
    fn asserts_shell(&mut self) {
        self.terminal.keys("echo mar''ker\n");
        self.terminal.shows("marker");
        self.terminal.keys("clear\n");
    }

    /// It has the terminal again, and hears a key.
    fn asserts_screen(&mut self, group: &Group) {
        self.terminal.wait("alternate screen", |screen| screen.alternate_screen());
        self.terminal.shows_line(&[">", name(group), "0"]);
        let start = Instant::now();
        self.terminal.keys("2");
        self.terminal.shows("[2 Freeze]");
        println!("a key after fg: {:?}", start.elapsed());
        self.terminal.keys("1");
        self.terminal.shows("[1 Processes]");
    }

    fn end(mut self) {
        self.terminal.keys("q");
        let job = format!("/proc/{}", self.job);
        let is_gone = |screen: &vt100::Screen| !Path::new(&job).exists() && !screen.alternate_screen();
        self.terminal.wait("the program ends, and gives the terminal back", is_gone);
        self.asserts_shell();
        self.terminal.keys("exit\n");
        self.terminal.end();
        self.terminal.assert_restored();
        self.terminal.assert_nothing_typed();
    }
}

/// The letter of a process. (proc_pid_stat(5))
fn state(pid: i32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().chars().next().unwrap()
}

pub fn stopped_and_continued() {
    let group = Group::v2("jobs");
    let mut shell = Shell::start(&group);
    for signal in [Signal::SIGTSTP, Signal::SIGTTIN, Signal::SIGTTOU] {
        shell.signal(signal);
        shell.is_stopped();
        shell.terminal.wait("the terminal is given back", |screen| {
            !screen.alternate_screen() && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        });
        shell.asserts_shell();
        shell.terminal.keys("fg\n");
        shell.asserts_screen(&group);
    }
    // Its own key.
    shell.terminal.keys("\x1a");
    shell.is_stopped();
    shell.asserts_shell();
    shell.terminal.keys("fg\n");
    shell.asserts_screen(&group);
    // This one cannot be handled: the terminal stays as it is, and is taken again.
    shell.signal(Signal::SIGSTOP);
    shell.is_stopped();
    shell.asserts_shell();
    shell.terminal.keys("fg\n");
    shell.asserts_screen(&group);
    // Nothing was stopped.
    shell.signal(Signal::SIGCONT);
    shell.asserts_screen(&group);
    shell.end();
}

pub fn in_the_background() {
    let group = Group::v2("behind");
    let mut shell = Shell::start(&group);
    shell.signal(Signal::SIGTSTP);
    shell.is_stopped();
    shell.asserts_shell();
    for _ in 0..2 {
        shell.signal(Signal::SIGCONT);
        shell.is_stopped();
        shell.asserts_shell();
    }
    shell.terminal.keys("fg\n");
    shell.asserts_screen(&group);
    shell.end();
}
