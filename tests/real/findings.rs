//! What processes hold, and what criu says of it: each cause is made for real. The program says it before, plain criu says it
//! after, and with the option that the program adds the checkpoint works.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;

use cryoscope::checkpoint::criu::numbers;
use libtest_mimic::Trial;
use nix::sys::ptrace;
use nix::unistd::{Pid, gettid};
use serde_json::Value;
use tempfile::TempDir;

use super::support::criu::dump;
use super::support::group::Group;
use super::support::requirement::{Need, criu, trial};
use super::support::wait::{SOON, until};
use super::support::workload::{Workload, quiet};

const NEEDS: &[Need] = &[Need::Root, Need::V2, Need::Criu];

/// A cause, and what is said of it.
struct Case {
    /// The kind of workload and its argument.
    hold: (&'static str, &'static str),
    /// The finding's code.
    code: &'static str,
    /// The option that it adds; none for a blocker.
    option: Option<&'static [&'static str]>,
    /// What plain criu says.
    says: &'static str,
}

const fn asks(
    hold: (&'static str, &'static str),
    code: &'static str,
    option: &'static [&'static str],
    says: &'static str,
) -> Case {
    Case { hold, code, option: Some(option), says }
}

const fn blocks(hold: (&'static str, &'static str), code: &'static str, says: &'static str) -> Case {
    Case { hold, code, option: None, says }
}

const LOCKS: &str = "Some file locks are hold by dumping tasks!";
const TYPE: &str = "Can't dump file";

const CASES: [Case; 18] = [
    asks(("flock", "f"), "file-locks", &["--file-locks"], LOCKS),
    asks(("posix-lock", "f"), "file-locks", &["--file-locks"], LOCKS),
    asks(("ofd-lock", "f"), "file-locks", &["--file-locks"], LOCKS),
    asks(("large-ghost", "f"), "deleted-file", &["--ghost-limit", "4M"], "Can't dump ghost file"),
    asks(("remap", "f"), "deleted-name", &["--link-remap"], "Can't create link remap for"),
    asks(("no-session", ""), "session", &["--shell-job"], "is not a session leader"),
    blocks(("io-uring", ""), "io-uring", "(anon_inode:[io_uring])"),
    blocks(("fscontext", ""), "unsupported-file", TYPE),
    blocks(("detached-mount", "/"), "file-outside", "Can't lookup mount="),
    blocks(("device", "/dev/loop-control"), "device", TYPE),
    blocks(("device", "/dev/net/tun"), "tunnel", "Net namespace is required to dump tun link"),
    blocks(("vsock", ""), "socket-kind", "Unknown socket collected"),
    blocks(("pidfd", "1"), "pidfd-outside", "is not a part of process tree"),
    blocks(
        ("child", "exec unshare --pid --fork sleep 1000"),
        "nested-namespace",
        "Can't dump nested pid namespace",
    ),
    blocks(("child", "exec unshare --ipc sleep 1000"), "nested-namespace", "Can't dump nested ipc namespace"),
    blocks(("child", "exec unshare --uts sleep 1000"), "nested-namespace", "Can't dump nested uts namespace"),
    blocks(
        ("child", "exec unshare --user --map-root-user sleep 1000"),
        "nested-namespace",
        "Can't dump nested user namespace",
    ),
    blocks(("child", SYSV), "sysv-memory", "doesn't live in IPC ns"),
];

/// perl is on every Debian: shmget(2) and shmat(2), and the segment goes with the last process that has it.
const SYSV: &str = r#"exec perl -e 'my ($get, $at, $ctl) = `uname -m` =~ /x86_64/ ? (29, 30, 31) : (194, 196, 195);
my $id = syscall($get, 0, 4096, 01600); syscall($at, $id, 0, 0); syscall($ctl, $id, 0, 0); sleep 1000 while 1'"#;

/// What criu dumps without being asked: no finding but that all is in order.
const QUIET: [(&str, &str); 3] = [("nothing", ""), ("small-ghost", "f"), ("unix-pair", "")];

