//! A pseudo-terminal with a program in it, and what is on its screen.

use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::Pid;
use pty_process::Size;
use pty_process::blocking::{self, Pts, Pty};
use vt100::{MouseProtocolMode, Parser, Screen};

use super::wait::{SOON, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");

/// How long to wait for the program's words before looking whether it lives.
const GLANCE: Duration = Duration::from_millis(50);

/// Long enough for a screen that shows a host with thousands of groups, beside other tests.
const SHOWN: Duration = Duration::from_secs(30);

/// Columns and rows.
pub type Columns = (u16, u16);

/// A program that runs in a pseudo-terminal of its own. It ends when this is dropped.
pub struct Terminal {
    /// What a terminal emulator holds; `None` once it went away.
    pty: Option<Pty>,
    /// Held open too, so that the terminal's settings can be read after the program's end.
    pts: Pts,
    before: Termios,
    child: Child,
    screen: Parser,
    /// Answers the question for its attributes, as every terminal does.
    answers: bool,
    /// The end of what the program wrote, where a question may begin.
    tail: Vec<u8>,
    /// How often it was asked for its attributes.
    asked: usize,
}

/// The question, and an answer. (xterm: ctlseqs, "Primary DA")
const ASK: &[u8] = b"\x1b[c";
pub const ATTRIBUTES: &str = "\x1b[?62;22c";

impl Terminal {
    /// The screen of cryoscope, opened at a group.
    pub fn at(group: &Path, size: Columns) -> Self {
        let mut command = Command::new(PROGRAM);
        command.arg(group);
        Self::start(command, size)
    }

    /// The same of a group and what is below alone: what others make on the host would move the lines.
    pub fn rooted_at(group: &Path, size: Columns) -> Self {
        let mut command = Command::new(PROGRAM);
        command.arg("--root").arg(group);
        Self::start(command, size)
    }

    pub fn start(mut command: Command, size: Columns) -> Self {
        let (pty, pts) = blocking::open().unwrap();
        pty.resize(Size::new(size.1, size.0)).unwrap();
        let before = tcgetattr(&pts).unwrap();
        command.env("TERM", "xterm-256color").env_remove("NO_COLOR").current_dir("/");
        command.env_remove("LC_ALL").env_remove("LC_CTYPE");
        if !command.get_envs().any(|(name, _)| name == "LANG") {
            command.env("LANG", "C.UTF-8");
        }
        // Whoever runs the tests may have a config.
        if !command.get_envs().any(|(name, _)| name == "XDG_CONFIG_HOME") {
            command.env("XDG_CONFIG_HOME", "/dev/null");
        }
        let child = blocking::Command::from(command).spawn_borrowed(&pts).unwrap();
        let screen = Parser::new(nonzero(size.1), nonzero(size.0), 0);
        let (answers, tail, asked) = (true, Vec::new(), 0);
        Self { pty: Some(pty), pts, before, child, screen, answers, tail, asked }
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// How often its threads have gone to sleep so far: each is a wake-up. (proc_pid_status(5))
    pub fn switches(&self) -> u64 {
        self.switches_of("")
    }

    /// The same of the threads whose names begin so.
    pub fn switches_of(&self, name: &str) -> u64 {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let of = |thread: PathBuf| -> u64 {
            let text = fs::read_to_string(thread.join("status")).unwrap();
            let number = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            number.unwrap().trim().parse().unwrap()
        };
        let named = |thread: &PathBuf| fs::read_to_string(thread.join("comm")).unwrap().starts_with(name);
        threads.map(|thread| thread.unwrap().path()).filter(named).map(of).sum()
    }

    pub fn screen(&self) -> &Screen {
        self.screen.screen()
    }

    pub fn keys(&self, keys: &str) {
        self.bytes(keys.as_bytes());
    }

    pub fn bytes(&self, bytes: &[u8]) {
        self.pty.as_ref().expect("the terminal is there").write_all(bytes).unwrap();
    }

    /// A press and a release of a mouse button, as xterm reports them (mode 1006). Counted from 0.
    pub fn mouse(&self, button: u8, (column, row): Columns) {
        let report = |end| format!("\x1b[<{button};{};{}{end}", column + 1, row + 1);
        self.keys(&(report('M') + &report('m')));
    }

    /// A turn of the wheel.
    pub fn wheel(&self, down: bool, (column, row): Columns) {
        self.keys(&format!("\x1b[<{};{};{}M", 64 + u8::from(down), column + 1, row + 1));
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub fn resize(&mut self, size: Columns) {
        self.pty.as_ref().expect("the terminal is there").resize(Size::new(size.1, size.0)).unwrap();
        self.screen.screen_mut().set_size(nonzero(size.1), nonzero(size.0));
    }

    /// From here on no question is answered but by the test.
    pub fn answer_nothing(&mut self) {
        self.answers = false;
    }

    /// Waits until the program has asked so often in all.
    #[track_caller]
    pub fn is_asked(&mut self, times: usize) {
        let start = Instant::now();
        while self.asked < times {
            assert!(start.elapsed() < SOON, "asked {} times, not {times}", self.asked);
            self.listen(Duration::from_millis(5));
        }
    }

    /// Nothing waits to be read by whoever reads this terminal next. The program has ended.
    #[track_caller]
    pub fn assert_nothing_typed(&self) {
        let mut raw = self.before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&self.pts, SetArg::TCSANOW, &raw).unwrap();
        // What is written to a terminal arrives a moment later.
        let mut ready = [PollFd::new(self.pts.as_fd(), PollFlags::POLLIN)];
        let is_ready = poll(&mut ready, 200_u16).unwrap() > 0;
        let mut typed = [0; 256];
        let length = if is_ready { nix::unistd::read(&self.pts, &mut typed).unwrap() } else { 0 };
        tcsetattr(&self.pts, SetArg::TCSANOW, &self.before).unwrap();
        assert_eq!(String::from_utf8_lossy(&typed[..length]).escape_debug().to_string(), "");
    }

    /// Whether the program could write any more.
    pub fn is_full(&self) -> bool {
        let mut ready = [PollFd::new(self.pts.as_fd(), PollFlags::POLLOUT)];
        poll(&mut ready, PollTimeout::ZERO).unwrap() == 0
    }

    /// Waits for the end of the program, and reads nothing of what it writes.
    #[track_caller]
    pub fn end_unread(&mut self) -> ExitStatus {
        until("the program ends", SHOWN, || self.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap()
    }

    /// The terminal goes away.
    pub fn vanish(&mut self) {
        self.pty = None;
    }

    /// Waits until a text is on the screen; says how long that took.
    #[track_caller]
    pub fn shows(&mut self, text: &str) -> Duration {
        self.wait(text, |screen| screen.contents().contains(text))
    }

    /// The same for what takes long on a busy machine.
    #[track_caller]
    pub fn shows_within(&mut self, time: Duration, text: &str) {
        if !self.follow(time, |screen| screen.contents().contains(text)) {
            self.give_up(text);
        }
    }

    /// Waits until one line shows all of these.
    #[track_caller]
    pub fn shows_line(&mut self, parts: &[&str]) -> Duration {
        self.wait(&format!("{parts:?} in a line"), |screen| has_line(screen, parts))
    }

    #[track_caller]
    pub fn shows_no_line(&mut self, parts: &[&str]) -> Duration {
        self.wait(&format!("no line with {parts:?}"), |screen| !has_line(screen, parts))
    }

    /// Waits for the screen to become so.
    #[track_caller]
    pub fn wait(&mut self, what: &str, so: impl Fn(&Screen) -> bool) -> Duration {
        let start = Instant::now();
        if !self.follow(SHOWN, so) {
            self.give_up(what);
        }
        start.elapsed()
    }

    /// Looks whenever something has come, until the screen is so; whether it became so in time.
    pub fn follow(&mut self, deadline: Duration, mut so: impl FnMut(&Screen) -> bool) -> bool {
        let start = Instant::now();
        while !so(self.screen()) {
            let left = deadline.saturating_sub(start.elapsed());
            if left.is_zero() {
                return false;
            }
            // What has ended writes nothing more.
            let has_ended = self.child.try_wait().unwrap().is_some();
            if !self.listen(left.min(GLANCE)) && has_ended {
                return so(self.screen());
            }
        }
        true
    }

    /// Waits for the end of the program.
    #[track_caller]
    pub fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            // Whatever it still writes would keep it from ending if nobody read it.
            self.listen(Duration::from_millis(5));
            if let Some(status) = self.child.try_wait().unwrap() {
                while self.listen(Duration::ZERO) {}
                return status;
            }
            if start.elapsed() > SOON {
                self.give_up("the program ends");
            }
        }
    }

    /// The terminal is as it was before the program.
    #[track_caller]
    pub fn assert_restored(&self) {
        let screen = self.screen();
        assert!(!screen.alternate_screen(), "the alternate screen was not left");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert_eq!(screen.mouse_protocol_mode(), MouseProtocolMode::None);
        self.assert_settings_restored();
    }

    /// Its settings are, whatever was not read.
    #[track_caller]
    pub fn assert_settings_restored(&self) {
        assert_eq!(tcgetattr(&self.pts).unwrap(), self.before, "the settings of the terminal");
    }

    /// Where a text is on the screen: column and row, counted from 0.
    #[track_caller]
    pub fn find(&self, text: &str) -> Columns {
        let rows: Vec<String> = self.rows();
        let found = rows.iter().enumerate().find_map(|(y, row)| Some((row.find(text)?, y, row)));
        let (at, y, row) = found.unwrap_or_else(|| panic!("no {text:?} on\n{}", rows.join("\n")));
        (row[..at].chars().count() as u16, y as u16)
    }

    pub fn rows(&self) -> Vec<String> {
        rows(self.screen())
    }

    /// Takes in what the program wrote; false where nothing came in time.
    fn listen(&mut self, timeout: Duration) -> bool {
        let Some(pty) = &self.pty else {
            std::thread::sleep(timeout.min(Duration::from_millis(5)));
            return false;
        };
        let timeout = PollTimeout::try_from(timeout).unwrap();
        let mut ready = [PollFd::new(pty.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, timeout).unwrap() == 0 {
            return false;
        }
        let mut bytes = [0; 4096];
        let Ok(length) = (&*pty).read(&mut bytes) else { return false };
        self.screen.process(&bytes[..length]);
        self.answer(length, &bytes);
        length > 0
    }

    fn answer(&mut self, length: usize, bytes: &[u8]) {
        self.tail.extend_from_slice(&bytes[..length]);
        while let Some(at) = self.tail.windows(ASK.len()).position(|window| window == ASK) {
            self.tail.drain(..at + ASK.len());
            self.asked += 1;
            if self.answers {
                self.keys(ATTRIBUTES);
            }
        }
        self.tail.drain(..self.tail.len().saturating_sub(ASK.len() - 1));
    }

    #[track_caller]
    fn give_up(&mut self, what: &str) -> ! {
        let ended = self.child.try_wait().unwrap().map(|status| (status.code(), status.signal()));
        panic!("waited in vain for: {what}\nended: {ended:?}\n{}", self.rows().join("\n"));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn nonzero(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).expect("a terminal has a size")
}

fn rows(screen: &Screen) -> Vec<String> {
    screen.rows(0, screen.size().1.into()).collect()
}

fn has_line(screen: &Screen, parts: &[&str]) -> bool {
    rows(screen).iter().any(|row| parts.iter().all(|part| row.contains(part)))
}

/// This program as one that takes the terminal and then panics: `panic here`, or `panic elsewhere`, in another thread.
pub fn main() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let (kind, place) = (arguments.next()?, arguments.next()?);
    if kind != "panic" {
        return None;
    }
    color_eyre::install().unwrap();
    let (end, ended) = std::sync::mpsc::channel();
    let outcome = cryoscope::tui::on_screen(
        move || end.send(()).unwrap(),
        |terminal| {
            terminal.draw(|frame| frame.render_widget("on the screen", frame.area()))?;
            wait_for_a_key();
            if place == "here" {
                panic!("wanted here");
            }
            std::thread::spawn(|| panic!("wanted elsewhere")).join().unwrap_err();
            ended.recv().unwrap();
            Ok(())
        },
    );
    println!("{}", outcome.unwrap_err());
    Some(ExitCode::FAILURE)
}

fn wait_for_a_key() {
    std::io::stdin().read_exact(&mut [0]).unwrap();
}
