//! Reading the images of a real criu.

mod program;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cryoscope::checkpoint::images::{self, ImageSet, ImagesError, State};
use cryoscope::kernel::processes::Processes;
use cryoscope::model::{Process, printable};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::criu::dump;
use super::support::requirement::{Need, criu, trial};
use super::support::workload::{MEMORY, THREADS, quiet};
use super::support::{Group, SOON, Workload, until};

const V2: &[Need] = &[Need::Root, Need::V2, Need::Criu];
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];

pub fn tests() -> Vec<Trial> {
    let mut all = program::tests();
    all.extend([
        trial("inspect::a_family_is_as_proc_showed_it", BOTH, a_family),
        trial("inspect::open_files_are_as_proc_showed_them", V2, open_files),
        trial("inspect::stopped_and_not_a_session_leader", V2, stopped),
        trial("inspect::a_hostile_name_is_harmless", V2, hostile_name),
        trial("inspect::agrees_with_the_report", V2, agrees_with_the_report),
        trial("inspect::several_trees", V2, several_trees),
        trial("inspect::cut_off_and_corrupted", V2, cut_off_and_corrupted),
        trial("inspect::missing_images_are_named", V2, missing_images),
        trial("inspect::what_is_no_folder_of_images", V2, no_images),
        trial("inspect::without_rights", V2, without_rights),
    ]);
    all
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("cryoscope-test-images-").tempdir().unwrap()
}

fn inspect(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("inspect").args(arguments).arg(folder).stdin(Stdio::null()).output().unwrap()
}

#[track_caller]
fn inspected(folder: &Path) -> Value {
    let output = inspect(&["--json"], folder);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The exit code and the one line on stderr.
fn failed(folder: &Path) -> (Option<i32>, String) {
    let output = inspect(&[], folder);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.code(), text)
}

/// A plain dump; the process, which has ended.
fn dumped(folder: &Path) -> i32 {
    let group = Group::v2("inspect");
    let workload = Workload::in_group(&group);
    dump(workload.pid(), folder).leave_running().run().assert_success();
    workload.pid()
}

/// The children of a process, as `/proc` shows them.
fn children(pid: i32) -> Vec<Process> {
    let all =
        fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    let mut processes = Processes::default();
    all.filter_map(|pid| processes.read(pid)).filter(|process| process.parent == pid).collect()
}

