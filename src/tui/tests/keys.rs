//! Keys in, commands out.

use super::*;

fn wide() -> Session {
    Session::host((120, 40))
}

fn freeze(ino: u64, path: &str, force: bool) -> Command {
    Command::Freeze {
        version: Version::V2,
        id: id(ino),
        path: CgroupPath::new(path.as_bytes()),
        force,
        span: None,
    }
}

fn thaw(ino: u64, path: &str) -> Command {
    Command::Thaw { version: Version::V2, id: id(ino), path: CgroupPath::new(path.as_bytes()) }
}

fn done(action: FreezeAction, ino: u64, path: &str, outcome: Result<String, String>) -> Event {
    Event::Done { action, version: Version::V2, id: id(ino), path: CgroupPath::new(path.as_bytes()), outcome }
}

#[test]
fn moving_and_folding() {
    let mut s = wide();
    assert_eq!(s.selected(), "/");
    assert_eq!(s.press("jj").selected(), "/user.slice");
    assert_eq!(s.press("k").selected(), "/system.slice");
    assert_eq!(s.press("<Right><Right><Enter>j").selected(), "/system.slice/app.service/workers");
    assert_eq!(s.press("hh").selected(), "/system.slice/app.service");
    assert_eq!(s.press("gg").selected(), "/");
    assert_eq!(s.press("*G").selected(), "/user.slice/user-1000.slice/build");
    assert_eq!(s.press("g<Esc>gg-").app.grove().unwrap().rows.len(), 1);
    assert_eq!(s.asked(), []);
}

#[test]
fn what_is_unfolded_on_the_last_row_comes_into_view() {
    let mut s = wide();
    s.found(3, (100..160).map(|ino| group(ino, format!("z-{ino}"), false, false)).collect());
    s.found(159, vec![group(170, "first", false, false), group(171, "second", false, false)]);
    s.press("G+j");
    while s.selected() != "/user.slice/z-159" {
        s.press("j");
    }
    assert!(!s.screen().contains("second"));
    s.press("+");
    assert!(s.screen().contains("first") && s.screen().contains("second"), "{}", s.screen());
    // More than fit: its own row stays.
    s.press("hhh+");
    assert_eq!(s.selected(), "/user.slice");
    let rows = s.screen();
    assert!(
        rows.contains(">  ▾ user.slice") && rows.contains("z-100") && !rows.contains("system.slice"),
        "{rows}"
    );
}

#[test]
fn the_selection_stays_on_its_group_and_goes_to_a_neighbour_when_it_is_gone() {
    let mut s = wide();
    s.press("jj");
    s.found(1, vec![group(40, "aaa", false, false)]);
    assert_eq!(s.selected(), "/user.slice");
    s.changes(vec![Change::Gone(id(3))]);
    assert_eq!(s.selected(), "/system.slice");
    assert_eq!(s.said(), "/user.slice is gone; the selection is on /system.slice");
}

#[test]
fn freezing_asks_first_and_starts_on_cancel() {
    let mut s = wide();
    s.press("/ssh<Enter>f");
    let path = CgroupPath::new(b"/system.slice/ssh.service");
    assert_eq!(s.asked(), [Command::Inspect { version: Version::V2, id: id(12), path }]);
    assert_eq!(s.press("<Enter>").asked(), []);
    assert!(s.app.dialog.is_none());
    s.press("f<Right><Enter>");
    assert_eq!(s.said(), "still checking the group's processes");
    s.send(Event::Guard { id: id(12), refusal: None, owner: None, dump: None });
    s.asked();
    assert_eq!(s.press("<Enter>").asked(), [], "what was chosen before the answer does not count");
    s.press("f");
    s.send(Event::Guard { id: id(12), refusal: None, owner: None, dump: None });
    s.asked();
    assert_eq!(s.press("<Right><Enter>").asked(), [freeze(12, "/system.slice/ssh.service", false)]);
}

