//! The program in a terminal, as a person uses it: keys in, the screen out, real groups in between.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use vt100::MouseProtocolMode;

use super::support::ordinary::{Copy, NOBODY};
use super::support::requirement::{Need, trial};
use super::support::terminal::Terminal;
use super::support::{Group, SOON, Workload, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const V1: &[Need] = &[Need::Root, Need::V1];
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1];
const WIDE: (u16, u16) = (140, 40);

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("terminal::signals_end_it_and_restore_the_terminal", V2, signals_end_it),
        trial("terminal::a_panic_restores_the_terminal", &[], a_panic_restores_the_terminal),
        trial("terminal::it_ends_with_its_terminal", V2, it_ends_with_its_terminal),
        trial("terminal::every_size_is_used", V2, every_size_is_used),
        trial("terminal::the_mouse_selects_and_folds", V2, the_mouse_selects_and_folds),
        trial("terminal::what_cannot_change_unannounced_costs_nothing", V2, idle_costs_nothing),
        trial("terminal::what_is_stuck_names_the_culprit", BOTH, what_is_stuck),
        trial("terminal::marked_groups_are_frozen_together", V2, marked_groups),
        trial("terminal::a_process_is_gone_to_and_signalled", V2, a_process_is_signalled),
        trial("terminal::events_are_written_to_a_file_that_is_new", V2, events_are_exported),
        trial("terminal::an_ordinary_user_sees_and_is_told_what_is_missing", V2, an_ordinary_user),
        trial("terminal::without_watches_a_freeze_still_shows", V2, without_watches_a_freeze_still_shows),
    ];
    for version in [Version::V2, Version::V1] {
        let need = if version == Version::V2 { V2 } else { V1 };
        let mut add = |name: &str, test: fn(Version)| {
            all.push(trial(&format!("terminal::{name}::{version}"), need, move || test(version)));
        };
        add("start_freeze_thaw_quit", start_freeze_thaw_quit);
        add("what_others_do_shows_by_itself", what_others_do_shows_by_itself);
        add("files_and_events_show_by_themselves", files_and_events);
        add("files_of_a_frozen_group_cost_nothing", files_of_a_frozen_group_cost_nothing);
        add("what_the_kernel_did_not_keep_is_found", what_the_kernel_did_not_keep);
    }
    all
}

fn name(group: &Group) -> &str {
    group.name().to_str().unwrap()
}

fn start_freeze_thaw_quit(version: Version) {
    let group = Group::new(version, "use");
    let workload = Workload::in_group(&group);
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&[name(&group)]);
    terminal.shows_line(&[&workload.pid().to_string(), " S ", "real-"]);
    assert!(terminal.screen().alternate_screen());

    terminal.keys("f");
    terminal.shows_line(&["Cancel", "Freeze"]);
    // It starts on Cancel.
    terminal.keys("\r");
    terminal.shows_no_line(&["Cancel", "Freeze"]);
    assert!(!group.requested());
    terminal.keys("f");
    // Once it is known that nothing speaks against it.
    terminal.shows("All processes in it and below stop");
    terminal.keys("\x1b[C\r");
    terminal.shows_line(&[name(&group), "❄ frozen"]);
    assert!(group.requested());
    until("the kernel says so too", SOON, || group.is_frozen());
    workload.assert_still();

    terminal.keys("t");
    terminal.shows_line(&["Cancel", "Thaw"]);
    terminal.keys("\x1b[C\r");
    // The dialog may lie over the row: what is said below comes when it is done.
    terminal.shows("is thawed");
    terminal.shows_no_line(&[name(&group), "❄"]);
    assert!(!group.requested());
    workload.assert_counting();

    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}

/// A group that v2 is to freeze, whose process v1 holds: it says which, and completes when that is let go.
fn what_is_stuck() {
    let (v2, v1) = (Group::v2("stuck"), Group::v1("holds"));
    let below = v2.child("below");
    let workload = Workload::in_groups(&[&below, &v1]);
    v1.freeze();
    v2.request(true);
    let mut terminal = Terminal::at(v2.path(), WIDE);
    terminal.shows_line(&[name(&v2), "◌ freezing"]);
    terminal.keys("2");
    terminal.shows_line(&["Blocked by", &workload.pid().to_string()]);
    v1.thaw();
    terminal.shows_line(&[name(&v2), "❄ frozen"]);
    terminal.shows_no_line(&["Blocked by"]);
}

