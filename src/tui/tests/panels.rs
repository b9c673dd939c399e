//! The panels of files and of events.

use super::screens::snapshot;
use super::*;
use crate::model::tree::{Occurrence, What};
use crate::model::{Contents, ControlFile};

fn file(name: &'static str, text: &[u8]) -> ControlFile {
    ControlFile { name, contents: Contents::Text { bytes: text.into(), cut: false } }
}

/// What is in a group that is thawed, or frozen.
fn files(frozen: bool) -> Vec<ControlFile> {
    let bit = if frozen { b'1' } else { b'0' };
    vec![
        file("cgroup.freeze", &[bit, b'\n']),
        file("cgroup.events", &[b"populated 1\nfrozen ", &[bit][..], b"\n"].concat()),
        ControlFile { name: "cgroup.kill", contents: Contents::WriteOnly },
        file("cgroup.controllers", b"cpuset cpu io memory hugetlb pids rdma misc\n"),
        file("cgroup.subtree_control", b"\n"),
        file("memory.current", b"25165824\n"),
        ControlFile {
            name: "memory.peak",
            contents: Contents::Unreadable("Permission denied (os error 13)".to_owned()),
        },
    ]
}

fn at(s: &mut Session, seconds: u64) {
    s.send(Event::Tick(Duration::from_secs(seconds)));
}

fn happened(s: &mut Session, time: &str, what: What, path: &[u8]) {
    let at = format!("2026-11-24T{time}+00:00[UTC]").parse().unwrap();
    let occurred = vec![Occurrence { what, id: id(99), path: CgroupPath::new(path) }];
    s.send(Event::Happened { version: Version::V2, at, occurred });
}

/// Whether the files were asked for, each time that was told.
fn asked_for_files(s: &mut Session) -> Vec<bool> {
    let said = std::mem::take(&mut s.said);
    let files = said.into_iter().filter_map(|command| match command {
        Command::Focus { files, .. } => Some(files),
        _ => None,
    });
    files.collect()
}

fn freeze_of_ours(s: &mut Session) {
    s.press("f");
    s.send(Event::Guard { id: id(12), refusal: None, owner: None, dump: None });
    s.press("<Right><Enter>");
}

#[test]
fn the_files_are_asked_for_while_they_are_shown() {
    let mut s = Session::host((120, 24));
    s.press("j");
    assert_eq!(asked_for_files(&mut s), [false]);
    assert_eq!(asked_for_files(s.press("3")), [true]);
    assert_eq!(asked_for_files(s.press("3J")), [false; 0]);
    assert_eq!(asked_for_files(s.press("4")), [false]);
    // On a small screen the groups hide them.
    s.press("3");
    s.send(Event::Input(Input::Resize(60, 15)));
    s.said.clear();
    assert_eq!(asked_for_files(s.press("<Esc>")), [false]);
}

#[test]
fn a_file_that_changes_is_marked_and_the_mark_goes_by_itself() {
    let mut s = Session::host((80, 24));
    s.press("/ssh<Enter>3");
    assert!(s.screen().contains("reading"));
    s.send(Event::Files { id: id(12), list: Ok(files(false)) });
    assert!(!s.screen().contains('*'), "{}", s.screen());
    s.send(Event::Files { id: id(12), list: Ok(files(true)) });
    assert_eq!(s.app.next_tick(), Some(Duration::from_secs(1)));
    snapshot("files", &mut s);
    at(&mut s, 726);
    assert!(!s.screen().contains('*'), "{}", s.screen());
    s.send(Event::Files { id: id(12), list: Err("no\x1b[2Jt permitted".to_owned()) });
    assert!(s.screen().contains("no\\x1b[2Jt permitted"), "{}", s.screen());
}

#[test]
fn files_scroll_to_their_end_and_no_further() {
    let mut s = Session::host((60, 15));
    s.press("/ssh<Enter>3");
    s.send(Event::Files { id: id(12), list: Ok([files(false), files(true)].concat()) });
    let end = s.press("JJJJJJJJJJJJJJJJJJJJ").app.panel_offset;
    assert!(end > 0);
    assert!(s.screen().contains("Permission denied"), "{}", s.screen());
    assert_eq!(s.press("JK").app.panel_offset, end - 1);
}

