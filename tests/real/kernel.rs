//! The kernel layer on the real kernel: what it reads is what was made, what it does is what happens.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use cryoscope::kernel::control_files;
use cryoscope::kernel::freezer::{
    FreezerError, Outcome, Undone, asking_ancestor, freeze, may_freeze, request, thaw,
};
use cryoscope::kernel::guard::{Why, refusal};
use cryoscope::kernel::members::{count, pids};
use cryoscope::kernel::membership::{Membership, group_of};
use cryoscope::kernel::mounts::{self, hierarchies};
use cryoscope::kernel::processes::Processes;
use cryoscope::kernel::target::{TargetError, resolve};
use cryoscope::kernel::{self, Filesystem};
use cryoscope::model::{CgroupPath, Contents, Freezer, Hierarchies, Setup, State, Tree, Version, printable};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use super::support::workload::{THREADS, quiet};
use super::support::{Group, Need, SOON, Workload, trial, until};

const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1];

pub fn tests() -> Vec<Trial> {
    let each = [
        ("walk::finds_what_was_made", walk_finds_what_was_made as fn(Version)),
        ("walk::own_inherited_effective", own_inherited_effective),
        ("walk::populated", populated),
        ("freezer::freeze_stops_and_thaw_runs", freeze_and_thaw),
        ("freezer::already", already),
        ("freezer::held_above", held_above),
        ("freezer::root", root_group),
        ("freezer::gone", gone),
        ("group::made_again_is_another", made_again),
        ("control_files::of_a_group", files_of_a_group),
        ("processes::of_a_group", processes),
        ("processes::stopped_and_zombie", stopped_and_zombie),
        ("guard::refusals", refusals),
        ("target::every_spelling", targets),
        ("target::what_is_none", no_targets),
    ];
    let mut all = Vec::new();
    for (name, test) in each {
        for version in [Version::V2, Version::V1] {
            let needs: &[Need] =
                if version == Version::V2 { &[Need::Root, Need::V2] } else { &[Need::Root, Need::V1] };
            all.push(trial(&format!("kernel::{name}::{version}"), needs, move || test(version)));
        }
    }
    for version in [Version::V2, Version::V1] {
        let name = format!("kernel::target::bare_name_as_printed::{version}");
        all.push(trial(&name, BOTH, move || bare_name_as_printed(version)));
    }
    all.push(trial("kernel::freezer::v2_is_held_by_v1", BOTH, v2_is_held_by_v1));
    all.push(trial("kernel::freezer::the_straggler_is_found_below", BOTH, the_straggler_is_found_below));
    all.push(trial("kernel::freezer::v2_left_as_found", BOTH, v2_left_as_found));
    all.push(trial("kernel::freezer::v1_over_v2", BOTH, v1_over_v2));
    all.push(trial("kernel::mounts::this_host", BOTH, this_host));
    all.push(trial("kernel::target::ambiguous", BOTH, ambiguous));
    all
}

/// Names that anybody may give a group, and that no terminal should be shown as they are.
const HOSTILE: &[&[u8]] = &[
    b"\x1b[2J\x1b]0;owned\x07",
    b"\xff\xfe not UTF-8 \x80",
    b"a space and\ta tab\rand a return",
    b"-rf",
    b"dev-sda\\x2d1.swap",
    "\u{202e}reversed\u{200b}".as_bytes(),
    b"x",
];

