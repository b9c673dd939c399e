//! What the command line says, and how it is understood: targets, results, failures.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Output, Stdio};

use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::support::requirement::{Need, trial};
use super::support::terminal::Terminal;
use super::support::{Group, SOON, Workload, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("words::a_process_is_thawed_where_it_is_frozen", BOTH, thawed_where_it_is_frozen),
        trial("words::a_group_that_the_other_hierarchy_holds", BOTH, held_on_the_other_hierarchy),
        trial("words::a_path_of_the_other_hierarchy_is_refused", BOTH, path_of_the_other_hierarchy),
        trial("words::an_own_request_below_a_frozen_ancestor", V2, own_request_below_a_frozen_ancestor),
        trial("words::show_names_the_holder_on_the_other_hierarchy", BOTH, show_names_the_holder),
        trial("words::a_path_from_the_working_directory", V2, from_the_working_directory),
        trial("words::targets_that_mean_nothing", V2, targets_that_mean_nothing),
        trial("words::a_full_output_is_named", V2, a_full_output_is_named),
        trial("words::thaw_all_asks_on_a_terminal", V2, thaw_all_asks),
        trial("words::what_is_left_frozen_is_listed_when_the_screen_is_gone", V2, left_frozen_is_listed),
        trial("words::each_blocker_is_said_once", V2, each_blocker_is_said_once),
        trial("words::read_only_says_how_to_do_it", V2, read_only),
        trial("words::a_row_says_that_the_other_hierarchy_holds_it", BOTH, held_in_the_tree),
        trial("words::pasted_text_freezes_nothing", V2, pasted_text),
    ];
    for version in [Version::V2, Version::V1] {
        let name = format!("words::names_that_are_shown_alike::{version}");
        all.push(trial(&name, BOTH, move || names_that_are_shown_alike(version)));
    }
    all
}

fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What it failed with.
#[track_caller]
fn fails(output: &Output, code: i32) -> String {
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    stdout(output)
}

/// A byte 7, and the four characters that it is shown as.
fn names_that_are_shown_alike(version: Version) {
    let top = Group::new(version, "alike");
    let byte = top.child(OsStr::from_bytes(b"a\x07"));
    let shown = top.path().join(r"a\x07");
    assert_eq!(succeeds(&run([OsStr::new("freeze"), shown.as_os_str()])).lines().count(), 1);
    assert!(byte.is_frozen());

    let literal = top.child(r"a\x07");
    let said = fails(&run([OsStr::new("thaw"), shown.as_os_str()]), 2);
    assert!(said.contains("names several groups"), "{said}");
    let place = top.path().display();
    assert!(said.contains(&format!(r"$'{place}/a\007'")), "{said}");
    assert!(said.contains(&format!(r"'{place}/a\x5cx07'")), "{said}");
    // Each as a shell reads it.
    for (word, group) in [(format!(r"$'{place}/a\007'"), &byte), (format!(r"'{place}/a\x5cx07'"), &literal)] {
        let bash =
            |verb: &str| Command::new("bash").args(["-c", &format!("'{PROGRAM}' {verb} {word}")]).output();
        succeeds(&bash("freeze").unwrap());
        assert!(group.is_frozen());
        succeeds(&bash("thaw").unwrap());
        assert!(!group.is_frozen());
    }
    // One that holds both is found as it is shown.
    let both = top.child(OsStr::from_bytes(b"dev\\x2d\x1b"));
    succeeds(&run([OsStr::new("freeze"), top.path().join(r"dev\x2d\x1b").as_os_str()]));
    assert!(both.is_frozen());
}

