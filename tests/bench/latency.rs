//! From what somebody else does to a group to the model, and to the screen.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, unbounded};
use cryoscope::model::tree::What;
use cryoscope::watch::{Message, Observer};

use super::figures::{WIDE, groups, part};
use crate::real::support::terminal::Terminal;
use crate::real::support::workload::quiet;
use crate::real::support::{Group, SOON, until};

const ROUNDS: usize = 100;
/// The kernel announces one file 65 times a second at most: what is slower than that is announced at once.
const PAUSE: Duration = Duration::from_millis(30);

pub fn latency() {
    for many in [10, 10_000] {
        let group = groups("latency", many);
        // Before all others, so that it is on the screen.
        let child = group.child("!cell");
        println!("{many} groups:");
        to_the_model(&group, &child);
        to_the_screen(&group, &child);
    }
}

fn to_the_model(group: &Group, child: &Group) {
    let (tell, told) = unbounded();
    let send = move |said| drop(tell.send(said));
    let _observer = Observer::start(group.filesystem(), group.cgroup_path(), Arc::default(), send).unwrap();
    while !matches!(told.recv_timeout(SOON).unwrap(), Message::Watching(_)) {}
    let fresh = group.path().join("!fresh");
    let freeze: Act<'_> = (&|| child.request(true), What::Frozen);
    let thaw: Act<'_> = (&|| child.request(false), What::Thawed);
    to_and_fro(&told, "freeze", freeze, "thaw", thaw);
    let make: Act<'_> = (&|| fs::create_dir(&fresh).unwrap(), What::Created);
    let unmake: Act<'_> = (&|| fs::remove_dir(&fresh).unwrap(), What::Removed);
    to_and_fro(&told, "mkdir", make, "rmdir", unmake);
    let mut found = Vec::new();
    for _ in 0..ROUNDS / 4 {
        let mut last = quiet(Command::new("sleep").arg("1000")).spawn().unwrap();
        child.add(last.id().cast_signed());
        wait_for(&told, What::Populated);
        std::thread::sleep(PAUSE);
        let start = Instant::now();
        last.kill().unwrap();
        wait_for(&told, What::Emptied);
        found.push(start.elapsed());
        last.wait().unwrap();
        until("it is empty", SOON, || child.pids().is_empty());
    }
    say_times("last exit, from the kill, to the model", found);
}

type Act<'a> = (&'a dyn Fn(), What);

fn to_and_fro(told: &Receiver<Message>, to: &str, (act, seen): Act<'_>, fro: &str, (undo, undone): Act<'_>) {
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (act, what, times) in [(act, seen, &mut there), (undo, undone, &mut back)] {
            std::thread::sleep(PAUSE);
            let start = Instant::now();
            act();
            wait_for(told, what);
            times.push(start.elapsed());
        }
    }
    say_times(&format!("{to} to the model"), there);
    say_times(&format!("{fro} to the model"), back);
}

fn wait_for(told: &Receiver<Message>, what: What) {
    let so = |said: Message| matches!(said, Message::Happened(all) if all.iter().any(|one| one.what == what));
    while !so(told.recv_timeout(SOON).unwrap()) {}
}

fn to_the_screen(group: &Group, child: &Group) {
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&["▸", group.name().to_str().unwrap()]);
    terminal.keys("+");
    terminal.shows_line(&["!cell"]);
    terminal.wait("everything is watched", |screen| screen.contents().contains("watch "));
    let fresh = group.path().join("!fresh");
    let frozen = |row: &str| row.contains("!cell") && row.contains('❄');
    flicker(&mut terminal, ["freeze", "thaw"], frozen, |so| child.request(so));
    // One that has gone stands there for a moment, and says so.
    let there = |row: &str| row.contains(" !fresh ") && !row.contains("(gone)");
    flicker(&mut terminal, ["mkdir", "rmdir"], there, |so| {
        if so { fs::create_dir(&fresh) } else { fs::remove_dir(&fresh) }.unwrap();
    });
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
}

/// Does and undoes it, and waits until a row shows that it is so, and until none does.
fn flicker(terminal: &mut Terminal, names: [&str; 2], shows: impl Fn(&str) -> bool, act: impl Fn(bool)) {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS / 2 {
        for (so, times) in [true, false].into_iter().zip(&mut times) {
            std::thread::sleep(PAUSE);
            let start = Instant::now();
            act(so);
            let seen = |screen: &vt100::Screen| screen.rows(0, WIDE.0).any(|row| shows(&row)) == so;
            terminal.wait("the row", seen);
            times.push(start.elapsed());
        }
    }
    for (name, times) in names.into_iter().zip(times) {
        say_times(&format!("{name} to the screen"), times);
    }
}

fn say_times(what: &str, mut found: Vec<Duration>) {
    found.sort();
    println!("  {what}: median {:?}, p99 {:?}", part(&found, 500), part(&found, 990));
}