/// A line of `/proc/PID/status`.
fn status(pid: i32, name: &str) -> String {
    let text = fs::read(format!("/proc/{pid}/status")).unwrap();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

fn comm(pid: i32) -> String {
    printable(fs::read(format!("/proc/{pid}/comm")).unwrap().trim_ascii_end()).into_owned()
}

/// A family dumped into the folder, and what `/proc` showed of it: PID, parent's, process group, session, threads, name.
fn dumped_family(groups: &[&Group], folder: &Path) -> (Workload, Vec<(i32, Value)>) {
    let family = Workload::family(groups);
    let root = family.pid();
    let (mut shown, mut all) = (Vec::new(), children(root));
    assert_eq!(all.len(), 2);
    all.push(family.process().unwrap());
    for process in all {
        let pid = process.id.pid;
        let fields = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let after: Vec<i32> = fields
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .skip(1)
            .take(3)
            .map(|n| n.parse().unwrap())
            .collect();
        let ppid = if pid == root { 0 } else { after[0] };
        let state = if process.is_zombie() { "zombie" } else { "running" };
        shown.push((pid, json!([ppid, after[1], after[2], process.threads, state, comm(pid)])));
    }
    dump(root, folder).leave_running().option(&["--file-locks"]).run().assert_success();
    (family, shown)
}

fn a_family() {
    let (v2, v1, images) = (Group::v2("family"), Group::v1("family"), folder());
    let (family, shown) = dumped_family(&[&v2, &v1], images.path());
    let anonymous: u64 = status(family.pid(), "RssAnon").split(' ').next().unwrap().parse().unwrap();
    let object = inspected(images.path());
    let tree = &object["trees"][0];
    assert_eq!((&tree["root_pid"], object["processes"].as_u64()), (&json!(family.pid()), Some(3)));
    for (pid, expected) in &shown {
        let processes = tree["processes"].as_array().unwrap();
        let p = processes.iter().find(|process| process["pid"] == *pid).unwrap();
        let fields = ["ppid", "pgid", "sid", "threads", "state", "name"];
        assert_eq!(&Value::from_iter(fields.map(|field| p[field].clone())), expected, "{p}");
    }
    let root = &tree["processes"][0];
    assert_eq!(root["thread_list"].as_array().unwrap().len(), THREADS as usize);
    assert_eq!(root["exe"], json!(fs::read_link(format!("/proc/{}/exe", family.pid())).unwrap()));
    assert_eq!((root["cwd"].as_str(), root["uid"].as_u64()), (Some("/"), Some(0)));
    let memory = root["memory_bytes"].as_u64().unwrap();
    assert!(memory > MEMORY as u64, "{memory}");
    assert!(memory.abs_diff(anonymous * 1024) < 1 << 20, "{memory} bytes, and {anonymous} kB in /proc");
    for group in [&v2, &v1] {
        let controller = if group.version() == cryoscope::model::Version::V2 { "v2" } else { "freezer" };
        let path = format!("/{}", group.name().to_str().unwrap());
        let groups = tree["cgroups"].as_array().unwrap();
        let found = groups.iter().find(|g| g["controller"] == controller).unwrap();
        assert_eq!(found["path"], json!(path));
    }
    let needs: Vec<_> = tree["needs"].as_array().unwrap().iter().map(|need| &need["option"]).collect();
    assert_eq!(needs, ["--file-locks"]);
    assert!(object["stats"]["frozen_usec"].as_u64().unwrap() > 0);
    assert!(object["stats"]["pages_written"].as_u64().unwrap() * 4096 >= memory);
    family.assert_counting();
}

/// What a descriptor is, by the target of its link in `/proc/PID/fd`.
fn kind(target: &str) -> &'static str {
    match target {
        _ if target.starts_with("pipe:") => "pipe",
        _ if target.starts_with("socket:") => "unix-socket",
        _ if target.starts_with("anon_inode:[eventfd") => "eventfd",
        "/dev/null" => "device",
        _ => "regular",
    }
}

fn open_files() {
    let (group, images) = (Group::v2("files"), folder());
    let (family, _) = dumped_family(&[&group], images.path());
    let set = images::read(images.path()).unwrap();
    let files = &set.processes[0].files;
    let mut seen = 0;
    for entry in fs::read_dir(format!("/proc/{}/fd", family.pid())).unwrap() {
        let entry = entry.unwrap();
        let target = fs::read_link(entry.path()).unwrap().into_os_string().into_string().unwrap();
        let fd = entry.file_name().to_str().unwrap().parse::<u32>().unwrap();
        let file = &files.list.iter().find(|open| open.fd == fd).unwrap().file;
        assert_eq!(file.kind.name(), kind(&target), "{target}");
        match target.strip_prefix("pipe:[").and_then(|target| target.strip_suffix(']')) {
            Some(inode) => assert_eq!(file.name, format!("pipe {inode}")),
            None if target.starts_with('/') => {
                let deleted = if file.deleted { " (deleted)" } else { "" };
                assert_eq!(format!("{}{deleted}", file.name), target);
            }
            None => assert_eq!(file.name, ""),
        }
        seen += 1;
    }
    assert_eq!(files.list.len(), seen);
    assert_eq!(files.list.iter().filter(|open| open.file.deleted).count(), 1);
    let sockets: Vec<_> = files.list.iter().filter_map(|open| open.file.socket.as_ref()).collect();
    assert!(sockets.iter().all(|s| s.protocol == "unix-stream" && s.state == "established"), "{sockets:?}");
    assert_eq!(sockets.len(), 2);
    let text = String::from_utf8(inspect(&[], images.path()).stdout).unwrap();
    for word in ["(deleted)", "unix-stream unnamed to ", "eventfd", "zombie", "needs --file-locks"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
}

fn stopped() {
    let (group, images) = (Group::v2("stopped"), folder());
    let family = Workload::family(&[&group]);
    let child = children(family.pid()).into_iter().find(|child| !child.is_zombie()).unwrap().id.pid;
    kill(Pid::from_raw(child), Signal::SIGSTOP).unwrap();
    until("the child is stopped", SOON, || Processes::default().read(child).unwrap().is_stopped());
    dump(child, images.path()).leave_running().option(&["--shell-job"]).run().assert_success();
    let set = images::read(images.path()).unwrap();
    let root = &set.processes[0];
    assert_eq!((root.pid, root.sid, root.state), (child, family.pid(), State::Stopped));
    assert_eq!(set.needs.iter().map(|need| need.option).collect::<Vec<_>>(), ["--shell-job"]);
}

fn hostile_name() {
    let (group, images) = (Group::v2("hostile"), folder());
    let program = images.path().join("\x1b[2Jevil");
    std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &program).unwrap();
    let workload = Workload::named(&[&group], &program, None);
    fs::remove_file(&program).unwrap();
    dump(workload.pid(), images.path()).leave_running().run().assert_success();
    for arguments in [&[][..], &["--json"]] {
        let output = inspect(arguments, images.path());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("x1b[2Jevil") && !text.contains('\x1b'), "{text}");
    }
}