fn thawed_where_it_is_frozen() {
    let (v2, v1) = (Group::v2("where"), Group::v1("where"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    let pid = format!("pid:{}", workload.pid());
    v1.freeze();
    let said = succeeds(&run(["thaw", &pid]));
    assert_eq!(said, format!("{} (v1) is thawed\n", v1.cgroup_path()));
    workload.assert_counting();

    v2.freeze();
    v1.request(true);
    let said = succeeds(&run(["thaw", &pid]));
    assert!(said.contains("(v2) is thawed") && said.contains("(v1) is thawed"), "{said}");
    workload.assert_counting();

    // In the root group of v2: frozen it is where that can be.
    let v1_only = Group::v1("only");
    let beside = Workload::in_groups(&[&v1_only]);
    fs::write(v2.path().with_file_name("cgroup.procs"), beside.pid().to_string()).unwrap();
    let said = fails(&run(["freeze", &format!("pid:{}", beside.pid())]), 2);
    let root = format!("pid:{} is in the root group of v2, which cannot be frozen", beside.pid());
    assert!(said.contains(&root) && said.contains("freeze it with --hierarchy v1"), "{said}");

    // Nothing holds it: v2 comes first. And what is asked for is done.
    let said = succeeds(&run(["thaw", &pid]));
    assert_eq!(said, format!("{} (v2) was not frozen\n", v2.cgroup_path()));
    assert!(succeeds(&run(["--hierarchy", "v1", "freeze", &pid])).contains("(v1) is frozen"));
    let said = succeeds(&run(["--hierarchy", "v2", "thaw", &pid]));
    let thaw = format!("cryoscope thaw {}", v1.path().display());
    assert!(said.contains("(v2) was not frozen") && said.contains(&thaw), "{said}");
}

fn held_on_the_other_hierarchy() {
    let (v2, v1) = (Group::v2("held"), Group::v1("held"));
    let inner = v1.child("inner");
    let workload = Workload::in_groups(&[&v2, &inner]);
    v2.freeze();
    v1.request(true);
    // The one that asks is named, not the one that the processes are in.
    let said = succeeds(&run([OsStr::new("thaw"), v2.path().as_os_str()]));
    assert!(
        said.contains("(v2) is thawed, but") && said.ends_with(&format!("{}\n", v1.path().display())),
        "{said}"
    );
    workload.assert_still();
}

fn path_of_the_other_hierarchy() {
    let group = Group::v2("other");
    for verb in ["show", "freeze", "list"] {
        let arguments =
            [OsStr::new("--hierarchy"), OsStr::new("v1"), OsStr::new(verb), group.path().as_os_str()];
        let said = fails(&run(arguments), 2);
        assert!(said.contains("is on v2, which contradicts --hierarchy v1"), "{said}");
    }
    assert!(!group.requested());
}

fn own_request_below_a_frozen_ancestor() {
    let group = Group::v2("own");
    let child = group.child("child");
    group.freeze();
    child.request(true);
    let thaw = [OsStr::new("thaw"), child.path().as_os_str()];
    let said = fails(&run(thaw), 1);
    assert!(said.contains("its own request is cleared, but it stays frozen"), "{said}");
    assert!(!child.requested() && child.is_frozen());
    let said = fails(&run(thaw), 1);
    assert!(said.contains("it stays frozen") && !said.contains("is cleared"), "{said}");
}

fn show_names_the_holder() {
    let (v2, v1) = (Group::v2("shown"), Group::v1("shown"));
    let inner = v1.child("inner");
    let _workload = Workload::in_groups(&[&v2, &inner]);
    let show = || succeeds(&run([OsStr::new("show"), v2.path().as_os_str()]));
    let plain = show();
    assert!(plain.contains("state      thawed\n") && plain.contains("below      no groups"), "{plain}");
    v1.freeze();
    let by = format!("its process is frozen on v1 by {}\n", v1.path().display());
    let thawed = show();
    assert!(thawed.contains(&format!("state      thawed, but {by}")), "{thawed}");
    let list = succeeds(&run([OsStr::new("list"), v2.path().parent().unwrap().as_os_str()]));
    let row = list.lines().find(|line| line.contains(v2.name().to_str().unwrap())).unwrap();
    assert!(row.ends_with("    1  frozen on v1"), "{row}");
    v2.request(true);
    let freezing = show();
    assert!(
        freezing.contains("state      freezing for ") && freezing.contains(&format!("; {by}")),
        "{freezing}"
    );
    inner.request(true);
    let both =
        format!("{}: frozen by its own request, and by {}", inner.path().display(), v1.path().display());
    assert!(show().contains(&both), "{}", show());
    let child = v2.child("child");
    child.request(true);
    assert!(show().contains("below      1 group, "), "{}", show());
    let shown = succeeds(&run([OsStr::new("show"), child.path().as_os_str()]));
    assert!(shown.contains("clears its own request, but it stays frozen"), "{shown}");
    child.request(false);
    let shown = succeeds(&run([OsStr::new("show"), child.path().as_os_str()]));
    assert!(shown.contains("thawing this group alone has no effect"), "{shown}");
}

fn from_the_working_directory() {
    let group = Group::v2("here");
    let child = group.child("child");
    let here = |target: &str| Command::new(PROGRAM).args(["show", target]).current_dir(child.path()).output();
    for (target, meant) in [(".", &child), ("..", &group), ("../child", &child), ("./.", &child)] {
        let said = succeeds(&here(target).unwrap());
        assert!(said.starts_with(&format!("{} (v2)\n", meant.path().display())), "{target}: {said}");
    }
    let outside = Command::new(PROGRAM).args(["freeze", "."]).current_dir("/etc").output().unwrap();
    assert!(fails(&outside, 2).contains("/etc is not a cgroup"));
}

fn targets_that_mean_nothing() {
    let root = hierarchies().unwrap().v2.unwrap().mount_point;
    let root = root.to_str().unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["freeze", ""], "the target is empty"),
        (&["freeze", "/"], "is the root of its hierarchy and cannot be frozen"),
        (&["freeze", root], "is the root of its hierarchy and cannot be frozen"),
        (&["thaw", root], "which is never frozen"),
        (&["freeze", "pid:"], "pid: is not a process ID"),
        (&["freeze", "pid:abc"], "pid:abc is not a process ID"),
        (&["freeze", "pid:0"], "pid:0 is not a process ID"),
        (&["freeze", "x", "--timeout", "-1"], "is not a duration"),
        (&["freeze", "x", "--for", "-1s"], "is not a duration"),
    ];
    for (arguments, words) in cases {
        let said = fails(&run(arguments), 2);
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!said.contains("--force") && !said.contains("tip:"), "{arguments:?}: {said}");
    }
}

