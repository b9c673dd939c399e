//! The story in words: whoever holds a group is named.

use super::*;
use crate::model::State;

const PROCESSES: usize = 4;

/// `db.service` is selected, its four processes are in `/jobs/nightly` on v1.
fn on_v1(jobs: bool, nightly: bool, state: State, held: usize) -> Session {
    let mut s = Session::host((110, 40));
    let v1 = |ino, name: &str, requested, inherited| Cgroup {
        id: CgroupId { dev: 2, ino },
        name: name.as_bytes().into(),
        freezer: Freezer::V1 { requested, inherited, state },
        populated: None,
    };
    let root = Cgroup { id: CgroupId { dev: 2, ino: 1 }, ..root(1) };
    let found =
        |parent, group| Change::Found { parent: CgroupId { dev: 2, ino: parent }, groups: vec![group] };
    let changes = vec![found(1, v1(2, "jobs", jobs, false)), found(2, v1(3, "nightly", nightly, jobs))];
    s.send(Event::Root { version: Version::V1, root });
    s.send(Event::Changes { version: Version::V1, changes });
    s.press("/db<Enter>2");
    s.processes(11);
    if let Some(listed) = &mut s.app.asked.processes {
        let nightly = CgroupPath::new(b"/jobs/nightly");
        listed.elsewhere = vec![(nightly, held), (CgroupPath::root(), PROCESSES - held)];
    }
    s
}

#[test]
fn a_row_says_that_the_other_hierarchy_holds_it() {
    let mut s = on_v1(false, true, State::Frozen, PROCESSES);
    own(&mut s, false, false);
    let asked = s.said.iter().filter(|command| matches!(command, Command::FindHeld { .. })).cloned();
    let (version, path) = (Version::V1, CgroupPath::new(b"/jobs/nightly"));
    let id = CgroupId { dev: 2, ino: 3 };
    assert!(asked.clone().any(|asked| asked == Command::FindHeld { version, id, path: path.clone() }));
    let found = |processes| {
        let groups = [(CgroupPath::new(b"/system.slice/db.service"), processes)];
        Event::Held { version, id, groups: groups.into() }
    };
    // Of those of the group, as they were counted.
    s.send(found(41));
    says(&s, "db.service ❄ on v1 41");
    s.send(found(2));
    says(&s, "db.service ◐ 2 on v1 41");
    let v1 = Freezer::V1 { requested: false, inherited: false, state: State::Thawed };
    let group = Cgroup { id, name: b"nightly"[..].into(), freezer: v1, populated: None };
    s.send(Event::Changes { version, changes: vec![Change::Read(group)] });
    assert!(!s.screen().contains("on v1"), "{}", s.screen());
    // An answer that comes too late.
    s.send(found(41));
    assert!(!s.screen().contains("on v1"), "{}", s.screen());
}

/// The group's own freezer files.
fn own(s: &mut Session, requested: bool, frozen: bool) {
    s.changes(vec![Change::Read(group(11, "db.service", requested, frozen))]);
}

/// The panel and the screen, without what only lays them out.
#[track_caller]
fn says(s: &Session, text: &str) {
    let story = crate::tui::story::lines(&s.app, 400).join("\n");
    let shown = format!("{story}\n{}", s.screen());
    let plain = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(plain.contains(text), "{text}\n{shown}");
}

#[test]
fn thawed_here_and_frozen_there_is_not_called_thawed_alone() {
    let mut s = on_v1(false, true, State::Frozen, PROCESSES);
    own(&mut s, false, false);
    let footer = crate::tui::story::line(&s.app);
    assert_eq!(footer, "db.service: thawed, but its processes are frozen on v1 by /jobs/nightly");
}

#[test]
fn some_of_the_processes() {
    let mut s = on_v1(false, true, State::Frozen, 1);
    own(&mut s, false, false);
    let footer = crate::tui::story::line(&s.app);
    assert_eq!(footer, "db.service: thawed, but 1 of its 4 processes are frozen on v1 by /jobs/nightly");
}

#[test]
fn what_keeps_a_freeze_from_its_end_is_named() {
    let s = on_v1(true, false, State::Frozen, PROCESSES);
    let footer = crate::tui::story::line(&s.app);
    assert_eq!(footer, "db.service: freezing by its own request; its processes are frozen on v1 by /jobs");
}

#[test]
fn both_that_ask_there_are_named() {
    let s = on_v1(true, true, State::Frozen, PROCESSES);
    let lines = crate::tui::story::lines(&s.app, 200).join("\n");
    assert!(
        lines.contains("4 of its processes in /jobs/nightly: frozen by its own request, and by /jobs"),
        "{lines}"
    );
    assert!(crate::tui::story::line(&s.app).ends_with("on v1 by /jobs/nightly and /jobs"));
}

#[test]
fn an_own_request_below_one_that_asks_can_be_taken_back() {
    let mut s = Session::host((110, 40));
    s.changes(vec![Change::Read(group(20, "workers", true, true))]);
    s.press("/workers<Enter>2");
    says(&s, "clears its own request, but it stays frozen");
    s.press("t");
    says(&s, "Thawing this group clears its own request, but it stays frozen.");
    s.press("<Esc>");
    s.changes(vec![Change::Read(group(20, "workers", false, true))]);
    says(&s, "thawing this group alone has no effect");
}

#[test]
fn a_thaw_says_what_still_holds() {
    let mut s = on_v1(true, false, State::Frozen, PROCESSES);
    own(&mut s, true, true);
    s.press("t");
    assert!(
        s.screen().contains("This alone does not resume all its processes: its processes are"),
        "{}",
        s.screen()
    );
}

#[test]
fn durations_in_words() {
    let mut s = Session::host((110, 40));
    s.press("/ssh<Enter>2");
    s.changes(vec![Change::Read(group(12, "ssh.service", true, true))]);
    says(&s, "State frozen, just now");
    s.send(Event::Tick(Duration::from_secs(725)));
    says(&s, "State frozen for 5s");
    // One that was frozen when it was first seen.
    let mut s = Session::start(Settings { size: (110, 40), ..Settings::default() });
    s.send(Event::Root { version: Version::V2, root: root(1) });
    s.found(1, vec![group(2, "old", true, true)]);
    s.send(Event::Scanned { version: Version::V2 });
    s.press("j2");
    says(&s, "frozen, since before cryoscope started");
    s.send(Event::Tick(Duration::from_secs(180)));
    says(&s, "❄ frozen at least 3m");
    says(&s, "frozen for at least 3m, since before cryoscope started");
}
