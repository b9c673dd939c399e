//! The checkpoint: keys in, commands and screens out.

use std::sync::Arc;

use super::screens::snapshot;
use super::*;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::flag::{Directory, Flag};
use crate::checkpoint::{
    After, Deserted, Dump, Finding, Member, Plan, Progress, Report, Step, Tree as Dumped,
};
use crate::model::State;
use crate::model::tree::{Occurrence, What};

fn plan(after: Option<After>) -> Arc<Plan> {
    let into: Arg = "/var/tmp/images".into();
    let group: Arg = "/sys/fs/cgroup/unified/system.slice/app.service".into();
    let args = ["dump", "-t", "8412", "-D", "/var/tmp/images", "-o", "dump.log", "-v4", "--leave-running"];
    let member =
        |pid| Member { pid, start: 1, state: 'S', stopped: false, command: "nginx".to_owned(), inner: pid };
    let dump = Step::Dump(Dump {
        root: 8412,
        criu: "/usr/sbin/criu".into(),
        args: args.map(Arg::from).into(),
        freeze_cgroup: Some(group.clone()),
        images: into.clone(),
        hook: None,
    });
    let tree = Dumped { processes: vec![member(8412), member(8413)], rss: 48 << 20, images: into.clone() };
    Arc::new(Plan {
        group,
        trees: vec![tree],
        into: into.clone(),
        after,
        service: None,
        flags: Vec::new(),
        written: Vec::new(),
        criu_version: Some("4.1.1".to_owned()),
        kernel: "6.18".to_owned(),
        steps: vec![Step::MakeFolder { path: into, exists: false }, dump],
    })
}

fn report(checks: Vec<Finding>) -> Result<Arc<Report>, String> {
    let plan = plan(None);
    Ok(Arc::new(Report {
        made_at: "2026-11-24T09:00:00Z".to_owned(),
        host: "web-1".to_owned(),
        stats: None,
        findings: Vec::new(),
        group: plan.group.clone(),
        folder: plan.into.clone(),
        command: plan.command(),
        criu_version: plan.criu_version.clone(),
        kernel: plan.kernel.clone(),
        elapsed_ms: 412,
        bytes: 33 << 20,
        flags: Vec::new(),
        service: None,
        trees: plan.trees.clone(),
        checks,
    }))
}

fn run(after: Option<After>) -> Command {
    Command::Run { plan: plan(after), findings: findings() }
}

fn findings() -> Vec<Finding> {
    vec![
        Finding::ok("permitted", "the permissions are sufficient to dump processes"),
        Finding::ok("freeze-state", "frozen by app.service; criu is given that group (--freeze-cgroup)"),
        Finding::warning(
            "session",
            "process 8412 is not a session leader",
            "its session leader is outside the dump",
        )
        .remedy("adding --shell-job"),
    ]
}

fn look(into: &str, after: Option<After>, plan: Result<Arc<Plan>, String>) -> Event {
    let mut findings = findings();
    if plan.is_err() {
        findings.push(
            Finding::blocker(
                "traced",
                "process 8413 is traced by process 77 (gdb\u{1b}[2J)",
                "one can trace",
            )
            .remedy("end the debugger"),
        );
    }
    Event::Looked(Look { into: into.to_owned(), after, options: String::new(), findings, plan })
}

fn opened(size: (u16, u16)) -> Session {
    let mut s = Session::host(size);
    s.press("/app<Enter>C");
    s
}

fn asked_look(into: Option<&str>, after: Option<After>) -> Command {
    let path = CgroupPath::new(b"/system.slice/app.service");
    let into = into.map(ToOwned::to_owned);
    Command::Look { version: Version::V2, id: id(10), path, into, after, options: String::new() }
}

#[test]
fn it_looks_first_starts_on_cancel_and_runs_what_it_shows() {
    let mut s = opened((120, 40));
    assert_eq!(s.asked(), [asked_look(None, None)]);
    s.press("<Tab><Enter>");
    assert_eq!(s.said(), "still checking");
    assert_eq!(s.asked(), []);
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    assert_eq!(s.press("<Enter>").asked(), [run(None)]);
    assert_eq!(s.press("<Enter>").asked(), [], "Enter goes back to the groups, and runs nothing twice");
    assert_eq!(s.said(), "the checkpoint continues; C shows it again");
    assert_eq!(s.press("C").asked(), []);
    assert!(s.app.shown_checkpoint().is_some());
    s.send(Event::Checkpoint(CheckpointTold::Ended(report(vec![]))));
    assert_eq!(s.said(), "checkpoint of /system.slice/app.service complete");
    s.press("<Enter>");
    assert!(s.app.checkpoint.is_none());
    let mut s = opened((120, 40));
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    s.press("<Enter>");
    assert!(s.app.checkpoint.is_none(), "Cancel comes first");
}