#[test]
fn events_of_the_group_and_below_with_ours_apart() {
    let mut s = Session::host((80, 24));
    happened(&mut s, "10:07:12.5", What::Created, b"/system.slice/ssh.service/job");
    happened(&mut s, "10:07:13", What::Populated, b"/system.slice/ssh.service/job");
    happened(&mut s, "10:07:14", What::Frozen, b"/user.slice");
    s.press("/ssh<Enter>4");
    freeze_of_ours(&mut s);
    happened(&mut s, "10:07:20", What::Frozen, b"/system.slice/ssh.service");
    let path = CgroupPath::new(b"/system.slice/ssh.service");
    let outcome = Ok("ssh.service is frozen".to_owned());
    s.send(Event::Done { action: FreezeAction::Freeze, version: Version::V2, id: id(12), path, outcome });
    happened(&mut s, "10:07:21", What::Frozen, b"/system.slice/ssh.service/job");
    at(&mut s, 800);
    happened(&mut s, "10:08:40", What::Thawed, b"/system.slice/ssh.service");
    happened(&mut s, "10:08:41", What::Emptied, b"/system.slice/ssh.service/job\x1b[2J");
    happened(&mut s, "10:08:42", What::Removed, b"/system.slice/ssh.service/job");
    snapshot("events", &mut s);
}

#[test]
fn of_a_long_path_the_end_is_shown() {
    let mut s = Session::host((80, 24));
    happened(&mut s, "10:07:12", What::Removed, b"/system.slice/some-very-long.service/worker-17");
    let screen = s.press("4").screen();
    assert!(screen.contains("removed   …rvice/worker-17│"), "{screen}");
}

#[test]
fn events_scroll_and_stay_where_they_are_while_new_ones_come() {
    let mut s = Session::host((60, 15));
    s.press("4");
    assert!(s.screen().contains("no events yet"));
    for second in 10..40 {
        happened(&mut s, &format!("10:00:{second}"), What::Created, b"/a");
    }
    let shows = |s: &Session, time: &str| s.screen().contains(time);
    // The last nine have room.
    assert!(shows(&s, "10:00:39") && shows(&s, "10:00:31") && !shows(&s, "10:00:30"), "{}", s.screen());
    s.press("KK");
    assert!(shows(&s, "10:00:37") && shows(&s, "2 newer: J") && !shows(&s, "10:00:38"), "{}", s.screen());
    happened(&mut s, "10:00:50", What::Removed, b"/a");
    assert!(shows(&s, "10:00:37") && shows(&s, "3 newer: J") && !shows(&s, "10:00:38"), "{}", s.screen());
    s.press("JJJ");
    happened(&mut s, "10:00:51", What::Created, b"/a");
    assert!(shows(&s, "10:00:51") && !shows(&s, "newer"), "{}", s.screen());
    s.press(&"K".repeat(99));
    assert!(shows(&s, "10:00:10") && shows(&s, "10:00:18") && !shows(&s, "10:00:19"), "{}", s.screen());
    // Another group begins at its newest.
    s.press("<Esc>j4");
    assert!(shows(&s, "no events yet"));
    s.press("<Esc>k4");
    assert!(shows(&s, "10:00:51"), "{}", s.screen());
}

#[test]
fn files_copy_the_line_that_reads_and_events_themselves() {
    let mut s = Session::host((120, 24));
    let file = "/sys/fs/cgroup/unified/system.slice/ssh.service/cgroup.freeze";
    assert_eq!(s.press("/ssh<Enter>3y").asked(), [Command::Copy(format!("cat {file}"))]);
    assert_eq!(s.press("4y").asked(), []);
    assert_eq!(s.said(), "no events to copy");
    happened(&mut s, "10:07:12.25", What::Thawed, b"/system.slice/ssh.service/a\x1bb");
    happened(&mut s, "10:07:13", What::Thawed, b"/user.slice");
    let line = "2026-11-24T10:07:12.250+00:00    thawed    /sys/fs/cgroup/unified/system.slice/ssh.service/a\\x1bb\n";
    assert_eq!(s.press("y").asked(), [Command::Copy(line.to_owned())]);
    assert_eq!(s.said(), "copied: the newest 1 event");
    // The root has no file of the freezer.
    assert_eq!(s.press("gg3y").asked(), [Command::Copy("/sys/fs/cgroup/unified".to_owned())]);
}

#[test]
fn tab_goes_round_all_panels() {
    let mut s = Session::host((80, 24));
    for shown in ["[2 Freeze]", "[3 Files]", "[4 Events]", "[1 Procs]"] {
        assert!(s.press("<Tab>").screen().contains(shown), "{}", s.screen());
    }
    let mut s = Session::host((60, 15));
    for shown in ["[1 Processes]", "[2 Freeze]", "[3 Files]", "[4 Events]", " Groups ", "[1 Processes]"] {
        assert!(s.press("<Tab>").screen().contains(shown), "{}", s.screen());
    }
}
