use std::collections::BTreeMap;

use super::*;
use crate::checkpoint::flag::Directory;
use crate::checkpoint::outcome::closed_connections;
use crate::model::{CgroupId, CgroupPath, State, Version};
use Version::{V1, V2};

fn place(version: Version, path: &str) -> Place {
    (version, CgroupPath::new(path.as_bytes()))
}

fn flag(at: &Place, requested: bool) -> Flag {
    Flag {
        group: format!("/{}{}", at.0, at.1).into(),
        hierarchy: at.0,
        requested,
        promised: requested,
        timed: false,
        state: if requested { State::Frozen } else { State::Thawed },
        id: CgroupId { dev: 1, ino: 1 },
        path: at.1.clone(),
        directory: Directory::default(),
    }
}

fn tree(root: i32) -> Tree {
    let member = Member { pid: root, start: 1, state: 'S', stopped: false, command: "x".into(), inner: root };
    Tree { processes: vec![member], rss: 4096, images: format!("/i/{root}").into() }
}

/// A target whose freeze is handed over like this; `asks` and what is aside hold it already.
fn found(trees: &[i32], hand_over: HandOver) -> Preflight {
    let mut flags = BTreeMap::from([(hand_over.top.clone(), flag(&hand_over.top, hand_over.asks))]);
    flags.extend(hand_over.aside.iter().map(|at| (at.clone(), flag(at, true))));
    Preflight {
        findings: vec![],
        trees: trees.iter().copied().map(tree).collect(),
        criu: Some(Criu { path: "/c/criu".into(), version: Some("4.1.1".to_owned()) }),
        kernel: "6.18".into(),
        folder_exists: false,
        into: "/i".into(),
        program: "/bin/cryoscope".into(),
        held: hand_over.asks || !hand_over.aside.is_empty(),
        kept: true,
        service: None,
        flags,
        choice: Some(Choice::Through(hand_over)),
        preparation: None,
    }
}

fn hand_over(top: (Version, &str), asks: bool, aside: &[(Version, &str)]) -> HandOver {
    HandOver {
        top: place(top.0, top.1),
        asks,
        aside: aside.iter().map(|at| place(at.0, at.1)).collect(),
        paused: vec![],
    }
}

/// The steps in short, or why there is no plan.
fn steps(found: &Preflight, after: Option<After>) -> Result<Vec<String>, String> {
    let named = place(V2, "/a/g");
    let outcome = outcome(after, found, (named.0, &named.1))?;
    let Some(Choice::Through(hand_over)) = &found.choice else { panic!() };
    let flags = promised(found, found.choice.as_ref().unwrap(), outcome, &named);
    let written: Vec<String> =
        flags.iter().map(|f| format!("{}={}", f.shown(), u8::from(f.promised))).collect();
    let criu = found.criu.as_ref().unwrap();
    let draft = Draft { found, after, extra: &[], criu, outcome, flags: &flags, named: &named };
    let short = |step: &Step| match step {
        Step::MakeFolder { .. } => None,
        Step::Freeze { flag } => Some(format!("freeze {}", flag.shown())),
        Step::Thaw { flag } => Some(format!("thaw {}", flag.shown())),
        Step::AwaitFrozen { .. } => Some("wait".to_owned()),
        Step::AwaitEnded { .. } => Some("wait for the end".to_owned()),
        Step::Dump(dump) => {
            let ends = !dump.args.contains(&"--leave-running".into())
                && !dump.args.contains(&"--leave-stopped".into());
            assert_eq!(dump.hook.is_some(), ends);
            let again = dump.hook.as_ref().is_some_and(|hook| hook.freeze_again.is_some());
            let again = if again { ", freeze" } else { "" };
            Some(format!("dump {}{again}{}", dump.root, if ends { " and end" } else { "" }))
        }
        Step::Prove { images, .. } => Some(format!("prove {}", images.len())),
        Step::Signal { signal, .. } => Some(signal.word().to_owned()),
    };
    let mut all: Vec<String> = draft.through(hand_over).iter().filter_map(short).collect();
    all.extend(written);
    Ok(all)
}

#[test]
fn thawed_criu_does_it_alone() {
    let one = found(&[7], hand_over((V2, "/a/g"), false, &[]));
    assert_eq!(steps(&one, None).unwrap(), ["dump 7", "/v2/a/g=0"]);
    assert_eq!(steps(&one, Some(After::Killed)).unwrap(), ["dump 7 and end", "/v2/a/g=0"]);
    assert_eq!(steps(&one, Some(After::Frozen)).unwrap(), ["freeze /v2/a/g", "wait", "dump 7", "/v2/a/g=1"]);
}

