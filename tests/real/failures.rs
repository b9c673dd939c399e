//! A checkpoint that fails on the way: clear words, the right exit code, the workload alive and its freeze flags as found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use cryoscope::model::Version;
use libtest_mimic::Trial;

use super::support::checkpoint::{Images, checkpoint};
use super::support::group::Group;
use super::support::program;
use super::support::requirement::{criu, trial, with_criu};
use super::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    for version in [Version::V2, Version::V1] {
        let mut add = |name: &str, run: fn(Version)| {
            all.push(trial(&format!("failures::{name}::{version}"), with_criu(version), move || {
                run(version)
            }));
        };
        add("criu_says_no", criu_says_no);
        add("criu_crashes", criu_crashes);
        add("the_disk_is_full", the_disk_is_full);
        add("the_second_tree_fails", the_second_tree_fails);
        add("a_second_try", a_second_try);
        add("a_group_vanishes", a_group_vanishes);
        add("what_was_not_begun_leaves_no_folder", what_was_not_begun_leaves_no_folder);
        add("the_folder_is_taken_meanwhile", the_folder_is_taken_meanwhile);
    }
    all
}

/// A program that says and checks what criu does, and does something else where it is to dump.
fn instead(folder: &Path, dump: &str) -> PathBuf {
    let path = folder.join("criu");
    let script =
        format!("#!/bin/sh\nif [ \"$1\" = dump ]; then\n{dump}\nfi\nexec '{}' \"$@\"\n", criu().display());
    program::write(&path, script);
    path
}

/// Frozen by hand: nothing runs, the flag is as found, and afterwards it runs on.
#[track_caller]
fn assert_unharmed(output: &Output, words: &str, group: &Group, workloads: &[&Workload], counts: &[u64]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(said.contains(words), "{said}");
    assert!(!said.contains('\x1b'), "what criu says is made harmless: {said}");
    assert!(group.requested(), "the flag is as it was found");
    let now: Vec<u64> = workloads.iter().map(|workload| workload.count()).collect();
    assert_eq!(now, counts, "nothing ran in between");
    group.thaw();
    workloads.iter().for_each(|workload| workload.assert_counting());
}

fn with(version: Version, dump: &str, words: &str) {
    let group = Group::new(version, "fails");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    group.freeze();
    let count = workload.count();
    let criu = instead(images.folder().parent().unwrap(), dump);
    let output = checkpoint(&group, &images.folder(), &["--criu", criu.to_str().unwrap()]);
    assert_unharmed(&output, words, &group, &[&workload], &[count]);
}

fn criu_says_no(version: Version) {
    // The log's folder stands behind -D, the fifth word.
    let log = r#"printf '(00.1) Error (criu/x.c:7): no \033]0;owned\007 luck\n' > "$5/dump.log"; exit 1"#;
    with(version, log, "no \\x1b]0;owned\\x07 luck");
}

fn criu_crashes(version: Version) {
    with(version, "kill -SEGV $$", "signal: 11");
}

/// There was space enough before; somebody else takes it while criu writes.
fn the_disk_is_full(version: Version) {
    let group = Group::new(version, "full");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    let small = SmallDisk::new(images.folder().parent().unwrap());
    group.freeze();
    let count = workload.count();
    let fill = r#"head -c 60M /dev/zero > "$5/../taken" 2>/dev/null"#;
    let criu = instead(images.folder().parent().unwrap(), fill);
    let output = checkpoint(&group, &small.0.join("images"), &["--criu", criu.to_str().unwrap()]);
    assert_unharmed(&output, "the file system of the images is full", &group, &[&workload], &[count]);
}

/// A tmpfs of 24 MiB.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(beside: &Path) -> Self {
        let path = beside.join("small");
        fs::create_dir(&path).unwrap();
        let flags = nix::mount::MsFlags::empty();
        nix::mount::mount(Some("tmpfs"), &path, Some("tmpfs"), flags, Some("size=24m")).unwrap();
        Self(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = nix::mount::umount2(&self.0, nix::mount::MntFlags::MNT_DETACH);
    }
}