fn name(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

fn host() -> Hierarchies {
    hierarchies().unwrap()
}

/// The whole hierarchy, as the program reads it.
fn tree(fs: &Filesystem) -> Tree {
    let mut tree = Tree::new(fs.read_root().unwrap());
    fs.walk(&CgroupPath::root(), &mut |change| tree.apply(change, &mut Vec::new())).unwrap();
    tree
}

fn walk_finds_what_was_made(version: Version) {
    let group = Group::new(version, "walk");
    let mut made = BTreeSet::from([group.cgroup_path()]);
    for outer in HOSTILE {
        let outer = group.child(name(outer));
        made.insert(outer.cgroup_path());
        for inner in HOSTILE {
            made.insert(outer.child(name(inner)).cgroup_path());
        }
    }
    let mut deep = group.child("deep");
    for depth in 0..12 {
        made.insert(deep.cgroup_path());
        deep = deep.child(format!("{depth}"));
    }
    made.insert(deep.cgroup_path());
    // The kernel refuses one byte more than the slash and NUL: a newline.
    let refused = group.try_child(name(b"line\nbreak")).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(nix::errno::Errno::EINVAL as i32));

    let fs = group.filesystem();
    let tree = tree(&fs);
    let key = tree.at(&group.cgroup_path()).unwrap();
    let found: BTreeSet<_> = tree.subtree(key).map(|key| tree.path(key)).collect();
    assert_eq!(found, made);
    assert_eq!(tree.get(key).unwrap().below.groups as usize, made.len() - 1);
    for path in &made {
        let open = fs.group(path).unwrap().unwrap();
        assert_eq!(tree.get(tree.at(path).unwrap()).unwrap().group.id, open.id);
        assert_eq!(open.read().unwrap().unwrap().name[..], *path.name());
    }
}

fn own_inherited_effective(version: Version) {
    let top = Group::new(version, "three");
    let middle = top.child("middle");
    let leaf = middle.child("leaf");
    let beside = top.child("beside");
    let fs = top.filesystem();
    let look = |group: &Group| {
        let tree = tree(&fs);
        let key = tree.at(&group.cgroup_path()).unwrap();
        let node = tree.get(key).unwrap();
        if let Freezer::V1 { inherited, .. } = node.group.freezer {
            assert_eq!(inherited, node.inherited, "what v1 says and what the ancestors say");
        }
        let from = tree.inherited_from(key).map(|key| tree.path(key));
        assert_eq!(from, asking_ancestor(&fs, &group.cgroup_path()));
        (node.group.freezer.requested(), from, node.state().unwrap())
    };
    assert_eq!(look(&leaf), (false, None, State::Thawed));
    leaf.freeze();
    assert_eq!(look(&leaf), (true, None, State::Frozen));
    assert_eq!(look(&middle), (false, None, State::Thawed));
    top.freeze();
    until("the freeze comes down", SOON, || beside.is_frozen() && middle.is_frozen());
    let top_path = Some(top.cgroup_path());
    assert_eq!(look(&top), (true, None, State::Frozen));
    assert_eq!(look(&middle), (false, top_path.clone(), State::Frozen));
    assert_eq!(look(&leaf), (true, top_path.clone(), State::Frozen));
    assert_eq!(look(&beside), (false, top_path, State::Frozen));
    let (tree, path) = (tree(&fs), top.cgroup_path());
    let below = tree.get(tree.at(&path).unwrap()).unwrap().below;
    assert_eq!((below.groups, below.frozen, below.freezing), (3, 3, 0));
    top.thaw();
    assert_eq!(look(&leaf), (true, None, State::Frozen));
    assert_eq!(look(&middle), (false, None, State::Thawed));
}

fn populated(version: Version) {
    let group = Group::new(version, "populated");
    let inner = group.child("inner");
    let of = |group: &Group| group.open().read().unwrap().unwrap().populated;
    if version == Version::V1 {
        assert_eq!(of(&group), None, "v1 has no such file");
        return;
    }
    assert_eq!((of(&group), of(&inner)), (Some(false), Some(false)));
    let workload = Workload::in_group(&inner);
    assert_eq!((of(&group), of(&inner)), (Some(true), Some(true)));
    assert_eq!((count(&group.open().dir), count(&inner.open().dir)), (Some(0), Some(1)));
    drop(workload);
    until("it is empty", SOON, || of(&group) == Some(false));
}