fn marked_groups() {
    let group = Group::v2("marks");
    let (one, two, three) = (group.child("one"), group.child("two"), group.child("three"));
    let workloads = [&one, &two, &three].map(|group| Workload::in_groups(&[group]));
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&["▸", name(&group)]);
    // one, three, two: Space marks and goes on to the next.
    terminal.keys("+j j ");
    terminal.shows("2 groups marked");
    terminal.shows_line(&["●one"]);
    terminal.shows_line(&["●two"]);
    terminal.keys("f");
    terminal.shows("Each group gets its own request");
    terminal.keys("2\x1b[C\r");
    terminal.shows("2 groups are frozen");
    until("the kernel says so too", SOON, || one.is_frozen() && two.is_frozen());
    assert!(!three.requested(), "it was not marked");
    workloads[2].assert_counting();
    terminal.keys("t");
    terminal.shows_line(&["Cancel", "Thaw"]);
    terminal.keys("\x1b[C\r");
    terminal.shows("2 groups are thawed");
    workloads.iter().for_each(Workload::assert_counting);
}

fn a_process_is_signalled() {
    let group = Group::v2("signal");
    let workload = Workload::in_groups(&[&group]);
    let mut terminal = Terminal::at(Path::new("/"), WIDE);
    terminal.shows_line(&["watch"]);
    terminal.keys(&format!("p{}\r", workload.pid()));
    terminal.shows_line(&[">", name(&group)]);
    terminal.shows_line(&[">", &workload.pid().to_string()]);
    terminal.keys("x\x1b[C\r");
    terminal.shows("STOP sent to process");
    terminal.shows_line(&[&workload.pid().to_string(), "[stopped]"]);
    workload.wait_for_state('T');
    terminal.keys("x\x1b[C\x1b[C\r");
    terminal.shows("CONT sent to process");
    workload.assert_counting();
    terminal.keys("x\x1b[C\x1b[C\x1b[C\x1b[C\r");
    terminal.shows("KILL sent to process");
    workload.reap();
    // What this program depends on gets no signal from it.
    terminal.keys(&format!("p{}\r", std::process::id()));
    // The names of the groups have this number in them, too.
    terminal.shows_line(&[&format!(">{:>6} ", std::process::id())]);
    terminal.keys("x\x1b[C\x1b[C\x1b[C\r");
    terminal.shows("TERM not sent");
}

fn events_are_exported() {
    let (group, folder) = (Group::v2("export"), tempfile::tempdir().unwrap());
    let file = folder.path().join("events");
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&[name(&group)]);
    terminal.keys("4");
    group.freeze();
    terminal.shows_line(&["frozen", "this group"]);
    terminal.keys(&format!("E\x15{}\r", file.display()));
    terminal.shows("saved: ");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.ends_with(&format!("frozen    {}\n", group.path().display())), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    terminal.keys(&format!("E\x15{}\r", file.display()));
    terminal.shows("File exists");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

fn what_others_do_shows_by_itself(version: Version) {
    let top = Group::new(version, "live");
    let group = top.child("group");
    let first = group.child("first");
    let workload = Workload::in_group(&first);
    let mut terminal = Terminal::rooted_at(top.path(), WIDE);
    terminal.shows_line(&["▸ group"]);
    terminal.keys("j+");
    terminal.shows_line(&["first"]);

    let second = group.child("second");
    let made = terminal.shows_line(&["second"]);
    second.request(true);
    let frozen = terminal.shows_line(&["second", "❄ frozen"]);
    second.request(false);
    let thawed = terminal.shows_no_line(&["second", "❄"]);
    group.request(true);
    let parent = terminal.shows_line(&["first", "❄↑ by"]);
    terminal.shows_line(&["second", "❄↑ by"]);
    workload.assert_still();
    group.request(false);
    terminal.shows_no_line(&["first", "❄"]);
    fs::remove_dir(second.path()).unwrap();
    let removed = terminal.shows_line(&["second", "(gone)"]);
    terminal.shows_no_line(&["second"]);
    println!(
        "{version}: on the screen after: mkdir {made:?}, freeze {frozen:?}, thaw {thawed:?}, freeze of the parent {parent:?}, rmdir {removed:?}"
    );
}

fn files_and_events(version: Version) {
    let (file, thawed, frozen) = match version {
        Version::V2 => ("cgroup.freeze", "0", "1"),
        Version::V1 => ("freezer.state", "THAWED", "FROZEN"),
    };
    let group = Group::new(version, "files");
    let _workload = Workload::in_group(&group);
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&[name(&group)]);
    terminal.keys("3");
    terminal.shows_line(&[" ", file, thawed]);
    group.request(true);
    let changed = terminal.shows_line(&[&format!("*{file}"), frozen]);
    terminal.shows_no_line(&[&format!("*{file}")]);
    terminal.shows_line(&[file, frozen]);

    terminal.keys("4");
    terminal.shows_line(&["   frozen", "this group"]);
    let later = group.child("later");
    let made = terminal.shows_line(&["created", "later"]);
    // It is made in a frozen group.
    terminal.shows_line(&["   frozen", "later"]);
    terminal.keys("t");
    terminal.shows_line(&["Cancel", "Thaw"]);
    terminal.keys("\x1b[C\r");
    terminal.shows_line(&["us thawed", "this group"]);
    terminal.shows_line(&["us thawed", "later"]);
    fs::remove_dir(later.path()).unwrap();
    let removed = terminal.shows_line(&["removed", "later"]);
    println!("{version}: on the screen after: freeze {changed:?}, mkdir {made:?}, rmdir {removed:?}");
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}

