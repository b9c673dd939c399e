//! Screens, as text.

use insta::assert_snapshot;

use super::*;

/// The sizes at which every panel, dialog and state is looked at.
const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (60, 15)];

/// The session on screens of all sizes; where only one of groups and panel has room, first the one and then the other.
pub(super) fn snapshot(name: &str, session: &mut Session) {
    let before = (session.app.size, session.app.shape);
    let mut text = String::new();
    for (width, height) in SIZES {
        session.send(Event::Input(Input::Resize(width, height)));
        text += &format!("{width}x{height}\n{}", session.screen());
        if width < 80 && session.app.dialog.is_none() && session.app.shown_checkpoint().is_none() {
            session.app.shape.panel_first ^= true;
            text += &format!("{width}x{height}, the other half\n{}", session.screen());
        }
    }
    let (width, height) = before.0;
    session.app.shape = before.1;
    session.send(Event::Input(Input::Resize(width, height)));
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        assert_snapshot!(name, text);
    });
}

#[test]
fn before_the_first_event() {
    let size = (80, 24);
    snapshot(
        "empty",
        &mut Session::start(Settings { size, host: "web-1".to_owned(), ..Settings::default() }),
    );
}

#[test]
fn the_tree_with_processes() {
    let mut s = Session::host((80, 24));
    s.press("*/app<Enter>");
    s.processes(10);
    snapshot("processes", &mut s);
    snapshot("processes_by_memory", s.press("oJ"));
    s.press("o/db<Enter>");
    s.processes(11);
    s.send(culprits());
    snapshot("freezing", &mut s);
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
    snapshot("ascii", &mut s);
}

#[test]
fn the_story_of_a_freeze() {
    let mut s = Session::host((80, 24));
    snapshot("story_inherited", s.press("/workers<Enter>2"));
    s.press("/app<Enter>");
    s.send(Event::Timers(vec![(
        id(10),
        Some(timed(TimeLeft::Left(Duration::from_secs(18)), TimerState::Runs)),
    )]));
    snapshot("story_own_for_a_time", &mut s);
    s.press("/db<Enter>");
    s.send(culprits());
    snapshot("story_stuck", &mut s);
    snapshot("story_thawed", s.press("/ssh<Enter>"));
    snapshot("story_root", s.press("gg"));
}

#[test]
fn freezing_is_asked() {
    let mut s = Session::host((80, 24));
    snapshot("freeze_waiting", s.press("/ssh<Enter>f"));
    let refusal = Some("sshd (812), through which this program runs, is in it".to_owned());
    let owner = Some("systemd unit ssh.service".to_owned());
    s.send(Event::Guard { id: id(12), refusal: refusal.clone(), owner: owner.clone(), dump: None });
    snapshot("freeze_refused", s.press("ssh"));
    s.press("<Esc>F");
    s.send(Event::Guard { id: id(12), refusal, owner, dump: None });
    snapshot("freeze_for_refused", &mut s);
    s.press("<Esc>/evil<Enter>f");
    s.send(Event::Guard { id: id(14), refusal: None, owner: None, dump: None });
    snapshot("freeze_evil", &mut s);
    s.press("<Esc>F");
    s.send(Event::Guard { id: id(14), refusal: None, owner: None, dump: None });
    snapshot("freeze_for", &mut s);
    s.press("<Esc>f");
    let dump = Some("criu (process 77) is dumping process 8412".to_owned());
    s.send(Event::Guard { id: id(14), refusal: None, owner: None, dump });
    snapshot("freeze_while_criu_dumps", &mut s);
}

#[test]
fn thawing_is_asked() {
    let mut s = Session::host((80, 24));
    snapshot("thaw_inherited", s.press("/workers<Enter>t"));
    s.changes(vec![Change::Read(group(20, "workers", true, true))]);
    snapshot("thaw_both", s.press("<Esc>t"));
    snapshot("thaw_own", s.press("<Esc>/app<Enter>t"));
}

#[test]
fn the_help_of_each_panel() {
    let mut s = Session::host((80, 24));
    for (key, name) in [("1", "processes"), ("2", "freeze"), ("3", "files"), ("4", "events")] {
        snapshot(&format!("help_{name}"), s.press(key).press("?"));
        s.press("?");
    }
    snapshot("help_scrolled", s.press("?jjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjjj"));
}

#[test]
fn leaving_and_messages() {
    let mut s = Session::host((80, 24));
    let path = CgroupPath::new(b"/system.slice/db.service");
    let outcome = Ok("/system.slice/db.service is frozen".to_owned());
    s.send(Event::Done { action: FreezeAction::Freeze, version: Version::V2, id: id(11), path, outcome });
    snapshot("done", &mut s);
    snapshot("leave", s.press("q"));
    s.press("<Esc>");
    let (path, why) = (CgroupPath::new(b"/system.slice/ssh.service"), "/a-long-name".repeat(12));
    let outcome = Err(format!("not permitted to write {why}: Permission denied; run as root"));
    s.send(Event::Done { action: FreezeAction::Freeze, version: Version::V2, id: id(12), path, outcome });
    snapshot("failed", &mut s);
}

#[test]
fn rescue_and_trouble() {
    let mut s = Session::host((80, 24));
    let cases = vec!["criu (process 77) hangs: its target, process 8412, is frozen by /jobs".to_owned()];
    s.send(Event::Stranded { cases: cases.clone(), asked: false });
    snapshot("stranded", &mut s);
    s.send(Event::Stranded { cases, asked: true });
    snapshot("rescue", &mut s);
    s.press("<Esc>");
    let (version, polling) =
        (Version::V2, Some("no more watches: raise fs.inotify.max_user_watches".to_owned()));
    let unreadable = vec!["/user.slice/secret: Permission denied".to_owned()];
    let watching = |s: &mut Session, groups_watched, unreadable| {
        s.send(Event::Watching {
            version,
            groups_watched,
            groups: 2408,
            polling: polling.clone(),
            unreadable,
        });
    };
    watching(&mut s, 0, unreadable);
    snapshot("polling", &mut s);
    watching(&mut s, 1200, Vec::new());
    snapshot("partly_polled", &mut s);
    s.send(Event::Unobserved { version, why: "the root is gone".to_owned() });
    snapshot("not_live", &mut s);
    let settings = Settings {
        read_only: true,
        limits: vec!["the right to write below /sys/fs/cgroup".to_owned()],
        size: (80, 24),
        ..Settings::default()
    };
    snapshot("read_only", Session::host_with(settings).press("j2f"));
}

#[test]
fn what_is_typed() {
    let mut s = Session::host((80, 24));
    snapshot("search", s.press("/se"));
    snapshot("search_nothing", s.press("qqq"));
    snapshot("filter", s.press("<Esc>\\is:frozen"));
    snapshot("filter_mistake", s.press("<C-u>is:cold"));
    snapshot("filtered", s.press("<C-u>is:frozen<Enter>"));
    snapshot("jump", s.press("<Esc>pssh"));
    snapshot("palette", s.press("<Esc>:fre"));
    snapshot("palette_nothing", s.press("zzzz"));
}

#[test]
fn the_panel_alone_and_the_display_held() {
    let mut s = Session::host((80, 24));
    s.press("*/app<Enter>");
    s.processes(10);
    snapshot("panel_alone", s.press("z"));
    snapshot("held", s.press("zZ"));
}

#[test]
fn too_small() {
    let mut terminal = Session::host((40, 10));
    insta::with_settings!({ snapshot_path => "../snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        assert_snapshot!("too_small", terminal.press("j").screen());
    });
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