fn freeze_and_thaw(version: Version) {
    let group = Group::new(version, "freeze");
    let (above, below) = (Workload::in_group(&group), Workload::in_group(&group.child("below")));
    let (open, fs) = (group.open(), group.filesystem());
    assert!(may_freeze(&open));
    for _ in 0..3 {
        assert_eq!(freeze(&open, SOON).unwrap(), Outcome::Done);
        assert!(group.requested() && group.is_frozen());
        above.assert_still();
        below.assert_still();
        assert_eq!(above.process().unwrap().mark(), None, "frozen is not stopped");
        assert_eq!(thaw(&open, &fs).unwrap(), Outcome::Done);
        assert!(!group.requested() && !group.is_frozen());
        above.assert_counting();
        below.assert_counting();
    }
    let usec = open.frozen_usec();
    let has_file = group.path().join("cgroup.stat.local").exists();
    assert_eq!(usec.is_some(), has_file && group.read("cgroup.stat.local").contains("frozen_usec"));
    assert!(usec.is_none_or(|usec| usec > 100_000), "frozen three times for 120 ms each, but {usec:?} us");
}

fn already(version: Version) {
    let group = Group::new(version, "already");
    let workload = Workload::in_group(&group);
    let (open, fs) = (group.open(), group.filesystem());
    assert_eq!(thaw(&open, &fs).unwrap(), Outcome::Already);
    group.freeze();
    assert_eq!(freeze(&open, SOON).unwrap(), Outcome::Already);
    workload.assert_still();
    assert_eq!(thaw(&open, &fs).unwrap(), Outcome::Done);
    assert_eq!(thaw(&open, &fs).unwrap(), Outcome::Already);
    workload.assert_counting();
}

fn held_above(version: Version) {
    let top = Group::new(version, "above");
    let inner = top.child("inner");
    let workload = Workload::in_group(&inner);
    let (open, fs) = (inner.open(), inner.filesystem());
    top.freeze();
    // Frozen from above, the group's own request is still to be made.
    assert_eq!(thaw(&open, &fs).unwrap(), Outcome::HeldAbove);
    assert_eq!(freeze(&open, SOON).unwrap(), Outcome::Done);
    assert!(inner.requested());
    assert_eq!(thaw(&open, &fs).unwrap(), Outcome::HeldAbove);
    assert!(!inner.requested());
    assert_eq!(asking_ancestor(&fs, &inner.cgroup_path()), Some(top.cgroup_path()));
    workload.assert_still();
    assert_eq!(thaw(&top.open(), &fs).unwrap(), Outcome::Done);
    workload.assert_counting();
}

fn root_group(version: Version) {
    let fs = Filesystem::open(host().get(version).unwrap().clone()).unwrap();
    let root = fs.group(&CgroupPath::root()).unwrap().unwrap();
    assert!(matches!(freeze(&root, SOON), Err(FreezerError::Root(_))));
    assert!(matches!(thaw(&root, &fs), Err(FreezerError::Root(_))));
    assert!(matches!(request(&root, true), Err(FreezerError::Root(_))));
    assert_eq!(fs.read_root().unwrap().freezer, Freezer::Root);
    assert!(!may_freeze(&root));
}

fn gone(version: Version) {
    let group = Group::new(version, "gone");
    let inner = group.child("inner");
    let (open, fs) = (inner.open(), inner.filesystem());
    inner.remove();
    assert!(open.read().unwrap().is_none());
    assert!(open.dir.children().unwrap().is_empty());
    assert!(pids(&open.dir).unwrap().is_empty());
    assert!(fs.group(&inner.cgroup_path()).unwrap().is_none());
    fs.walk(&inner.cgroup_path(), &mut |change| panic!("{change:?}")).unwrap();
    let error = freeze(&open, SOON).unwrap_err();
    assert!(matches!(&error, FreezerError::Gone(path) if path == inner.path()), "{error}");
    assert!(matches!(thaw(&open, &fs), Err(FreezerError::Gone(_))));
    assert!(matches!(request(&open, true), Err(FreezerError::Gone(_))));
}

fn made_again(version: Version) {
    let group = Group::new(version, "again");
    let first = group.child("inner");
    let (old, fs) = (first.open(), first.filesystem());
    assert!(fs.same_group(&old.path, old.id).unwrap().is_some());
    first.remove();
    let second = group.child("inner");
    assert!(fs.same_group(&old.path, old.id).unwrap().is_none());
    assert_ne!(second.open().id, old.id);
    // What was opened before does not reach the new group of that name.
    assert!(matches!(request(&old, true), Err(FreezerError::Gone(_))));
    assert!(!second.requested());
}