#[test]
fn what_is_changed_is_looked_at_again_and_an_old_answer_does_not_count() {
    let mut s = opened((120, 40));
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    s.asked();
    assert_eq!(s.press("<Tab><Tab>2<Tab>").asked(), [asked_look(Some("/var/tmp/images2"), None)]);
    assert_eq!(
        s.press("<Right>").asked(),
        [asked_look(Some("/var/tmp/images2"), Some(After::Running))],
        "the outcome goes on from there"
    );
    s.send(look("/var/tmp/images2", None, Ok(plan(None))));
    assert_eq!(s.app.checkpoint.as_ref().unwrap().unavailable().as_deref(), Some("still checking"));
}

#[test]
fn options_for_criu_are_looked_at_with_the_rest() {
    let mut s = opened((120, 40));
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    s.asked();
    s.press("<Tab><Tab><Tab><Tab>--tcp-close<Tab>");
    let Some(Command::Look { options, .. }) = s.asked().pop() else { panic!("it is not looked at") };
    assert_eq!(options, "--tcp-close");
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    assert_eq!(s.press("<Tab><Enter>").asked(), [], "the answer is to another question");
}

#[test]
fn a_blocker_cannot_be_run() {
    let mut s = opened((120, 40));
    s.send(look("/var/tmp/images", None, Err("the checkpoint would not work: traced".to_owned())));
    s.asked();
    assert_eq!(s.press("<Tab><Enter>").asked(), []);
    assert_eq!(s.said(), "the checkpoint would not work: traced");
}

#[test]
fn ending_the_processes_wants_the_name() {
    let mut s = opened((120, 40));
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    s.press("<Tab><Tab><Tab><Right><Right><Right><Right>");
    assert_eq!(s.asked().last(), Some(&asked_look(Some("/var/tmp/images"), Some(After::Killed))));
    s.send(look("/var/tmp/images", Some(After::Killed), Ok(plan(Some(After::Killed)))));
    assert_eq!(s.press("<Up><Up><Enter>").asked(), []);
    assert!(s.said().contains("type the group's name"), "{}", s.said());
    assert_eq!(
        s.press("<Down><Down><Down><Down>app.service<Down><Down><Enter>").asked(),
        [run(Some(After::Killed))]
    );
}

#[test]
fn leaving_waits_for_criu() {
    let mut s = opened((120, 40));
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    s.press("<Tab><Enter><Enter><C-z>");
    assert!(s.said().contains("can't suspend while criu is running"), "{}", s.said());
    s.press("q").asked();
    assert_eq!(s.press("<Right><Enter>").asked(), []);
    s.send(Event::Checkpoint(CheckpointTold::Ended(report(vec![]))));
    assert_eq!(s.asked(), [Command::Quit]);
}

#[test]
fn a_stall_is_shown_and_ended_by_the_person() {
    let mut s = opened((120, 40));
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    s.press("<Tab><Enter><Enter>");
    s.asked();
    assert!(s.app.checkpoint_hidden);
    let stalled = Progress::Stalled { origins: vec!["/sys/fs/cgroup/unified/a".to_owned()], thawing: false };
    s.send(Event::Checkpoint(CheckpointTold::Progress(stalled)));
    assert!(!s.app.checkpoint_hidden, "it comes to the front");
    assert!(s.screen().contains("criu hangs because /sys/fs/cgroup/unified/a is frozen"));
    assert_eq!(s.press("<Tab><Enter>").asked(), [Command::LetRescue]);
}

#[test]
fn a_criu_that_waits_for_what_is_gone_is_ended_by_the_person() {
    let mut s = opened((120, 40));
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    s.press("<Tab><Enter><Enter>");
    s.asked();
    let mut told = |gone: &[i32], alive: &[i32]| {
        let (still, ending) = (Duration::from_secs(6), false);
        let found = Deserted { criu: 77, gone: gone.into(), alive: alive.into(), still };
        s.send(Event::Checkpoint(CheckpointTold::Progress(Progress::Deserted { found, ending })));
        assert!(!s.app.checkpoint_hidden, "it comes to the front");
        let screen = s.screen().replace(['│', '"'], "");
        let screen = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        (screen, s.press("<Tab><Enter>").asked())
    };
    let (screen, answer) = told(&[8412], &[8413]);
    assert!(
        screen.contains("cryoscope does not end it, because it holds process 8413")
            && !screen.contains("End criu")
    );
    assert!(!answer.contains(&Command::LetEnd));
    let (screen, answer) = told(&[8412, 8413], &[]);
    assert!(screen.contains("ending it now loses nothing"), "{screen}");
    assert_eq!(answer, [Command::LetEnd]);
}