fn files_of_a_frozen_group_cost_nothing(version: Version) {
    let group = Group::new(version, "still");
    let _workload = Workload::in_group(&group);
    group.request(true);
    until("it is frozen", SOON, || group.is_frozen());
    // Nothing but this: what other tests make would be announced, too.
    let mut terminal = Terminal::rooted_at(group.path(), WIDE);
    terminal.keys("3");
    terminal.shows("[3 Files]");
    terminal.shows_line(&[if version == Version::V2 { "cgroup.freeze" } else { "freezer.state" }]);
    // The screen counts the seconds; nobody looks at the group.
    assert_rests(|| terminal.switches_of("observe-"));
}

fn signals_end_it() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let group = Group::v2("signal");
        let mut terminal = Terminal::at(group.path(), WIDE);
        terminal.shows_line(&[name(&group)]);
        terminal.signal(signal);
        assert_eq!(terminal.end().code(), Some(0), "{signal}");
        terminal.assert_restored();
    }
}

/// The terminal is set up by the function that sets it up for the program, in a program that then panics.
fn a_panic_restores_the_terminal() {
    for (place, code) in [("here", 101), ("elsewhere", 1)] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["panic", place]).env("RUST_BACKTRACE", "0");
        let mut terminal = Terminal::start(command, (200, 24));
        terminal.shows("on the screen");
        assert!(terminal.screen().alternate_screen());
        terminal.keys("x");
        assert_eq!(terminal.end().code(), Some(code));
        terminal.assert_restored();
        // The report is where it can be read.
        let report = terminal.screen().contents();
        assert!(report.contains(&format!("wanted {place}")), "{report}");
        assert!(!report.contains("on the screen"), "{report}");
    }
}

fn it_ends_with_its_terminal() {
    let group = Group::v2("vanish");
    let mut terminal = Terminal::at(group.path(), WIDE);
    terminal.shows_line(&[name(&group)]);
    terminal.vanish();
    assert_ended_by_itself(terminal.end());

    // Below a shell that does not pass the hang-up on: nobody tells it.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; \"$@\"; exit $?", "sh", PROGRAM]).arg(group.path());
    let mut terminal = Terminal::start(command, WIDE);
    terminal.shows_line(&[name(&group)]);
    terminal.vanish();
    assert_ended_by_itself(terminal.end());
}

/// With a code, that of a failure at most: not by a signal, and not by a panic.
#[track_caller]
fn assert_ended_by_itself(status: ExitStatus) {
    assert!(status.code().is_some_and(|code| code <= 1), "{status}");
}

fn every_size_is_used() {
    let group = Group::v2("size");
    group.child("child");
    let mut terminal = Terminal::at(group.path(), (60, 15));
    terminal.shows("Groups");
    terminal.shows_line(&[">", &name(&group)[..20]]);
    for size in [(59, 15), (60, 14), (20, 5)] {
        terminal.resize(size);
        terminal.shows("too small");
    }
    for (width, height) in [(80, 24), (200, 50), (60, 15)] {
        terminal.resize((width, height));
        // Drawn anew up to the last line.
        terminal.wait("the keys stand in the last line", |screen| {
            screen.rows(0, width).last().is_some_and(|row| row.contains("q quit"))
        });
        terminal.shows_line(&[">", &name(&group)[..20]]);
    }
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}

fn the_mouse_selects_and_folds() {
    let group = Group::v2("mouse");
    for child in ["child-1", "child-2", "child-3", "child-4"] {
        group.child(child);
    }
    group.child("child-1/below");
    // Nothing but this: what other tests make would move the lines.
    let mut terminal = Terminal::rooted_at(group.path(), WIDE);
    terminal.shows_line(&["▸ child-1"]);
    let triangle = terminal.find("▸ child-1");
    terminal.mouse(0, triangle);
    terminal.shows_line(&["below"]);
    terminal.mouse(0, triangle);
    terminal.shows_no_line(&["below"]);
    let at = terminal.find("child-2");
    terminal.mouse(0, at);
    terminal.shows_line(&[">", "child-2"]);
    terminal.wheel(false, at);
    terminal.shows_line(&[">", "/"]);
    terminal.wheel(true, at);
    terminal.shows_line(&[">", "child-3"]);
    assert!(!group.requested());

    terminal.keys("m");
    terminal
        .wait("the mouse is given back", |screen| screen.mouse_protocol_mode() == MouseProtocolMode::None);
    terminal.keys("m");
    terminal.wait("the mouse is taken", |screen| screen.mouse_protocol_mode() != MouseProtocolMode::None);
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}

