//! `cryoscope rescue`: a criu that hangs is freed and ends well; a checkpoint that was cut off anywhere is put right.

mod journal;
mod kills;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use cryoscope::kernel::tasks::sleeps;
use cryoscope::model::Version;
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::support::checkpoint::{Images, checkpoint};
use super::support::criu::{Running, dump};
use super::support::group::Group;
use super::support::namespace::isolated;
use super::support::pause::Pause;
use super::support::requirement::{Need, criu, with_criu};
use super::support::wait::{SOON, until};
use super::support::workload::Workload;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        isolated("rescue::frozen_by_hand", with_criu(Version::V2), frozen_by_hand),
        isolated("rescue::frozen_by_an_ancestor", with_criu(Version::V2), frozen_by_an_ancestor),
        isolated("rescue::the_group_and_its_ancestor", with_criu(Version::V2), the_group_and_its_ancestor),
        isolated("rescue::told_of_the_v1_group", BOTH, told_of_the_v1_group),
        isolated("rescue::stopped_on_v1", with_criu(Version::V1), stopped_on_v1),
        isolated("rescue::cut_off_at_every_step", BOTH, cut_off_at_every_step),
        isolated(
            "rescue::cut_off_where_it_ends_the_processes",
            with_criu(Version::V2),
            cut_off_where_it_ends_the_processes,
        ),
        isolated(
            "rescue::cut_off_while_somebody_else_froze_criu_s_group",
            with_criu(Version::V2),
            cut_off_while_somebody_else_froze_criu_s_group,
        ),
        isolated("rescue::cut_off_itself", with_criu(Version::V2), cut_off_itself),
        isolated("rescue::nothing_to_do", with_criu(Version::V2), nothing_to_do),
    ];
    all.extend(journal::tests());
    all.extend(kills::tests());
    all
}

pub fn rescue(option: &str) -> Output {
    Command::new(PROGRAM).args(["rescue", option]).stdin(Stdio::null()).output().unwrap()
}

pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn assert_rescued() {
    let output = rescue("--yes");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
}