#[test]
fn a_hand_over_puts_everything_back() {
    let one = found(&[7], hand_over((V2, "/a"), true, &[(V1, "/f"), (V2, "/a/g")]));
    assert_eq!(
        steps(&one, None).unwrap(),
        [
            "thaw /v1/f",
            "thaw /v2/a/g",
            "wait",
            "dump 7",
            "wait",
            "freeze /v2/a/g",
            "freeze /v1/f",
            "wait",
            "/v1/f=1",
            "/v2/a=1",
            "/v2/a/g=1"
        ]
    );
    let child = found(&[7], hand_over((V2, "/a/g"), false, &[(V2, "/a/g/c")]));
    assert_eq!(
        steps(&child, None).unwrap(),
        [
            "freeze /v2/a/g",
            "thaw /v2/a/g/c",
            "wait",
            "dump 7",
            "freeze /v2/a/g/c",
            "thaw /v2/a/g",
            "/v2/a/g=0",
            "/v2/a/g/c=1"
        ]
    );
}

#[test]
fn several_trees_stand_still_from_the_first_dump_to_the_last() {
    let two = found(&[7, 8], hand_over((V2, "/a/g"), false, &[]));
    let all = ["freeze /v2/a/g", "wait", "dump 7", "dump 8", "thaw /v2/a/g", "/v2/a/g=0"];
    assert_eq!(steps(&two, None).unwrap(), all);
    let killed =
        ["freeze /v2/a/g", "wait", "dump 7", "dump 8", "prove 2", "KILL", "thaw /v2/a/g", "/v2/a/g=0"];
    assert_eq!(steps(&two, Some(After::Killed)).unwrap(), killed, "none ends before all are dumped");
}

#[test]
fn outcomes_of_what_was_frozen() {
    let own = found(&[7], hand_over((V2, "/a/g"), true, &[]));
    assert_eq!(steps(&own, None).unwrap(), ["wait", "dump 7", "/v2/a/g=1"]);
    assert_eq!(steps(&own, Some(After::Frozen)).unwrap(), ["wait", "dump 7", "/v2/a/g=1"]);
    assert_eq!(steps(&own, Some(After::Stopped)).unwrap(), ["wait", "dump 7", "wait", "STOP", "/v2/a/g=1"]);
    assert_eq!(steps(&own, Some(After::Running)).unwrap(), ["wait", "dump 7", "thaw /v2/a/g", "/v2/a/g=0"]);
    let killed = ["wait", "dump 7 and end", "freeze /v2/a/g", "/v2/a/g=1"];
    assert_eq!(steps(&own, Some(After::Killed)).unwrap(), killed);
    let above = found(&[7], hand_over((V2, "/a"), true, &[]));
    assert!(steps(&above, Some(After::Running)).unwrap_err().contains("/a (v2) is frozen"));
    let mut shared = found(&[7], HandOver { paused: vec![9], ..hand_over((V2, "/a/g"), true, &[]) });
    let held = ["wait", "dump 7, freeze and end", "freeze /v2/a/g", "/v2/a/g=1"];
    assert_eq!(steps(&shared, Some(After::Killed)).unwrap(), held, "nobody beside it runs");
    shared = found(&[7], HandOver { paused: vec![9], ..hand_over((V1, "/f"), true, &[]) });
    assert!(steps(&shared, Some(After::Killed)).is_err());
}

/// criu never unlocks the connections of what it leaves stopped.
#[test]
fn stopped_with_tcp_connections() {
    let mut thawed = found(&[7], hand_over((V2, "/a/g"), false, &[]));
    assert_eq!(steps(&thawed, Some(After::Stopped)).unwrap(), ["dump 7", "/v2/a/g=0"]);
    thawed.findings.push(Finding::warning("tcp-connected", "TCP connections are open", ""));
    let stopped = ["freeze /v2/a/g", "wait", "dump 7", "wait", "STOP", "thaw /v2/a/g", "/v2/a/g=0"];
    assert_eq!(steps(&thawed, Some(After::Stopped)).unwrap(), stopped);
    thawed.choice = Some(Choice::Plain);
    let refused = outcome(Some(After::Stopped), &thawed, (V2, &CgroupPath::new(b"/a/g")));
    assert!(refused.unwrap_err().contains("TCP connections"));
}

