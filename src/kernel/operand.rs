//! The file that a system call works on, and the mount that it is on. No file is opened or followed: a lookup on a mount that
//! does not answer would never come back.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use nix::libc;

use super::descriptors::ProcessDir;
use super::namespaces::Mount;
use super::threads::Syscall;
use crate::model::hierarchy::unescaped;

/// Where a system call has its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    /// An open file.
    Descriptor(i32),
    /// The address of a path, and the open directory that it starts from, where it is not the working directory.
    Path { address: u64, from: Option<i32> },
}

/// System calls with a directory first and a path behind it (openat(2)).
const PATH_AT: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
    libc::SYS_readlinkat,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_linkat,
    libc::SYS_renameat2,
    libc::SYS_utimensat,
    libc::SYS_execveat,
];

/// System calls that begin with a path.
const PATH: &[i64] = &[
    libc::SYS_execve,
    libc::SYS_chdir,
    libc::SYS_truncate,
    libc::SYS_statfs,
    libc::SYS_umount2,
    libc::SYS_getxattr,
    libc::SYS_setxattr,
    libc::SYS_listxattr,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_open,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_creat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_stat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lstat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_access,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_unlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rmdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_mkdir,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_rename,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_readlink,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
];

/// Every other one is taken to begin with an open file: where its first argument is none, there is no such descriptor.
fn operand(call: Syscall) -> Operand {
    // A descriptor is an int: the upper half of the register says nothing.
    let descriptor = |argument: u64| (argument as u32).cast_signed();
    let [first, second, ..] = call.arguments;
    if PATH_AT.contains(&call.number) {
        let from = Some(descriptor(first)).filter(|&from| from != libc::AT_FDCWD);
        Operand::Path { address: second, from }
    } else if PATH.contains(&call.number) {
        Operand::Path { address: first, from: None }
    } else {
        Operand::Descriptor(descriptor(first))
    }
}

/// The mount that the file of a system call is on; `None` where that can't be told.
pub fn mount_of(call: Syscall, tid: i32, mounts: &[Mount]) -> Option<&Mount> {
    let process = ProcessDir::open(tid).ok()??;
    let descriptor = |number: i32| {
        let id = process.info(number).ok()?.mount?;
        mounts.iter().find(|mount| mount.id == id)
    };
    match operand(call) {
        Operand::Descriptor(number) => descriptor(number),
        Operand::Path { address, from } => match path_at(tid, address) {
            Some(path) if path.is_absolute() => containing(&path, mounts),
            Some(path) => {
                let start = from.map_or_else(|| "cwd".to_owned(), |from| format!("fd/{from}"));
                let start = PathBuf::from(OsStr::from_bytes(&process.link(&start).ok()?));
                containing(&start.join(path), mounts)
            }
            None => from.and_then(descriptor),
        },
    }
}

/// The path at an address of a process's memory.
fn path_at(tid: i32, address: u64) -> Option<PathBuf> {
    let mut text = vec![0; libc::PATH_MAX as usize];
    // Fewer bytes where the memory ends before.
    let read = File::open(format!("/proc/{tid}/mem")).ok()?.read_at(&mut text, address).ok()?;
    let path = text[..read].split(|&b| b == 0).next().filter(|path| !path.is_empty() && path.len() < read)?;
    Some(PathBuf::from(OsStr::from_bytes(path)))
}

/// The mount that a path leads to, by its words: symbolic links are not followed.
fn containing<'a>(path: &Path, mounts: &'a [Mount]) -> Option<&'a Mount> {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    let point = |mount: &Mount| PathBuf::from(OsStr::from_bytes(&unescaped(&mount.point)));
    // Of several on one place the last covers the others.
    mounts.iter().filter(|mount| plain.starts_with(point(mount))).max_by_key(|mount| mount.point.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::namespaces::mounts;

    fn call(number: i64, first: u64, second: u64) -> Syscall {
        Syscall { number, arguments: [first, second, 0, 0, 0, 0] }
    }

    #[test]
    fn where_the_file_is() {
        assert_eq!(operand(call(libc::SYS_read, 3, 9)), Operand::Descriptor(3));
        let cwd = operand(call(libc::SYS_openat, 0xffff_ff9c, 9));
        assert_eq!(cwd, Operand::Path { address: 9, from: None });
        assert_eq!(operand(call(libc::SYS_statx, 5, 9)), Operand::Path { address: 9, from: Some(5) });
        assert_eq!(operand(call(libc::SYS_chdir, 9, 1)), Operand::Path { address: 9, from: None });
    }

    #[test]
    fn of_this_process() {
        let pid = std::process::id().cast_signed();
        let mounts = mounts(&ProcessDir::open(pid).unwrap().unwrap()).unwrap();
        let path = b"/proc/self/../self/stat\0 and more";
        let found =
            mount_of(call(libc::SYS_openat, 0xffff_ff9c, path.as_ptr() as u64), pid, &mounts).unwrap();
        assert_eq!((&*found.kind, &*found.point), (b"proc".as_slice(), b"/proc".as_slice()));
        assert!(mount_of(call(libc::SYS_read, 1 << 20, 0), pid, &mounts).is_none());
        assert!(mount_of(call(libc::SYS_chdir, 1, 0), pid, &mounts).is_none());
    }
}