pub fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    for case in CASES {
        let argument: String = case.hold.1.chars().filter(|c| c.is_ascii_alphanumeric()).take(24).collect();
        let name = format!("findings::{}::{}::{argument}", case.code, case.hold.0);
        all.push(trial(name.trim_end_matches("::"), NEEDS, move || check(&case)));
    }
    for (kind, argument) in QUIET {
        all.push(trial(&format!("findings::in_order::{kind}"), NEEDS, move || in_order(kind, argument)));
    }
    all.extend([
        trial("findings::tcp_connections", NEEDS, tcp_connections),
        trial("findings::tcp_without_iptables", NEEDS, tcp_without_iptables),
        trial("findings::tcp_that_nobody_accepted", NEEDS, tcp_waiting),
        trial("findings::udp_and_listening", NEEDS, udp_and_listening),
        trial("findings::unix_stream", NEEDS, unix_stream),
        trial("findings::unix_stream_not_accepted", NEEDS, unix_stream_not_accepted),
        trial("findings::unix_datagram", NEEDS, unix_datagram),
        trial("findings::unix_datagram_without_a_name", NEEDS, unix_nameless),
        trial("findings::journal_socket", NEEDS, journal_socket),
        trial("findings::deleted_program", NEEDS, deleted_program),
        trial("findings::traced", NEEDS, traced),
        trial("findings::terminal_of_a_tmux_pane", NEEDS, tmux_pane),
        trial("findings::terminal_with_its_master_outside", NEEDS, terminal_from_outside),
        trial("findings::network_namespace", NEEDS, network_namespace),
        trial("findings::mounts_that_follow", NEEDS, mounts_that_follow),
        trial("findings::session_led_from_outside_the_namespace", NEEDS, session_outside),
        trial("findings::unreadable_is_unknown", NEEDS, unreadable),
    ]);
    all
}

/// A folder for images, and one for plain criu.
struct Images(TempDir);

impl Images {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("cryoscope-test-").tempdir().unwrap())
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("images")
    }

    fn plain(&self) -> PathBuf {
        let plain = tempfile::Builder::new().prefix("plain").tempdir_in(self.0.path()).unwrap();
        plain.keep()
    }
}

fn command(program: &Path, group: &Group, into: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(into).arg("--criu").arg(criu());
    command.args(more).stdin(Stdio::null());
    command
}

fn cryoscope(group: &Group, into: &Path, more: &[&str]) -> Command {
    command(Path::new(env!("CARGO_BIN_EXE_cryoscope")), group, into, more)
}

/// What the preflight says.
struct Said {
    all: Vec<Value>,
    plan: Value,
}

impl Said {
    fn of(group: &Group, images: &Images) -> Self {
        Self::read(&cryoscope(group, &images.folder(), &["--dry-run", "--json"]).output().unwrap())
    }

    fn read(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stdout);
        let mut json: Value = serde_json::from_str(&said)
            .unwrap_or_else(|e| panic!("{e}: {said}{}", String::from_utf8_lossy(&output.stderr)));
        Self { all: json["findings"].as_array().unwrap().clone(), plan: json["plan"].take() }
    }

    /// What is not in order: level and code.
    fn remarks(&self) -> Vec<(&str, &str)> {
        let words = self.all.iter().map(|f| (f["level"].as_str().unwrap(), f["code"].as_str().unwrap()));
        words.filter(|(level, _)| *level != "ok").collect()
    }

    #[track_caller]
    fn only(&self, level: &str, code: &str) -> &Value {
        assert_eq!(self.remarks(), [(level, code)], "{:#?}", self.all);
        self.one(code)
    }

    #[track_caller]
    fn one(&self, code: &str) -> &Value {
        let found = self.all.iter().find(|finding| finding["code"] == code);
        found.unwrap_or_else(|| panic!("no {code} in {:#?}", self.all))
    }

    /// The arguments of criu in the plan.
    fn arguments(&self) -> Vec<&str> {
        let steps = self.plan["steps"].as_array().unwrap();
        let dump = steps.iter().find_map(|step| step.get("dump")).unwrap();
        dump["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect()
    }
}