/// What is left running first, and ended by a signal then.
#[test]
fn connections_that_are_closed_are_said() {
    let (group, connected) = (CgroupPath::new(b"/a/g"), Finding::warning("tcp-connected", "", ""));
    let closed = |pids: &[i32], after, with: Option<&Finding>| {
        let mut found = found(pids, hand_over((V2, "/a/g"), false, &[]));
        found.findings.extend(with.cloned());
        closed_connections(Some(after), &found, (V2, &group))
    };
    let said = closed(&[7, 8], After::Killed, Some(&connected)).unwrap();
    assert!(said.code == "tcp-closed" && said.remedy.unwrap().contains("--pid"));
    assert_eq!(closed(&[7], After::Killed, Some(&connected)), None);
    assert_eq!(closed(&[7, 8], After::Running, Some(&connected)), None);
    assert_eq!(closed(&[7, 8], After::Killed, None), None);
}

#[test]
fn v1_holds_again_before_anything_lets_go() {
    let one = found(&[7], hand_over((V2, "/a/g"), false, &[(V1, "/f")]));
    let before = ["freeze /v2/a/g", "thaw /v1/f", "wait"];
    let after = |after| steps(&one, Some(after)).unwrap()[3..].join(", ");
    assert_eq!(steps(&one, None).unwrap()[..3], before);
    assert_eq!(
        after(After::Stopped),
        "dump 7, wait, freeze /v1/f, wait, STOP, thaw /v2/a/g, /v1/f=1, /v2/a/g=0",
        "the signal comes when v1 holds"
    );
    assert_eq!(
        after(After::Killed),
        "dump 7 and end, wait for the end, freeze /v1/f, wait, thaw /v2/a/g, /v1/f=1, /v2/a/g=0",
        "v1 would keep them from ending"
    );
    let two = found(&[7, 8], hand_over((V2, "/a/g"), false, &[(V1, "/f")]));
    let killed = steps(&two, Some(After::Killed)).unwrap().join(", ");
    assert!(killed.contains("dump 8, prove 2, KILL, wait for the end, freeze /v1/f, wait, thaw"), "{killed}");
}

/// With the flag of the group that was named, which is not among those of the hand-over.
fn with_named(mut found: Preflight) -> Preflight {
    let named = place(V2, "/a/g");
    found.flags.insert(named.clone(), flag(&named, false));
    found
}

#[test]
fn left_frozen_by_the_group_that_was_named() {
    let frozen = |found: &Preflight| steps(found, Some(After::Frozen));
    let child = found(&[7], hand_over((V2, "/a/g"), false, &[(V2, "/a/g/c")]));
    assert_eq!(
        frozen(&child).unwrap(),
        [
            "freeze /v2/a/g",
            "thaw /v2/a/g/c",
            "wait",
            "dump 7",
            "freeze /v2/a/g/c",
            "/v2/a/g=1",
            "/v2/a/g/c=1"
        ]
    );
    let above = with_named(found(&[7], hand_over((V2, "/a"), true, &[])));
    assert_eq!(frozen(&above).unwrap(), ["wait", "dump 7", "freeze /v2/a/g", "/v2/a=1", "/v2/a/g=1"]);
    let elsewhere = with_named(found(&[7], hand_over((V1, "/f"), false, &[])));
    let through_v1 = ["freeze /v1/f", "wait", "dump 7", "freeze /v2/a/g", "thaw /v1/f"];
    assert_eq!(frozen(&elsewhere).unwrap()[..5], through_v1);
    let mut reaches_out = with_named(found(&[7], hand_over((V2, "/a"), false, &[])));
    reaches_out.kept = false;
    let both = ["freeze /v2/a", "wait", "dump 7", "freeze /v2/a/g", "/v2/a=1", "/v2/a/g=1"];
    assert_eq!(frozen(&reaches_out).unwrap(), both, "a process outside is held by the group above");
    let root = found(&[7], hand_over((V1, "/f"), false, &[]));
    assert!(frozen(&root).unwrap_err().contains("has no freezer"));
}

#[test]
fn options_that_findings_propose() {
    let warning = |words: &[&str]| Finding::warning("x", "x", "x").options(words.iter().copied());
    let findings = [
        warning(&["--ghost-limit", "5M"]),
        warning(&["--file-locks"]),
        warning(&["--file-locks"]),
        warning(&[]),
    ];
    assert_eq!(proposed(&findings, &[]), ["--ghost-limit", "5M", "--file-locks"]);
    assert_eq!(proposed(&findings, &["--ghost-limit=9M".into()]), ["--file-locks"]);
}

#[test]
fn options_that_are_ours() {
    let refused = |word: &str| first_of_ours(&[word.into()], &OURS).is_some();
    assert!(refused("--tree=7") && refused("-t7") && refused("--leave-running") && !refused("--tcp-close"));
}
