//! Freezes and thaws that take their time, signals of the terminal, and threads that cannot be had.

use super::*;

const SSH: &str = "/system.slice/ssh.service";

fn target() -> (Version, CgroupId, CgroupPath) {
    (Version::V2, id(12), CgroupPath::new(SSH.as_bytes()))
}

fn freeze() -> Command {
    let (version, id, path) = target();
    Command::Freeze { version, id, path, force: false, span: None }
}

fn thaw() -> Command {
    let (version, id, path) = target();
    Command::Thaw { version, id, path }
}

fn cancel(ino: u64) -> Command {
    Command::CancelFreeze { version: Version::V2, id: id(ino) }
}

fn done(action: FreezeAction, outcome: Result<&str, &str>) -> Event {
    let (version, id, path) = target();
    Event::Done { action, version, id, path, outcome: outcome.map(str::to_owned).map_err(str::to_owned) }
}

fn clear(s: &mut Session) {
    s.send(Event::Guard { id: id(12), refusal: None, owner: None, dump: None });
    s.asked();
}

/// The freeze of ssh.service goes on.
fn freezing() -> Session {
    let mut s = Session::host((120, 32));
    assert_eq!(s.press("X").said(), "no freeze in progress");
    s.press("/ssh<Enter>f");
    clear(&mut s);
    assert_eq!(s.press("<Right><Enter>").asked(), [freeze()]);
    assert_eq!(s.said(), "freezing /system.slice/ssh.service … (X cancels)");
    assert!(s.screen().contains("X cancel"), "the footer has the key:\n{}", s.screen());
    s
}

#[test]
fn a_freeze_that_goes_on_is_cancelled_with_its_key() {
    let mut s = freezing();
    assert_eq!(s.press("X").asked(), [cancel(12)]);
    assert_eq!(s.said(), "cancelling the freeze of /system.slice/ssh.service …");
    s.send(done(FreezeAction::Freeze, Err("the freeze was cancelled")));
    assert_eq!(s.press("X").asked(), []);
    assert_eq!(s.said(), "no freeze in progress");
}

#[test]
fn the_freeze_of_another_group_is_cancelled_where_the_selected_one_has_none() {
    let mut s = freezing();
    assert_eq!(s.press("gg").press("X").asked(), [cancel(12)]);
}

#[test]
fn a_thaw_is_possible_before_the_request_is_even_seen() {
    let mut s = freezing();
    s.press("t");
    clear(&mut s);
    assert_eq!(s.press("<Right><Enter>").asked(), [thaw()]);
    s.send(done(FreezeAction::Freeze, Err("the freeze was cancelled")));
    assert_eq!(s.said(), "thawing /system.slice/ssh.service …", "what comes of the thaw is said");
    s.send(done(FreezeAction::Thaw, Ok("it is thawed")));
    assert_eq!(s.said(), "it is thawed");
    // The other way round.
    let mut s = freezing();
    s.press("t");
    clear(&mut s);
    s.press("<Right><Enter>");
    s.send(done(FreezeAction::Thaw, Ok("it is thawed")));
    s.send(done(FreezeAction::Freeze, Err("the freeze was cancelled")));
    assert_eq!(s.said(), "it is thawed");
}

#[test]
fn no_freeze_overtakes_what_is_being_done_to_its_group() {
    let mut s = freezing();
    assert_eq!(s.press("f").said(), "ssh.service is being frozen: X cancels");
    s.changes(vec![Change::Read(group(12, "ssh.service", true, true))]);
    s.send(done(FreezeAction::Freeze, Ok("it is frozen")));
    s.press("t");
    clear(&mut s);
    s.press("<Right><Enter>");
    assert_eq!(s.asked(), [thaw()]);
    s.changes(vec![Change::Read(group(12, "ssh.service", false, false))]);
    s.press("f");
    clear(&mut s);
    assert_eq!(s.press("<Right><Enter>").asked(), []);
    assert_eq!(s.said(), "/system.slice/ssh.service is already being thawed: wait until that has finished");
    s.send(done(FreezeAction::Thaw, Ok("it is thawed")));
    assert_eq!(s.press("<Enter>").asked(), [freeze()]);
}

#[test]
fn the_signals_of_the_terminal_are_those_of_its_keys() {
    let mut s = Session::host((80, 24));
    s.send(Event::Stop);
    assert_eq!(s.asked(), [Command::Suspend]);
    s.send(Event::Continued);
    assert_eq!(s.asked(), [Command::TakeTerminal]);
}

#[test]
fn that_no_thread_can_be_had_is_said() {
    let mut s = Session::host((80, 24));
    s.send(Event::NoThread("Resource temporarily unavailable".to_owned()));
    assert!(s.said().contains("cannot start another thread: Resource temporarily"), "{}", s.said());
}
