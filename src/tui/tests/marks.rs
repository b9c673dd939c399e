//! Marks, and what is done to all that are marked.

use super::screens::snapshot;
use super::*;

fn freeze(ino: u64, path: &str) -> Command {
    let path = CgroupPath::new(path.as_bytes());
    Command::Freeze { version: Version::V2, id: id(ino), path, force: false, span: None }
}

fn clear(s: &mut Session, inodes: &[u64]) {
    for &ino in inodes {
        s.send(Event::Guard { id: id(ino), refusal: None, owner: None, dump: None });
    }
}

fn done(s: &mut Session, action: FreezeAction, ino: u64, outcome: Result<String, String>) {
    let path = CgroupPath::new(b"/x");
    s.send(Event::Done { action, version: Version::V2, id: id(ino), path, outcome });
}

#[test]
fn all_marked_are_frozen_once_their_number_is_typed() {
    let mut s = Session::host((80, 24));
    s.press("j<Right>/ssh<Enter> ");
    assert!(s.said().starts_with("1 group marked"), "{}", s.said());
    s.press("/app<Enter> /名<Enter> ");
    snapshot("marks", &mut s);
    s.press("f");
    let asked = s.asked();
    // What asks already is left out.
    assert!(asked.iter().all(|c| matches!(c, Command::Inspect { id, .. } if [12, 13].contains(&id.ino))));
    assert_eq!(asked.len(), 2);
    s.press("<Right><Enter>");
    assert_eq!((s.asked(), s.said()), (vec![], "still checking the groups' processes"));
    clear(&mut s, &[12, 13]);
    snapshot("freeze_marked", &mut s);
    s.press("<Right><Enter>");
    assert_eq!((s.asked(), s.said()), (vec![], "type the number of groups to freeze them: 2"));
    let name = "/system.slice/名前のとても長いグループです.service";
    assert_eq!(s.press("2<Enter>").asked(), [freeze(12, "/system.slice/ssh.service"), freeze(13, name)]);
    done(&mut s, FreezeAction::Freeze, 12, Ok("frozen".to_owned()));
    assert_eq!(s.said(), "freezing 2 groups … (X cancels)");
    done(&mut s, FreezeAction::Freeze, 13, Ok("frozen".to_owned()));
    assert_eq!(s.said(), "2 groups are frozen");
}

#[test]
fn one_that_must_not_be_frozen_stands_in_the_way() {
    let mut s = Session::host((80, 24));
    s.press("j<Right>/ssh<Enter> /名<Enter> f");
    clear(&mut s, &[13]);
    s.send(Event::Guard {
        id: id(12),
        refusal: Some("sshd is your way in".to_owned()),
        owner: None,
        dump: None,
    });
    s.asked();
    s.press("2<Right><Enter>");
    assert_eq!(s.asked(), []);
    assert_eq!(s.said(), "one of them must not be frozen: unmark it, or freeze it alone");
    assert!(s.screen().contains("sshd is your way in"), "{}", s.screen());
}

#[test]
fn all_marked_that_ask_are_thawed() {
    let mut s = Session::host((80, 24));
    s.press("/app<Enter>ct");
    // Below it nothing asks: one is asked about as if it were not marked.
    s.asked();
    let thaw = |ino, path: &str| Command::Thaw {
        version: Version::V2,
        id: id(ino),
        path: CgroupPath::new(path.as_bytes()),
    };
    assert_eq!(s.press("<Right><Enter>").asked(), [thaw(10, "/system.slice/app.service")]);
    s.press("/db<Enter> t");
    let expected = [thaw(10, "/system.slice/app.service"), thaw(11, "/system.slice/db.service")];
    assert_eq!(s.press("<Right><Enter>").asked(), expected);
    done(&mut s, FreezeAction::Thaw, 10, Ok("thawed".to_owned()));
    done(&mut s, FreezeAction::Thaw, 11, Err("/db.service stays: EPERM".to_owned()));
    assert_eq!(s.said(), "1 of 2 groups thawed; first failure: /db.service stays: EPERM");
}

#[test]
fn marks_go_with_their_groups_and_by_a_key() {
    let mut s = Session::host((120, 40));
    s.press("j c");
    let marked = s.app.marks();
    assert_eq!(marked, 4, "system.slice, and user.slice with the two below it");
    s.changes(vec![Change::Gone(id(30))]);
    assert_eq!(s.app.marks(), marked - 2);
    assert_eq!(s.press("U").app.marks(), 0);
    assert_eq!(s.press("U").said(), "no group is marked: Space marks");
    assert!(s.press(" <Esc>").app.marks() == 0, "Esc backs out of marks");
    // A filter leaves what is marked with everything below.
    s.press("gg\\ssh<Enter>ggc");
    assert_eq!(s.app.marks(), 1);
}

#[test]
fn many_below_want_the_name_typed() {
    let mut s = Session::host((80, 24));
    s.found(31, (100..130).map(|ino| group(ino, format!("job-{ino}"), false, false)).collect());
    s.press("/build<Enter>f");
    s.send(Event::Guard { id: id(31), refusal: None, owner: None, dump: None });
    s.asked();
    snapshot("freeze_many_below", &mut s);
    assert_eq!(s.press("<Right><Enter>").asked(), []);
    let path = "/user.slice/user-1000.slice/build";
    assert_eq!(s.press("build<Enter>").asked(), [freeze(31, path)]);
}
