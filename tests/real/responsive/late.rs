//! Half sequences, answers that come late or never, readers that go.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::*;
use crate::real::support::terminal::ATTRIBUTES;

const GROUND: &str = "\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\";

/// Long after what the program waits for a sequence to go on.
fn pause() {
    std::thread::sleep(Duration::from_millis(200));
}

pub fn half_sequences() {
    let group = Group::v2("half");
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&[">", name(&group)]);
    let halves = ["\x1b[", "\x1b[<0;1", "\x1b[M", "\x1b]11;rgb:", "\x1bP", "\x1b[200~f\r", "\x1bO"];
    for half in halves.map(str::as_bytes).into_iter().chain([&b"\xc3"[..]]) {
        terminal.bytes(half);
        pause();
        let start = Instant::now();
        // On a busy machine both may be read at once: then the key is a part of the sequence, and the next one counts.
        let is_heard = |screen: &vt100::Screen| screen.contents().contains("[2 Freeze]");
        let heard = (0..3).any(|_| {
            terminal.keys("2");
            terminal.follow(Duration::from_secs(5), is_heard)
        });
        assert!(heard, "no key after {:?}", String::from_utf8_lossy(half));
        println!("a key after {:?}: {:?}", String::from_utf8_lossy(half), start.elapsed());
        pause();
        terminal.keys("1");
        terminal.shows("[1 Processes]");
    }
    pause();
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
    terminal.assert_nothing_typed();
    assert!(!group.requested());
}

/// The answers come while it runs, or when it was asked to leave.
pub fn answers() {
    let group = Group::v2("answers");
    for leave in [false, true] {
        let mut terminal = Terminal::at(group.path(), WIDE);
        terminal.answer_nothing();
        terminal.shows_line(&[">", name(&group)]);
        terminal.is_asked(1);
        if leave {
            terminal.keys("q");
            // It was left to itself until then.
            terminal.follow(Duration::from_millis(300), |_| false);
        }
        terminal.keys(GROUND);
        terminal.keys(ATTRIBUTES);
        if !leave {
            terminal.keys("2");
            terminal.shows("[2 Freeze]");
            terminal.keys("q");
            // What it sent before it heard that it is to be quiet comes before this answer.
            terminal.is_asked(2);
            terminal.mouse(0, (5, 5));
            terminal.keys(ATTRIBUTES);
        }
        assert_eq!(terminal.end().code(), Some(0));
        terminal.assert_restored();
        terminal.assert_nothing_typed();
    }
}

pub fn no_answers() {
    let group = Group::v2("silent");
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.answer_nothing();
    terminal.shows_line(&[">", name(&group)]);
    terminal.is_asked(1);
    let start = Instant::now();
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    println!("a terminal that does not answer is left after {:?}", start.elapsed());
    terminal.assert_restored();
}

/// It is written to until nothing more can be: a signal ends it all the same, and the terminal's settings are as they were.
pub fn is_not_read() {
    let group = Group::v2("unread");
    let mut terminal = Terminal::at(group.path(), (200, 60));
    terminal.shows_line(&[">", name(&group)]);
    until("nothing more can be written", SOON, || {
        terminal.keys("?");
        terminal.is_full()
    });
    terminal.signal(Signal::SIGTERM);
    assert_eq!(terminal.end_unread().code(), Some(0));
    terminal.assert_settings_restored();
}

pub fn watch_ends() {
    let group = Group::v2("reader");
    let mut watch = Command::new(PROGRAM);
    let mut child = watch.arg("watch").arg(group.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let watched = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Until it watches.
        scope.spawn(|| {
            while !watched.load(Ordering::Relaxed) {
                group.request(true);
                group.request(false);
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        lines.next().unwrap().unwrap();
        watched.store(true, Ordering::Relaxed);
    });
    // The last that happens: what comes before it is read.
    group.child("last");
    while !lines.next().unwrap().unwrap().contains("/last") {}
    drop(lines);
    until("it ends", SOON, || child.try_wait().unwrap().is_some());
    assert!(child.wait().unwrap().success());
}
