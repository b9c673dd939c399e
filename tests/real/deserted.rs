//! The target ends in the middle of a dump: criu waits for ever. It is ended, where nothing that it holds lives.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use cryoscope::checkpoint::{Control, Exit, Request, gate, plan, preflight, run};
use cryoscope::kernel::mounts::hierarchies;
use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::rescue::{PROGRAM, freeze_under_criu, hang_on_a_freeze, rescue, said};
use super::support::checkpoint::Images;
use super::support::criu::dump;
use super::support::group::Group;
use super::support::namespace::isolated;
use super::support::requirement::{criu, with_criu};
use super::support::terminal::Terminal;
use super::support::wait::{SOON, until};
use super::support::workload::Workload;

/// Longer than criu must stand still, twice.
const LONG: Duration = Duration::from_secs(30);

pub fn tests() -> Vec<Trial> {
    let tests: [(&str, fn()); 6] = [
        ("deserted::a_criu_that_does_nothing", a_criu_that_does_nothing),
        ("deserted::a_person_is_asked", || where_criu_waits(a_person_is_asked)),
        ("deserted::killed_in_the_middle", || where_criu_waits(killed_in_the_middle)),
        ("deserted::some_of_several_are_killed", || where_criu_waits(some_of_several_are_killed)),
        ("deserted::a_criu_by_hand", a_criu_by_hand),
        ("deserted::a_plan_that_was_cut_off", || where_criu_waits(a_plan_that_was_cut_off)),
    ];
    tests.into_iter().map(|(name, test)| isolated(name, with_criu(Version::V2), test)).collect()
}

/// What [`gate`] starts where this program makes a checkpoint itself; `None` for anything else.
pub fn main() -> Option<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let [verb, _, criu, arguments @ ..] = &arguments[..] else { return None };
    (verb == gate::VERB).then(|| match gate::pass(criu, arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

/// Somebody freezes the group again, and nobody says that it may be thawed: criu does nothing, and is left alone after a while. A
/// rescue goes on where that ended.
fn a_criu_that_does_nothing() {
    let (group, images) = (Group::v2("idle"), Images::new());
    let workload = Workload::in_group(&group);
    let (hosts, fs, opened) = (hierarchies().unwrap(), group.filesystem(), group.open());
    let request = Request {
        fs: &fs,
        group: &opened,
        hierarchies: &hosts,
        into: images.folder(),
        pid: None,
        after: None,
        criu: Some(criu()),
        extra: Vec::new(),
    };
    let plan = plan(&preflight(&request), &request).unwrap();
    let control = Control::default().with_idle_limit(Duration::from_secs(5));
    let ran = thread::scope(|scope| {
        scope.spawn(|| freeze_under_criu(&group, &workload));
        run(&plan, &control, &mut |_| ())
    });
    let error = ran.unwrap_err();
    assert_eq!(error.exit(), Exit::Criu, "{error}");
    let text = error.to_string();
    assert!(text.contains("is still running after doing nothing for 5s; it keeps running"), "{text}");
    let criu = workload.process().unwrap().tracer.expect("criu holds it, and was not killed");
    assert!(group.requested(), "somebody else's freeze");
    let rescued = rescue("--yes");
    let rescued = said(&rescued);
    assert!(
        rescued.contains(&format!("criu (process {criu}) is still running: waiting for it to finish")),
        "{rescued}"
    );
    assert!(rescued.contains("is complete: the images are readable"), "{rescued}");
    assert!(group.requested() && workload.process().unwrap().tracer.is_none(), "{rescued}");
    group.thaw();
    workload.assert_counting();
}

/// A checkpoint whose criu holds the workload and hangs, for somebody froze the group.
fn hang(group: &Group, workload: &Workload, images: &Images) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(images.folder());
    command.args(["--yes", "--criu"]).arg(criu());
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    freeze_under_criu(group, workload);
    child
}

#[track_caller]
fn ended(mut child: Child) -> Output {
    until("the checkpoint has ended", LONG, || child.try_wait().unwrap().is_some());
    child.wait_with_output().unwrap()
}

/// Where a freeze meets criu decides whether it waits for ever when its target is killed, or sees that by itself and fails at
/// once: then there is nothing of what is tested here, and it is begun again.
#[track_caller]
fn where_criu_waits(scene: impl Fn() -> bool) {
    assert!((0..5).any(|_| scene()), "criu saw the end of its target by itself, five times");
}

/// criu's own words where it sees that.
const SAW_IT: &str = "si_status=9";

/// The truth about the target, criu's exit code, and somebody else's freeze as it was.
fn killed_in_the_middle() -> bool {
    let (group, images) = (Group::v2("killed"), Images::new());
    let workload = Workload::in_group(&group);
    let child = hang(&group, &workload, &images);
    workload.signal(Signal::SIGKILL);
    let output = ended(child);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(7), "{text}");
    if text.contains(SAW_IT) {
        return false;
    }
    let gone = format!("process {} is gone", workload.pid());
    assert!(text.contains(&format!("{gone} (ended during the dump)")), "{text}");
    assert!(text.contains("cryoscope ended it") && text.contains(&format!("; {gone};")), "{text}");
    assert!(group.requested(), "somebody else's freeze is as it was: {text}");
    true
}