fn v2_is_held_by_v1() {
    let (v2, v1) = (Group::v2("held"), Group::v1("holds"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    v1.freeze();
    let (started, timeout) = (Instant::now(), Duration::from_millis(150));
    let error = freeze(&v2.open(), timeout).unwrap_err();
    assert!(started.elapsed() >= timeout);
    let FreezerError::TimedOut { undone, timeout: said, group, culprits } = &error else { panic!("{error}") };
    assert_eq!((*undone, *said), (Undone::RolledBack, timeout));
    assert_eq!(*group, v2.cgroup_path().to_string());
    assert_eq!((culprits.list.len(), culprits.more), (THREADS as usize, 0));
    assert!(culprits.list.iter().all(|culprit| culprit.pid == workload.pid()));
    assert_eq!(culprits.held_by(), Some(v1.path()));
    assert!(error.to_string().contains("holds its processes frozen"), "{error}");
    assert!(!v2.requested(), "the request is taken back");
    workload.assert_still();
    v1.thaw();
    workload.assert_counting();
    assert_eq!(freeze(&v2.open(), SOON).unwrap(), Outcome::Done);
}

fn the_straggler_is_found_below() {
    let (v2, v1) = (Group::v2("below"), Group::v1("holds"));
    let (quick, slow) = (v2.child("quick"), v2.child("slow"));
    let _stops = Workload::in_groups(&[&quick]);
    let held = Workload::in_groups(&[&slow.child("deep"), &v1]);
    v1.freeze();
    let error = freeze(&v2.open(), Duration::from_millis(150)).unwrap_err();
    let FreezerError::TimedOut { culprits, .. } = &error else { panic!("{error}") };
    let pids: BTreeSet<i32> = culprits.list.iter().map(|culprit| culprit.pid).collect();
    assert_eq!(pids, BTreeSet::from([held.pid()]));
    let first = &culprits.list[0];
    assert!(first.thread.wchan.is_some());
    assert_eq!(first.group, slow.cgroup_path().join(b"deep"));
    v1.thaw();
}

fn v2_left_as_found() {
    let (v2, v1) = (Group::v2("found"), Group::v1("holds"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    v1.freeze();
    v2.request(true);
    let read = v2.open().read().unwrap().unwrap();
    assert_eq!(read.freezer.state(false), Some(State::Freezing));
    let error = freeze(&v2.open(), Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, FreezerError::TimedOut { undone: Undone::LeftAsFound, .. }), "{error}");
    assert!(v2.requested(), "it was asked for before");
    v1.thaw();
    until("now v2 has it", SOON, || v2.is_frozen());
    workload.assert_still();
}

/// The other way round there is nothing to wait for: v1 takes a process that v2 holds, and either holds it alone.
fn v1_over_v2() {
    let (v2, v1) = (Group::v2("under"), Group::v1("over"));
    let workload = Workload::in_groups(&[&v2, &v1]);
    assert_eq!(freeze(&v2.open(), SOON).unwrap(), Outcome::Done);
    assert_eq!(freeze(&v1.open(), SOON).unwrap(), Outcome::Done);
    workload.assert_still();
    assert_eq!(thaw(&v2.open(), &v2.filesystem()).unwrap(), Outcome::Done);
    workload.assert_still();
    assert_eq!(thaw(&v1.open(), &v1.filesystem()).unwrap(), Outcome::Done);
    workload.assert_counting();
}

fn processes(version: Version) {
    let group = Group::new(version, "processes");
    let program = std::env::current_exe().unwrap();
    let hostile = name(b"\x1b[31mred\xff\nname");
    let one = Workload::in_group(&group);
    let other = Workload::named(&[&group], &program, Some(hostile));
    let list = Processes::default().of(&group.open().dir).unwrap();
    let mut expected = [one.id(), other.id()];
    expected.sort();
    assert_eq!(list.iter().map(|process| process.id).collect::<Vec<_>>(), expected);
    assert_eq!(count(&group.open().dir), Some(2));
    for process in &list {
        assert_eq!(process.threads, THREADS);
        assert_eq!(process.parent, std::process::id().cast_signed());
        assert_eq!((process.uid, &process.user[..]), (0, "root"));
        assert_eq!((process.mark(), process.tracer, process.kernel_thread), (None, None, false));
        assert!(process.rss > 4 << 20, "{} bytes resident", process.rss);
        assert_eq!(group_of(process.id.pid, group.hierarchy()).unwrap(), Membership::In(group.cgroup_path()));
    }
    let found = list.iter().find(|process| process.id == other.id()).unwrap();
    assert!(
        found.command.starts_with(b"\x1b[31mred\xff\nname workload /"),
        "{:?}",
        printable(&found.command)
    );
    assert!(printable(&found.command).starts_with("\\x1b[31mred\\xff\\x0aname workload"));
}

fn stopped_and_zombie(version: Version) {
    let group = Group::new(version, "marks");
    let workload = Workload::in_group(&group);
    workload.signal(Signal::SIGSTOP);
    workload.wait_for_state('T');
    let list = Processes::default().of(&group.open().dir).unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].is_stopped(), list[0].mark()), (true, Some("stopped")));
    // A stopped process is no obstacle to a freeze, and a thaw does not make it run.
    let (open, fs) = (group.open(), group.filesystem());
    assert_eq!(freeze(&open, SOON).unwrap(), Outcome::Done);
    assert_eq!(thaw(&open, &fs).unwrap(), Outcome::Done);
    workload.wait_for_state('T');
    workload.assert_still();
    workload.signal(Signal::SIGCONT);
    workload.assert_counting();

    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut child = quiet(command.arg0("ends").arg("exit").arg(group.path())).spawn().unwrap();
    let pid = child.id().cast_signed();
    let read = || Processes::default().read(pid).unwrap();
    until("it is a zombie", SOON, || read().is_zombie());
    assert_eq!(read().mark(), Some("zombie"));
    assert!(read().command.starts_with(b"["), "a zombie has no command line");
    // The kernel does not count it to the group any more, and it is no obstacle either.
    assert_eq!(pids(&open.dir).unwrap(), [workload.pid()]);
    assert_eq!(freeze(&open, SOON).unwrap(), Outcome::Done);
    child.wait().unwrap();
    assert!(Processes::default().read(pid).is_none());
}

