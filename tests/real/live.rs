//! The observer on the real kernel: whatever happens, its tree is equal to a fresh scan as soon as it is quiet, and nothing
//! needs to be asked for.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex};

use crossbeam_channel::{Receiver, unbounded};
use cryoscope::kernel::inotify::used_by_others;
use cryoscope::model::tree::What;
use cryoscope::model::{CgroupId, CgroupPath, Change, Freezer, Process, State, Tree, Version};
use cryoscope::watch::{Focus, Message, Observer, Watching};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use super::support::namespace::isolated;
use super::support::ordinary::{Copy, NOBODY};
use super::support::requirement::{Need, trial};
use super::support::{Group, SOON, Workload, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const V1: &[Need] = &[Need::Root, Need::V1];

pub fn tests() -> Vec<Trial> {
    let mut all = vec![
        trial("live::a_renamed_group_is_still_watched", V1, a_renamed_group_is_still_watched),
        trial("live::lost_announcements_are_made_good", V2, lost_announcements_are_made_good),
        trial("live::a_killed_process_leaves_a_frozen_group", V2, a_killed_process_leaves_a_frozen_group),
        trial("live::the_top_may_go_and_come_back", V2, the_top_may_go_and_come_back),
        trial("live::watching_anew_after_many_removals", V2, watching_anew_after_many_removals),
        trial("live::without_watches_it_polls_and_says_so", V2, without_watches_it_polls_and_says_so),
        trial("live::half_of_the_watches_are_left_to_others", V2, half_of_the_watches_are_left_to_others),
        isolated("live::watches_of_others_are_counted", V2, watches_of_others_are_counted),
        trial("live::a_group_that_may_not_be_read_hides_no_other", V2, one_unreadable_hides_no_other),
        trial("live::many_groups_take_few_descriptors", V2, many_groups_take_few_descriptors),
    ];
    for version in [Version::V2, Version::V1] {
        let need = if version == Version::V2 { V2 } else { V1 };
        let mut add = |name: &str, test: fn(Version)| {
            all.push(trial(&format!("live::{name}::{version}"), need, move || test(version)));
        };
        add("groups_come_and_go", groups_come_and_go);
        add("a_parents_freeze_reaches_the_children", a_parents_freeze_reaches_the_children);
        add("processes_come_and_go", processes_come_and_go);
        add("no_level_is_missed", no_level_is_missed);
        add("a_group_made_again_is_watched", a_group_made_again_is_watched);
        add("a_storm_ends_in_the_truth", a_storm_ends_in_the_truth);
    }
    all
}

/// What an observer has told so far.
pub(super) struct Watched {
    pub(super) observer: Observer,
    told: Receiver<Message>,
    pub(super) tree: Option<Tree>,
    happened: Vec<(What, CgroupPath)>,
    processes: Option<(CgroupId, Vec<Process>)>,
    pub(super) watching: Option<Watching>,
    pub(super) top: Group,
}

type Facts = BTreeMap<CgroupPath, (Freezer, bool, Option<bool>)>;

impl Watched {
    /// Observes a new group until its first scan is over and it is watched.
    pub(super) fn start(version: Version, name: &str) -> Self {
        Self::start_with(version, name, || {})
    }

    /// `stall` is called before each thing that is told.
    fn start_with(version: Version, name: &str, stall: impl Fn() + Send + 'static) -> Self {
        let watched = Self::begin(version, name, stall);
        assert_eq!(watched.watching.as_ref().unwrap().polling, None);
        watched
    }

    /// The same, however changes are learnt.
    pub(super) fn begin(version: Version, name: &str, stall: impl Fn() + Send + 'static) -> Self {
        let top = Group::new(version, name);
        let (tell, told) = unbounded();
        let tell = move |it| {
            stall();
            let _ = tell.send(it);
        };
        let observer = Observer::start(top.filesystem(), top.cgroup_path(), Arc::default(), tell).unwrap();
        let mut watched =
            Self { observer, told, tree: None, happened: Vec::new(), processes: None, watching: None, top };
        watched.wait("it is watched", |watched| watched.watching.is_some());
        watched
    }

    pub(super) fn listen(&mut self) {
        for told in self.told.try_iter().collect::<Vec<_>>() {
            match told {
                Message::Root(root) => self.tree = Some(Tree::new(root)),
                Message::Changes(changes) => changes.into_iter().for_each(|change| self.apply(change)),
                Message::Happened(all) => self.happened.extend(all.into_iter().map(|o| (o.what, o.path))),
                Message::Processes { id, list, .. } => self.processes = Some((id, list.unwrap())),
                Message::Watching(watching) => self.watching = Some(watching),
                Message::Scanned | Message::Files { .. } => {}
                Message::Failed(why) => panic!("the observer ended: {why}"),
            }
        }
    }

    fn apply(&mut self, change: Change) {
        self.tree.as_mut().unwrap().apply(change, &mut Vec::new());
    }

    #[track_caller]
    pub(super) fn wait(&mut self, what: &str, so: impl Fn(&Self) -> bool) {
        until(what, SOON, || {
            self.listen();
            so(self)
        });
    }

    /// Its tree becomes equal to the kernel's, by itself.
    #[track_caller]
    pub(super) fn settles(&mut self) {
        let truth = facts(&scan(&self.top), &self.top);
        let mut seen = Facts::new();
        let so = super::support::wait::reached(SOON, || {
            self.listen();
            seen = facts(self.tree.as_ref().unwrap(), &self.top);
            seen == truth
        });
        assert!(so, "seen: {seen:#?}\nthe kernel's: {truth:#?}");
    }

    pub(super) fn state(&self, group: &Group) -> Option<State> {
        let tree = self.tree.as_ref()?;
        tree.get(tree.at(&group.cgroup_path())?)?.state()
    }

    fn happened(&self, what: What) -> usize {
        self.happened.iter().filter(|(it, _)| *it == what).count()
    }

    fn select(&self, group: &Group) {
        let id = group.open().id;
        self.observer.focus(Focus { visible: vec![id], selected: Some(id), files: false });
    }

    /// The group whose processes were told last, and all of these.
    pub(super) fn listed(&self) -> (Option<CgroupId>, Vec<i32>) {
        let list = self.processes.iter().flat_map(|(_, list)| list).map(|process| process.id.pid);
        (self.processes.as_ref().map(|(id, _)| *id), list.collect())
    }

    fn pids(&self) -> Vec<i32> {
        let list = self.processes.as_ref().map_or(&[][..], |(_, list)| list);
        list.iter().filter(|process| !process.is_zombie()).map(|process| process.id.pid).collect()
    }
}

pub(super) fn scan(top: &Group) -> Tree {
    let fs = top.filesystem();
    let mut tree = Tree::new(fs.read_root().unwrap());
    let root = tree.get(tree.root()).unwrap().group.id;
    if let Some(read) = fs.group(&top.cgroup_path()).unwrap().and_then(|group| group.read().unwrap()) {
        tree.apply(Change::Found { parent: root, groups: vec![read] }, &mut Vec::new());
    }
    fs.walk(&top.cgroup_path(), &mut |change| tree.apply(change, &mut Vec::new())).unwrap();
    tree
}

fn facts(tree: &Tree, top: &Group) -> Facts {
    let from = tree.at(&top.cgroup_path());
    let keys = from.into_iter().flat_map(|from| tree.subtree(from));
    keys.map(|key| (key, tree.get(key).unwrap()))
        .map(|(key, node)| (tree.path(key), (node.group.freezer, node.inherited, node.group.populated)))
        .collect()
}

fn groups_come_and_go(version: Version) {
    let mut watched = Watched::start(version, "come");
    let child = watched.top.child("child");
    let below = child.child("below");
    watched.settles();
    assert_eq!(watched.happened(What::Created), 2);
    fs::remove_dir(below.path()).unwrap();
    fs::remove_dir(child.path()).unwrap();
    watched.settles();
    assert_eq!(watched.happened(What::Removed), 2);
}

fn a_parents_freeze_reaches_the_children(version: Version) {
    let mut watched = Watched::start(version, "parent");
    let child = watched.top.child("child");
    let below = child.child("below");
    let workload = Workload::in_group(&below);
    watched.settles();
    for _ in 0..3 {
        watched.top.request(true);
        watched.wait("all are frozen", |w| {
            [&w.top, &child, &below].iter().all(|g| w.state(g) == Some(State::Frozen))
        });
        watched.settles();
        watched.top.request(false);
        watched.wait("all are thawed", |w| {
            [&w.top, &child, &below].iter().all(|g| w.state(g) == Some(State::Thawed))
        });
        watched.settles();
    }
    workload.assert_counting();
    assert_eq!((watched.happened(What::Frozen), watched.happened(What::Thawed)), (9, 9));
}

fn processes_come_and_go(version: Version) {
    let mut watched = Watched::start(version, "members");
    let (from, to) = (watched.top.child("from"), watched.top.child("to"));
    let workload = Workload::in_group(&from);
    watched.select(&from);
    watched.wait("the process is listed", |w| w.pids() == [workload.pid()]);
    to.add(workload.pid());
    watched.wait("it is gone from the list of the one that it left", |w| w.pids().is_empty());
    watched.select(&to);
    watched.wait("it is listed where it is", |w| w.pids() == [workload.pid()]);
    watched.settles();
    workload.signal(Signal::SIGKILL);
    watched.wait("the dead one is gone from the list", |w| w.pids().is_empty());
    drop(workload);
    watched.settles();
}

fn no_level_is_missed(version: Version) {
    let mut watched = Watched::start(version, "levels");
    for round in 0..200 {
        fs::create_dir_all(watched.top.path().join(format!("{round}/b/c/d"))).unwrap();
    }
    watched.settles();
    assert_eq!(watched.happened(What::Created), 800);
    // And each of them is watched: what happens in the deepest one is announced.
    for round in [0, 99, 199] {
        let deepest = watched.top.path().join(format!("{round}/b/c/d"));
        fs::write(deepest.join(version.control_file()), version.request(true)).unwrap();
    }
    watched.settles();
    assert_eq!(watched.happened(What::Frozen), 3);
}

fn a_group_made_again_is_watched(version: Version) {
    let mut watched = Watched::start(version, "again");
    let path = watched.top.path().join("child");
    fs::create_dir(&path).unwrap();
    for _ in 0..100 {
        fs::remove_dir(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::create_dir(path.join("below")).unwrap();
        fs::write(path.join("below").join(version.control_file()), version.request(true)).unwrap();
        watched.settles();
        fs::write(path.join("below").join(version.control_file()), version.request(false)).unwrap();
        watched.settles();
        fs::remove_dir(path.join("below")).unwrap();
    }
}

fn a_storm_ends_in_the_truth(version: Version) {
    let mut watched = Watched::start(version, "storm");
    let storm = |names: std::ops::Range<u32>| {
        for name in names {
            let path = watched.top.path().join(name.to_string());
            fs::create_dir_all(path.join("below")).unwrap();
            fs::write(path.join(version.control_file()), version.request(true)).unwrap();
            if !name.is_multiple_of(10) {
                fs::remove_dir(path.join("below")).unwrap();
                fs::remove_dir(&path).unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| storm(0..250));
        scope.spawn(|| storm(250..500));
    });
    watched.settles();
    for name in (0..500).step_by(10) {
        let file = watched.top.path().join(format!("{name}/below")).join(version.control_file());
        fs::write(file, version.request(true)).unwrap();
    }
    watched.settles();
}

fn a_renamed_group_is_still_watched() {
    let mut watched = Watched::start(Version::V1, "rename");
    let child = watched.top.child("old");
    child.child("below");
    watched.settles();
    let new = watched.top.path().join("new");
    fs::rename(child.path(), &new).unwrap();
    watched.settles();
    // Another group takes the old name, and both are watched under the names that they have now.
    let other = watched.top.child("old");
    watched.settles();
    fs::write(new.join("below/freezer.state"), "FROZEN").unwrap();
    watched.settles();
    other.request(true);
    watched.settles();
    fs::create_dir(new.join("below/more")).unwrap();
    watched.settles();
    fs::write(new.join("below/more/freezer.state"), "FROZEN").unwrap();
    watched.settles();
    assert_eq!(watched.happened(What::Removed), 0);
}

fn lost_announcements_are_made_good() {
    let gate = Arc::new(Mutex::new(()));
    let stall = Arc::clone(&gate);
    let mut watched = Watched::start_with(Version::V2, "overflow", move || drop(stall.lock()));
    let closed = gate.lock().unwrap();
    // Many more than are kept, while nobody listens.
    for round in 0..6000 {
        let path = watched.top.path().join((round % 7).to_string());
        if fs::remove_dir(&path).is_err() {
            fs::create_dir_all(path.join("below")).unwrap();
            fs::remove_dir(path.join("below")).unwrap();
        }
    }
    let last = watched.top.child("last");
    drop(closed);
    watched.settles();
    last.request(true);
    watched.settles();
}

/// More groups go than watches of such are kept, so that a new watcher takes over.
fn watching_anew_after_many_removals() {
    let mut watched = Watched::start(Version::V2, "anew");
    let stays = watched.top.child("stays");
    for round in 0..4 {
        let paths: Vec<_> = (0..300).map(|n| watched.top.path().join(format!("{round}-{n}"))).collect();
        paths.iter().for_each(|path| fs::create_dir(path).unwrap());
        watched.settles();
        paths.iter().for_each(|path| fs::remove_dir(path).unwrap());
        watched.settles();
    }
    assert_eq!((watched.happened(What::Created), watched.happened(What::Removed)), (1201, 1200));
    for freeze in [true, false, true] {
        stays.request(freeze);
        watched.settles();
    }
    watched.top.child("later").request(true);
    watched.settles();
}

fn a_killed_process_leaves_a_frozen_group() {
    let mut watched = Watched::start(Version::V2, "killed");
    let (first, second) = (Workload::in_group(&watched.top), Workload::in_group(&watched.top));
    watched.top.freeze();
    watched.select(&watched.top);
    watched.wait("both are listed", |w| w.pids().len() == 2);
    first.signal(Signal::SIGKILL);
    watched.wait("the other one is left", |w| w.pids() == [second.pid()]);
    watched.wait("the group is frozen again", |w| w.state(&w.top) == Some(State::Frozen));
}

fn the_top_may_go_and_come_back() {
    let mut watched = Watched::start(Version::V2, "top");
    watched.top.child("below");
    watched.settles();
    watched.top.remove();
    watched.wait("the top is gone", |w| w.state(&w.top).is_none());
    fs::create_dir(watched.top.path()).unwrap();
    watched.top.child("new");
    watched.settles();
    watched.top.request(true);
    watched.settles();
}

/// The program that watches a group, started in a way of its own.
struct Lines {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    /// `script` is for a shell; `"$@"` in it is the program.
    fn start(script: &str, verb: &[&str], group: &Group) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{{ {script}; }} 2>&1"), "sh", PROGRAM]).args(verb).arg(group.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (tell, lines) = unbounded();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, lines, seen: Vec::new() }
    }

    #[track_caller]
    fn wait(&mut self, parts: &[&str]) {
        let has = |line: &String| parts.iter().all(|part| line.contains(part));
        let so = super::support::wait::reached(SOON, || {
            self.seen.extend(self.lines.try_iter());
            self.seen.iter().any(has)
        });
        assert!(so, "waited in vain for {parts:?} in {:#?}", self.seen);
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A user namespace has limits of its own, so that the host's are left alone. (user_namespaces(7), namespaces(7))
fn without_watches_it_polls_and_says_so() {
    let starved = [
        ("max_inotify_watches", "7", "watches ran out"),
        ("max_inotify_instances", "1", "instances ran out"),
    ];
    for (limit, number, said) in starved {
        let group = Group::v2("starved");
        let children: Vec<Group> = (0..10).map(|n| group.child(n.to_string())).collect();
        let only = children[7].child("only");
        let script = format!(
            "exec unshare --user --map-root-user sh -c 'echo {number} >/proc/sys/user/{limit} && exec \"$@\"' sh \"$@\""
        );
        let mut lines = Lines::start(&script, &["watch"], &group);
        lines.wait(&["the rest are polled", said]);
        children[9].request(true);
        lines.wait(&["frozen", &format!("{}/9", group.path().display())]);
        fs::remove_dir(children[8].path()).unwrap();
        lines.wait(&["removed", &format!("{}/8", group.path().display())]);
        fs::remove_dir(only.path()).unwrap();
        lines.wait(&["removed", only.path().to_str().unwrap()]);
    }
}

/// In a user namespace with few watches, as above.
fn half_of_the_watches_are_left_to_others() {
    let script = "echo 40 >/proc/sys/user/max_inotify_watches && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]);
    let output = command.arg(std::env::current_exe().unwrap()).args(["guest", "here"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// `guest here`: this program, started again where there are 40 watches. `guest beside FOLDER`: another program that has three.
pub fn main() -> Option<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["guest", "here"] => a_guest_among_forty_watches(),
        ["guest", "beside", folder] => {
            let (_inotify, taken) = watches_to_be_had(Path::new(folder), 3);
            assert_eq!(taken, 3);
            // Until it is killed.
            std::thread::sleep(SOON * 6);
        }
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

fn a_guest_among_forty_watches() {
    let mut watched = Watched::start(Version::V2, "guest");
    let children: Vec<Group> = (0..30).map(|n| watched.top.child(n.to_string())).collect();
    // With the root and the group itself; each takes two.
    let watches = |w: &Watched, groups, of| {
        w.watching
            .as_ref()
            .is_some_and(|it| (it.groups, it.of, it.polling.is_some()) == (groups, of, groups < of))
    };
    watched.wait("ten groups are watched", |w| watches(w, 10, 32));
    children[29].request(true);
    watched.wait("the others are polled", |w| w.state(&children[29]) == Some(State::Frozen));
    let others = tempfile::tempdir().unwrap();
    let to_be_had = || watches_to_be_had(others.path(), 40).1;
    // The root has no `cgroup.events`: it takes one alone.
    assert_eq!(to_be_had(), 21, "half of them are left");
    children.iter().for_each(Group::remove);
    watched.wait("all are watched", |w| watches(w, 2, 2));
    until("what was of no use any more is given back", SOON, || to_be_had() == 37);
}

/// How many more watches the kernel gives, up to a number; they are held as long as what comes back lives.
fn watches_to_be_had(folder: &Path, most: usize) -> (OwnedFd, usize) {
    let inotify = inotify::init(CreateFlags::CLOEXEC).unwrap();
    let watch = |n: &usize| {
        let file = folder.join(n.to_string());
        fs::write(&file, "").unwrap();
        match inotify::add_watch(&inotify, &file, WatchFlags::MODIFY) {
            Err(Errno::NOSPC) => false,
            added => added.is_ok(),
        }
    };
    let count = (0..most).take_while(watch).count();
    (inotify, count)
}

/// Others that come and go meanwhile would be counted, too.
fn watches_of_others_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let before = used_by_others();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let mut other = command.args(["guest", "beside"]).arg(folder.path()).spawn().unwrap();
    until("its three watches are counted", SOON, || {
        let now = used_by_others().without(before);
        now.watches >= 3 && now.instances >= 1
    });
    other.kill().unwrap();
    other.wait().unwrap();
}

fn one_unreadable_hides_no_other() {
    use std::os::unix::fs::PermissionsExt;
    let group = Group::v2("private");
    let secret = group.child("secret");
    let open = group.child("open");
    fs::set_permissions(secret.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let copy = Copy::of(PROGRAM);
    let script = format!(
        "shift; exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups {} \"$@\"",
        copy.path().display()
    );
    let mut lines = Lines::start(&script, &["watch"], &group);
    lines.wait(&["secret", "left out", "Permission denied"]);
    open.request(true);
    lines.wait(&["frozen", open.path().to_str().unwrap()]);
}

fn many_groups_take_few_descriptors() {
    let group = Group::v2("wide");
    for name in 0..100 {
        fs::create_dir_all(group.path().join(format!("{name}/below"))).unwrap();
    }
    let mut lines = Lines::start("ulimit -n 32; exec \"$@\"", &["list", "--json"], &group);
    lines.wait(&["/99/below\""]);
    lines.wait(&["/0/below\""]);
}
