//! What has just come, changed or gone; levels; the panel alone; the export.

use super::screens::snapshot;
use super::*;

#[test]
fn what_comes_and_goes_is_seen_for_a_moment() {
    let mut s = Session::host((80, 24));
    s.press("j<Right>");
    s.found(2, vec![group(70, "cron.service", false, false)]);
    s.changes(vec![
        Change::Gone(id(12)),
        Change::Read(group(10, "app.service", false, false)),
        Change::Read(group(20, "workers", false, false)),
    ]);
    snapshot("recent", &mut s);
    // The selection passes over what is gone, down and up.
    s.press("jjj");
    assert_eq!(s.selected(), "/system.slice/db.service");
    s.press("jj");
    let below = s.selected();
    assert!(below.contains('名'), "{below}");
    s.press("k");
    assert!(s.selected().contains("evil"), "{}", s.selected());
    s.press("kk");
    assert_eq!(s.selected(), "/system.slice/cron.service");
    assert_eq!(s.app.next_tick(), Some(Duration::from_secs(1)));
    s.send(Event::Tick(Duration::from_secs(724)));
    let screen = s.screen();
    assert!(!screen.contains("gone") && !screen.contains("new") && !screen.contains("just now"), "{screen}");
}

#[test]
fn levels_fold_and_unfold_the_whole_tree() {
    let mut s = Session::host((80, 40));
    let rows = |s: &Session| s.app.grove().unwrap().rows.len();
    assert_eq!(rows(&s), 3);
    s.press("))");
    assert_eq!(rows(&s), 11, "all");
    s.press("/build<Enter>(");
    assert_eq!(s.selected(), "/user.slice/user-1000.slice", "what is folded away is left for what is above");
    s.press("((");
    assert_eq!((rows(&s), s.selected()), (1, "/".to_owned()));
    s.press("*/workers<Enter>gg_");
    assert_eq!(rows(&s), 1);
    s.press("<Right>");
    assert_eq!(rows(&s), 3, "below it is folded, too");
}

#[test]
fn the_panel_alone_and_the_border() {
    let mut s = Session::host((80, 24));
    let widths = |s: &Session| {
        let layout = s.app.layout().unwrap();
        (layout.tree.map(|area| area.width), layout.panel.map(|area| area.width))
    };
    assert_eq!(widths(&s), (Some(40), Some(40)));
    s.press("z");
    assert_eq!(widths(&s), (None, Some(80)));
    assert_eq!(s.press(">").said(), "the tree and the panel are not side by side");
    s.press("<Esc>><lt><lt>");
    assert_eq!(widths(&s), (Some(36), Some(44)));
}

#[test]
fn events_are_written_to_a_new_file() {
    let mut s = Session::host((120, 24));
    assert_eq!(s.press("E").said(), "no events yet");
    let path = CgroupPath::new(b"/system.slice/ssh.service");
    let occurred =
        vec![crate::model::tree::Occurrence { what: crate::model::tree::What::Frozen, id: id(12), path }];
    let at = "2026-11-24T12:00:00+00:00[UTC]".parse().unwrap();
    s.send(Event::Happened { version: Version::V2, at, occurred });
    s.press("E");
    assert!(s.screen().contains("cryoscope-events-web1-20261124-120000.txt"), "{}", s.screen());
    s.press("<C-u>/tmp/x y<Enter>");
    let events =
        "2026-11-24T12:00:00.000+00:00    frozen    /sys/fs/cgroup/unified/system.slice/ssh.service\n"
            .to_owned();
    assert_eq!(s.asked(), [Command::Export { file: "/tmp/x y".into(), events }]);
    s.send(Event::Exported(Err("cannot save the events to /tmp/x y: File exists".to_owned())));
    assert!(s.app.message.as_ref().unwrap().wrong);
}

#[test]
fn what_others_do_to_the_selected_group_is_said() {
    use crate::model::tree::{Occurrence, What};
    let mut s = Session::host((120, 24));
    s.press("/ssh<Enter>");
    let happened = |s: &mut Session, ino, what, path: &str| {
        let occurred = vec![Occurrence { what, id: id(ino), path: CgroupPath::new(path.as_bytes()) }];
        let at = "2026-11-24T12:00:00+00:00[UTC]".parse().unwrap();
        s.send(Event::Happened { version: Version::V2, at, occurred });
    };
    let ssh = "/system.slice/ssh.service";
    happened(&mut s, 10, What::Frozen, "/system.slice/app.service");
    assert_eq!(s.said(), "");
    happened(&mut s, 12, What::Frozen, ssh);
    assert_eq!(s.said(), "/system.slice/ssh.service was just frozen by somebody else");
    s.press("f");
    s.send(Event::Guard { id: id(12), refusal: None, owner: None, dump: None });
    s.press("<Right><Enter>");
    happened(&mut s, 12, What::Frozen, ssh);
    assert_eq!(s.said(), "freezing /system.slice/ssh.service … (X cancels)", "that was this run");
}

#[test]
fn a_filter_holds_in_both_hierarchies_and_a_lost_place_is_the_last_one() {
    let mut s = Session::host((120, 24));
    s.send(Event::Root { version: Version::V1, root: root(900) });
    let groups = vec![group(901, "jobs", false, false), group(902, "rest", false, false)];
    s.send(Event::Changes { version: Version::V1, changes: vec![Change::Found { parent: id(900), groups }] });
    s.send(Event::Scanned { version: Version::V1 });
    s.press("vv\\jobs<Enter>v");
    assert!(s.screen().contains("jobs") && !s.screen().contains("rest"), "{}", s.screen());
    s.press("<Esc>vjj");
    assert_eq!(s.selected(), "/user.slice");
    s.changes(vec![Change::Gone(id(3))]);
    assert_eq!(s.said(), "/user.slice is gone; the selection is on /system.slice");
}
