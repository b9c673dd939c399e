//! The guard knows who carries this session, and what the host hangs on, and is not fooled by names.

use std::fs::{self, Permissions};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use libtest_mimic::Trial;
use tempfile::TempDir;

use super::support::ordinary::NOBODY;
use super::support::program::assert_said;
use super::support::terminal::Terminal;
use super::support::wait::{SOON, until};
use super::support::workload::quiet;
use super::support::{Group, Need, program, trial};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];

pub fn tests() -> Vec<Trial> {
    vec![
        trial("guard::a_name_alone_refuses_nothing", V2, a_name_alone_refuses_nothing),
        trial("guard::an_essential_process_refuses", V2, an_essential_process_refuses),
        trial("guard::the_other_end_of_the_terminal", V2, the_other_end_of_the_terminal),
        trial("guard::a_terminal_of_that_number_elsewhere", V2, a_terminal_of_that_number_elsewhere),
        trial("guard::an_attached_client_of_tmux", V2, an_attached_client_of_tmux),
        trial("guard::the_server_of_a_file_system", V2, the_server_of_a_file_system),
        trial(
            "guard::force_is_offered_to_whoever_could_use_it",
            V2,
            force_is_offered_to_whoever_could_use_it,
        ),
    ]
}

/// A child that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program in a group, as this user.
fn start(group: &Group, user: u32, mut command: Command) -> Ends {
    let child = quiet(&mut command).uid(user).gid(user).spawn().unwrap();
    group.add(child.id().cast_signed());
    Ends(child)
}

fn open_folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("cryoscope-test-").tempdir_in("/tmp").unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

fn sleep(at: &Path) -> Command {
    let mut command = Command::new(at);
    command.arg("1000");
    command
}

fn freeze(group: &Group) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["freeze", "--for", "1s"]).arg(group.path()).stdin(Stdio::null()).current_dir("/");
    command
}

const NAMES: [&str; 4] = ["systemd-logind", "sshd", "dbus-daemon", "systemd"];

/// Anybody may give a program any name; and what root starts is the host's only where nobody else can exchange the file.
fn a_name_alone_refuses_nothing() {
    let group = Group::v2("names");
    let (theirs, ours) = (open_folder(), open_folder());
    for name in NAMES {
        program::copy("/bin/sleep", &theirs.path().join(name));
        program::copy("/bin/sleep", &ours.path().join(name));
    }
    chown(theirs.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    // Their own copy; a copy of root's; a copy of theirs that root started; one that claims the name.
    let mut all = Vec::new();
    for name in NAMES {
        all.push(start(&group, NOBODY, sleep(&theirs.path().join(name))));
        all.push(start(&group, NOBODY, sleep(&ours.path().join(name))));
        all.push(start(&group, 0, sleep(&theirs.path().join(name))));
        let mut claims = sleep(Path::new("/bin/sleep"));
        claims.arg0(format!("/usr/sbin/{name}"));
        all.push(start(&group, 0, claims));
    }
    assert_said(&freeze(&group).output().unwrap(), 0, &["is frozen"]);
}

fn an_essential_process_refuses() {
    let group = Group::v2("essential");
    let folder = open_folder();
    let path = folder.path().join("sshd");
    program::copy("/bin/sleep", &path);
    let process = start(&group, 0, sleep(&path));
    let words = format!("it contains sshd ({}), which remote logins depend on; --force", process.0.id());
    assert_said(&freeze(&group).output().unwrap(), 4, &[&words]);
    // After an upgrade the file of the running program is gone.
    fs::remove_file(&path).unwrap();
    assert_said(&freeze(&group).output().unwrap(), 4, &[&words]);
    assert!(!group.requested());
    assert_said(&freeze(&group).arg("--force").output().unwrap(), 0, &["is frozen"]);
}

/// As with `systemd-run --pty`, `run0` or `script`, when the program is not started from there.
fn the_other_end_of_the_terminal() {
    let (group, other) = (Group::v2("master"), Group::v2("no-master"));
    let (pty, pts) = pty_process::blocking::open().unwrap();
    // The command itself holds the master, too, until it is dropped.
    let holder = Command::new("sleep").arg("1000").stdin(OwnedFd::from(pty)).stdout(Stdio::null()).spawn();
    let holder = Ends(holder.unwrap());
    group.add(holder.0.id().cast_signed());
    let in_terminal = |pts: &dyn AsFd, group: &Group| {
        let input = pts.as_fd().try_clone_to_owned().unwrap();
        freeze(group).stdin(input).output().unwrap()
    };
    let words = format!(
        "it contains sleep ({}), which holds the other end of this session's terminal",
        holder.0.id()
    );
    assert_said(&in_terminal(&pts, &group), 4, &[&words]);
    assert!(!group.requested());
    assert_said(&in_terminal(&pts, &other), 0, &["is frozen"]);
    // Now this program holds a master, which what it starts inherits: it would pass on what comes from there to the first terminal.
    drop(pts);
    let (_other_pty, other_pts) = pty_process::blocking::open().unwrap();
    assert_said(&in_terminal(&other_pts, &group), 0, &["is frozen"]);
}

/// Every container has a devpts of its own, whose terminals are numbered from 0 on, too; and anybody can make one.
fn a_terminal_of_that_number_elsewhere() {
    let group = Group::v2("devpts");
    let (_pty, pts) = pty_process::blocking::open().unwrap();
    let number =
        fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&pts.as_fd()))).unwrap();
    let number = number.file_name().unwrap().to_str().unwrap().to_owned();
    let folder = open_folder();
    let ready = folder.path().join("ready");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    // Through the devpts itself, and through /dev/ptmx beside it.
    let script = "mount -t devpts -o newinstance,ptmxmode=666 none /dev/pts; \
                  for n in $(seq 0 $1); do eval \"exec $((n + 20))<>/dev/pts/ptmx\"; done; \
                  mount -t devpts -o newinstance,ptmxmode=666 none /dev/pts; \
                  for n in $(seq 0 $1); do eval \"exec $((n + 200))<>/dev/ptmx\"; done; \
                  cat /proc/self/fdinfo/* | grep tty-index >$2; exec sleep 1000";
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "bash", "-ec", script, "bash", &number])
        .arg(&ready);
    let _theirs = start(&group, NOBODY, command);
    let theirs = format!("tty-index:\t{number}\n");
    until("the terminals are there", SOON, || {
        fs::read_to_string(&ready).is_ok_and(|text| text.contains(&theirs))
    });
    let input = pts.as_fd().try_clone_to_owned().unwrap();
    assert_said(&freeze(&group).stdin(input).output().unwrap(), 0, &["is frozen"]);
}

