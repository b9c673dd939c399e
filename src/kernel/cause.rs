//! Why a thread does not stop.

use super::descriptors::ProcessDir;
use super::fuse::{self, Servers};
use super::namespaces::{self, Mount};
use super::operand::mount_of;
use super::processes::Processes;
use super::status::Status;
use super::symbols::Symbols;
use super::threads::{stack, syscall};
use super::vfork;
use crate::model::Thread;
use crate::model::culprit::{Cause, FileSystem, MountPoint, Server};
use crate::model::hierarchy::unescaped;

/// Finds causes; what several threads have in common is looked for once.
#[derive(Debug, Default)]
pub struct Causes {
    servers: Option<Servers>,
    processes: Processes,
}

impl Causes {
    /// Why a thread does not stop, and the kernel functions that it is in, innermost first.
    pub fn find(&mut self, thread: &Thread) -> (Cause, Vec<String>) {
        let stack = stack(thread.tid);
        let symbols = Symbols::of_this_kernel();
        let cause = match thread.state {
            _ if thread.kernel_thread => Cause::KernelThread,
            'R' => Cause::Running,
            'T' => Cause::Stopped,
            't' => Cause::Traced { tracer: tracer(thread.tid) },
            _ if thread.waits_in(&symbols.vfork_wait) => Cause::Vfork { child: vfork::child(thread.tid) },
            _ => self.wait(thread, &stack),
        };
        (cause, stack)
    }

    fn wait(&mut self, thread: &Thread, stack: &[String]) -> Cause {
        let mounts = ProcessDir::open(thread.tid).ok().flatten();
        let mounts = mounts.and_then(|process| namespaces::mounts(&process).ok()).unwrap_or_default();
        let at = syscall(thread.tid).and_then(|call| mount_of(call, thread.tid, &mounts));
        let Some(kind) = evidence(thread, stack).or_else(|| at.and_then(kind)) else { return Cause::Unknown };
        let of_kind = |mount: &&Mount| kind_matches(mount, kind);
        let found: Vec<&Mount> = match at.filter(of_kind) {
            Some(mount) => vec![mount],
            // The path led there through a symbolic link, or the file is mapped: any mount of that kind.
            None => mounts.iter().filter(of_kind).collect(),
        };
        let servers = match found[..] {
            [mount] if kind == FileSystem::Fuse => self.servers(mount),
            _ => Vec::new(),
        };
        Cause::FileSystem { kind, mounts: found.into_iter().map(mount_point).collect(), servers }
    }

    fn servers(&mut self, mount: &Mount) -> Vec<Server> {
        let Some(connection) = fuse::connection(mount) else { return Vec::new() };
        let pids = self.servers.get_or_insert_with(Servers::read).of(connection, mount.served_by);
        let server = |pid| {
            let command = self.processes.read(pid)?.command;
            Some(Server { pid, command, is_inside: false })
        };
        pids.into_iter().filter_map(server).collect()
    }
}

/// Whether a thread waits for the server of a FUSE mount. Until a signal comes, that is a sleep like any other (S); from then
/// on it can't be interrupted (fs/fuse/dev.c, `request_wait_answer`).
pub fn waits_for_fuse(stack: &[String]) -> bool {
    // A server that waits for requests is in these.
    let serves = |function: &String| function.starts_with("fuse_dev_") || function.starts_with("fuse_uring_");
    stack.iter().any(|function| function.starts_with("fuse_")) && !stack.iter().any(serves)
}

/// What the functions of network file systems begin with.
const NETWORK: &[&str] =
    &["nfs", "rpc_", "cifs_", "smb2_", "SMB2_", "v9fs_", "p9_", "ceph_", "netfs_", "afs_"];