fn idle_costs_nothing() {
    let group = Group::v2("idle");
    group.child("child");
    let mut terminal = Terminal::rooted_at(group.path(), WIDE);
    terminal.shows_line(&["child"]);
    terminal.shows("watch 2");
    assert_rests(|| terminal.switches());
    // And it is awake all the same.
    group.child("later");
    terminal.shows_line(&["later"]);
}

/// It comes to rest, and nothing wakes it. Where memory is short it may wait for a page that it reads again.
#[track_caller]
fn assert_rests(switches: impl Fn() -> u64) {
    let (mut before, mut since) = (switches(), Instant::now());
    until("nothing wakes it for three seconds", SOON * 3, || {
        std::thread::sleep(Duration::from_millis(50));
        let now = switches();
        if std::mem::replace(&mut before, now) != now {
            since = Instant::now();
        }
        since.elapsed() > Duration::from_secs(3)
    });
}

fn an_ordinary_user() {
    let group = Group::v2("ordinary");
    let workload = Workload::in_group(&group);
    let program = Copy::of(PROGRAM);
    let mut command = Command::new(program.path());
    command.arg(group.path()).uid(NOBODY).gid(NOBODY);
    let mut terminal = Terminal::start(command, WIDE);
    terminal.shows_line(&[name(&group)]);
    terminal.shows_line(&[&workload.pid().to_string(), " S ", "real-"]);
    terminal.keys("2");
    terminal.shows("needs root");
    terminal.keys("f");
    terminal.shows("Not permitted to write");
    terminal.keys("\x1b[C\r");
    terminal.shows("it belongs to root");
    terminal.keys("\x1b[D\r");
    assert!(!group.requested());
    workload.assert_counting();
    // And it is still there.
    group.child("later");
    terminal.shows_line(&["▸", name(&group)]);
    terminal.keys("+");
    terminal.shows_line(&["later"]);
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}

fn without_watches_a_freeze_still_shows() {
    let group = Group::v2("polled");
    let mut terminal = Terminal::start(starved("max_inotify_watches", 3, group.path()), WIDE);
    terminal.shows_line(&[name(&group)]);
    terminal.shows_line(&["cryoscope", "polling"]);
    group.request(true);
    terminal.shows_line(&[name(&group), "❄ frozen"]);
    // Why, where the root is selected.
    terminal.keys("gg");
    terminal.shows("raise fs.inotify.max_user_watches");
}

/// The program stands still until the kernel has more to announce than it keeps (inotify(7), `max_queued_events`).
fn what_the_kernel_did_not_keep(version: Version) {
    let top = Group::new(version, "overflow");
    let group = top.child("group");
    let (cell, inner, gone) = (group.child("cell"), group.child("cell/inner"), group.child("goes"));
    let workload = Workload::in_group(&inner);
    let mut terminal = Terminal::rooted_at(top.path(), WIDE);
    terminal.shows_line(&["▸ group"]);
    // Only what is known is unfolded: that is all once it is watched.
    terminal.shows("watch ");
    terminal.keys("j*");
    terminal.shows_line(&["inner"]);
    terminal.signal(Signal::SIGSTOP);
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    // Two announcements each.
    let flash = group.path().join("flash");
    for _ in 0..=limit / 2 {
        fs::create_dir(&flash).unwrap();
        fs::remove_dir(&flash).unwrap();
    }
    cell.freeze();
    fs::remove_dir(gone.path()).unwrap();
    fs::create_dir(inner.path().join("new")).unwrap();
    terminal.signal(Signal::SIGCONT);
    terminal.shows_line(&["cell", "❄ frozen"]);
    terminal.shows_line(&["▸", "inner", "❄↑ by cell"]);
    terminal.shows_no_line(&["goes", "0"]);
    // And what is new is watched.
    terminal.keys("*");
    terminal.shows_line(&["new", "❄↑ by cell"]);
    inner.child("new/newest");
    terminal.shows_line(&["▸", "new"]);
    terminal.keys("*");
    terminal.shows_line(&["newest"]);
    cell.thaw();
    terminal.shows_no_line(&["cell", "❄ frozen"]);
    workload.assert_counting();
}

/// The program in a user namespace, which has limits of its own. (user_namespaces(7), namespaces(7))
fn starved(limit: &str, number: u32, group: &Path) -> Command {
    let script = format!("echo {number} >/proc/sys/user/{limit} && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", &script, "sh", PROGRAM]).arg(group);
    command
}