fn refusals(version: Version) {
    let host = host();
    let fs = Filesystem::open(host.get(version).unwrap().clone()).unwrap();
    let why =
        |group: &CgroupPath| refusal(&fs, &fs.group(group).unwrap().unwrap()).map(|refusal| refusal.why);
    assert_eq!(why(&CgroupPath::root()), Some(Why::Myself));
    let group = Group::new(version, "guard");
    let workload = Workload::in_group(&group.child("inner"));
    assert_eq!(why(&group.cgroup_path()), None);

    let program = std::env::current_exe().unwrap();
    drop(workload);
    // A program that finds itself in the group, and one whose parent is there.
    let [theirs, ours] = ["theirs", "ours"].map(|name| group.child(name));
    let said = |command: &mut Command| {
        String::from_utf8(command.args([theirs.path(), ours.path()]).output().unwrap().stdout).unwrap()
    };
    let itself = Command::new(&program).arg("refusal").arg(ours.path()).arg(ours.path()).output().unwrap();
    assert_eq!(itself.stdout, b"Some(Myself)\n");
    let script = "echo 0 >\"$1\"/cgroup.procs; \"$0\" refusal \"$1\" \"$2\"; :";
    assert_eq!(said(Command::new("sh").args(["-c", script]).arg(&program)), "Some(Ancestor)\n");
}

