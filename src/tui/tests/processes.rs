//! The panel of processes: one is chosen, signalled, gone to.

use super::screens::snapshot;
use super::*;

fn app_group(size: (u16, u16)) -> Session {
    let mut s = Session::host(size);
    s.press("*/app<Enter>");
    s.processes(10);
    s
}

#[test]
fn a_signal_is_chosen_and_says_what_it_does_first() {
    let mut s = app_group((80, 24));
    s.press("JJx");
    snapshot("signal", &mut s);
    assert_eq!(s.press("<Enter>").asked(), [], "it starts on Cancel");
    s.press("x<Right><Right><Right><Right>");
    assert!(s.screen().contains("KILL: Ends it at once, even while frozen."), "{}", s.screen());
    let process = ProcessId { pid: 8420, start: 1 };
    assert_eq!(s.press("<Enter>").asked(), [Command::Signal { process, signal: Signal::Kill }]);
    s.send(Event::Signalled(Ok("KILL sent to process 8420 (backup.sh)".to_owned())));
    assert_eq!(s.said(), "KILL sent to process 8420 (backup.sh)");
    assert_eq!(s.press("2x").said(), "only in the Processes panel: 1 shows it");
}

#[test]
fn what_criu_holds_gets_no_signal_that_spoils_the_dump() {
    let mut s = Session::host((80, 24));
    s.press("*/app<Enter>");
    s.processes(10);
    if let Some(Ok(list)) = s.app.asked.processes.as_mut().map(|listed| listed.list.as_mut()) {
        (list[0].tracer, list[0].held_by_criu) = (Some(77), true);
    }
    s.press("x<Right><Enter>");
    assert_eq!(s.asked(), []);
    assert!(s.said().contains("criu (process 77) is dumping it"), "{}", s.said());
    // Whoever has another process trace it does not keep signals from it.
    if let Some(Ok(list)) = s.app.asked.processes.as_mut().map(|listed| listed.list.as_mut()) {
        list[0].held_by_criu = false;
    }
    s.press("x<Right><Enter>");
    assert!(matches!(s.asked()[..], [Command::Signal { .. }]), "{}", s.said());
}

#[test]
fn the_chosen_process_stays_chosen_in_any_order() {
    let mut s = app_group((120, 24));
    s.press("J");
    let chosen = |s: &Session| crate::tui::processes::chosen(&s.app).map(|process| process.id.pid);
    assert_eq!(chosen(&s), Some(8413));
    for _ in 0..7 {
        s.press("o");
        assert_eq!(chosen(&s), Some(8413), "{}", s.said());
    }
    assert_eq!(s.said(), "processes as a tree");
    s.press("ooo");
    let first = s.screen().lines().nth(4).unwrap().to_owned();
    assert!(first.contains("8420") && first.contains(" D "), "by state: {first}");
    s.press("KKKK");
    assert_eq!(chosen(&s), Some(8420));
}

#[test]
fn going_to_a_process_chooses_it() {
    let mut s = Session::host((120, 24));
    s.press("p8420<Enter>");
    assert_eq!(s.asked(), [Command::Locate { version: Version::V2, pid: 8420 }]);
    let path = CgroupPath::new(b"/system.slice/app.service");
    s.send(Event::Located { pid: 8420, path: Some(path) });
    assert_eq!(s.selected(), "/system.slice/app.service");
    s.processes(10);
    assert_eq!(crate::tui::processes::chosen(&s.app).map(|process| process.id.pid), Some(8420));
    s.press("ppid:1<Enter>");
    s.send(Event::Located { pid: 1, path: None });
    assert_eq!(s.said(), "process 1 is gone, or not in any visible group of this hierarchy");
}

#[test]
fn going_to_a_unit_a_path_or_a_container() {
    let mut s = Session::host((120, 24));
    let id = "4f6d3ac8b81d27a0f5e3c8a1e9b7d6c5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d9";
    s.found(2, vec![group(60, format!("docker-{id}.scope"), false, false)]);
    assert_eq!(s.press("pssh<Enter>").selected(), "/system.slice/ssh.service");
    assert_eq!(s.press("papp.service<Enter>").selected(), "/system.slice/app.service");
    assert_eq!(s.press("p/user.slice<Enter>").selected(), "/user.slice");
    let absolute = "/sys/fs/cgroup/unified/system.slice/app.service/workers";
    assert_eq!(s.press(&format!("p{absolute}<Enter>")).selected(), "/system.slice/app.service/workers");
    assert!(s.press("p4f6d3ac8<Enter>").selected().contains(id));
    assert_eq!(s.press("pnobody<Enter>").said(), "no group, unit or container is called nobody");
    assert_eq!(s.press("p<Esc>p<Enter>").asked(), []);
}

#[test]
fn v_goes_to_the_group_of_the_same_processes() {
    let mut s = app_group((120, 24));
    s.send(Event::Root { version: Version::V1, root: root(900) });
    let groups = vec![group(901, "jobs", false, false)];
    s.send(Event::Changes { version: Version::V1, changes: vec![Change::Found { parent: id(900), groups }] });
    s.send(Event::Scanned { version: Version::V1 });
    if let Some(listed) = &mut s.app.asked.processes {
        listed.elsewhere = vec![(CgroupPath::root(), 1), (CgroupPath::new(b"/jobs"), 3)];
    }
    assert_eq!(s.press("v").selected(), "/jobs");
    assert_eq!(s.press("v").selected(), "/system.slice/app.service");
}