#[test]
fn freezing_for_a_time_takes_a_span() {
    let mut s = wide();
    let frozen_for = |seconds, force| Command::Freeze {
        version: Version::V2,
        id: id(12),
        path: CgroupPath::new(b"/system.slice/ssh.service"),
        force,
        span: Some(Duration::from_secs(seconds)),
    };
    s.press("/ssh<Enter>F");
    s.send(Event::Guard { id: id(12), refusal: None, owner: None, dump: None });
    s.asked();
    assert_eq!(s.press("<Right><Enter>").asked(), [frozen_for(30, false)]);
    let failed =
        || done(FreezeAction::Freeze, 12, "/system.slice/ssh.service", Err("not in time".to_owned()));
    s.send(failed());
    s.press("F");
    s.send(Event::Guard { id: id(12), refusal: None, owner: None, dump: None });
    s.asked();
    assert_eq!(s.press("<C-u>0s<Right><Enter>").asked(), []);
    assert!(s.said().contains("not between 1 second and 1 week"), "{}", s.said());
    assert_eq!(s.press("<C-u>5m<Enter>").asked(), [frozen_for(300, false)]);
    s.send(failed());
    // Past the guard both lines are typed: first the name.
    s.press("F");
    s.send(Event::Guard {
        id: id(12),
        refusal: Some("sshd is your way in".to_owned()),
        owner: None,
        dump: None,
    });
    s.asked();
    s.press("ssh.service<Down><C-u>9s");
    assert!(s.screen().contains("For: > 9s_"), "{}", s.screen());
    assert_eq!(s.press("<Tab><Enter>").asked(), [frozen_for(9, true)]);
}

#[test]
fn what_thaws_by_itself_says_when() {
    let mut s = wide();
    s.press("/app<Enter>2");
    assert!(s.said.contains(&Command::FindTimers(vec![id(10), id(11)])), "{:?}", s.said);
    assert_eq!(s.press("F").said(), "app.service is already frozen or freezing, without a time limit");
    s.send(Event::Timers(vec![(
        id(10),
        Some(timed(TimeLeft::Left(Duration::from_secs(18)), TimerState::Runs)),
    )]));
    assert!(s.screen().contains("❄ frozen 12m, 18s left"), "{}", s.screen());
    assert!(s.screen().contains("Thaws         in 18s, by a timer"), "{}", s.screen());
    s.send(Event::Tick(Duration::from_secs(720 + 5)));
    assert!(s.screen().contains("Thaws         in 13s"), "{}", s.screen());
    assert!(s.press("F").app.dialog.is_some(), "its time can be changed");
    assert!(s.said.contains(&Command::FindTimers(vec![id(10)])), "from time to time: {:?}", s.said);
    s.press("<Esc>").send(Event::Tick(Duration::from_secs(720 + 6)));
    s.send(Event::Timers(vec![(
        id(10),
        Some(timed(TimeLeft::Left(Duration::from_secs(2)), TimerState::Gone)),
    )]));
    assert!(s.screen().contains("❄ frozen 12m, timer gone"), "{}", s.screen());
    assert!(s.screen().contains("timer gone; 2s left"), "{}", s.screen());
    s.send(Event::Tick(Duration::from_secs(720 + 9)));
    assert!(s.screen().contains("timer gone; overdue 1s"), "{}", s.screen());
    assert!(s.press("F").app.dialog.is_some(), "it can be frozen for another time");
    let stopped = timed(TimeLeft::Overdue(Duration::from_secs(3)), TimerState::Stopped);
    s.press("<Esc>").send(Event::Timers(vec![(id(10), Some(stopped))]));
    assert!(s.screen().contains("❄ frozen 12m, timer stopped"), "{}", s.screen());
    assert!(s.screen().contains("not automatically: timer stopped; overdue 3s"), "{}", s.screen());
    s.changes(vec![Change::Read(group(10, "app.service", false, false))]);
    assert!(!s.screen().contains("Thaws  "), "{}", s.screen());
}