/// A bare name that cannot be typed, and the way this program prints it.
fn bare_name_as_printed(version: Version) {
    let group = Group::new(version, "printed");
    let unit = group.child(name(format!("u\x1b{}{version}", std::process::id()).as_bytes()));
    let printed: OsString = printable(unit.name().as_bytes()).into_owned().into();
    for spelling in [unit.name(), &printed] {
        assert_eq!(resolved(spelling, Some(version)).unwrap(), (version, unit.cgroup_path()), "{spelling:?}");
    }
    // Without its suffix there is none of that name, but it is clear which one is meant.
    let unit = group.child(format!("plain{}{version}.service", std::process::id()));
    let short = unit.name().to_str().unwrap().strip_suffix(".service").unwrap().to_owned();
    let error = resolved(OsStr::new(&short), Some(version)).unwrap_err();
    assert_eq!(error.to_string(), format!("no such cgroup: {short}; did you mean {short}.service?"));
    // systemd's own names hold such spellings as they are.
    let unit = group.child(format!("dev-sda\\x2d{}{version}.swap", std::process::id()));
    assert_eq!(resolved(unit.name(), Some(version)).unwrap(), (version, unit.cgroup_path()));
}

/// What a target is resolved to: the hierarchy and the path there.
fn resolved(target: &OsStr, prefer: Option<Version>) -> Result<(Version, CgroupPath), TargetError> {
    let (_, group): (_, kernel::Group) = resolve(target, &host(), prefer)?;
    Ok((group.version, group.path))
}

fn targets(version: Version) {
    let group = Group::new(version, "target");
    let inner = group.child(name(b"in\x1bner\xff.service"));
    let workload = Workload::in_group(&inner);
    let expected = (version, inner.cgroup_path());
    let is = |target: &OsStr, prefer| {
        let found = resolved(target, prefer).unwrap_or_else(|error| panic!("{target:?}: {error}"));
        assert_eq!(found, expected, "{target:?}");
    };
    let below = OsString::from_vec(inner.cgroup_path().as_bytes().to_vec());
    let relative = OsString::from_vec(inner.cgroup_path().as_bytes()[1..].to_vec());
    let absolute = inner.path().as_os_str();
    let slash = OsString::from_vec([absolute.as_bytes(), b"/"].concat());
    let shown: OsString = inner.cgroup_path().to_string().into();
    assert_eq!(shown.as_bytes()[shown.len() - 15..], *b"ner\\xff.service");
    for target in [
        absolute,
        &slash,
        &below,
        &relative,
        &shown,
        &OsString::from(format!("{}", printable(absolute.as_bytes()))),
    ] {
        is(target, None);
        is(target, Some(version));
    }
    is(OsStr::new(&format!("pid:{}", workload.pid())), Some(version));
    let other = resolved(OsStr::new(&format!("pid:{}", workload.pid())), None).unwrap();
    assert_eq!(other.0, if host().v2.is_some() { Version::V2 } else { Version::V1 });
    // A bare name, wherever it stands.
    let named = inner.child(format!("unit-{}-{version}.service", std::process::id()));
    for prefer in [None, Some(version)] {
        assert_eq!(resolved(named.name(), prefer).unwrap(), (version, named.cgroup_path()));
    }
    // The root, and paths that leave the hierarchy on the way.
    let root = host().get(version).unwrap().mount_point.clone();
    assert_eq!(resolved(root.as_os_str(), None).unwrap(), (version, CgroupPath::root()));
    assert_eq!(resolved(inner.path().join("..").as_os_str(), None).unwrap().1, group.cgroup_path());
}

