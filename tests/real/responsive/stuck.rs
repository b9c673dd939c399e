//! A freeze that cannot complete, and everything else meanwhile.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use cryoscope::kernel::freezer::{FreezerError, Undone, freeze_watched};

use super::*;

/// A group that v2 cannot freeze, for v1 holds its process; with others beside it.
struct Stuck {
    // The first to go: it lets itself go, and its groups can be removed.
    _held: Workload,
    top: Group,
    stuck: Group,
    _holder: Group,
}

impl Stuck {
    fn new(name: &str) -> Self {
        let (top, holder) = (Group::v2(name), Group::v1("holds"));
        let stuck = top.child("a-stuck");
        let held = Workload::in_groups(&[&stuck, &holder]);
        holder.freeze();
        Self { _held: held, top, stuck, _holder: holder }
    }

    /// The screen at the groups, with the freeze going on.
    fn begin(&self) -> Terminal {
        let mut terminal = Terminal::rooted_at(self.top.path(), WIDE);
        terminal.shows_line(&["a-stuck"]);
        terminal.keys("/a-stuck\r");
        terminal.shows_line(&[">", "a-stuck"]);
        freeze(&mut terminal);
        terminal.shows_line(&["a-stuck", "◌ freezing"]);
        assert!(self.stuck.requested());
        terminal
    }

    /// The freeze goes on still: what happened meanwhile did not wait for its end.
    #[track_caller]
    fn assert_goes_on(&self) {
        assert!(self.stuck.requested() && !self.stuck.is_frozen(), "the freeze has ended");
    }
}

/// Freezes the selected group.
fn freeze(terminal: &mut Terminal) -> Duration {
    let start = Instant::now();
    terminal.keys("f");
    terminal.shows("All processes in it and below stop");
    let dialog = start.elapsed();
    terminal.keys("\x1b[C\r");
    dialog
}

pub fn keeps_nothing_waiting() {
    let scene = Stuck::new("wait");
    let other = scene.top.child("b-other");
    let workload = Workload::in_groups(&[&other]);
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = scene.begin();

    terminal.keys("/b-other\r");
    let selected = terminal.shows_line(&[">", "b-other"]);
    let dialog = freeze(&mut terminal);
    let frozen = terminal.shows_line(&["b-other", "❄ frozen"]);
    assert!(other.is_frozen());
    scene.assert_goes_on();

    terminal.keys("t");
    terminal.shows_line(&["Cancel", "Thaw"]);
    terminal.keys("\x1b[C\r");
    let thawed = terminal.shows_no_line(&["b-other", "❄"]);
    workload.assert_counting();
    scene.assert_goes_on();

    let file = folder.path().join("events");
    terminal.keys(&format!("4E\x15{}\r", file.display()));
    let exported = terminal.shows("saved: ");
    assert!(fs::read_to_string(&file).unwrap().contains("frozen"));
    scene.assert_goes_on();

    terminal.keys(&format!("p{}\r", workload.pid()));
    let gone_to = terminal.shows_line(&[">", "b-other"]);
    terminal.keys("1");
    terminal.shows_line(&[">", &workload.pid().to_string()]);
    terminal.keys("x\x1b[C\r");
    let signalled = terminal.shows("STOP sent to process");
    scene.assert_goes_on();

    terminal.keys("q");
    let start = Instant::now();
    assert_eq!(terminal.end().code(), Some(0));
    println!(
        "beside a stuck freeze: select {selected:?}, dialog {dialog:?}, freeze {frozen:?}, thaw {thawed:?}, export {exported:?}, \
         go to {gone_to:?}, signal {signalled:?}, quit {:?}",
        start.elapsed()
    );
    assert!(!scene.stuck.requested(), "what was not complete is taken back");
    terminal.assert_restored();
}

pub fn is_cancelled() {
    let scene = Stuck::new("cancel");
    let mut terminal = scene.begin();
    // From anywhere.
    terminal.keys("ggX");
    terminal.shows("was cancelled; the freeze was rolled back");
    assert!(!scene.stuck.requested());

    terminal.keys("/a-stuck\r");
    freeze(&mut terminal);
    terminal.shows_line(&["a-stuck", "◌ freezing"]);
    terminal.keys("t");
    terminal.shows_line(&["Cancel", "Thaw"]);
    terminal.keys("\x1b[C\r");
    terminal.shows("is thawed");
    until("its request is taken back", SOON, || !scene.stuck.requested());
    terminal.shows_no_line(&["a-stuck", "◌ freezing"]);

    // What somebody else asked for is left as found.
    scene.stuck.request(true);
    let error =
        freeze_watched(&scene.stuck.open(), SOON, &mut |_| std::ops::ControlFlow::Break(())).unwrap_err();
    assert!(matches!(error, FreezerError::Cancelled { undone: Undone::LeftAsFound, .. }), "{error}");
    assert!(scene.stuck.requested());
}

pub fn is_taken_back_on_leaving() {
    let scene = Stuck::new("leave");
    let mut terminal = scene.begin();
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    assert!(!scene.stuck.requested());
    terminal.assert_restored();
    let said = terminal.screen().contents();
    assert!(said.contains("was cancelled; the freeze was rolled back"), "{said}");
}

/// For how long it is said to be freezing.
fn seconds(screen: &vt100::Screen) -> Option<u64> {
    let contents = screen.contents();
    let (_, said) = contents.rsplit_once("freezing for ")?;
    said.split_once('s')?.0.parse().ok()
}

/// On a terminal it says every second who still runs, and Ctrl-C takes the freeze back.
pub fn is_watched() {
    let scene = Stuck::new("watched");
    let mut command = Command::new(PROGRAM);
    command.arg("freeze").arg(scene.stuck.path()).args(["--timeout", "1h"]);
    let mut terminal = Terminal::start(command, WIDE);
    // On a busy machine a number is left out.
    terminal.wait("it says so", |screen| seconds(screen).is_some());
    let first = seconds(terminal.screen());
    terminal.wait("it says so again", |screen| seconds(screen) > first);
    scene.assert_goes_on();
    terminal.keys("\x03");
    assert_eq!(terminal.end().code(), Some(1));
    let said = terminal.screen().contents();
    assert!(said.contains("was cancelled; the freeze was rolled back"), "{said}");
    assert!(!scene.stuck.requested());
}
