//! What anybody may put before the program: names, depths and numbers at the kernel's limits, screens of every size, garbage.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::support::Group;
use super::support::requirement::{Need, trial};
use super::support::terminal::Terminal;
use super::support::workload::quiet;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const V1: &[Need] = &[Need::Root, Need::V1];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("hostile::screens_of_every_size", V2, screens_of_every_size),
        trial("hostile::a_paste_of_garbage", V2, a_paste_of_garbage),
        trial("hostile::five_thousand_processes", V2, five_thousand_processes),
        trial("hostile::many_groups_in_one", V2, many_groups_in_one),
        trial("hostile::a_long_command_line_is_cut", V2, a_long_command_line_is_cut),
    ];
    for (version, needs) in [(Version::V2, V2), (Version::V1, V1)] {
        let mut add = |name: &str, test: fn(Version)| {
            all.push(trial(&format!("hostile::{name}::{version}"), needs, move || test(version)));
        };
        add("the_longest_names", the_longest_names);
        add("the_deepest_group", the_deepest_group);
    }
    all
}

fn run(arguments: &[&OsStr]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Lines of printable text, and nothing on stderr.
#[track_caller]
fn assert_harmless(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "a control character");
    text
}

/// `NAME_MAX` bytes of every value that a name may have.
fn the_longest_names(version: Version) {
    let top = Group::new(version, "names");
    let allowed: Vec<u8> = (1..=255).filter(|byte| !b"/\n".contains(byte)).collect();
    let all = OsStr::from_bytes(&allowed).to_owned();
    let same = |byte| OsStr::from_bytes(&[byte; 255]).to_owned();
    let names = [all, same(b' '), same(0x1b), same(0x7f), same(0x9b), same(0xff), same(b'\\'), same(b'-')];
    for name in &names {
        let group = top.child(name);
        let output = run(&[OsStr::new("freeze"), group.path().as_os_str()]);
        assert_harmless(&output);
        assert!(group.requested());
        assert_harmless(&run(&[OsStr::new("show"), group.path().as_os_str()]));
    }
    let listed = assert_harmless(&run(&[OsStr::new("list"), top.path().as_os_str(), OsStr::new("--json")]));
    assert_eq!(listed.lines().filter(|line| line.contains("\"requested\":true")).count(), names.len());
    let mut terminal = Terminal::at(top.path(), (80, 24));
    terminal.shows("│>  ▸ cryoscope-test");
    terminal.keys("+");
    terminal.shows_line(&["\\x9b"]);
    terminal.keys("q");
}

/// As deep as a path is long (`PATH_MAX`, 4096 bytes, of which the kernel counts the end), and beyond by descriptors.
fn the_deepest_group(version: Version) {
    let top = Group::new(version, "deep");
    let mut path: PathBuf = top.path().to_owned();
    let mut depth = 0_usize;
    while fs::create_dir(path.join("d")).is_ok() {
        path.push("d");
        depth += 1;
        // A thousand groups of one hierarchy, each in the other, take the kernel long enough.
        if depth == 1000 {
            break;
        }
    }
    assert!(depth >= 100, "{depth}");
    fs::write(path.join(version.control_file()), version.request(true)).unwrap();
    let listed = assert_harmless(&run(&[OsStr::new("list"), top.path().as_os_str(), OsStr::new("--json")]));
    assert_eq!(listed.lines().count(), depth + 1);
    let frozen = listed.lines().filter(|line| line.contains("\"state\":\"frozen\""));
    assert_eq!(frozen.count(), 1);
    assert_harmless(&run(&[OsStr::new("list"), top.path().as_os_str()]));
    assert_harmless(&run(&[OsStr::new("show"), path.as_os_str()]));
    assert_harmless(&run(&[OsStr::new("thaw"), path.as_os_str()]));
}