fn no_targets(version: Version) {
    let group = Group::new(version, "none");
    let fails = |target: &OsStr| {
        let error = resolved(target, Some(version)).unwrap_err();
        let shown = error.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        error
    };
    let missing = group.path().join("missing");
    assert!(matches!(fails(missing.as_os_str()), TargetError::NoSuchGroup(_)));
    assert!(matches!(fails(OsStr::new("/no/such/group")), TargetError::NoSuchGroup(_)));
    assert!(matches!(fails(OsStr::new("no-such-unit.service")), TargetError::NoSuchGroup(_)));
    assert!(matches!(fails(name(b"no\x1bsuch\xff")), TargetError::NoSuchGroup(_)));
    assert!(matches!(fails(OsStr::new("/etc")), TargetError::NotCgroup(..)));
    assert!(matches!(fails(OsStr::new("/etc/passwd")), TargetError::NotCgroup(..)));
    let file = group.path().join("cgroup.procs");
    assert!(matches!(fails(file.as_os_str()), TargetError::NotCgroup(..)));
    assert!(matches!(fails(file.join("below").as_os_str()), TargetError::NotCgroup(..)));
    for pid in ["pid:", "pid:x", "pid:-4", "pid:0", "pid: 1", "pid:99999999999"] {
        assert!(matches!(fails(OsStr::new(pid)), TargetError::NotPid(_)), "{pid}");
    }
    let workload = Workload::in_group(&group);
    let pid = workload.pid();
    drop(workload);
    assert!(matches!(fails(OsStr::new(&format!("pid:{pid}"))), TargetError::NoSuchProcess(p) if p == pid));
    let long = [b"a".repeat(300), b"/".to_vec(), b"b".repeat(5000)].concat();
    let error = fails(name(&long));
    assert!(matches!(error, TargetError::NoSuchGroup(_) | TargetError::Io(..)), "{error}");
    let zero = fails(name(b"a\\x00b"));
    assert!(matches!(zero, TargetError::NoSuchGroup(_) | TargetError::Io(..)), "{zero}");
    let alone = mounts::at(&host().get(version).unwrap().mount_point).unwrap();
    let error = resolve(group.name(), &alone, Some(version.other())).unwrap_err();
    assert!(matches!(error, TargetError::NoHierarchy(v) if v == version.other()));
}

fn ambiguous() {
    let (v2, v1) = (Group::v2("twice"), Group::v1("twice"));
    let unit = format!("twice-{}.service", std::process::id());
    let [one, two] = ["a", "b"].map(|name| v2.child(name).child(&unit));
    let error = resolved(OsStr::new(&unit), None).unwrap_err();
    let TargetError::Ambiguous { name, paths } = error else { panic!("{error}") };
    assert_eq!(
        (name, paths),
        (unit.clone(), [one, two].map(|g| g.path().to_str().unwrap().to_owned()).to_vec())
    );
    // One of each hierarchy is not ambiguous: v2 comes first, unless v1 is asked for.
    let unit = format!("both-{}.service", std::process::id());
    let (second, first) = (v1.child(&unit), v2.child(&unit));
    assert_eq!(resolved(OsStr::new(&unit), None).unwrap(), (Version::V2, first.cgroup_path()));
    assert_eq!(resolved(OsStr::new(&unit), Some(Version::V1)).unwrap(), (Version::V1, second.cgroup_path()));
}

fn this_host() {
    let host = host();
    assert_eq!(host.setup, Setup::Hybrid);
    for version in [Version::V2, Version::V1] {
        let hierarchy = host.get(version).unwrap();
        let alone = mounts::at(&hierarchy.mount_point).unwrap();
        assert_eq!(alone.get(version), Some(hierarchy));
        assert_eq!(alone.get(version.other()), None);
    }
    assert!(mounts::at(std::path::Path::new("/etc")).is_err());
}

fn files_of_a_group(version: Version) {
    let group = Group::new(version, "files");
    group.request(true);
    until("the kernel says that it is frozen", SOON, || group.is_frozen());
    let (open, start) = (group.open(), Instant::now());
    let files = control_files::read(&open);
    println!("{version}: {} files read in {:?}", files.len(), start.elapsed());
    let contents = |name: &str| files.iter().find(|file| file.name == name).map(|file| file.contents.clone());
    let text = |text: &str| Some(Contents::Text { bytes: text.as_bytes().into(), cut: false });
    match version {
        Version::V2 => {
            assert_eq!(contents("cgroup.freeze"), text("1\n"));
            assert_eq!(contents("cgroup.events"), text("populated 0\nfrozen 1\n"));
            assert_eq!(contents("cgroup.kill"), Some(Contents::WriteOnly));
        }
        Version::V1 => {
            assert_eq!(contents("freezer.state"), text("FROZEN\n"));
            assert_eq!(contents("freezer.self_freezing"), text("1\n"));
        }
    }
    // Each that is there can be read: the kernel has nothing against it.
    let failed: Vec<_> = files.iter().filter(|f| matches!(f.contents, Contents::Unreadable(_))).collect();
    assert!(failed.is_empty(), "{failed:?}");
}