fn agrees_with_the_report() {
    let (group, images) = (Group::v2("report"), folder());
    let workload = Workload::in_group(&group);
    let into = images.path().join("images");
    let mut command = Command::new(env!("CARGO_BIN_EXE_cryoscope"));
    command.arg("checkpoint").arg(group.path()).arg("--into").arg(&into).arg("--criu").arg(criu());
    let output = command.args(["--yes", "--json"]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let object = inspected(&into);
    for field in ["command", "criu_version", "kernel", "group", "elapsed_ms"] {
        assert_eq!(object[field], made["report"][field], "{field}");
    }
    assert!(object["command"].is_string() && object["made_at"].is_string());
    assert_eq!(object["trees"][0]["root_pid"], made["report"]["trees"][0]["processes"][0]["pid"]);
    assert_eq!(object["processes"], made["report"]["trees"][0]["processes"].as_array().unwrap().len());
    workload.assert_counting();
}

fn several_trees() {
    let (group, images) = (Group::v2("trees"), folder());
    let workloads = [Workload::in_group(&group), Workload::in_group(&group)];
    group.freeze();
    for workload in &workloads {
        let into = images.path().join(workload.pid().to_string());
        fs::create_dir(&into).unwrap();
        dump(workload.pid(), &into).freeze_cgroup(group.path()).leave_running().run().assert_success();
    }
    group.thaw();
    fs::write(images.path().join("cryoscope.json"), r#"{"command":"criu dump …\ncriu 2","host":"web-1"}"#)
        .unwrap();
    let printed = inspect(&[], images.path());
    let printed = String::from_utf8(printed.stdout).unwrap();
    assert!(
        printed.contains("command   criu dump …\n") && printed.contains("command   criu 2\n"),
        "{printed}"
    );
    let object = inspected(images.path());
    let mut pids = workloads.each_ref().map(Workload::pid);
    pids.sort_unstable();
    let roots: Vec<_> = object["trees"].as_array().unwrap().iter().map(|tree| &tree["root_pid"]).collect();
    assert_eq!(roots, pids.map(Value::from).each_ref());
    assert_eq!((&object["processes"], &object["host"]), (&json!(2), &json!("web-1")));
    let frozen = |tree: &Value| tree["stats"]["frozen_usec"].as_u64().unwrap();
    assert_eq!(frozen(&object), frozen(&object["trees"][0]) + frozen(&object["trees"][1]));
    fs::remove_dir_all(images.path().join(pids[1].to_string())).unwrap();
    fs::create_dir(images.path().join(pids[1].to_string())).unwrap();
    let (code, text) = failed(images.path());
    assert!(code == Some(1) && text.contains(&format!("{}/inventory.img", pids[1])), "{text}");
}

/// Where to cut a file of this size: everywhere in a small one, else here and there, and near both ends.
fn cuts(size: usize) -> Vec<usize> {
    let near = |at: usize| at < 32 || at + 32 > size;
    (0..size).filter(|&at| size < 512 || near(at) || at % (size / 64) == 0).collect()
}

fn cut_off_and_corrupted() {
    let (group, images) = (Group::v2("corrupted"), folder());
    let (_family, _) = dumped_family(&[&group], images.path());
    let whole = images::read(images.path()).unwrap();
    let names = fs::read_dir(images.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let read: Vec<_> =
        names.filter(|n| n.to_str().is_some_and(|n| n.ends_with(".img") || n == "stats-dump")).collect();
    assert!(read.len() > 15);
    for name in read {
        let path = images.path().join(&name);
        let bytes = fs::read(&path).unwrap();
        let name = name.to_str().unwrap();
        for at in cuts(bytes.len()) {
            fs::write(&path, &bytes[..at]).unwrap();
            assert_cut(&whole, images::read(images.path()), name, at);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            fs::write(&path, &flipped).unwrap();
            let _ = images::read(images.path());
        }
        fs::write(&path, &bytes).unwrap();
    }
    let core = images.path().join(format!("core-{}.img", whole.root_pid));
    let bytes = fs::read(&core).unwrap();
    for (bytes, word) in
        [(&bytes[..bytes.len() - 1], "truncated"), (b"garbage, and more of it", "not a criu image")]
    {
        fs::write(&core, bytes).unwrap();
        let (code, text) = failed(images.path());
        assert!(code == Some(1) && text.contains(word) && text.contains("core-"), "{text}");
    }
}

/// A cut is seen, but for one between two messages of a list, and for images that are not read.
fn assert_cut(whole: &ImageSet, read: Result<ImageSet, ImagesError>, name: &str, at: usize) {
    match read {
        Err(ImagesError::Truncated { file, offset }) => {
            assert!(file.ends_with(name) && offset == at as u64, "{file} {offset}: {name} {at}");
        }
        Err(ImagesError::Unfit { .. }) => {
            assert!(matches!(name, "files.img") || name.starts_with("pagemap-"))
        }
        Err(error) => panic!("{name} cut at {at}: {error}"),
        Ok(_) if name.starts_with("core-") || name.starts_with("pages-") => panic!("{name} cut at {at}"),
        Ok(set) => assert_eq!(set.root_pid, whole.root_pid, "{name} cut at {at}"),
    }
}

fn missing_images() {
    let images = folder();
    let pid = dumped(images.path());
    let core = format!("core-{pid}.img");
    for name in [core.as_str(), "pages-1.img", "files.img"] {
        let path = images.path().join(name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let (code, text) = failed(images.path());
        assert!(code == Some(1) && text.contains(name), "{text}");
        let set = images::read(images.path()).unwrap();
        assert!(set.verify(&[pid]).iter().all(|finding| finding.blocks()));
        // A link in the folder is not followed, not even to the right bytes.
        let elsewhere = folder();
        fs::write(elsewhere.path().join(name), &bytes).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join(name), &path).unwrap();
        let (code, text) = failed(images.path());
        assert!(code == Some(1) && text.contains(name), "{text}");
        fs::remove_file(&path).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    assert!(!images::verify(images.path(), &[pid]).iter().any(|finding| finding.blocks()));
    assert!(images::verify(images.path(), &[1]).iter().any(|finding| finding.blocks()));
}

fn no_images() {
    let images = folder();
    assert_eq!(failed(&images.path().join("none")).0, Some(5));
    let (code, text) = failed(images.path());
    assert!(code == Some(1) && text.contains("no criu images"), "{text}");
    let (code, text) = failed(Path::new("/etc/passwd"));
    assert!(code == Some(1) && text.contains("not a directory"), "{text}");
    dumped(images.path());
    fs::write(images.path().join("cryoscope.json"), "{").unwrap();
    let object = inspected(images.path());
    assert!(object["record_problem"].as_str().unwrap().contains("cryoscope.json"));
    fs::remove_file(images.path().join("pstree.img")).unwrap();
    let (code, text) = failed(images.path());
    assert!(code == Some(1) && text.contains("pstree.img"), "{text}");
    assert_eq!(inspect(&["--no-such"], images.path()).status.code(), Some(2));
}

fn without_rights() {
    let images = folder();
    dumped(images.path());
    fs::set_permissions(images.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    quiet(&mut command).stdout(Stdio::piped());
    let output = command.args(["nobody", "inspect"]).arg(images.path()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("3 ") && text.contains("no permission to read"), "{text}");
}
