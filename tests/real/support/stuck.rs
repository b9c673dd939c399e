//! A FUSE mount whose server never answers: a thread that opens a file there waits until the server ends, and no freezer can
//! stop it meanwhile. The mount is in a mount namespace of the server and its client, so nobody else can hang on it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cryoscope::kernel::cause::waits_for_fuse;
use cryoscope::kernel::threads;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::group::Group;
use super::wait::{SOON, reached, until};
use super::workload::{self, quiet};

/// How the client comes to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Its only thread opens a file.
    Process,
    /// Its main thread sleeps, and another one opens a file.
    Thread,
    /// It starts a program that is on the mount: its `vfork` child waits.
    Vfork,
}

/// A server and a client that waits for it. Both end when this is dropped.
#[derive(Debug)]
pub struct Stuck {
    server: Child,
    client: i32,
    folder: tempfile::TempDir,
}

impl Stuck {
    /// A client in these groups. Returns when it waits.
    pub fn in_groups(groups: &[&Group], wait: Wait) -> Self {
        let folder = tempfile::Builder::new().prefix("cryoscope-test-fuse-").tempdir().unwrap();
        let this = std::env::current_exe().unwrap();
        let mut command = Command::new(this);
        command.arg("stuck-server").arg(folder.path()).arg(format!("{wait:?}"));
        command.args(groups.iter().map(|group| group.path()));
        // It ends when its input does.
        let mut server = quiet(&mut command).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let client = line.trim().parse().unwrap();
        let stuck = Self { server, client, folder };
        until("the client waits for the server", SOON, || stuck.waiting().is_some());
        stuck
    }

    /// The process that waits.
    pub fn pid(&self) -> i32 {
        self.client
    }

    /// The thread that waits: of the process itself, or of its child.
    pub fn tid(&self) -> i32 {
        self.waiting().unwrap()
    }

    /// The process that does not answer.
    pub fn server(&self) -> i32 {
        self.server.id().cast_signed()
    }

    /// Where the mount is, in the namespace of the client.
    pub fn mount(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    fn waiting(&self) -> Option<i32> {
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.client));
        let children = children.unwrap_or_default();
        let processes = children.split_whitespace().filter_map(|pid| pid.parse().ok()).chain([self.client]);
        processes.flat_map(threads::of_process).find(|&tid| waits_for_fuse(&threads::stack(tid)))
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = self.server.kill();
        // The client is a child of the server: it is reaped by whoever reaps orphans here. It ends with its parent's pipe.
        reached(SOON, || !matches!(self.server.try_wait(), Ok(None)));
    }
}

/// `stuck-server MOUNT WAIT GROUP…`: mounts, starts the client, prints its PID, and answers nothing but the first request, without
/// which the kernel lets nobody wait for a server (linux/fuse.h, `FUSE_INIT`).
pub fn serve(arguments: &[OsString]) {
    let [point, ..] = arguments else { panic!("stuck-server MOUNT WAIT GROUP…") };
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).unwrap();
    let device = File::options().read(true).write(true).open("/dev/fuse").unwrap();
    mount_fuse(&device, Path::new(point));
    let this = std::env::current_exe().unwrap();
    let mut client = Command::new(this);
    client.arg("stuck-client").args(arguments);
    let mut client = quiet(&mut client).stdin(Stdio::piped()).spawn().unwrap();
    answer_init(&device);
    println!("{}", client.id());
    // Most often it is killed before this ends.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    drop(device);
    client.wait().unwrap();
}

fn mount_fuse(device: &File, point: &Path) {
    use std::os::fd::AsRawFd;
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
    mount(Some("stuck"), point, Some("fuse"), MsFlags::empty(), Some(options.as_str())).unwrap();
}

/// Answers the request that opens a connection: version 7.31, nothing else.
fn answer_init(mut device: &File) {
    let mut request = vec![0; 1 << 16];
    let read = device.read(&mut request).unwrap();
    assert!(read >= 40, "a request has a head of 40 bytes");
    let unique = &request[8..16];
    let mut body = Vec::new();
    body.extend([7_u32, 31, 1 << 16, 0].map(u32::to_le_bytes).concat());
    // max_background and congestion_threshold, max_write, time_gran, and what is 0.
    body.extend([16_u16, 12].map(u16::to_le_bytes).concat());
    body.extend([1_u32 << 16, 1].map(u32::to_le_bytes).concat());
    body.resize(64, 0);
    let length = u32::try_from(16 + body.len()).unwrap();
    let answer = [&length.to_le_bytes()[..], &[0; 4], unique, &body].concat();
    device.write_all(&answer).unwrap();
}

/// `stuck-client MOUNT WAIT GROUP…`
pub fn wait_for_the_server(arguments: &[OsString]) {
    let [point, wait, groups @ ..] = arguments else { panic!("stuck-client MOUNT WAIT GROUP…") };
    workload::join(groups);
    let file = Path::new(point).join("file");
    match wait.to_str().unwrap() {
        "Process" => drop(File::open(file)),
        "Thread" => drop(std::thread::spawn(|| File::open(file))),
        _ => drop(Command::new(file).spawn()),
    }
    // The server's end of this pipe is closed when it ends.
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
}