fn a_full_output_is_named() {
    for arguments in [&["list"][..], &["help"], &["--help"], &["list", "--help"], &["--version"], &["man"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = Command::new(PROGRAM).args(arguments).stdout(full).output().unwrap();
        let said = fails(&output, 1);
        assert!(said.starts_with("cryoscope: cannot write the output: "), "{arguments:?}: {said}");
    }
}

fn thaw_all_asks() {
    let group = Group::v2("asked");
    let (one, two) = (group.child("one"), group.child("two"));
    one.freeze();
    two.freeze();
    // Of this group alone: other tests freeze, too.
    let root = group.path().to_str().unwrap();
    let said = fails(&run(["--root", root, "thaw", "--all"]), 4);
    assert!(said.contains("pass --yes"), "{said}");
    assert!(one.is_frozen() && two.is_frozen());

    let ask = |answer: &str| {
        let mut command = Command::new(PROGRAM);
        command.args(["--root", root, "thaw", "--all"]);
        let mut terminal = Terminal::start(command, (100, 20));
        terminal.shows_line(&["/one is frozen by its own request"]);
        terminal.shows_line(&["/two is frozen by its own request"]);
        terminal.shows("Thaw them all? [y/N]");
        terminal.keys(answer);
        terminal.end().code()
    };
    assert_eq!(ask("n\r"), Some(4));
    assert!(one.is_frozen() && two.is_frozen());
    assert_eq!(ask("y\r"), Some(0));
    until("both run", SOON, || !one.is_frozen() && !two.is_frozen());
    let said = succeeds(&run(["--root", root, "thaw", "--all"]));
    assert_eq!(said, "no group has a freeze of its own\n");
    assert!(fs::exists(root).unwrap());
}

/// Left with the dialog, and by a signal.
fn left_frozen_is_listed() {
    for by_signal in [false, true] {
        let group = Group::v2("left");
        let mut terminal = Terminal::at(group.path(), (140, 40));
        terminal.shows_line(&[group.name().to_str().unwrap()]);
        terminal.keys("f");
        terminal.shows("All processes in it and below stop");
        terminal.keys("\x1b[C\r");
        terminal.shows_line(&[group.name().to_str().unwrap(), "❄ frozen"]);
        if by_signal {
            terminal.signal(nix::sys::signal::Signal::SIGTERM);
        } else {
            terminal.keys("q");
            terminal.shows("Still frozen by this session");
            terminal.keys("\x1b[C\x1b[C\r");
        }
        assert_eq!(terminal.end().code(), Some(0));
        terminal.assert_restored();
        let screen = terminal.screen().contents();
        assert!(screen.contains("still frozen by this session:"), "{screen}");
        assert!(screen.contains(&format!("cryoscope thaw {}", group.path().display())), "{screen}");
        assert!(group.is_frozen());
    }
}

fn each_blocker_is_said_once() {
    let group = Group::v2("blocked");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(folder.path());
    let output = command.args(["--criu", "/no/such/criu"]).stdin(Stdio::null()).output().unwrap();
    let said = fails(&output, 4);
    assert!(!stdout(&output).contains("is not empty"), "{}", stdout(&output));
    let remedy = format!("use a new directory in it, such as {}/checkpoint-1", folder.path().display());
    // Each on a line of its own, and its remedy on the next.
    assert!(
        said.contains(&remedy) && said.lines().filter(|line| line.starts_with("  ")).count() >= 6,
        "{said}"
    );
    assert!(!said.contains("chmod") && said.matches("is not empty").count() == 1, "{said}");
}

fn read_only() {
    let group = Group::v2("only");
    for arguments in [&["freeze"][..], &["checkpoint", "--into", "/nowhere"], &["restore"]] {
        let mut command = Command::new(PROGRAM);
        command.arg("--read-only").args(arguments).arg(group.path());
        let said = fails(&command.output().unwrap(), 4);
        assert!(said.contains("run it without --read-only"), "{said}");
    }
    assert!(!group.requested());
}

/// A terminal marks what is pasted. (xterm: ctlseqs, "Bracketed Paste Mode")
fn pasted_text() {
    let group = Group::v2("pasted");
    let mut terminal = Terminal::at(group.path(), (140, 40));
    terminal.shows_line(&[group.name().to_str().unwrap()]);
    assert!(terminal.screen().bracketed_paste());
    terminal.keys("\x1b[200~f\x1b[C\rq\x1b[201~");
    // Into a line of text it goes.
    terminal.keys("/\x1b[200~pasted\x1b[201~");
    terminal.shows("search: pasted");
    terminal.keys("\rq");
    assert_eq!(terminal.end().code(), Some(0));
    assert!(!terminal.screen().bracketed_paste() && !group.requested());
}

/// While it is on the screen, and where it was so before.
fn held_in_the_tree() {
    let (v2, v1) = (Group::v2("row"), Group::v1("row"));
    let inner = v1.child("inner");
    let _workload = Workload::in_groups(&[&v2, &inner]);
    let name = v2.name().to_str().unwrap();
    let mut terminal = Terminal::at(v2.path(), (140, 40));
    terminal.shows_line(&[name]);
    v1.freeze();
    terminal.shows_line(&[name, "❄ on v1"]);
    terminal.shows(": thawed, but its process is frozen on v1 by");
    let mut other = Terminal::at(v2.path(), (140, 40));
    other.shows_line(&[name, "❄ on v1"]);
    v1.thaw();
    terminal.shows_no_line(&[name, "on v1"]);
    other.shows_no_line(&[name, "on v1"]);
}
