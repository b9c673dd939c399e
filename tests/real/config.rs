//! The config: which file holds, what is done about mistakes, and the terminal that is asked for its ground.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use libtest_mimic::Trial;
use tempfile::TempDir;
use vt100::Color;

use super::support::ordinary::{Copy, NOBODY};
use super::support::requirement::{Need, trial};
use super::support::terminal::Terminal;
use super::support::{Group, SOON, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const WIDE: (u16, u16) = (140, 40);

pub fn tests() -> Vec<Trial> {
    vec![
        trial("config::mistakes_are_told_and_nothing_is_started", V2, mistakes_are_told),
        trial("config::a_file_that_was_named_must_be_there", &[], a_file_that_was_named_must_be_there),
        trial("config::the_file_in_its_place_is_read", V2, the_file_in_its_place_is_read),
        trial("config::a_file_of_somebody_else_is_refused", &[Need::Root], a_file_of_somebody_else),
        trial("config::a_file_that_may_not_be_read_is_said", V2, a_file_that_may_not_be_read),
        trial("config::an_answer_of_the_terminal_is_no_key", V2, an_answer_of_the_terminal_is_no_key),
    ]
}

fn written(text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cryoscope/config.toml");
    fs::create_dir(folder.path().join("cryoscope")).unwrap();
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    (folder, file)
}

fn screen(arguments: &[&Path]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    command
}

/// A verb that does not need a host: it looks at the config where one is named.
fn named(file: &Path) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("--config").arg(file).args(["completions", "bash"]).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn assert_refused(output: &Output, why: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(why), "{said}");
    assert!(output.stdout.is_empty());
}

fn mistakes_are_told() {
    let group = Group::v2("config");
    let (_folder, file) =
        written("theme = \"drak\"\n[keys]\nfreeze = \"\u{9b}31m\"\nthaw = 'f'\nhelp = 'f'\n");
    let mut terminal = Terminal::start(screen(&[Path::new("--config"), &file, group.path()]), (200, 24));
    assert_eq!(terminal.end().code(), Some(2));
    let said = terminal.screen().contents();
    let place = |place: &str| format!("config.toml:{place}: ");
    assert!(said.contains(&(place("1:9") + "drak is not a theme: did you mean dark?")), "{said}");
    assert!(said.contains(&(place("3:10") + "\\xc2\\x9b31m is not a key")), "{said}");
    assert!(said.contains(&(place("5:8") + "f is bound twice: to thaw and to help")), "{said}");
    terminal.assert_restored();
    assert_refused(&named(&file), "config.toml:1:9: ");
}

fn a_file_that_was_named_must_be_there() {
    let (folder, file) = written("theme = 'light'\n");
    assert_eq!(named(&file).status.code(), Some(0));
    assert_refused(&named(&folder.path().join("none.toml")), "none.toml: No such file");
    assert_refused(&named(folder.path()), "it is not a regular file");
}

fn the_file_in_its_place_is_read() {
    let group = Group::v2("placed");
    for (text, footer) in [(Some("[keys]\nfreeze = 'F7'\n"), "F7 freeze"), (None, "f freeze")] {
        let (folder, file) = written(text.unwrap_or_default());
        if text.is_none() {
            fs::remove_file(&file).unwrap();
        }
        let mut command = screen(&[group.path()]);
        command.env("XDG_CONFIG_HOME", folder.path());
        let mut terminal = Terminal::start(command, WIDE);
        terminal.shows(&format!(" {footer}"));
        terminal.keys("q");
        assert_eq!(terminal.end().code(), Some(0));
        terminal.assert_restored();
    }
}

fn a_file_of_somebody_else() {
    let (_folder, file) = written("theme = 'light'\n");
    chown(&file, Some(NOBODY), None).unwrap();
    assert_refused(&named(&file), "belongs to user 65534");
    chown(&file, Some(0), None).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o646)).unwrap();
    assert_refused(&named(&file), "it is world-writable");
}

fn a_file_that_may_not_be_read() {
    let group = Group::v2("unread");
    let (folder, file) = written("theme = 'light'\n");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let program = Copy::of(PROGRAM);
    let mut command = Command::new(program.path());
    command.arg(group.path()).env("XDG_CONFIG_HOME", folder.path()).uid(NOBODY).gid(NOBODY);
    let mut terminal = Terminal::start(command, (200, 24));
    assert_eq!(terminal.end().code(), Some(2));
    let said = terminal.screen().contents();
    assert!(said.contains("cannot read the config") && said.contains("Permission denied"), "{said}");
    terminal.assert_restored();
}

fn an_answer_of_the_terminal_is_no_key() {
    let group = Group::v2("ground");
    group.request(true);
    until("it is frozen", SOON, || group.is_frozen());
    let name = group.name().to_str().unwrap();
    let mut command = screen(&[group.path()]);
    command.env("COLORTERM", "truecolor").env_remove("COLORFGBG");
    let mut terminal = Terminal::start(command, WIDE);
    terminal.keys("gg");
    terminal.shows_line(&[name, "❄ frozen"]);
    // In its own row: other tests have groups that are frozen, too.
    let rows = terminal.rows();
    let row = rows.iter().position(|row| row.contains(name) && row.contains('❄')).unwrap();
    let column = rows[row].split('❄').next().unwrap().chars().count();
    let at = (u16::try_from(column).unwrap(), u16::try_from(row).unwrap());
    let colour = |screen: &vt100::Screen| screen.cell(at.1, at.0).unwrap().fgcolor();
    // Blue of the sixteen: it does not know yet.
    assert!(matches!(colour(terminal.screen()), Color::Idx(_)));
    // In the middle of what is typed: of `/ground`, and of a key that would freeze or fold if the answer were typed.
    terminal.keys("/gro\x1b]11;rgb:ffff/ffff/ffff\x1b\\und");
    terminal.shows(" search: ground");
    terminal.wait("the colours are those for a light ground", |s| colour(s) == Color::Rgb(0, 0x5a, 0x94));
    terminal.keys("\x1b");
    terminal.shows_no_line(&["search:"]);
    terminal.keys("q");
    assert_eq!(terminal.end().code(), Some(0));
    terminal.assert_restored();
}
