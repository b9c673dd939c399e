//! criu's images, read: who is in them, what they hold, and what a restore needs.
//!
//! The images of anybody are read, not only those that this program had made. They are untrusted: every length is checked
//! against the file before memory is taken, symbolic links are not followed, no bytes lead to a panic, and all text that comes
//! out is printable. The format is that of criu 3.14 to 4.2 (criu/image.c, `images/*.proto`).

mod about;
mod arguments;
mod compare;
mod ends;
mod error;
mod files;
mod folder;
mod groups;
mod image;
mod kind;
mod lineage;
mod mapping;
mod memory;
mod message;
mod namespaces;
mod needs;
mod pagemap;
mod pages;
mod pattern;
mod peers;
mod process;
mod record;
mod search;
mod socket;
mod sockets;
mod stats;
mod stored;
mod terminals;
#[cfg(test)]
mod tests;
mod verify;
mod wait;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use compare::{Comparison, MappingChange, MemoryChange, MemoryDifference};
pub use ends::{Holder, Holders};
pub use error::ImagesError;
pub use files::{File, OnDisk, Open, OpenFiles};
pub use groups::{Group, OtherGroup, controller_name};
pub use kind::Kind;
pub use mapping::Mapping;
pub use memory::Memory;
pub use needs::Need;
pub use pattern::Pattern;
pub use process::{Process, State, Thread};
pub use record::Record;
pub use search::{Context, Hit, Searched};
pub use socket::{BoundPort, Socket};
pub use sockets::HeldSocket;
pub use stats::{DumpStats, stats};
pub use stored::{Stored, stored};
pub use verify::{verify, verify_read};
pub use wait::Wait;

use files::Files;
pub(super) use folder::Folder;
use image::{Image, Magic};
use lineage::Lineage;
use message::Inventory;
use process::Reader;
use terminals::Terminals;

/// The images of one process tree: what one `criu dump` made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageSet {
    /// The folder, printable.
    pub folder: String,
    /// The process at the top, in its own PID namespace.
    pub root_pid: i32,
    /// The version of the format.
    pub format: u32,
    /// The security module of the host: `none`, `selinux`, `apparmor`, `unknown`.
    pub lsm: &'static str,
    /// The namespaces that the root does not share with criu, in the kernel's words.
    pub namespaces: Vec<&'static str>,
    /// A process below the root in a namespace in which criu cannot restore it, and which: `net` or `mnt`.
    #[serde(skip)]
    pub unrestorable_below_root: Option<(i32, &'static str)>,
    /// The sockets, and who holds them.
    pub sockets: Vec<HeldSocket>,
    /// The processes, each behind its parent.
    pub processes: Vec<Process>,
    /// The threads of all.
    pub threads: usize,
    /// The memory of all.
    pub memory_bytes: u64,
    /// The size of all files in the folder.
    pub images_bytes: u64,
    /// The groups that they were in. One that criu itself was in is not kept.
    pub cgroups: Vec<Group>,
    /// Groups of others, which criu would make again; a thousand at most.
    #[serde(skip)]
    pub cgroups_of_others: Vec<OtherGroup>,
    /// What criu measured.
    pub stats: Option<DumpStats>,
    /// What a restore needs.
    pub needs: Vec<Need>,
    /// These images hold only what changed since the ones that `parent` in the folder leads to.
    pub incremental: bool,
    /// Images that must be there and are not.
    pub missing: Vec<String>,
    /// When the inventory was written last, in seconds since 1970.
    #[serde(skip)]
    pub written: i64,
    /// The folder, as bytes.
    #[serde(skip)]
    pub place: PathBuf,
    /// How many periodic timers (timerfd) do not fire again after a restore.
    #[serde(skip)]
    pub lost_timers: usize,
    /// What is opened or mapped again by its path.
    #[serde(skip)]
    pub on_disk: Vec<OnDisk>,
    /// The ports that sockets are bound to again.
    #[serde(skip)]
    pub ports: Vec<BoundPort>,
    /// The processes had a terminal that is not their own: they must be restored on one.
    #[serde(skip)]
    pub on_terminal: bool,
}