/// Every word of what the finding cites stands in criu's own message: what differs from run to run is a letter, a dot or an
/// ellipsis there.
#[track_caller]
fn assert_cited(finding: &Value, says: &str) {
    let cited = finding["criu_says"].as_str().unwrap();
    let varies = |word: &str| word.contains('…') || ["N", "M"].contains(&word.trim_matches('.'));
    let plain = |text: &str| text.replace(['(', ')', '[', ']', ',', '='], " ");
    let said = plain(says);
    let known: Vec<&str> = said.split_whitespace().collect();
    let missing: Vec<String> = plain(cited)
        .split_whitespace()
        .filter(|word| !varies(word) && !known.contains(word))
        .map(str::to_owned)
        .collect();
    assert!(missing.is_empty(), "{cited:?} is not what criu says: {missing:?} of\n{says}");
}

#[track_caller]
fn assert_option(said: &Said, finding: &Value, option: &[&str]) {
    assert_eq!(finding["options"], serde_json::json!(option));
    let arguments = said.arguments();
    assert!(arguments.windows(option.len()).any(|words| words == option), "{arguments:?}");
}

/// The checkpoint works, and the workload lives.
#[track_caller]
fn assert_done(group: &Group, images: &Images, workload: &Workload) {
    let output = cryoscope(group, &images.folder(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(images.folder().join("pstree.img").is_file());
    workload.assert_counting();
}

/// The checkpoint is refused, and nothing has happened.
#[track_caller]
fn assert_refused(group: &Group, images: &Images, workload: &Workload) {
    let output = cryoscope(group, &images.folder(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!images.folder().exists());
    workload.assert_counting();
}

/// What plain criu says, in whole lines of its log.
#[track_caller]
fn plain(workload: &Workload, images: &Images, says: &str) -> String {
    let ended = dump(workload.pid(), &images.plain()).leave_running().run();
    ended.assert_failure(says);
    workload.assert_counting();
    ended.log
}

fn check(case: &Case) {
    let (group, images) = (Group::v2(case.code), Images::new());
    let workload = Workload::holding(&group, case.hold.0, case.hold.1);
    if case.hold.0 == "child" {
        until("what is below is ready", SOON, || child_is_ready(&group, case));
    }
    let level = if case.option.is_some() { "warning" } else { "blocker" };
    let said = Said::of(&group, &images);
    let finding = said.only(level, case.code);
    assert_cited(finding, &plain(&workload, &images, case.says));
    match case.option {
        Some(option) => {
            assert_option(&said, finding, option);
            assert_done(&group, &images, &workload);
        }
        None => assert_refused(&group, &images, &workload),
    }
}

/// The shell line is at its last command, which sleeps.
fn child_is_ready(group: &Group, case: &Case) -> bool {
    let last = if case.hold.1.contains("perl") { "perl" } else { "sleep" };
    let comm = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let sleeps =
        |pid: &i32| fs::read_to_string(format!("/proc/{pid}/wchan")).is_ok_and(|at| at.contains("nanosleep"));
    group.pids().iter().any(|pid| comm(pid).trim() == last && sleeps(pid))
}

fn in_order(kind: &'static str, argument: &str) {
    let (group, images) = (Group::v2(kind), Images::new());
    let workload = Workload::holding(&group, kind, argument);
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_eq!(said.one("resources")["level"], "ok");
    assert_done(&group, &images, &workload);
}

/// From Linux 6.16 on, criu before 4.2 cannot dump any internet socket.
fn sockets_fail() -> bool {
    let version = String::from_utf8(Command::new(criu()).arg("--version").output().unwrap().stdout).unwrap();
    let version = cryoscope::checkpoint::criu::version(&version).unwrap();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    numbers(&version) < (4, 2) && numbers(&kernel) >= (6, 16)
}

const OPTION_FAILS: &str = "Can't get 1:16 opt: Operation not supported";

fn tcp_connections() {
    let (group, images) = (Group::v2("tcp"), Images::new());
    let workload = Workload::holding(&group, "tcp", "");
    let said = Said::of(&group, &images);
    let connected = said.one("tcp-connected");
    assert_eq!(connected["options"], serde_json::json!(["--tcp-established"]));
    if !sockets_fail() {
        assert_eq!(said.remarks(), [("warning", "tcp-connected")]);
        assert_cited(connected, &plain(&workload, &images, "Connected TCP socket"));
        assert_option(&said, connected, &["--tcp-established"]);
        return assert_done(&group, &images, &workload);
    }
    assert_eq!(said.remarks(), [("blocker", "internet-socket"), ("warning", "tcp-connected")]);
    assert_cited(said.one("internet-socket"), &plain(&workload, &images, OPTION_FAILS));
    // No option of criu helps.
    let ended = dump(workload.pid(), &images.plain()).leave_running().option(&["--tcp-established"]).run();
    ended.assert_failure(OPTION_FAILS);
    assert_refused(&group, &images, &workload);
}

fn tcp_without_iptables() {
    let (group, images) = (Group::v2("no-iptables"), Images::new());
    let workload = Workload::holding(&group, "tcp", "");
    let nothing = images.plain();
    let mut look = cryoscope(&group, &images.folder(), &["--dry-run", "--json"]);
    let said = Said::read(&look.env("PATH", &nothing).output().unwrap());
    assert_eq!(said.one("network-lock")["options"], serde_json::json!(["--network-lock", "nftables"]));
    let found = Said::of(&group, &images);
    assert!(found.all.iter().all(|finding| finding["code"] != "network-lock"), "{:#?}", found.all);
    workload.assert_counting();
}

fn tcp_waiting() {
    let (group, images) = (Group::v2("tcp-waiting"), Images::new());
    let workload = Workload::holding(&group, "tcp-waiting", "");
    let said = Said::of(&group, &images);
    assert_eq!(said.one("tcp-waiting")["options"], serde_json::json!(["--skip-in-flight"]));
    assert_cited(said.one("tcp-waiting"), &plain(&workload, &images, "In-flight connections can be ignored"));
    if !sockets_fail() {
        assert_done(&group, &images, &workload);
    }
}

fn udp_and_listening() {
    for kind in ["udp", "tcp-listening"] {
        let (group, images) = (Group::v2(kind), Images::new());
        let workload = Workload::holding(&group, kind, "");
        let said = Said::of(&group, &images);
        if sockets_fail() {
            assert_cited(said.only("blocker", "internet-socket"), &plain(&workload, &images, OPTION_FAILS));
            assert_refused(&group, &images, &workload);
        } else {
            assert!(said.remarks().is_empty(), "{:#?}", said.all);
            assert_done(&group, &images, &workload);
        }
    }
}

const HALF: &str = "Can't dump half of stream unix connection";

fn unix_stream() {
    let (group, images) = (Group::v2("unix-stream"), Images::new());
    let path = images.0.path().join("listener");
    let listener = UnixListener::bind(&path).unwrap();
    let workload = Workload::holding(&group, "unix-stream", &path);
    let _far = listener.accept().unwrap();
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "unix-stream");
    assert!(finding["what"].as_str().unwrap().contains(path.to_str().unwrap()), "{finding}");
    plain(&workload, &images, "External socket is used. Consider using --ext-unix-sk option.");
    // The option that criu names does not help.
    let ended = dump(workload.pid(), &images.plain()).leave_running().option(&["--ext-unix-sk"]).run();
    ended.assert_failure(HALF);
    assert_cited(finding, &ended.log);
    assert_refused(&group, &images, &workload);
}

/// criu connects it again at the restore: nothing was said over it yet.
fn unix_stream_not_accepted() {
    let (group, images) = (Group::v2("unix-waiting"), Images::new());
    let path = images.0.path().join("listener");
    let _listener = UnixListener::bind(&path).unwrap();
    let workload = Workload::holding(&group, "unix-stream", &path);
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    assert_done(&group, &images, &workload);
}

fn unix_datagram() {
    let (group, images) = (Group::v2("unix-datagram"), Images::new());
    let path = images.0.path().join("datagrams");
    let _server = UnixDatagram::bind(&path).unwrap();
    let workload = Workload::holding(&group, "unix-datagram", &path);
    let said = Said::of(&group, &images);
    let finding = said.only("warning", "unix-datagram");
    assert_cited(finding, &plain(&workload, &images, "External socket is used."));
    assert_option(&said, finding, &["--ext-unix-sk"]);
    assert_done(&group, &images, &workload);
}

fn unix_nameless() {
    let (group, images) = (Group::v2("unix-nameless"), Images::new());
    let (_far, near) = UnixDatagram::pair().unwrap();
    let input = Stdio::from(std::os::fd::OwnedFd::from(near));
    let workload = Workload::with_input(&group, "nothing", "", input);
    let said = Said::of(&group, &images);
    assert_cited(
        said.only("blocker", "unix-nameless"),
        &plain(&workload, &images, "External socket is used."),
    );
    let ended = dump(workload.pid(), &images.plain()).leave_running().option(&["--ext-unix-sk"]).run();
    ended.assert_failure("Can't dump name-less external socket.");
    assert_refused(&group, &images, &workload);
}

/// In a mount namespace of its own, a listener stands where journald's is; the connection has its name.
fn journal_socket() {
    let (group, images) = (Group::v2("journal"), Images::new());
    let (mut helper, connected) = journal(&images);
    let workload =
        Workload::with_input(&group, "nothing", "", Stdio::from(std::os::fd::OwnedFd::from(connected)));
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "journal-socket");
    assert!(finding["remedy"].as_str().unwrap().contains("StandardOutput=append:"), "{finding}");
    let ended = dump(workload.pid(), &images.plain()).leave_running().option(&["--ext-unix-sk"]).run();
    ended.assert_failure(HALF);
    assert_cited(finding, &ended.log);
    assert_refused(&group, &images, &workload);
    helper.kill().unwrap();
    helper.wait().unwrap();
}

/// A process that listens as journald does and has accepted one connection; the connection.
fn journal(images: &Images) -> (std::process::Child, UnixStream) {
    let folder = images.plain();
    let script =
        "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && exec perl -MIO::Socket::UNIX -e '
        my $l = IO::Socket::UNIX->new(Local => \"/run/systemd/journal/stdout\", Listen => 5) or die;
        my $s = $l->accept(); sleep 1000'";
    let mut command = Command::new("unshare");
    quiet(&mut command).args(["--mount", "sh", "-c", script]);
    let helper = command.spawn().unwrap();
    // Through the helper's root: its /run is another one.
    let inside = PathBuf::from(format!("/proc/{}/root/run/systemd/journal/stdout", helper.id()));
    let link = folder.join("s");
    std::os::unix::fs::symlink(&inside, &link).unwrap();
    let mut stream = None;
    until("the journal listens", SOON, || {
        stream = UnixStream::connect(&link).ok();
        stream.is_some()
    });
    let wchan = format!("/proc/{}/wchan", helper.id());
    until("it has accepted", SOON, || fs::read_to_string(&wchan).is_ok_and(|at| at.contains("nanosleep")));
    (helper, stream.unwrap())
}

/// The program itself was deleted, as an upgrade does: it is mapped, but not open.
fn deleted_program() {
    let (group, images) = (Group::v2("deleted-program"), Images::new());
    let program = images.0.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let workload = Workload::named(&[&group], &program, None);
    fs::remove_file(&program).unwrap();
    let said = Said::of(&group, &images);
    let finding = said.only("warning", "deleted-file");
    assert_cited(finding, &plain(&workload, &images, "Can't dump ghost file"));
    assert_done(&group, &images, &workload);
}

fn traced() {
    let (group, images) = (Group::v2("traced"), Images::new());
    let workload = Workload::in_group(&group);
    // A thread is the tracer, and lets go when it ends: the workload could not be reaped otherwise.
    let (done, end) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let pid = workload.pid();
    let tracer = thread::spawn(move || {
        for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            let task = task.unwrap().file_name().to_str().unwrap().parse().unwrap();
            ptrace::seize(Pid::from_raw(task), ptrace::Options::empty()).unwrap();
        }
        tell.send(gettid().as_raw()).unwrap();
        end.recv().unwrap_err();
    });
    let by = told.recv().unwrap();
    let said = Said::of(&group, &images);
    let finding = said.only("blocker", "traced");
    assert!(finding["remedy"].as_str().unwrap().contains(&by.to_string()), "{finding}");
    assert_cited(finding, &plain(&workload, &images, "Operation not permitted"));
    assert_refused(&group, &images, &workload);
    drop(done);
    tracer.join().unwrap();
    assert_done(&group, &images, &workload);
}

/// A workload in a pane of a tmux server of the test's own.
fn tmux_pane() {
    let (group, images) = (Group::v2("tmux"), Images::new());
    let socket = images.0.path().join("tmux");
    let counter = images.0.path().join("counter");
    let program = std::env::current_exe().unwrap();
    let line = format!(
        "{} workload {} no-session x {} & sleep 1000",
        program.display(),
        counter.display(),
        group.path().display()
    );
    let tmux = |arguments: &[&str]| {
        let mut command = Command::new("tmux");
        quiet(&mut command).arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(arguments);
        assert!(command.status().unwrap().success(), "tmux {arguments:?}");
    };
    tmux(&["new-session", "-d", &line]);
    let _server = Tmux(socket.clone());
    let count = || fs::read(&counter).ok().and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes);
    until("the workload counts in its pane", SOON, || count() > 0);
    let said = Said::of(&group, &images);
    assert_eq!(said.remarks(), [("warning", "session"), ("warning", "terminal")], "{:#?}", said.all);
    assert_option(&said, said.one("terminal"), &["--shell-job"]);
    let pid = group.pids()[0];
    let ended = dump(pid, &images.plain()).leave_running().run();
    ended.assert_failure("Found dangling tty with sid");
    assert_cited(said.one("terminal"), &ended.log);
    let output = cryoscope(&group, &images.folder(), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let before = count();
    until("the workload goes on counting", SOON, || count() > before);
}

/// Ends the server, after a panic too.
struct Tmux(PathBuf);

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = quiet(Command::new("tmux").arg("-S").arg(&self.0).arg("kill-server")).status();
    }
}