#[test]
fn what_is_stuck_is_asked_for_its_culprits_again() {
    // So wide that nothing is wrapped.
    let mut s = Session::host((340, 40));
    s.press("/db<Enter>2");
    let find = || Command::FindCulprits {
        version: Version::V2,
        id: id(11),
        path: CgroupPath::new(b"/system.slice/db.service"),
    };
    let asked = |s: &mut Session| std::mem::take(&mut s.said).into_iter().filter(|c| *c == find()).count();
    assert_eq!(asked(&mut s), 1, "it has been freezing for 3 seconds");
    s.send(Event::Tick(Duration::from_secs(722)));
    assert_eq!(asked(&mut s), 0, "the answer has not come yet");
    s.send(culprits());
    assert!(s.screen().contains("Blocked by    thread 8421 of 8420 backup.sh (state D,"), "{}", s.screen());
    assert!(s.screen().contains("What to do    check why process 812"), "{}", s.screen());
    assert_eq!(s.app.next_tick(), Some(Duration::from_secs(1)));
    // It took two seconds.
    s.send(Event::Tick(Duration::from_secs(729)));
    assert_eq!(asked(&mut s), 0);
    s.send(Event::Tick(Duration::from_secs(730)));
    assert_eq!(asked(&mut s), 1);
    s.send(culprits());
    assert!(s.screen().contains(", for at least 8s"), "{}", s.screen());
    s.changes(vec![Change::Read(group(11, "db.service", true, true))]);
    assert!(!s.screen().contains("Blocked by"));
}

#[test]
fn past_a_guard_only_with_the_name_typed() {
    let mut s = wide();
    s.press("/ssh<Enter>f");
    s.send(Event::Guard {
        id: id(12),
        refusal: Some("sshd is your way in".to_owned()),
        owner: None,
        dump: None,
    });
    s.asked();
    assert_eq!(s.press("<Tab><Enter>").asked(), []);
    assert_eq!(s.said(), "type the group's name to freeze it: ssh.service");
    assert_eq!(s.press("ssh.service<Enter>").asked(), [freeze(12, "/system.slice/ssh.service", true)]);
}

#[test]
fn a_dialog_keeps_its_group_and_closes_when_that_is_gone() {
    let mut s = wide();
    s.press("/ssh<Enter>f");
    s.found(2, vec![group(50, "aaa", false, false)]);
    s.found(2, vec![group(51, "ssh.service", false, false)]);
    assert!(s.app.dialog.is_none(), "another group of the same name is not the one that was asked about");
    assert_eq!(s.said(), "/system.slice/ssh.service is gone: nothing was written");
}

#[test]
fn what_an_ancestor_holds_is_thawed_there() {
    let mut s = wide();
    s.press("/workers<Enter>t");
    s.asked();
    assert_eq!(s.press("<Right><Enter>").asked(), [thaw(10, "/system.slice/app.service")]);
}

#[test]
fn what_cannot_be_done_says_why() {
    let mut s = wide();
    assert_eq!(s.press("f").said(), "the root group has no freezer");
    assert_eq!(s.press("jt").said(), "system.slice is not frozen");
    assert_eq!(s.press("/app<Enter>f").said(), "app.service is already frozen or freezing");
    let mut s = Session::host_with(Settings { read_only: true, size: (80, 24), ..Settings::default() });
    assert_eq!(s.press("jf").said(), "started with --read-only");
    assert_eq!(s.asked(), []);
}

#[test]
fn search_goes_along_and_esc_goes_back() {
    let mut s = wide();
    assert_eq!(s.press("j/WORK").selected(), "/system.slice/app.service/workers");
    assert_eq!(s.press("<Esc>").selected(), "/system.slice");
    assert_eq!(s.press("/service<Enter>").selected(), "/system.slice/app.service");
    assert_eq!(s.press("n").selected(), "/system.slice/db.service");
    assert_eq!(s.press("NN").selected(), "/system.slice/名前のとても長いグループです.service");
    assert!(s.said().ends_with("service: 4 of 4"), "{}", s.said());
    assert_eq!(s.press("gg/service").said(), "1 of 4");
    assert_eq!(s.press("<Esc>/usr1k").said(), "no match");
    // Letters in between are overlooked where no name has them together.
    assert_eq!(s.press("<Esc>/wrks").selected(), "/system.slice/app.service/workers");
    assert_eq!(s.press("<Esc>/qqq").said(), "no match");
    assert_eq!(s.asked(), []);
}

