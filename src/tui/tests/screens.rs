//! Screens, as text.

use insta::assert_snapshot;

use super::*;

pub(super) fn snapshot(name: &str, session: &Session) {
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        assert_snapshot!(name, session.screen());
    });
}

#[test]
fn before_the_first_event() {
    let size = (80, 24);
    snapshot(
        "empty_80x24",
        &Session::start(Settings { size, host: "web-1".to_owned(), ..Settings::default() }),
    );
}

#[test]
fn the_tree_with_processes() {
    let mut s = Session::host((80, 24));
    s.press("*/app<Enter>");
    s.processes(10);
    snapshot("processes_80x24", &s);
}

#[test]
fn wide_screen() {
    let mut s = Session::host((120, 24));
    s.press("*/db<Enter>");
    s.processes(11);
    snapshot("freezing_120x24", &s);
}

#[test]
fn letters_only() {
    let settings = Settings { ascii: true, host: "web-1".to_owned(), size: (80, 24), ..Settings::default() };
    let mut s = Session::host_with(settings);
    s.press("*/app<Enter>");
    s.processes(10);
    let screen = s.screen();
    let own = ["名前のとても長いグループです", "日本語", "…"];
    let rest = own.iter().fold(screen, |text, name| text.replace(name, ""));
    assert!(!rest.contains(['❄', '◌', '◐', '▾', '▸', '│', '└']), "{rest}");
    snapshot("ascii_80x24", &s);
}

#[test]
fn the_story_of_a_freeze() {
    let mut s = Session::host((80, 24));
    snapshot("story_80x24", s.press("/workers<Enter>2"));
}

#[test]
fn small_screen() {
    let mut s = Session::host((60, 15));
    s.press("*/app<Enter>");
    s.processes(10);
    snapshot("groups_60x15", &s);
    snapshot("processes_60x15", s.press("<Tab>"));
    snapshot("story_60x15", s.press("<Tab>"));
}

#[test]
fn dialogs() {
    let mut s = Session::host((80, 24));
    s.press("/ssh<Enter>f");
    let refusal = Some("sshd (812), through which this program runs, is in it".to_owned());
    s.send(Event::Guard {
        id: id(12),
        refusal,
        owner: Some("systemd unit ssh.service".to_owned()),
        dump: None,
    });
    snapshot("freeze_refused_80x24", s.press("ssh"));
    s.press("<Esc>/evil<Enter>f");
    s.send(Event::Guard { id: id(14), refusal: None, owner: None, dump: None });
    snapshot("freeze_evil_80x24", &s);
    s.press("<Esc>F");
    s.send(Event::Guard { id: id(14), refusal: None, owner: None, dump: None });
    snapshot("freeze_for_80x24", &s);
    snapshot("thaw_inherited_80x24", s.press("<Esc>/workers<Enter>t"));
    snapshot("help_80x24", s.press("<Esc>?"));
}

#[test]
fn a_freeze_and_a_thaw_in_the_middle_of_a_dump_are_warned_of() {
    let dump = Some("criu (process 99) is dumping process 7 (x)".to_owned());
    let mut s = Session::host((80, 24));
    let freeze = (12, "/ssh<Enter>f", "hangs as long as this is frozen");
    for (ino, keys, words) in [freeze, (10, "<Esc>/app<Enter>t", "the thaw frees it")] {
        s.press(keys);
        assert!(!s.screen().contains("criu (process 99)"));
        s.send(Event::Guard { id: id(ino), refusal: None, owner: None, dump: dump.clone() });
        let screen = s.screen().replace(['│', '"'], "");
        let screen = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(screen.contains("criu (process 99) is dumping process 7"), "{screen}");
        assert!(screen.contains(words), "{screen}");
    }
}

#[test]
fn dialogs_on_a_small_screen() {
    let mut s = Session::host((60, 15));
    s.press("/ssh<Enter>f");
    let refusal = Some("sshd (812), through which this program runs, is in it".to_owned());
    s.send(Event::Guard {
        id: id(12),
        refusal,
        owner: Some("systemd unit ssh.service".to_owned()),
        dump: None,
    });
    snapshot("freeze_refused_60x15", &s);
    snapshot("help_60x15", s.press("<Esc>?jjjjjjjjjjjjjjjjjj"));
}

#[test]
fn leaving_and_messages() {
    let mut s = Session::host((80, 24));
    let path = CgroupPath::new(b"/system.slice/db.service");
    let outcome = Ok("/system.slice/db.service is frozen".to_owned());
    s.send(Event::Done { action: FreezeAction::Freeze, version: Version::V2, id: id(11), path, outcome });
    snapshot("done_80x24", &s);
    snapshot("leave_80x24", s.press("q"));
    s.press("<Esc>/se");
    snapshot("search_80x24", &s);
}

#[test]
fn the_palette() {
    let mut s = Session::host((80, 24));
    snapshot("palette_80x24", s.press(":fre"));
}

#[test]
fn too_small() {
    snapshot("too_small", &Session::host((40, 10)));
}

#[test]
fn any_size_draws() {
    for width in 1..130 {
        for height in [1, 2, 5, 14, 15, 16, 24, 50] {
            let mut s = Session::host((width, height));
            s.press("*/evil<Enter>");
            s.processes(14);
            s.screen();
            s.press("2J").screen();
            s.press("3J").screen();
            s.press("4J").screen();
            s.press("f").screen();
            s.press("<Esc>?").screen();
            s.press("<Esc>C").screen();
            s.press("<Esc>:").screen();
        }
    }
}