/// A terminal's master in the tree, and the session outside: what a terminal emulator is.
fn terminal_from_outside() {
    let (group, images) = (Group::v2("terminal"), Images::new());
    let (pty, pts) = pty_process::blocking::open().unwrap();
    let mut shell = pty_process::blocking::Command::new("sleep").arg("1000").spawn(pts).unwrap();
    let input = Stdio::from(std::os::fd::OwnedFd::from(pty));
    let workload = Workload::with_input(&group, "nothing", "", input);
    let said = Said::of(&group, &images);
    let finding = said.only("warning", "terminal");
    assert_cited(finding, &plain(&workload, &images, "Found dangling tty with sid"));
    assert_option(&said, finding, &["--shell-job"]);
    assert_done(&group, &images, &workload);
    shell.kill().unwrap();
    shell.wait().unwrap();
}

fn network_namespace() {
    let (group, images) = (Group::v2("network"), Images::new());
    let mut program = Command::new("unshare");
    program.arg("--net");
    let workload = Workload::within(&group, program);
    let said = Said::of(&group, &images);
    assert!(said.remarks().is_empty(), "{:#?}", said.all);
    // Without the two programs.
    let nothing = images.plain();
    let look = |path: &Path| {
        let mut command = cryoscope(&group, &images.folder(), &["--dry-run", "--json"]);
        Said::read(&command.env("PATH", path).output().unwrap())
    };
    assert_eq!(look(&nothing).remarks(), [("blocker", "network-tools"), ("warning", "network-lock")]);
    std::os::unix::fs::symlink(which("ip"), nothing.join("ip")).unwrap();
    let without = look(&nothing);
    assert_option(&without, without.only("warning", "network-lock"), &["--network-lock", "nftables"]);
    let without = dump(workload.pid(), &images.plain()).leave_running().path(&nothing).run();
    without.assert_failure("Locking network failed: iptables-restore returned");
    assert_done(&group, &images, &workload);
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file()).unwrap()
}

