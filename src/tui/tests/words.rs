//! Messages that are read before they go, and pasted text.

use super::*;

fn paste(s: &mut Session, text: &str) {
    s.send(Event::Input(Input::Paste(text.to_owned())));
}

fn at(s: &mut Session, seconds: u64) {
    s.send(Event::Tick(Duration::from_secs(seconds)));
}

#[test]
fn what_came_unasked_is_not_lost_at_the_next_key() {
    let mut s = Session::host((80, 24));
    s.press("/ssh<Enter>f");
    s.changes(vec![Change::Listed { parent: id(2), present: vec![id(10), id(11)] }]);
    let gone = "/system.slice/ssh.service is gone: nothing was written";
    assert_eq!(s.said(), gone);
    assert_eq!(s.press("jj").said(), gone);
    at(&mut s, 725);
    assert_eq!(s.press("j").said(), "");
    // What a key brought goes with the next one.
    s.press("s");
    assert!(s.said().starts_with("sorted by"));
    assert_eq!(s.press("j").said(), "");
}

#[test]
fn a_long_message_is_seen_as_a_whole() {
    let mut s = Session::host((60, 15));
    let (version, path) = (Version::V2, CgroupPath::new(b"/system.slice/ssh.service"));
    let why = format!("not permitted to write {}: Permission denied; run as root", "/a-long-name".repeat(12));
    let outcome = Err(why);
    s.send(Event::Done { action: FreezeAction::Freeze, version, id: id(12), path, outcome });
    let screen = s.screen();
    assert!(screen.contains("not permitted to write") && screen.contains("run as root"), "{screen}");
    assert!(screen.lines().last().is_some_and(|keys| keys.contains("quit")), "{screen}");
}

#[test]
fn pasted_text_is_no_keys() {
    let mut s = Session::host((80, 24));
    paste(&mut s, "fq:freeze\rty");
    assert!(s.app.dialog.is_none() && s.app.palette.is_none() && s.asked().is_empty());
    assert_eq!(s.said(), "pasted text ignored: no text field is open");
    // Not into a dialog that asks yes or no either.
    s.press("/ssh<Enter>t");
    s.changes(vec![Change::Read(group(12, "ssh.service", true, true))]);
    s.press("t");
    s.asked();
    paste(&mut s, "l\r");
    assert_eq!(s.app.dialog.as_ref().unwrap().button, 0);
    assert!(s.asked().is_empty());
}

#[test]
fn pasted_text_goes_into_what_is_typed() {
    let mut s = Session::host((80, 24));
    s.press("/");
    paste(&mut s, " work\ners\n");
    assert_eq!(s.app.search.input().unwrap().value(), "work ers");
    s.press("<C-u>");
    paste(&mut s, "workers\n");
    assert_eq!(s.press("<Enter>").selected(), "/system.slice/app.service/workers");
    s.press("\\");
    paste(&mut s, "is:frozen");
    assert_eq!(s.app.filter.input().unwrap().value(), "is:frozen");
    s.press("<Esc>:");
    paste(&mut s, "rescue\x1b");
    assert_eq!(s.app.palette.as_ref().unwrap().input.value(), "rescue ");
    s.press("<Esc>F<Down><C-u>");
    paste(&mut s, "5m");
    assert!(s.screen().contains("For: > 5m_"), "{}", s.screen());
}
