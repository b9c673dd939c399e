//! The messages in criu's images, declared by hand: of each the fields that are read here, with the numbers and types that they
//! have in criu's `images/*.proto` (3.14 to 4.2).
//!
//! `string` fields are declared as bytes: criu writes what the kernel gave it, which need not be UTF-8, and the wire format is
//! the same. What criu requires and a file leaves out reads as zero.

mod files;

use prost::Message;
use prost::bytes::Bytes;

pub(super) use files::*;

/// `inventory.proto`: `inventory_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Inventory {
    #[prost(uint32, required, tag = "1")]
    pub img_version: u32,
    /// The identifiers of criu itself.
    #[prost(message, optional, tag = "3")]
    pub root_ids: Option<ObjectIds>,
    /// The set of groups that criu itself was in: `cgroup.img` leaves it out.
    #[prost(uint32, optional, tag = "5")]
    pub root_cg_set: Option<u32>,
    #[prost(int32, optional, tag = "6")]
    pub lsmtype: Option<i32>,
    #[prost(bool, optional, tag = "10")]
    pub tcp_close: Option<bool>,
}

/// `pstree.proto`: `pstree_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TreeEntry {
    #[prost(uint32, required, tag = "1")]
    pub pid: u32,
    #[prost(uint32, required, tag = "2")]
    pub ppid: u32,
    #[prost(uint32, required, tag = "3")]
    pub pgid: u32,
    #[prost(uint32, required, tag = "4")]
    pub sid: u32,
    /// The main thread among them. Of a zombie criu writes one that means nothing.
    #[prost(uint32, repeated, packed = "false", tag = "5")]
    pub threads: Vec<u32>,
}

/// `core.proto`: `core_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Core {
    #[prost(message, optional, tag = "2")]
    pub thread_info: Option<ThreadInfo>,
    /// Only of a main thread.
    #[prost(message, optional, tag = "3")]
    pub tc: Option<TaskCore>,
    #[prost(message, optional, tag = "4")]
    pub ids: Option<ObjectIds>,
    #[prost(message, optional, tag = "5")]
    pub thread_core: Option<ThreadCore>,
}

/// `core-x86.proto`: `thread_info_x86`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ThreadInfo {
    #[prost(message, required, tag = "2")]
    pub gpregs: Registers,
}

/// `core-x86.proto`: `user_x86_regs_entry`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct Registers {
    #[prost(uint64, required, tag = "11")]
    pub ax: u64,
    #[prost(uint64, required, tag = "15")]
    pub di: u64,
    /// The number of the system call; -1 outside of one.
    #[prost(uint64, required, tag = "16")]
    pub orig_ax: u64,
    /// 2 for code of 32 bits.
    #[prost(int32, optional, tag = "28")]
    pub mode: Option<i32>,
}

/// `core.proto`: `task_core_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TaskCore {
    #[prost(uint32, required, tag = "1")]
    pub task_state: u32,
    #[prost(bytes = "vec", required, tag = "6")]
    pub comm: Vec<u8>,
    /// Until criu 3.18; from then on it is the thread's.
    #[prost(uint32, optional, tag = "9")]
    pub cg_set: Option<u32>,
    /// The signal that stopped it. From criu 4.0 on.
    #[prost(uint32, optional, tag = "21")]
    pub stop_signo: Option<u32>,
}

/// `core.proto`: `thread_core_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct ThreadCore {
    #[prost(message, optional, tag = "10")]
    pub creds: Option<Creds>,
    #[prost(bytes = "vec", optional, tag = "13")]
    pub comm: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "16")]
    pub cg_set: Option<u32>,
}

/// `creds.proto`: `creds_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Creds {
    #[prost(uint32, required, tag = "3")]
    pub euid: u32,
}

/// `core.proto`: `task_kobj_ids_entry`: criu's numbers for what processes may share.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct ObjectIds {
    #[prost(uint32, required, tag = "2")]
    pub files_id: u32,
    #[prost(uint32, optional, tag = "5")]
    pub pid_ns_id: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    pub net_ns_id: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    pub ipc_ns_id: Option<u32>,
    #[prost(uint32, optional, tag = "8")]
    pub uts_ns_id: Option<u32>,
    #[prost(uint32, optional, tag = "9")]
    pub mnt_ns_id: Option<u32>,
    #[prost(uint32, optional, tag = "10")]
    pub user_ns_id: Option<u32>,
    #[prost(uint32, optional, tag = "11")]
    pub cgroup_ns_id: Option<u32>,
    #[prost(uint32, optional, tag = "12")]
    pub time_ns_id: Option<u32>,
}

/// `mm.proto`: `mm_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct MemoryMap {
    /// The addresses of the arguments and of the environment.
    #[prost(uint64, required, tag = "8")]
    pub mm_arg_start: u64,
    #[prost(uint64, required, tag = "9")]
    pub mm_arg_end: u64,
    #[prost(uint64, required, tag = "10")]
    pub mm_env_start: u64,
    #[prost(uint64, required, tag = "11")]
    pub mm_env_end: u64,
    #[prost(uint32, required, tag = "12")]
    pub exe_file_id: u32,
    #[prost(message, repeated, tag = "14")]
    pub vmas: Vec<Vma>,
}