fn many_groups_in_one() {
    let top = Group::v2("many");
    for name in 0..20_000 {
        fs::create_dir(top.path().join(name.to_string())).unwrap();
    }
    let listed = assert_harmless(&run(&[OsStr::new("list"), top.path().as_os_str(), OsStr::new("--json")]));
    assert_eq!(listed.lines().count(), 20_001);
    let mut terminal = Terminal::at(top.path(), (80, 24));
    terminal.shows("│>  ▸ cryoscope-test");
    terminal.keys("+");
    // The last one is where it ends once all are there.
    terminal.shows_within(Duration::from_secs(180), "watch 20,");
    terminal.keys("G");
    terminal.shows_line(&["9999"]);
    terminal.keys("q");
}

/// Processes that end when this is dropped.
struct Many(Vec<Child>);

impl Drop for Many {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
        }
        for child in &mut self.0 {
            let _ = child.wait();
        }
    }
}

fn five_thousand_processes() {
    const MANY: usize = 5_000;
    let group = Group::v2("processes");
    let mut many = Many(Vec::new());
    let script =
        "echo 0 >\"$0/cgroup.procs\"; n=0; while [ $n -lt 100 ]; do sleep 1000 & n=$((n+1)); done; wait";
    for _ in 0..MANY / 100 {
        let mut shell = Command::new("sh");
        many.0.push(quiet(shell.args(["-c", script]).arg(group.path())).spawn().unwrap());
    }
    let all = MANY + many.0.len();
    super::support::until("they are there", std::time::Duration::from_secs(60), || group.pids().len() == all);
    let shown = assert_harmless(&run(&[OsStr::new("show"), group.path().as_os_str(), OsStr::new("--json")]));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["process_list"].as_array().unwrap().len(), all);
    assert_harmless(&run(&[OsStr::new("freeze"), group.path().as_os_str()]));
    assert!(group.is_frozen());
    let mut terminal = Terminal::at(group.path(), (120, 40));
    terminal.shows_line(&["frozen", "5050"]);
    terminal.keys("q");
    group.thaw();
    fs::write(group.path().join("cgroup.kill"), "1").unwrap();
}

/// A process says itself where its command line is and how long (`PR_SET_MM_MAP`): this one's is a mebibyte.
fn a_long_command_line_is_cut() {
    let group = Group::v2("command");
    let mut command = Command::new("sh");
    command.args(["-c", "echo 0 >\"$0/cgroup.procs\"; sleep 1000; :"]).arg(group.path());
    command.args((0..16).map(|_| "\x1b".repeat(64 << 10)));
    let _many = Many(vec![quiet(&mut command).spawn().unwrap()]);
    super::support::until("it is there", super::support::SOON, || !group.pids().is_empty());
    let shown = assert_harmless(&run(&[OsStr::new("show"), group.path().as_os_str(), OsStr::new("--json")]));
    assert!(shown.len() < 200_000, "{} bytes", shown.len());
    assert!(shown.contains("sleep 1000"));
}

fn screens_of_every_size() {
    let group = Group::v2("size");
    group.child("inner").request(true);
    let mut terminal = Terminal::at(group.path(), (80, 24));
    terminal.shows("Groups");
    for keys in ["", "?", "\x1b:", "\x1bf", "\x1b3", "4", "/x", "\x1b"] {
        terminal.keys(keys);
        for size in [(1, 1), (2, 1), (1, 50), (500, 1), (3, 3), (20, 5), (500, 200), (79, 23)] {
            terminal.resize(size);
        }
    }
    terminal.resize((80, 24));
    terminal.shows("Groups");
    terminal.keys("\x1b\x1bq");
}

fn a_paste_of_garbage() {
    let group = Group::v2("paste");
    let inner = group.child("inner");
    let mut terminal = Terminal::at(group.path(), (80, 24));
    terminal.shows("Groups");
    // Every key that freezes, thaws, ends or confirms is in it.
    let garbage: String = (1..=0x2ff).filter_map(char::from_u32).filter(|&c| c != '\x1b').collect();
    for before in ["", "/", "\\", ":", "f"] {
        terminal.keys(before);
        terminal.keys(&format!("\x1b[200~{garbage}yfF\r\n\ttZ q{garbage}\x1b[201~"));
        terminal.keys("\x1b\x1b");
    }
    terminal.shows("Groups");
    assert!(!group.requested() && !inner.requested());
    terminal.keys("q");
}