/// Ends the server, after a panic too.
struct Tmux(PathBuf);

impl Tmux {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command
            .arg("-S")
            .arg(&self.0)
            .args(["-f", "/dev/null"])
            .args(arguments)
            .current_dir("/")
            .env_remove("TMUX");
        command
    }

    fn say(&self, what: &str) -> String {
        let mut command = self.command(&["display-message", "-p", what]);
        String::from_utf8(command.stdin(Stdio::null()).output().unwrap().stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = quiet(&mut self.command(&["kill-server"])).status();
    }
}

/// The server, its client, and a client of another server, each in a group of its own.
fn an_attached_client_of_tmux() {
    let [ours, client, other] = ["server", "client", "other"].map(Group::v2);
    let folder = tempfile::tempdir().unwrap();
    let (server, second) = (Tmux(folder.path().join("ours")), Tmux(folder.path().join("other")));
    let attach = |tmux: &Tmux, group: &Group| {
        let terminal = Terminal::start(tmux.command(&["new-session", "sleep 1000"]), (80, 24));
        until("the client is attached", SOON, || tmux.say("#{session_attached}") == "1");
        group.add(terminal.pid());
        terminal
    };
    let terminal = attach(&server, &client);
    let _second = attach(&second, &other);
    let pid: i32 = server.say("#{pid}").parse().unwrap();
    ours.add(pid);
    let answer = folder.path().join("answer");
    let in_pane = |group: &Group, force: bool| {
        let _ = fs::remove_file(&answer);
        let line = format!(
            "{PROGRAM} freeze --for 1s {} {} >{answer}.new 2>&1; echo $? >>{answer}.new; mv {answer}.new {answer}",
            if force { "--force" } else { "" },
            group.path().display(),
            answer = answer.display(),
        );
        assert!(quiet(&mut server.command(&["new-window", "-d", &line])).status().unwrap().success());
        until("it has answered", SOON, || answer.exists());
        fs::read_to_string(&answer).unwrap()
    };
    let said = in_pane(&client, false);
    assert!(said.contains(&format!("({}), which shows this session's terminal", terminal.pid())), "{said}");
    assert!(said.ends_with("\n4\n"), "{said}");
    let said = in_pane(&other, false);
    assert!(said.ends_with("\n0\n"), "{said}");
    let said = in_pane(&ours, false);
    assert!(said.contains("this program itself") && said.ends_with("\n4\n"), "{said}");
}

/// A working directory on a FUSE file system: whoever answers for it must run.
fn the_server_of_a_file_system() {
    let (group, other) = (Group::v2("fuse"), Group::v2("no-fuse"));
    let place = tempfile::tempdir().unwrap();
    let script = "exec unshare --mount --propagation private sh -ec \
                  'exec \"$0\" fuse \"$1\" \"$2\" \"$3\"' \"$@\"";
    let helper = std::env::current_exe().unwrap();
    let said = |target: &Group| {
        let mut command = Command::new("sh");
        command.args(["-ec", script, "sh"]).arg(&helper).arg(place.path()).arg(group.path());
        command.arg(target.path()).env("PROGRAM", PROGRAM).stdin(Stdio::null()).current_dir("/");
        command.output().unwrap()
    };
    assert_said(&said(&group), 4, &["which serves a file system that this session uses"]);
    assert_said(&said(&other), 0, &["is frozen"]);
}

/// Who has no right to freeze the group is not told that force would do it.
fn force_is_offered_to_whoever_could_use_it() {
    let group = Group::v2("force");
    let copy = super::support::ordinary::Copy::of(PROGRAM);
    let in_group = |user: u32| {
        let script = "echo 0 >\"$2\"/cgroup.procs; exec setpriv --reuid=\"$1\" --regid=\"$1\" --clear-groups \"$0\" freeze \"$2\"";
        let mut command = Command::new("sh");
        command.args(["-ec", script]).arg(copy.path()).arg(user.to_string()).arg(group.path());
        command.stdin(Stdio::null()).current_dir("/").output().unwrap()
    };
    assert_said(&in_group(0), 4, &["this program itself", "--force"]);
    let output = in_group(NOBODY);
    assert_said(&output, 4, &["this program itself"]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("--force"), "{output:?}");
}