/// A criu by hand that hangs: it is found, left alone by `--dry-run`, and freed by `--yes`; then it ends 0, and what held the
/// target holds it again. `own`: the group that criu was told of, and has thawed, and freezes again itself.
fn assert_freed(mut criu: Running, workload: &Workload, held: &[&Group], own: Option<&Group>) {
    let shown = rescue("--dry-run");
    assert!(said(&shown).contains(&format!("criu (process {}) hangs", criu.pid())), "{}", said(&shown));
    assert!(held.iter().all(|group| group.requested()) && criu.is_running());
    let refused = Command::new(PROGRAM).arg("rescue").stdin(Stdio::null()).output().unwrap();
    assert_eq!(refused.status.code(), Some(4), "not without --yes");
    let output = rescue("--yes");
    let text = said(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let origins = held.iter().chain(own.as_slice()).map(|group| group.path().display().to_string());
    assert!(text.contains(&format!("process {} is alive, and frozen by ", workload.pid())), "{text}");
    assert!(origins.into_iter().all(|origin| text.contains(&origin)), "{text}");
    assert!(text.contains("is complete: the images are readable: 1 process"), "{text}");
    criu.wait().assert_success();
    for group in held.iter().chain(own.as_slice()) {
        assert!(group.requested(), "{} is frozen again", group.path().display());
    }
    held.iter().chain(own.as_slice()).for_each(|group| group.request(false));
    workload.assert_counting();
}

fn frozen_by_hand() {
    let (group, images) = (Group::v2("hang"), tempfile::tempdir().unwrap());
    let workload = Workload::in_group(&group);
    group.freeze();
    let mut criu = dump(workload.pid(), images.path()).leave_running().start();
    criu.assert_hangs();
    assert_freed(criu, &workload, &[&group], None);
}

fn frozen_by_an_ancestor() {
    let (above, images) = (Group::v2("hang"), tempfile::tempdir().unwrap());
    let group = above.child("inner");
    let workload = Workload::in_group(&group);
    above.freeze();
    let dump = dump(workload.pid(), images.path()).leave_running().freeze_cgroup(group.path());
    let mut criu = dump.start();
    criu.assert_hangs();
    assert_freed(criu, &workload, &[&above], None);
}

fn the_group_and_its_ancestor() {
    let (above, images) = (Group::v2("hang"), tempfile::tempdir().unwrap());
    let group = above.child("inner");
    let workload = Workload::in_group(&group);
    group.freeze();
    above.freeze();
    let dump = dump(workload.pid(), images.path()).leave_running().freeze_cgroup(above.path());
    let mut criu = dump.start();
    criu.assert_hangs();
    assert_freed(criu, &workload, &[&group], Some(&above));
}

fn told_of_the_v1_group() {
    let (v2, v1, images) = (Group::v2("hang"), Group::v1("hang"), tempfile::tempdir().unwrap());
    let workload = Workload::in_groups(&[&v2, &v1]);
    v2.freeze();
    let dump = dump(workload.pid(), images.path()).leave_running().freeze_cgroup(v1.path());
    let mut criu = dump.start();
    criu.assert_hangs();
    assert_freed(criu, &workload, &[&v2], None);
}

/// It hangs in the kernel, where it seizes the process.
fn stopped_on_v1() {
    let (group, images) = (Group::v1("hang"), tempfile::tempdir().unwrap());
    let workload = Workload::in_group(&group);
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    let dump = dump(workload.pid(), images.path()).leave_running().freeze_cgroup(group.path());
    let mut criu = dump.start();
    criu.assert_hangs_in_the_kernel();
    assert_rescued();
    until("criu has ended", SOON, || !criu.is_running());
    group.request(false);
    workload.wait_for_state('T');
    workload.signal(Signal::SIGCONT);
    workload.assert_counting();
}

/// Starts a checkpoint and kills it as soon as it has said that step `index` begins; false where there is no such step.
fn killed_at(index: usize, named: &Group, into: &Path, more: &[&str]) -> bool {
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(named.path()).arg("--into").arg(into).args(more).arg("--criu").arg(criu());
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let reached = lines.filter(|line| line.starts_with("$ ")).nth(index).is_some();
    child.kill().unwrap();
    child.wait().unwrap();
    reached
}

/// Held by an ancestor, by its own request and through v1: every kind of step but a signal.
fn cut_off_at_every_step() {
    let (above, v1) = (Group::v2("cut-off"), Group::v1("cut-off"));
    let group = above.child("inner");
    let workload = Workload::in_groups(&[&group, &v1]);
    group.freeze();
    above.freeze();
    v1.request(true);
    until("the v1 freezer holds it too", SOON, || v1.is_frozen());
    let count = workload.count();
    let mut steps = 0;
    loop {
        let images = Images::new();
        let reached = killed_at(steps, &group, &images.folder(), &[]);
        let output = rescue("--yes");
        let text = said(&output);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert_said(&text, &workload, &images.folder(), steps);
        let flags = [above.requested(), group.requested(), v1.requested()];
        assert_eq!(flags, [true; 3], "flags as found, cut off at step {steps}");
        assert_eq!(workload.count(), count, "it did not run, cut off at step {steps}");
        assert!(workload.is_alive(), "cut off at step {steps}");
        if !reached {
            break;
        }
        steps += 1;
    }
    assert!(steps >= 7, "{steps}");
    for group in [&v1, &above, &group] {
        group.request(false);
    }
    workload.assert_counting();
}

/// Where there was something to put right, it is said what became of it.
#[track_caller]
fn assert_said(text: &str, workload: &Workload, folder: &Path, step: usize) {
    if text.contains("nothing to rescue") {
        return;
    }
    let alive = format!("process {} is alive, and frozen by ", workload.pid());
    let words = match (folder.is_dir(), folder.join("inventory.img").exists()) {
        (true, true) => "is complete: the images are readable",
        (true, false) => "are incomplete, and cannot be restored",
        (false, _) => "there are no images",
    };
    assert!(text.contains(&alive) && text.contains(words), "cut off at step {step}: {text}");
}

/// Two trees that are to end: cut off before the last dump both live and run on as before, afterwards both end.
fn cut_off_where_it_ends_the_processes() {
    let mut steps = 0;
    loop {
        let (group, images) = (Group::v2("cut-off"), Images::new());
        let workloads = [Workload::in_group(&group), Workload::in_group(&group)];
        let reached = killed_at(steps, &group, &images.folder(), &["--after", "killed", "--yes"]);
        assert_rescued();
        assert!(!group.requested(), "cut off at step {steps}");
        // A signal takes a moment to end them.
        let alive = || workloads.each_ref().map(Workload::is_alive);
        until(&format!("both live or both end, cut off at step {steps}"), SOON, || alive()[0] == alive()[1]);
        let alive = alive();
        let dumped = workloads
            .iter()
            .all(|workload| images.folder().join(workload.pid().to_string()).join("inventory.img").exists());
        assert!(alive[0] || dumped, "none ends before all are dumped, cut off at step {steps}");
        if alive[0] {
            workloads.iter().for_each(Workload::assert_counting);
        }
        if !reached {
            assert!(!alive[0]);
            break;
        }
        steps += 1;
    }
    assert!(steps >= 8, "{steps}");
}

/// criu hangs on a freeze of its own group that somebody else asked for: the shell lines thaw it first, and afterwards it is
/// frozen as somebody wanted, not thawed as the plan found it.
fn cut_off_while_somebody_else_froze_criu_s_group() {
    let (group, images) = (Group::v2("cut-off"), Images::new());
    let workload = Workload::in_group(&group);
    hang_on_a_freeze(&group, &workload, &images.folder());
    let shown = said(&rescue("--dry-run"));
    let line = |freeze| format!("echo {freeze} > {}/cgroup.freeze", group.path().display());
    let at = |words: &str| shown.find(words).unwrap_or_else(|| panic!("{words}: {shown}"));
    assert!(at(&line(0)) < at("while kill -0") && at("while kill -0") < at(&line(1)), "{shown}");
    assert_eq!(shown.matches(&line(0)).count(), 1, "{shown}");
    assert_rescued();
    assert!(group.requested(), "somebody else's freeze is there again");
    assert!(images.folder().join("inventory.img").exists(), "criu has ended well");
    group.thaw();
    workload.assert_counting();
}

/// A rescue that is killed when it has thawed what criu hung on: the next one freezes that again.
fn cut_off_itself() {
    let (group, images, pause) = (Group::v2("hang"), tempfile::tempdir().unwrap(), Pause::new());
    let workload = Workload::in_group(&group);
    group.freeze();
    let option = pause.option();
    let dump = dump(workload.pid(), images.path()).leave_running().option(&[&option[0], &option[1]]);
    let mut criu = dump.start();
    criu.assert_hangs();
    let mut first = Command::new(PROGRAM).args(["rescue", "--yes"]).stdin(Stdio::null()).spawn().unwrap();
    pause.until_reached();
    first.kill().unwrap();
    first.wait().unwrap();
    assert!(!group.requested());
    pause.end();
    criu.wait().assert_success();
    let said = said(&rescue("--yes"));
    assert!(said.contains("was interrupted: the groups that it thawed are frozen again"), "{said}");
    assert!(group.requested());
    assert!(rescue_finds_nothing());
    group.thaw();
    workload.assert_counting();
}

/// A checkpoint that is cut off while its criu hangs, for somebody froze the group when criu had taken its own freeze away.
pub fn hang_on_a_freeze(group: &Group, workload: &Workload, into: &Path) {
    let mut command = Command::new(PROGRAM);
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(into).arg("--criu").arg(criu());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    freeze_under_criu(group, workload);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Somebody freezes the group when criu has taken its own freeze away. Returns when criu hangs on it.
pub fn freeze_under_criu(group: &Group, workload: &Workload) {
    let tracer = || workload.process().and_then(|process| process.tracer);
    until("criu holds it, and has thawed it", SOON, || tracer().is_some() && !group.requested());
    group.request(true);
    let (mut seen, mut since) = (None, Instant::now());
    until("criu hangs", SOON, || {
        let now = sleeps(tracer().expect("criu holds it"));
        if now.is_none() || now != seen {
            (seen, since) = (now, Instant::now());
        }
        since.elapsed() > Duration::from_millis(300)
    });
}

fn rescue_finds_nothing() -> bool {
    said(&rescue("--dry-run")).contains("nothing to rescue")
}

fn nothing_to_do() {
    let group = Group::new(Version::V2, "frozen");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    group.freeze();
    assert_eq!(checkpoint(&group, &images.folder(), &[]).status.code(), Some(0));
    let output = rescue("--yes");
    assert_eq!(output.status.code(), Some(0));
    assert!(said(&output).contains("nothing to rescue"), "{}", said(&output));
    assert!(group.requested(), "what somebody froze stays frozen");
    group.thaw();
    workload.assert_counting();
}