/// The first is dumped, and nothing has become of it: both are as they were.
fn the_second_tree_fails(version: Version) {
    let group = Group::new(version, "second");
    let (one, two) = (Workload::in_group(&group), Workload::in_group(&group));
    let images = Images::new();
    group.freeze();
    let counts = [one.count(), two.count()];
    let last = one.pid().max(two.pid());
    let fail = format!(
        "[ \"$3\" != {last} ] || {{ echo 'Error (criu/y.c:1): not this one' > \"$5/dump.log\"; exit 1; }}"
    );
    let criu = instead(images.folder().parent().unwrap(), &fail);
    let options = ["--after", "killed", "--yes", "--criu", criu.to_str().unwrap()];
    let output = checkpoint(&group, &images.folder(), &options);
    // On v1 what is frozen cannot be ended: it is thawed first there.
    if version == Version::V1 {
        assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    assert_unharmed(&output, "not this one", &group, &[&one, &two], &counts);
}

/// The failure, and the refusal of the folder that it leaves, say what to do; done so, it works.
fn a_second_try(version: Version) {
    let group = Group::new(version, "again");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    let says_no = instead(images.folder().parent().unwrap(), r#"echo no > "$5/dump.log"; exit 1"#);
    let remove = format!("rm -r {}", images.folder().display());
    let try_again = |criu: &Path, code: i32, words: &[&str]| {
        let output = checkpoint(&group, &images.folder(), &["--criu", criu.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{said}");
        said.into_owned()
    };
    try_again(&says_no, 7, &[&remove, "new directory"]);
    try_again(&criu(), 4, &[&remove, "the log of a failed dump"]);
    fs::remove_dir_all(images.folder()).unwrap();
    try_again(&criu(), 0, &[]);
    let said = try_again(&criu(), 4, &["not empty", "use a new directory in it"]);
    assert!(!said.contains("rm -r"), "complete images are not to be removed: {said}");
    workload.assert_counting();
}

/// criu is gone before it is started, with two trees: the folders that were made for them are gone too.
fn what_was_not_begun_leaves_no_folder(version: Version) {
    let group = Group::new(version, "not-begun");
    let (one, two) = (Workload::in_group(&group), Workload::in_group(&group));
    let images = Images::new();
    let path = images.folder().with_file_name("criu");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" != check ] || rm '{}'\nexec '{}' \"$@\"\n",
        path.display(),
        criu().display()
    );
    program::write(&path, script);
    let output = checkpoint(&group, &images.folder(), &["--criu", path.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("cannot start") && !images.folder().exists() && !group.requested(), "{said}");
    let output = checkpoint(&group, &images.folder(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    one.assert_counting();
    two.assert_counting();
}

/// A group of others went while criu wrote it down, as criu says it: it is started once more, and not a third time.
fn a_group_vanishes(version: Version) {
    for (times, code) in [(1, 0), (2, 7)] {
        let group = Group::new(version, "vanished");
        let (workload, images) = (Workload::in_group(&group), Images::new());
        group.freeze();
        let (tries, path) = (images.folder().with_file_name("tries"), images.folder().with_file_name("criu"));
        let says =
            "(00.01) Error (criu/cgroup.c:291): cg: Failed opening 16/gone/tasks: No such file or directory";
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = dump ]; then\necho >>'{0}'\nif [ $(wc -l <'{0}') -le {times} ]; then\n\
             echo '{says}' >'{1}/dump.log'; exit 1\nfi\nfi\nexec '{2}' \"$@\"\n",
            tries.display(),
            images.folder().display(),
            criu().display()
        );
        program::write(&path, script);
        let output = checkpoint(&group, &images.folder(), &["--criu", path.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("starting criu once more") && group.is_frozen(), "{said}");
        assert_eq!(fs::read_to_string(&tries).unwrap().lines().count(), 2);
        assert_eq!(images.folder().join("inventory.img").exists(), code == 0);
        group.thaw();
        workload.assert_counting();
    }
}

/// Somebody made a file in it after it was looked at: nothing is overwritten. On a busy machine the look may come late; then it
/// is begun again, and the file comes later.
fn the_folder_is_taken_meanwhile(version: Version) {
    let taken = |after| is_taken_meanwhile(version, after);
    assert!(["0.5", "2", "8"].into_iter().any(taken), "it was looked at after 8 s only");
}

fn is_taken_meanwhile(version: Version, after: &str) -> bool {
    let group = Group::new(version, "taken");
    let (workload, images) = (Workload::in_group(&group), Images::new());
    let folder = images.folder();
    // `criu check` goes on while all else is looked at, and is waited for before the plan runs.
    let make = format!("sleep {after}; mkdir -m 700 '{0}'; echo kept > '{0}/kept'", folder.display());
    let path = folder.with_file_name("criu");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = check ]; then {make}; exit 0; fi\nexec '{}' \"$@\"\n",
        criu().display()
    );
    program::write(&path, script);
    let output = checkpoint(&group, &folder, &["--criu", path.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert_eq!(fs::read_to_string(folder.join("kept")).unwrap(), "kept\n");
    assert!(!folder.join("inventory.img").exists() && !group.requested());
    workload.assert_counting();
    let was_seen_before = said.contains("is not empty: criu would overwrite");
    assert!(was_seen_before || said.contains("File exists") && said.contains("nothing was done"), "{said}");
    !was_seen_before
}