#[test]
fn leaving_offers_to_thaw_what_this_run_froze() {
    let mut s = wide();
    s.press("<Esc><Esc>k");
    assert_eq!(s.asked(), [], "Esc never quits");
    s.send(done(FreezeAction::Freeze, 11, "/system.slice/db.service", Ok("frozen".to_owned())));
    assert_eq!(s.press("q<Enter>").asked(), [], "it starts on Cancel");
    assert_eq!(s.press("q<Right><Enter>").asked(), [thaw(11, "/system.slice/db.service")]);
    s.send(done(FreezeAction::Thaw, 11, "/system.slice/db.service", Ok("thawed".to_owned())));
    assert_eq!(s.asked(), [Command::Quit]);
}

#[test]
fn a_thaw_that_fails_keeps_the_program_here() {
    let mut s = wide();
    s.send(done(FreezeAction::Freeze, 11, "/system.slice/db.service", Ok("frozen".to_owned())));
    s.press("q<Right><Enter>");
    s.asked();
    s.send(done(FreezeAction::Thaw, 11, "/system.slice/db.service", Err("EPERM".to_owned())));
    assert_eq!((s.asked(), s.said()), (vec![], "EPERM"));
    assert_eq!(s.press("q<Right><Right><Enter>").asked(), [Command::Quit]);
}

#[test]
fn copying_gives_a_path_or_the_command() {
    let mut s = wide();
    let path = "/sys/fs/cgroup/unified/system.slice/app.service";
    assert_eq!(s.press("/app<Enter>y").asked(), [Command::Copy(path.to_owned())]);
    assert_eq!(s.press("2y").asked(), [Command::Copy(format!("echo 0 > {path}/cgroup.freeze"))]);
    let evil = r"$'/sys/fs/cgroup/unified/system.slice/evil\033[2J\012;rm -rf \'~\''";
    assert_eq!(s.press("1/evil<Enter>y").asked(), [Command::Copy(evil.to_owned())]);
}

#[test]
fn a_held_display_catches_up() {
    let mut s = wide();
    s.press("Z");
    let before = s.screen();
    s.changes(vec![Change::Gone(id(3))]);
    s.found(1, vec![group(40, "new.slice", false, false)]);
    assert!(!s.screen().contains("new.slice") && before.contains("user.slice"));
    assert_eq!(s.press("jj").selected(), "/user.slice", "what is held can be looked at");
    s.press("Z");
    assert!(s.screen().contains("new.slice") && !s.screen().contains("▸ user.slice"));
    s.press("Z");
    (0..20_010).for_each(|_| s.changes(vec![]));
    assert!(!s.app.hold.is_on() && s.said().contains("too many events"));
}

#[test]
fn it_is_drawn_again_only_when_a_time_changes() {
    let mut s = wide();
    s.send(Event::Tick(Duration::from_secs(721)));
    assert_eq!(s.app.next_tick(), Some(Duration::from_secs(1)), "db.service is freezing for some seconds");
    s.changes(vec![Change::Read(group(11, "db.service", false, false))]);
    assert_eq!(s.app.next_tick(), Some(Duration::from_secs(3)), "it is marked as thawed just now");
    s.send(Event::Tick(Duration::from_secs(724)));
    assert_eq!(s.app.next_tick(), Some(Duration::from_secs(56)), "the others are frozen for 12 minutes");
    let thawed = [(10, "app.service"), (20, "workers"), (31, "build")];
    s.changes(thawed.map(|(ino, name)| Change::Read(group(ino, name, false, false))).into());
    s.send(Event::Tick(Duration::from_secs(727)));
    assert_eq!(s.app.next_tick(), None);
}

#[test]
fn groups_are_sorted() {
    let mut s = wide();
    let names = |s: &Session| {
        let grove = s.app.grove().unwrap();
        let name = |row: &crate::tui::rows::Row| grove.path(row.key).to_string();
        grove.rows.iter().filter(|row| row.depth == 2).map(name).collect::<Vec<_>>()
    };
    s.press("j<Right>");
    assert_eq!(names(&s)[0], "/system.slice/app.service");
    s.press("s");
    assert_eq!(names(&s)[0], "/system.slice/db.service", "41 processes");
    s.press("s");
    assert_eq!(names(&s)[..2], ["/system.slice/app.service", "/system.slice/db.service"]);
    s.press("s");
    assert!(names(&s)[0].contains("evil"), "made last");
    assert_eq!(s.press("s").said(), "sorted by name");
}