/// `vma.proto`: `vma_entry`: addresses that are mapped, from `start` up to but not including `end`.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(super) struct Vma {
    #[prost(uint64, required, tag = "1")]
    pub start: u64,
    #[prost(uint64, required, tag = "2")]
    pub end: u64,
    /// Where in the file or segment it begins, in bytes.
    #[prost(uint64, required, tag = "3")]
    pub pgoff: u64,
    /// The file's number in `files.img`; of shared anonymous memory that in the name of its pagemap.
    #[prost(uint64, required, tag = "4")]
    pub shmid: u64,
    /// `PROT_…` of mmap(2).
    #[prost(uint32, required, tag = "5")]
    pub prot: u32,
    /// `MAP_…` of mmap(2).
    #[prost(uint32, required, tag = "6")]
    pub flags: u32,
    /// criu/include/image.h: `VMA_…`.
    #[prost(uint32, required, tag = "7")]
    pub status: u32,
}

/// `fs.proto`: `fs_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Fs {
    #[prost(uint32, required, tag = "1")]
    pub cwd_id: u32,
}

/// `pagemap.proto`: `pagemap_head`, the first message of a pagemap.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PagemapHead {
    #[prost(uint32, required, tag = "1")]
    pub pages_id: u32,
}

/// `pagemap.proto`: `pagemap_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PagemapEntry {
    /// The address of the first page.
    #[prost(uint64, required, tag = "1")]
    pub vaddr: u64,
    /// Until criu 4.1; 4.2 writes zero here, and the number into `nr_pages`.
    #[prost(uint32, required, tag = "2")]
    pub compat_nr_pages: u32,
    #[prost(bool, optional, tag = "3")]
    pub in_parent: Option<bool>,
    #[prost(uint32, optional, tag = "4")]
    pub flags: Option<u32>,
    #[prost(uint64, optional, tag = "5")]
    pub nr_pages: Option<u64>,
}

/// `stats.proto`: `stats_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Stats {
    #[prost(message, optional, tag = "1")]
    pub dump: Option<Dump>,
}

/// `stats.proto`: `dump_stats_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dump {
    #[prost(uint32, required, tag = "1")]
    pub freezing_time: u32,
    #[prost(uint32, required, tag = "2")]
    pub frozen_time: u32,
    #[prost(uint32, required, tag = "3")]
    pub memdump_time: u32,
    #[prost(uint32, required, tag = "4")]
    pub memwrite_time: u32,
    #[prost(uint64, required, tag = "5")]
    pub pages_scanned: u64,
    #[prost(uint64, required, tag = "6")]
    pub pages_skipped_parent: u64,
    #[prost(uint64, required, tag = "7")]
    pub pages_written: u64,
    #[prost(uint64, required, tag = "9")]
    pub pages_lazy: u64,
}

/// `cgroup.proto`: `cgroup_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Cgroups {
    #[prost(message, repeated, tag = "1")]
    pub sets: Vec<CgroupSet>,
    #[prost(message, repeated, tag = "2")]
    pub controllers: Vec<CgroupController>,
}

/// `cgroup.proto`: `cg_controller_entry`: the groups of a hierarchy, as they are made again.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CgroupController {
    /// The v1 controllers.
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub names: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "2")]
    pub dirs: Vec<CgroupDir>,
}

/// `cgroup.proto`: `cgroup_dir_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CgroupDir {
    /// Below the group that it is in.
    #[prost(bytes = "vec", required, tag = "1")]
    pub name: Vec<u8>,
    /// The groups below, each a message of this type. They are decoded one by one: groups may be nested deeper than messages are
    /// decoded.
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub children: Vec<Bytes>,
    #[prost(message, repeated, tag = "3")]
    pub properties: Vec<CgroupProperty>,
}

/// `cgroup.proto`: `cgroup_prop_entry`: a file of a group.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CgroupProperty {
    #[prost(bytes = "vec", required, tag = "1")]
    pub name: Vec<u8>,
    #[prost(bytes = "vec", required, tag = "2")]
    pub value: Vec<u8>,
}

/// `cgroup.proto`: `cg_set_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CgroupSet {
    #[prost(uint32, required, tag = "1")]
    pub id: u32,
    #[prost(message, repeated, tag = "2")]
    pub ctls: Vec<CgroupMember>,
}

/// `cgroup.proto`: `cg_member_entry`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct CgroupMember {
    /// The v1 controller; empty for v2.
    #[prost(bytes = "vec", required, tag = "1")]
    pub name: Vec<u8>,
    #[prost(bytes = "vec", required, tag = "2")]
    pub path: Vec<u8>,
}
