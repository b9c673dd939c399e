//! What this user may not do is said before it is chosen, and cannot be.

use super::*;

const WHY: &str = "not permitted to write /x/cgroup.freeze: Permission denied; it belongs to \u{1b}[1mroot";

fn denied(ino: u64) -> Event {
    Event::NotPermitted { id: id(ino), why: WHY.to_owned() }
}

#[track_caller]
fn assert_refused(s: &mut Session) {
    s.asked();
    assert_eq!(s.press("<Right><Enter>").asked(), []);
    let screen = s.screen();
    assert!(screen.contains("Not permitted to write") && !screen.contains('\u{1b}'), "{screen}");
}

#[test]
fn a_freeze_and_a_thaw_of_a_group_of_somebody_else() {
    let mut s = Session::host((120, 40));
    s.press("/ssh<Enter>f");
    s.send(denied(12));
    assert_refused(&mut s);
    assert!(s.said().contains("belongs to"), "{}", s.said());
    s.press("<Esc>/app<Enter>t");
    let frozen = s.app.dialog.as_ref().and_then(|dialog| dialog.target()).unwrap().id;
    s.send(Event::NotPermitted { id: frozen, why: WHY.to_owned() });
    assert_refused(&mut s);
}

#[test]
fn one_of_several() {
    let mut s = Session::host((120, 40));
    s.press("j<Right>/ssh<Enter> /名<Enter> f");
    s.send(denied(12));
    s.send(Event::Guard { id: id(13), refusal: None, owner: None, dump: None });
    s.asked();
    assert_eq!(s.press("2<Right><Enter>").asked(), []);
    assert_eq!(s.said(), "one of them must not be frozen: unmark it, or freeze it alone");
    assert!(s.screen().contains("not permitted to write"), "{}", s.screen());
}