#[test]
fn suspending_is_for_the_loop_to_do() {
    let mut s = wide();
    assert_eq!(s.press("<C-z>").asked(), [Command::Suspend]);
}

#[test]
fn the_palette_does_what_its_words_say() {
    let mut s = wide();
    s.press(":thaw").screen();
    assert!(s.screen().contains("thaw the group"), "{}", s.screen());
    s.press("<Enter>");
    assert_eq!(s.said(), "the root group has no freezer", "what cannot be done says why");
    s.press("/app<Enter>:thaw<Enter>");
    assert!(s.app.dialog.is_some());
    s.press("<Esc>:<Down><Esc>");
    assert!(s.app.palette.is_none() && s.app.dialog.is_none());
    s.asked();
    assert_eq!(s.press(":quit<Enter>").asked(), [Command::Quit]);
}

#[test]
fn the_filter_holds_as_it_is_typed() {
    let mut s = wide();
    let rows = |s: &Session| s.app.grove().unwrap().rows.len();
    s.press("\\is:frozen");
    assert_eq!(rows(&s), 7, "three hits, and four groups above them");
    assert_eq!(s.selected(), "/system.slice/app.service", "the selection goes to the first hit");
    s.press(" -is:req");
    assert!(s.screen().contains("is:req is unknown"), "{}", s.screen());
    assert_eq!(rows(&s), 7, "a mistake leaves what held before");
    s.press("uested<Enter>");
    assert_eq!(rows(&s), 7);
    assert!(s.screen().contains("is:frozen -is:requested: 2 hits"), "{}", s.screen());
    s.changes(vec![Change::Read(group(20, "workers", false, false))]);
    assert!(s.screen().contains(": 1 hit "), "it goes along with what happens");
    s.press("<Esc>");
    assert_eq!(s.said(), "filter cleared: all groups are shown");
    assert!(s.app.grove().unwrap().hits().is_none());
    s.press("\\ssh<Esc>");
    assert!(s.app.grove().unwrap().hits().is_none(), "what held before holds again");
}

#[test]
fn a_process_is_found_by_the_filter() {
    let mut s = wide();
    s.press("\\pid:12");
    let asked = s.asked();
    assert_eq!(asked.last(), Some(&Command::Locate { version: Version::V2, pid: 12 }));
    let path = Some(CgroupPath::new(b"/system.slice/db.service"));
    s.send(Event::Located { pid: 12, path });
    assert_eq!(s.press("<Enter>").selected(), "/system.slice/db.service");
}

#[test]
fn whose_a_group_is_is_asked_once_and_shown() {
    let mut s = wide();
    s.found(2, vec![group(60, "libpod-3f2a.scope", false, false)]);
    s.press("*");
    let asked = |s: &mut Session, ino: u64| {
        let said = std::mem::take(&mut s.said);
        let groups = said.into_iter().filter_map(|c| match c {
            Command::AskOwners { groups, .. } => Some(groups),
            _ => None,
        });
        groups.flatten().filter(|(of, _)| *of == id(ino)).count()
    };
    assert_eq!(asked(&mut s, 60), 1);
    s.press("jjkk");
    assert_eq!(asked(&mut s, 60), 0);
    s.send(Event::Owners(vec![(id(60), Some("podman 3f2a\u{1b}".to_owned())), (id(12), None)]));
    assert!(s.screen().contains("libpod-3f2a.scope [podman 3f2a\\x1b]"), "{}", s.screen());
}

#[test]
fn systemd_is_asked_once_for_each_request_of_a_unit_whose_story_is_shown() {
    let mut s = wide();
    let asked = |s: &mut Session| {
        let said = std::mem::take(&mut s.said);
        said.into_iter().filter(|c| matches!(c, Command::AskSystemd { .. })).count()
    };
    s.press("/ssh<Enter>");
    assert_eq!(asked(&mut s), 0);
    s.press("2J");
    assert_eq!(asked(&mut s), 1);
    let disagreement = Some("systemd calls it frozen\nsystemctl thaw ssh.service".to_owned());
    s.send(Event::Systemd { id: id(12), disagreement });
    assert!(s.screen().contains("systemctl thaw ssh.service"));
    s.changes(vec![Change::Read(group(12, "ssh.service", true, true))]);
    assert_eq!(asked(&mut s), 1, "its request has changed");
    assert!(!s.screen().contains("systemctl thaw"));
    s.press("/workers<Enter>");
    assert_eq!(asked(&mut s), 0, "no unit");
}