/// The version of the format that is known: `CRTOOLS_IMAGES_V1_1` (criu/include/magic.h).
const FORMAT: u32 = 2;

/// Reads the images in a folder.
///
/// # Errors
/// [`ImagesError`]: there are none, or one of them cannot be read or is damaged. That one is missing is no error
/// ([`ImageSet::missing`]), but for the inventory and the tree.
pub fn read(folder: &Path) -> Result<ImageSet, ImagesError> {
    read_from(Folder::open(folder)?)
}

fn read_from(folder: Folder) -> Result<ImageSet, ImagesError> {
    let lineage = Lineage::open(folder)?;
    let folder = lineage.first();
    let inventory = inventory(folder)?;
    let entries = process::tree(folder)?.ok_or_else(|| ImagesError::NoTree(folder.path.clone()))?;
    let files = Files::read(folder)?;
    let mut reader = Reader::new(&lineage, &files);
    let mut processes = Vec::with_capacity(entries.len());
    for (entry, depth) in &entries {
        processes.push(reader.process(entry, *depth)?);
    }
    peers::fill_in_peers(&mut processes, &files.ends);
    let names = folder.names()?;
    let mut missing = reader.into_missing();
    missing.extend(pagemap::missing_shared_pages(folder, &names)?);
    let terminals = Terminals::read(folder, &files)?;
    let needs = needs::read(folder, &inventory, &processes, &files, &terminals)?;
    let root = processes.first();
    let groups = groups::read(folder, &processes)?;
    Ok(ImageSet {
        folder: folder.path.clone(),
        root_pid: root.map_or(0, |root| root.pid),
        format: inventory.img_version,
        lsm: lsm(inventory.lsmtype),
        namespaces: namespaces::differing(
            inventory.root_ids.as_ref(),
            root.and_then(|root| root.ids.as_ref()),
        ),
        unrestorable_below_root: namespaces::unrestorable_below_root(inventory.root_ids.as_ref(), &processes),
        threads: processes.iter().map(|process| process.threads).sum(),
        memory_bytes: processes.iter().fold(0, |sum, p| p.memory_bytes.saturating_add(sum)),
        images_bytes: names
            .iter()
            .filter_map(|name| folder.look(name))
            .fold(0_u64, |sum, (size, _)| sum.saturating_add(size)),
        cgroups: groups.own,
        cgroups_of_others: groups.others,
        stats: stats::read(folder)?,
        on_terminal: terminals.replaceable && needs.iter().any(|need| need.option == "--shell-job"),
        needs,
        incremental: folder.has("parent"),
        written: folder.look("inventory.img").map_or(0, |(_, written)| written),
        missing,
        place: folder.place.clone(),
        lost_timers: files.lost_timers,
        on_disk: files.on_disk,
        ports: files.ports,
        sockets: sockets::held(&processes),
        processes,
    })
}

fn inventory(folder: &Folder) -> Result<Inventory, ImagesError> {
    let none = || match folder.has("pstree.img") {
        true => ImagesError::Gone(folder.shown("inventory.img")),
        false => ImagesError::NoImages(folder.path.clone()),
    };
    let mut image = Image::open(folder, "inventory.img", Magic::Inventory)?.ok_or_else(none)?;
    let inventory: Inventory = image.one()?;
    match inventory.img_version {
        FORMAT => Ok(inventory),
        0 => Err(image.unfit("it has no version".to_owned())),
        other => Err(ImagesError::Version(other)),
    }
}

/// `lsmtype` of `inventory.proto`.
fn lsm(number: Option<i32>) -> &'static str {
    match number {
        None | Some(0) => "none",
        Some(1) => "selinux",
        Some(2) => "apparmor",
        Some(_) => "unknown",
    }
}
