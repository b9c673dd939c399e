//! In which group a process is: through cgroup namespaces, bind mounts, links, and for threads in groups of their own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use cryoscope::kernel::membership::{Membership, UnknownGroup, group_of, groups_of, open_group_of};
use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::support::program::assert_said;
use super::support::{Group, Need, SOON, Workload, trial, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");

pub fn tests() -> Vec<Trial> {
    let each = [
        ("in_a_cgroup_namespace", in_a_cgroup_namespace as fn(Version)),
        ("a_namespace_that_is_not_found_refuses", a_namespace_that_is_not_found),
        ("below_a_bind_mount", below_a_bind_mount),
        ("a_group_mounted_on_another", a_group_mounted_on_another),
        ("a_path_by_links_and_other_mounts", a_path_by_links_and_other_mounts),
        ("threads_in_groups_of_their_own", threads_in_groups_of_their_own),
        ("a_name_like_that_of_a_removed_group", a_name_like_that_of_a_removed_group),
        ("one_that_has_ended_is_in_none", one_that_has_ended),
    ];
    let mut all = Vec::new();
    for (name, test) in each {
        for version in [Version::V2, Version::V1] {
            let needs: &[Need] =
                if version == Version::V2 { &[Need::Root, Need::V2] } else { &[Need::Root, Need::V1] };
            all.push(trial(&format!("membership::{name}::{version}"), needs, move || test(version)));
        }
    }
    all
}

/// A shell script with the program as `$0` and these arguments.
fn script(text: &str, arguments: &[&Path]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-ec", text, PROGRAM]).args(arguments);
    command.stdin(Stdio::null()).current_dir("/").output().unwrap()
}

/// The program's namespace is `inner`, and the whole hierarchy is mounted: it is in each group down to `inner`, and in no other.
fn in_a_cgroup_namespace(version: Version) {
    let group = Group::new(version, "namespace");
    let (inner, beside) = (group.child("inner"), group.child("beside"));
    let below = inner.child("below");
    let outside = Workload::in_group(&beside);
    let freeze = |join: &Group, target: &Group| {
        let text = "echo 0 >\"$1\"/cgroup.procs; exec unshare --cgroup sh -ec \
                    'echo 0 >\"$2\"/cgroup.procs; exec \"$0\" freeze --for 2s \"$3\"' \"$0\" \"$@\"";
        script(text, &[inner.path(), join.path(), target.path()])
    };
    for (join, target) in
        [(&inner, &inner), (&inner, &group), (&below, &below), (&below, &group), (&beside, &beside)]
    {
        assert_said(&freeze(join, target), 4, &["this program"]);
        assert!(!target.requested());
    }
    assert_said(&freeze(&inner, &beside), 0, &["is frozen"]);
    let show = "echo 0 >\"$1\"/cgroup.procs; exec unshare --cgroup \"$0\" show --hierarchy \"$2\" \"pid:$3\"";
    let pid = outside.pid().to_string();
    let shown = script(show, &[inner.path(), Path::new(&version.to_string()), Path::new(&pid)]);
    assert_said(&shown, 0, &[&beside.path().display().to_string()]);
}

/// The namespace's own group is hidden under another mount: nothing says where the program is.
fn a_namespace_that_is_not_found(version: Version) {
    let group = Group::new(version, "hidden");
    let (inner, beside) = (group.child("inner"), group.child("beside"));
    let text = "echo 0 >\"$1\"/cgroup.procs; exec unshare --cgroup --mount sh -ec \
                'mount -t tmpfs none \"$1\"; exec \"$0\" freeze --for 2s \"$2\"' \"$0\" \"$@\"";
    assert_said(&script(text, &[inner.path(), beside.path()]), 4, &["cgroup namespace", "could not check"]);
    assert!(!beside.requested());
}

fn below_a_bind_mount(version: Version) {
    let group = Group::new(version, "bind");
    let inner = group.child("inner");
    let place = tempfile::tempdir().unwrap();
    let text = "echo 0 >\"$2\"/cgroup.procs; exec unshare --mount sh -ec \
                'mount --bind \"$1\" \"$3\"; exec \"$0\" --root \"$3\" freeze --for 2s /inner' \"$0\" \"$@\"";
    let refused = script(text, &[group.path(), inner.path(), place.path()]);
    assert_said(&refused, 4, &["this program"]);
    let text = text.replace("/inner", "/other");
    group.child("other");
    assert_said(&script(&text, &[group.path(), inner.path(), place.path()]), 0, &["is frozen"]);
}

/// The program's group can be seen at the path of another one, too.
fn a_group_mounted_on_another(version: Version) {
    let group = Group::new(version, "upon");
    let (ours, other) = (group.child("ours"), group.child("other"));
    let text = "echo 0 >\"$1\"/cgroup.procs; exec unshare --mount sh -ec \
                'mount --bind \"$1\" \"$2\"; exec \"$0\" freeze --for 2s \"$2\"' \"$0\" \"$@\"";
    assert_said(&script(text, &[ours.path(), other.path()]), 4, &["this program"]);
    assert!(!ours.requested() && !other.requested());
}

fn a_path_by_links_and_other_mounts(version: Version) {
    let group = Group::new(version, "links");
    let inner = group.child("inner");
    let place = tempfile::tempdir().unwrap();
    let real = inner.path().display().to_string();
    let link = "ln -s \"$1\" \"$2\"/link; exec \"$0\" show \"$2\"/link/inner";
    assert_said(&script(link, &[group.path(), place.path()]), 0, &[&real]);
    let mount = "mkdir \"$2\"/mount; exec unshare --mount sh -ec \
                 'mount --bind \"$1\" \"$2\"/mount; cd \"$2\"/mount; exec \"$0\" show ./inner' \"$0\" \"$@\"";
    assert_said(&script(mount, &[group.path(), place.path()]), 0, &[&real]);
    let dots = "cd \"$2\"/link; exec \"$0\" show inner/../inner/.";
    assert_said(&script(dots, &[group.path(), place.path()]), 5, &["no such cgroup"]);
    let dots = "cd \"$2\"/link; exec \"$0\" show ./inner/../inner/.";
    assert_said(&script(dots, &[group.path(), place.path()]), 0, &[&real]);
}

fn threads_in_groups_of_their_own(version: Version) {
    let group = Group::new(version, "threads");
    let [first, second] = ["first", "second"].map(|name| group.child(name));
    let workload = Workload::in_group(&group);
    let file = if version == Version::V1 { "tasks" } else { "cgroup.threads" };
    if version == Version::V2 {
        first.write("cgroup.type", "threaded");
        second.write("cgroup.type", "threaded");
    }
    let threads = || {
        let entries = std::fs::read_dir(format!("/proc/{}/task", workload.pid())).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap())
            .collect::<Vec<i32>>()
    };
    until("it has several threads", SOON, || threads().len() > 1);
    let tid = threads().into_iter().find(|&tid| tid != workload.pid()).unwrap();
    second.write(file, &tid.to_string());
    let hierarchy = group.hierarchy();
    assert_eq!(group_of(tid, hierarchy).unwrap(), Membership::In(second.cgroup_path()));
    assert_eq!(group_of(workload.pid(), hierarchy).unwrap(), Membership::In(group.cgroup_path()));
    assert_eq!(open_group_of(tid, &group.filesystem()).unwrap().unwrap().path, second.cgroup_path());
    let all = groups_of(workload.pid(), hierarchy).unwrap();
    let is_in = |group: &Group| all.contains(&Membership::In(group.cgroup_path()));
    assert!(is_in(&group) && is_in(&second) && !is_in(&first), "{all:?}");
    // The guard counts a process as inside each.
    let helper = std::env::current_exe().unwrap();
    let asked =
        Command::new(helper).arg("refusal-of-a-thread").args([first.path(), first.path()]).output().unwrap();
    assert_eq!(asked.stdout, b"Some(Myself)\n", "{}", String::from_utf8_lossy(&asked.stderr));
}

fn a_name_like_that_of_a_removed_group(version: Version) {
    let group = Group::new(version, "deleted");
    let (named, plain) = (group.child("a (deleted)"), group.child("a"));
    let workload = Workload::in_group(&named);
    assert_eq!(group_of(workload.pid(), group.hierarchy()).unwrap(), Membership::In(named.cgroup_path()));
    assert!(!group_of(workload.pid(), group.hierarchy()).unwrap().is_within(&plain.cgroup_path()));
    let opened = open_group_of(workload.pid(), &group.filesystem()).unwrap().unwrap();
    assert_eq!(opened.id, named.open().id);
}

fn one_that_has_ended(version: Version) {
    let group = Group::new(version, "ended");
    let workload = Workload::in_group(&group);
    let pid = workload.pid();
    workload.signal(nix::sys::signal::Signal::SIGKILL);
    workload.wait_for_state('Z');
    let known: Result<_, UnknownGroup> = open_group_of(pid, &group.filesystem());
    assert!(known.unwrap().is_none());
    assert_eq!(group_of(i32::MAX, group.hierarchy()).unwrap(), Membership::Nowhere);
}