#[test]
fn what_is_on_screen_is_told_once() {
    let mut s = wide();
    s.press("j");
    let ids = vec![id(1), id(2), id(3)];
    let focus = Command::Focus { version: Version::V2, visible: ids, selected: Some(id(2)), files: false };
    assert_eq!(s.said, [focus]);
    s.said.clear();
    s.send(Event::Tick(Duration::from_secs(800)));
    s.press("x");
    assert_eq!(s.said, []);
}

#[test]
fn opens_at_the_group_that_was_named() {
    let target = Some((Version::V2, CgroupPath::new(b"/system.slice/app.service/workers")));
    let s = Session::host_with(Settings { target, size: (80, 24), ..Settings::default() });
    assert_eq!(s.selected(), "/system.slice/app.service/workers");
}

#[test]
fn a_tree_that_starts_anew_keeps_the_place() {
    let mut s = wide();
    s.press("/workers<Enter>");
    s.press("t");
    s.send(Event::Root { version: Version::V2, root: root(1) });
    assert!(s.app.dialog.is_none());
    s.found(1, vec![group(2, "system.slice", false, false)]);
    s.found(2, vec![group(10, "app.service", false, false)]);
    s.found(10, vec![group(20, "workers", false, false)]);
    assert_eq!(s.selected(), "/system.slice/app.service/workers");
}

#[test]
fn terminated_leaves_at_once() {
    let mut s = wide();
    s.send(Event::Terminated);
    assert_eq!(s.asked(), [Command::Quit]);
}

#[test]
fn the_other_hierarchy_has_its_own_selection() {
    let mut s = wide();
    s.press("j");
    s.send(Event::Root { version: Version::V1, root: root(100) });
    let requested = Freezer::V1 { requested: true, inherited: false, state: crate::model::State::Frozen };
    let held = Cgroup { id: id(101), name: b"held"[..].into(), freezer: requested, populated: None };
    s.send(Event::Changes {
        version: Version::V1,
        changes: vec![Change::Found { parent: id(100), groups: vec![held] }],
    });
    assert_eq!(s.press("vj").selected(), "/held");
    assert_eq!(
        s.press("2y").asked(),
        [Command::Copy("echo THAWED > /sys/fs/cgroup/freezer/held/freezer.state".to_owned())]
    );
    assert_eq!(s.press("v").selected(), "/system.slice");
}

#[test]
fn help_scrolls_and_any_other_key_closes_it() {
    let mut s = wide();
    assert!(s.press("?j").app.help);
    assert!(!s.press("f").app.help);
    assert_eq!(s.asked(), []);
}

#[test]
fn nothing_is_asked_for_while_nothing_can_be_seen() {
    let mut s = wide();
    s.send(Event::Input(Input::Resize(40, 10)));
    s.press("jf");
    assert_eq!((s.selected(), s.asked()), ("/".to_owned(), vec![]));
    assert_eq!(s.press("q").asked(), [Command::Quit]);
}

#[test]
fn m_leaves_the_mouse_to_the_terminal_and_takes_it_again() {
    let mut s = Session::host((80, 24));
    s.press("mm");
    let mouse: Vec<_> = s.said.iter().filter(|c| matches!(c, Command::Mouse(_))).collect();
    assert_eq!(mouse, [&Command::Mouse(false), &Command::Mouse(true)]);
}

#[test]
fn what_is_not_live_says_so() {
    let mut s = Session::host((120, 24));
    s.send(Event::Unobserved { version: Version::V2, why: "the root is gone".to_owned() });
    assert!(s.screen().contains("NOT LIVE") && s.screen().contains("the root is gone"), "{}", s.screen());
}