#[test]
fn what_hangs_is_told_and_rescued_after_a_question() {
    let mut s = Session::host((120, 40));
    let cases = vec!["criu (process 77) hangs \u{1b}[2J".to_owned()];
    s.send(Event::Stranded { cases: cases.clone(), asked: false });
    assert!(s.said().starts_with("R rescues: criu (process 77) hangs"));
    assert!(s.screen().contains("1 to rescue"));
    assert_eq!(s.press("R").asked(), [Command::FindStranded]);
    s.send(Event::Stranded { cases: cases.clone(), asked: true });
    assert_eq!(s.press("<Enter>").asked(), [], "it starts on Cancel");
    s.send(Event::Stranded { cases: cases.clone(), asked: true });
    assert_eq!(s.press("<Right><Enter>").asked(), [Command::Rescue(cases)]);
    s.send(Event::Stranded { cases: vec![], asked: false });
    assert!(!s.screen().contains("to rescue"));
}

#[test]
fn screens() {
    let mut s = opened((80, 24));
    s.send(look("/var/tmp/images", None, Ok(plan(None))));
    snapshot("checkpoint_looked", &mut s);
    s.press("<Tab><Enter>");
    for line in ["(00.001) Version: 4.1.1", "(00.002) Collecting \u{1b}]0;x\u{7}", "(00.104) Dumping pages"] {
        s.send(Event::Checkpoint(CheckpointTold::Progress(Progress::Log(line.to_owned()))));
    }
    let written = Progress::Written { bytes: 20 << 20, of: 48 << 20 };
    s.send(Event::Checkpoint(CheckpointTold::Progress(written)));
    s.send(Event::Tick(Duration::from_secs(722)));
    snapshot("checkpoint_running", &mut s);
    let checks = vec![
        Finding::ok("flags", "all freeze flags restored"),
        Finding::ok("process", "process 8412 is alive"),
        Finding::blocker("process", "process 8413 is gone, not alive", "this differs from the plan"),
    ];
    s.send(Event::Checkpoint(CheckpointTold::Ended(report(checks))));
    snapshot("checkpoint_ended", &mut s);
    let mut s = opened((60, 15));
    s.send(look("/var/tmp/images", None, Err("the checkpoint would not work: traced".to_owned())));
    snapshot("checkpoint_blocked", &mut s);
}

/// Something happens to app.service; what the screen says then.
fn happened(s: &mut Session, seconds: u64, what: What) -> String {
    s.send(Event::Tick(Duration::from_secs(seconds)));
    let at = "2026-11-24T10:00:00+00:00[UTC]".parse().unwrap();
    let path = CgroupPath::new(b"/system.slice/app.service");
    s.send(Event::Happened {
        version: Version::V2,
        at,
        occurred: vec![Occurrence { what, id: id(10), path }],
    });
    s.screen()
}

#[test]
fn what_a_checkpoint_thaws_and_freezes_on_its_way_is_ours() {
    let mut s = opened((120, 40));
    let path = CgroupPath::new(b"/system.slice/app.service");
    let group: Arg = "/sys/fs/cgroup/unified/system.slice/app.service".into();
    let flag = Flag {
        group: group.clone(),
        hierarchy: Version::V2,
        requested: true,
        promised: true,
        timed: false,
        state: State::Frozen,
        id: id(10),
        path: path.clone(),
        directory: Directory::default(),
    };
    let plan = Plan { flags: vec![flag], written: vec![group], ..(*plan(None)).clone() };
    s.send(look("/var/tmp/images", None, Ok(Arc::new(plan))));
    s.press("<Tab><Enter><Enter>4");
    let screen = happened(&mut s, 800, What::Thawed);
    assert!(screen.contains("us thawed"), "{screen}");
    s.send(Event::Checkpoint(CheckpointTold::Ended(report(vec![]))));
    s.press("<Enter>");
    let screen = happened(&mut s, 801, What::Frozen);
    assert!(screen.contains("us frozen"), "{screen}");
    let screen = happened(&mut s, 900, What::Thawed);
    assert!(screen.contains("   thawed"), "{screen}");
}