/// What systemd's PrivateTmp=yes does: a namespace whose mounts follow those of the host.
fn mounts_that_follow() {
    let (group, images) = (Group::v2("mounts"), Images::new());
    // A namespace whose mounts are shared, which stays, and one that follows it.
    let mut outer = Command::new("unshare");
    let mut outer =
        quiet(outer.args(["--mount", "--propagation", "shared", "sleep", "1000"])).spawn().unwrap();
    let place = format!("/proc/{}/ns/mnt", outer.id());
    until("the outer namespace is there", SOON, || comm(outer.id().cast_signed()) == "sleep");
    let mut program = Command::new("nsenter");
    program.arg(format!("--mount={place}")).args(["unshare", "--mount", "--propagation", "slave"]);
    let workload = Workload::within(&group, program);
    let said = Said::of(&group, &images);
    let finding = said.one("mount-sharing");
    assert_eq!(finding["level"], "blocker");
    assert_cited(
        finding,
        &plain(&workload, &images, "has unreachable sharing. Try --enable-external-masters."),
    );
    assert_refused(&group, &images, &workload);
}

fn session_outside() {
    let (group, images) = (Group::v2("session-outside"), Images::new());
    let inner = Group::v2("session-inner");
    let join =
        format!("echo 0 >{}/cgroup.procs; exec unshare --pid --fork sleep 1000", inner.path().display());
    let mut command = Command::new("sh");
    let mut outer = quiet(&mut command).args(["-c", &join]).spawn().unwrap();
    let sleeping = || inner.pids().into_iter().find(|pid| comm(*pid) == "sleep");
    until("the first process of the namespace sleeps", SOON, || sleeping().is_some());
    // The one outside leaves the group: the root is the first process of the namespace.
    group.add(outer.id().cast_signed());
    let said = Said::of(&inner, &images);
    let finding = said.one("session");
    assert_eq!(finding["level"], "blocker");
    let ended = dump(sleeping().unwrap(), &images.plain()).leave_running().run();
    ended.assert_failure("is outside of its pid namespace");
    drop(inner);
    outer.wait().unwrap();
}

fn comm(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned()
}

/// Somebody without rights is told what is not known, and never that it is in order.
fn unreadable() {
    use std::os::unix::process::CommandExt;
    let (group, images) = (Group::v2("unreadable"), Images::new());
    let workload = Workload::holding(&group, "flock", "f");
    let program = images.0.path().join("cryoscope");
    fs::copy(env!("CARGO_BIN_EXE_cryoscope"), &program).unwrap();
    for path in [images.0.path(), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut look = command(&program, &group, &images.folder(), &["--dry-run", "--json"]);
    let said = Said::read(&look.uid(65534).gid(65534).output().unwrap());
    let finding = said.one("resources");
    assert_eq!(finding["level"], "warning");
    assert!(finding["what"].as_str().unwrap().starts_with("unknown: "), "{finding}");
    assert!(said.remarks().contains(&("blocker", "not-permitted")), "{:#?}", said.all);
    workload.assert_counting();
}