/// On a terminal nothing is ended unasked.
fn a_person_is_asked() -> bool {
    let (group, images) = (Group::v2("killed"), Images::new());
    let workload = Workload::in_group(&group);
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(images.folder()).arg("--criu").arg(criu());
    let mut terminal = Terminal::start(command, (200, 50));
    terminal.shows("Run it? [y/N]");
    terminal.keys("y\r");
    freeze_under_criu(&group, &workload);
    let criu = workload.process().unwrap().tracer.unwrap();
    workload.signal(Signal::SIGKILL);
    let asks = |text: &str| text.contains("End it? [y/N]");
    let saw_it = |text: &str| text.contains(SAW_IT);
    terminal.wait("a question, or the end", |screen| asks(&screen.contents()) || saw_it(&screen.contents()));
    if saw_it(&terminal.screen().contents()) {
        assert_eq!(terminal.end().code(), Some(7));
        return false;
    }
    assert!(workload.process().is_some_and(|process| process.tracer == Some(criu)), "criu is there");
    terminal.keys("y\r");
    assert_eq!(terminal.end().code(), Some(7));
    true
}

/// One of two is killed: criu is not ended as long as the other lives. Then that ends too.
fn some_of_several_are_killed() -> bool {
    let (group, images) = (Group::v2("killed"), Images::new());
    let workload = Workload::family(&[&group]);
    let others = || group.pids().into_iter().filter(|&pid| pid != workload.pid()).collect::<Vec<_>>();
    let mut child = hang(&group, &workload, &images);
    let [other] = others()[..] else { panic!("{:?}", others()) };
    workload.signal(Signal::SIGKILL);
    let words = format!("cryoscope does not end it, because it holds process {other}");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let first = lines.find(|line| line.contains(&words) || line.contains(SAW_IT)).expect("it is said");
    if first.contains(SAW_IT) {
        assert_eq!(ended(child).status.code(), Some(7));
        return false;
    }
    let told = Instant::now();
    until("it goes on as long as the other lives", LONG, || {
        assert!(child.try_wait().unwrap().is_none());
        told.elapsed() > Duration::from_secs(3)
    });
    assert_eq!(others(), [other], "the other one lives");
    kill(Pid::from_raw(other), Signal::SIGKILL).unwrap();
    let rest: Vec<String> = lines.collect();
    assert!(rest.iter().any(|line| line.contains("are gone (ended during the dump)")), "{rest:?}");
    assert_eq!(ended(child).status.code(), Some(7));
    assert!(group.requested(), "somebody else's freeze is there again");
    true
}

/// Somebody's criu: it is found, left alone by `--dry-run`, and ended by `--yes`.
fn a_criu_by_hand() {
    let (group, images) = (Group::v2("killed"), tempfile::tempdir().unwrap());
    let workload = Workload::in_group(&group);
    group.freeze();
    let mut criu = dump(workload.pid(), images.path()).leave_running().start();
    criu.assert_hangs();
    workload.signal(Signal::SIGKILL);
    workload.wait_for_state('Z');
    let words = format!("criu (process {}) waits forever", criu.pid());
    until("criu stands still for long enough", SOON, || said(&rescue("--dry-run")).contains(&words));
    let shown = said(&rescue("--dry-run"));
    assert!(shown.contains(&words), "{shown}");
    assert!(shown.contains(&format!("\nkill {}\n", criu.pid())), "{shown}");
    assert!(!shown.contains(&format!("criu (process {}) hangs", criu.pid())), "{shown}");
    assert!(criu.is_running());
    let output = rescue("--yes");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(&format!("process {} is gone", workload.pid())), "{text}");
    assert!(text.contains("are incomplete, and cannot be restored"), "{text}");
    let pid = criu.pid();
    until("criu has ended", SOON, || !criu.is_running());
    assert!(group.requested(), "what somebody froze stays frozen");
    assert!(!said(&rescue("--dry-run")).contains(&format!("criu (process {pid})")), "it is put right");
}

fn a_plan_that_was_cut_off() -> bool {
    let (group, images) = (Group::v2("killed"), Images::new());
    let workload = Workload::in_group(&group);
    hang_on_a_freeze(&group, &workload, &images.folder());
    workload.signal(Signal::SIGKILL);
    workload.wait_for_state('Z');
    let shown = said(&rescue("--dry-run"));
    let log = images.folder().join("dump.log");
    if fs::read_to_string(&log).unwrap().contains(SAW_IT) {
        assert_eq!(rescue("--yes").status.code(), Some(0));
        return false;
    }
    let ours = shown.split("# ").find(|part| part.contains(group.path().to_str().unwrap())).unwrap();
    assert!(ours.contains("\nkill ") && !ours.contains("while kill -0"), "{shown}");
    let output = rescue("--yes");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains(&format!("process {} is gone", workload.pid())), "{text}");
    assert!(group.requested(), "somebody else's freeze is as it was: {text}");
    let again = said(&rescue("--dry-run"));
    assert!(!again.contains(group.path().to_str().unwrap()), "it is put right: {again}");
    true
}
