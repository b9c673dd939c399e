//! What systemd does to frozen processes is said before they are frozen.

use super::*;

const WATCHDOG: &str =
    "systemd kills ssh.service in 2s (WatchdogSec=4s): while frozen, it cannot report that it is alive";

fn forecast(ino: u64, command: Option<&str>, warning: &str) -> Event {
    let warnings = vec![warning.to_owned()];
    Event::Forecast { id: id(ino), command: command.map(str::to_owned), warnings }
}

fn clear(ino: u64) -> Event {
    Event::Guard { id: id(ino), refusal: None, owner: None, dump: None }
}

#[test]
fn the_dialog_shows_the_command_that_runs_and_what_goes_on() {
    let mut s = Session::host((120, 40));
    s.press("/ssh<Enter>f");
    s.send(forecast(12, Some("systemctl freeze ssh.service"), "systemd ends ssh.service in 5s"));
    s.send(clear(12));
    let screen = s.screen();
    assert!(screen.contains("echo 1 >") && screen.contains("systemctl freeze ssh.service"), "{screen}");
    assert!(
        screen.contains("stops the unit's watchdog") && screen.contains("systemd ends ssh.service in 5s."),
        "{screen}"
    );
    s.press("<Esc>f");
    s.send(forecast(12, None, WATCHDOG));
    s.send(clear(12));
    let screen = s.screen();
    assert!(screen.contains("echo 1 >") && screen.contains("systemd kills ssh.service in 2s"), "{screen}");
}

#[test]
fn an_answer_about_another_group_says_nothing() {
    let mut s = Session::host((120, 40));
    s.press("/ssh<Enter>f");
    s.send(forecast(11, Some("systemctl freeze other.service"), WATCHDOG));
    s.send(clear(12));
    let screen = s.screen();
    assert!(!screen.contains("systemctl freeze") && !screen.contains("WatchdogSec"), "{screen}");
}

#[test]
fn several_groups_are_warned_of_together() {
    let mut s = Session::host((120, 40));
    s.press("j<Right>/ssh<Enter> /名<Enter> f");
    for ino in [12, 13] {
        s.send(forecast(ino, Some("systemctl freeze x"), &format!("unit {ino} has \u{1b}[2J")));
        s.send(clear(ino));
    }
    let screen = s.screen();
    assert!(screen.contains("unit 12 has") && screen.contains("unit 13 has"), "{screen}");
    assert!(!screen.contains('\u{1b}'));
}