/// The kind of file system that the kernel's own functions name.
fn evidence(thread: &Thread, stack: &[String]) -> Option<FileSystem> {
    let wchan = thread.wchan.as_ref().map(|wchan| String::from_utf8_lossy(wchan).into_owned());
    let functions = || stack.iter().chain(&wchan);
    if waits_for_fuse(stack) || wchan.as_ref().is_some_and(|at| waits_for_fuse(std::slice::from_ref(at))) {
        return Some(FileSystem::Fuse);
    }
    let is_network = |function: &String| NETWORK.iter().any(|prefix| function.starts_with(prefix));
    functions().any(is_network).then_some(FileSystem::Network)
}

/// Types of file systems that another machine serves.
const NETWORK_KINDS: &[&[u8]] = &[
    b"nfs",
    b"nfs4",
    b"cifs",
    b"smb3",
    b"9p",
    b"ceph",
    b"afs",
    b"lustre",
    b"virtiofs",
    b"orangefs",
    b"gfs2",
    b"ocfs2",
];

fn kind(mount: &Mount) -> Option<FileSystem> {
    match &*mount.kind {
        b"fuse" | b"fuseblk" => Some(FileSystem::Fuse),
        kind if kind.starts_with(b"fuse.") => Some(FileSystem::Fuse),
        kind if NETWORK_KINDS.contains(&kind) => Some(FileSystem::Network),
        kind if kind != b"devtmpfs" && mount.source.starts_with(b"/dev/") => Some(FileSystem::Disk),
        _ => None,
    }
}

fn kind_matches(mount: &Mount, wanted: FileSystem) -> bool {
    kind(mount) == Some(wanted)
}

fn mount_point(mount: &Mount) -> MountPoint {
    let is_fuse = kind_matches(mount, FileSystem::Fuse);
    MountPoint {
        point: unescaped(&mount.point).into(),
        source: unescaped(&mount.source).into(),
        connection: fuse::connection(mount).filter(|_| is_fuse),
    }
}

fn tracer(tid: i32) -> Option<i32> {
    let tracer = Status::read(tid).ok()??.number("TracerPid")?;
    i32::try_from(tracer).ok().filter(|&tracer| tracer != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(functions: &[&str]) -> Vec<String> {
        functions.iter().map(|function| (*function).to_owned()).collect()
    }

    #[test]
    fn what_the_functions_say() {
        let wait = stack(&["request_wait_answer", "__fuse_simple_request", "fuse_lookup_name"]);
        assert!(waits_for_fuse(&wait));
        assert!(!waits_for_fuse(&stack(&["fuse_dev_do_read", "fuse_dev_read", "vfs_read"])));
        let thread = |wchan: &str| Thread {
            tid: 1,
            start: 1,
            state: 'D',
            kernel_thread: false,
            wchan: Some(wchan.as_bytes().into()),
        };
        assert_eq!(evidence(&thread("request_wait_answer"), &wait), Some(FileSystem::Fuse));
        assert_eq!(evidence(&thread("fuse_get_req"), &[]), Some(FileSystem::Fuse));
        assert_eq!(evidence(&thread("rpc_wait_bit_killable"), &[]), Some(FileSystem::Network));
        assert_eq!(evidence(&thread("io_schedule"), &stack(&["io_schedule", "ext4_sync_file"])), None);
    }

    #[test]
    fn kinds_of_mounts() {
        let mount = |kind: &str, source: &[u8]| Mount {
            device: "0:40".into(),
            point: b"/a\\040b".as_slice().into(),
            kind: kind.as_bytes().into(),
            source: source.into(),
            ..Mount::default()
        };
        assert_eq!(kind(&mount("fuse.sshfs", b"host:")), Some(FileSystem::Fuse));
        assert_eq!(kind(&mount("nfs4", b"host:/x")), Some(FileSystem::Network));
        assert_eq!(kind(&mount("ext4", b"/dev/sda1")), Some(FileSystem::Disk));
        assert_eq!((kind(&mount("tmpfs", b"tmpfs")), kind(&mount("fusectl", b"fusectl"))), (None, None));
        let point = mount_point(&mount("fuse", b"x"));
        assert_eq!((&*point.point, point.connection), (b"/a b".as_slice(), Some(40)));
    }
}
