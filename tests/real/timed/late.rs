//! A freeze for a time on a host where everything comes late: the program or the timer is held up, or memory is short.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::Duration;

use cryoscope::model::Version;
use cryoscope::timer::gone;
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{PROGRAM, V1, V2, assert_code, freeze, has_ended, is_thawed, said, timer, timers, until_ended};
use crate::real::support::group::Group;
use crate::real::support::ordinary::{Copy, NOBODY};
use crate::real::support::requirement::trial;
use crate::real::support::wait::{SOON, throughout, until};
use crate::real::support::workload::{Workload, quiet};

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("timed::without_a_process_more", V2, without_a_process_more),
        trial("timed::without_memory", V2, without_memory),
    ];
    for version in [Version::V2, Version::V1] {
        let need = if version == Version::V2 { V2 } else { V1 };
        let mut add = |name: &str, test: fn(Version)| {
            all.push(trial(&format!("timed::{name}::{version}"), need, move || test(version)));
        };
        add("stopped_at_any_moment", stopped_at_any_moment);
        add("a_stopped_timer_thaws_when_it_goes_on", a_stopped_timer_thaws_when_it_goes_on);
        add("the_timer_outlives_others", the_timer_outlives_others);
    }
    all
}

/// As by Ctrl-Z, or on a loaded host: for longer than the freeze was to last. However late it goes on, the freeze has an end.
fn stopped_at_any_moment(version: Version) {
    let mut all = Vec::new();
    for moment in 0..40 {
        let group = Group::new(version, "stop");
        // Where this test fails it ends with its group.
        let inside = quiet(Command::new("sleep").arg("1000")).spawn().unwrap();
        group.add(inside.id().cast_signed());
        let mut command = Command::new(PROGRAM);
        command.args(["freeze", "--for", "1s"]).arg(group.path());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(1000 * moment));
        // One that has ended is stopped no more.
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGSTOP);
        all.push((moment, group, inside, child));
    }
    std::thread::sleep(Duration::from_millis(1500));
    for (moment, group, mut inside, child) in all {
        let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGCONT);
        let output = child.wait_with_output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 6)), "{moment}: {}", said(&output));
        assert!(!said(&output).contains("together with cryoscope"), "it is in no group: {}", said(&output));
        until(&format!("it is thawed, stopped after {moment} ms"), SOON, || is_thawed(&group));
        until("no timer is left", SOON, || timers(&group).is_empty());
        assert!(is_thawed(&group), "and stays so");
        inside.kill().unwrap();
        inside.wait().unwrap();
    }
}

fn a_stopped_timer_thaws_when_it_goes_on(version: Version) {
    let group = Group::new(version, "held");
    let workload = Workload::in_group(&group);
    assert_code(&freeze(&group, "1s"), 0);
    let timer = timer(&group);
    let pid = Pid::from_raw(timer.process.pid);
    kill(pid, Signal::SIGSTOP).unwrap();
    until("the deadline is over", SOON, || timer.left().is_zero());
    throughout("nobody else thaws it", Duration::from_millis(50), || group.requested());
    kill(pid, Signal::SIGCONT).unwrap();
    until("it is thawed", SOON, || is_thawed(&group));
    until_ended(&timer);
    workload.assert_counting();
}

/// Bit 24 of a capability set (linux/capability.h).
const CAP_SYS_RESOURCE: u64 = 1 << 24;

/// Its clock counts suspends, and is nobody's to set; and it is the last to be killed when memory is out, as far as may be.
fn the_timer_outlives_others(version: Version) {
    let group = Group::new(version, "oom");
    let me = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let me: i32 = me.trim().parse().unwrap();
    // Whoever starts it may be one of the first to go.
    let script =
        "echo 500 > /proc/self/oom_score_adj; ulimit -S -v 4000000; exec \"$0\" freeze --for 1h \"$1\"";
    let output = Command::new("bash").args(["-c", script, PROGRAM]).arg(group.path()).output().unwrap();
    assert_code(&output, 0);
    let timer = timer(&group);
    let of = |file: &str| fs::read_to_string(format!("/proc/{}/{file}", timer.process.pid)).unwrap();
    let capabilities = of("status")
        .lines()
        .find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    let is_free = capabilities.unwrap() & CAP_SYS_RESOURCE != 0;
    let score: i32 = of("oom_score_adj").trim().parse().unwrap();
    assert!(if is_free { score == -1000 } else { score <= me }, "{score}, {me} here");
    println!("{version}: oom_score_adj {score}, started from 500, {me} here, CAP_SYS_RESOURCE: {is_free}");
    let limits = of("limits");
    let memory = limits.lines().find(|line| line.starts_with("Max address space")).unwrap();
    assert!(memory.contains("unlimited"), "{memory}");
    // 7 is CLOCK_BOOTTIME (linux/time.h; proc_pid_fdinfo(5)).
    let clocks: Vec<String> = fs::read_dir(format!("/proc/{}/fdinfo", timer.process.pid))
        .unwrap()
        .map(|fd| fs::read_to_string(fd.unwrap().path()).unwrap())
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter(|line| line.starts_with("clockid:"))
        .collect();
    assert_eq!(clocks, ["clockid: 7"]);
    group.thaw();
    until_ended(&timer);
}

/// `fork` fails: that is said, and nothing was changed.
fn without_a_process_more() {
    let group = Group::v2("fork");
    chown(group.path().join("cgroup.freeze"), Some(NOBODY), Some(NOBODY)).unwrap();
    let (program, folder) = (Copy::of(PROGRAM), tempfile::tempdir().unwrap());
    chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new("bash");
    command
        .args(["-c", "ulimit -u 1; exec \"$0\" freeze --for 1s \"$1\""])
        .arg(program.path())
        .arg(group.path());
    let output = command.env("XDG_RUNTIME_DIR", folder.path()).uid(NOBODY).gid(NOBODY).output().unwrap();
    assert_code(&output, 1);
    let text = said(&output);
    assert!(text.contains("cannot start the timer for the freeze: "), "{text}");
    assert!(text.contains("nothing was frozen") && !text.contains("panicked"), "{text}");
    assert!(!group.requested());
    assert_eq!(fs::read_dir(folder.path().join("cryoscope")).unwrap().count(), 0);
}

/// From too little memory to start at all up to enough: it is frozen, and has an end, or it is not frozen.
fn without_memory() {
    let (mut frozen, mut refused) = (0, 0);
    for kibibytes in (18_000..60_000).step_by(1000) {
        let group = Group::v2("memory");
        let mut command = Command::new("bash");
        command.args(["-c", &format!("ulimit -v {kibibytes}; exec \"$0\" freeze --for 1h \"$1\"")]);
        let output = command.arg(PROGRAM).arg(group.path()).output().unwrap();
        let text = said(&output);
        assert!(!text.contains("panicked"), "{kibibytes}: {text}");
        let found = timers(&group);
        if output.status.success() {
            frozen += 1;
            assert!(group.requested() && found.len() == 1, "{kibibytes}: {text}");
        } else {
            refused += 1;
            assert!(
                !group.requested() || found.len() == 1,
                "{kibibytes}: {:?}: {text}",
                output.status.signal()
            );
        }
        group.thaw();
        found.iter().for_each(|timer| until("its timer has ended", SOON, || has_ended(timer.process)));
        assert!(!gone().unwrap().contains_key(&group.open().id), "{kibibytes}: {text}");
    }
    println!("{frozen} times frozen, {refused} times not");
    assert!(frozen > 0 && refused > 0);
}
