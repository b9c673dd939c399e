//! Files on mounts that criu cannot find again (`criu/files-reg.c`).

use std::collections::{BTreeSet, HashSet};
use std::io;

use rustix::fs::FileType;

use super::files::is_internal;
use super::{Finding, Holder, Host, held, name, own_mounts, several};
use crate::kernel::descriptors::{Descriptor, Facts, ProcessDir};
use crate::kernel::namespaces::{Mount, Namespaces};
use crate::kernel::{mappings, namespaces};
use crate::model::printable;
use crate::runtime::systemd::Cause;

pub(super) fn look(holders: &[Holder<'_>], host: &Host<'_>, own: &Namespaces, findings: &mut Vec<Finding>) {
    let Some(root) = holders.first() else { return };
    let found = seen(holders, own).and_then(|seen| Ok((seen, namespaces::mounts(&root.dir)?)));
    let (seen, of_root) = match found {
        Ok(found) => found,
        Err(error) => {
            findings.push(Finding::unknown("file-outside", "the mounts of the processes", error));
            return;
        }
    };
    followers(root, &seen, host, own, findings);
    own_mounts::look(root, &seen, &of_root, host, own, findings);
    lost(holders, &seen.iter().map(|mount| mount.id).collect(), findings);
}

/// Mounts of a namespace of its own that follow mounts outside (`resolve_shared_mounts` in `criu/mount.c`).
fn followers(
    root: &Holder<'_>,
    seen: &[Mount],
    host: &Host<'_>,
    own: &Namespaces,
    findings: &mut Vec<Finding>,
) {
    let given = ["--external", "--enable-external-masters", "-M", "--ext-mount-map"];
    if root.namespaces.get("mnt") == own.get("mnt") || given.iter().any(|option| host.is_given(option)) {
        return;
    }
    let found: Vec<String> = unreachable(seen).map(|mount| printable(&mount.point).into_owned()).collect();
    if !found.is_empty() {
        findings.push(
            Finding::blocker(
                "mount-sharing",
                format!("{} has a mount namespace whose mounts follow those outside: {}", name(root.process), several(&found)),
                "criu cannot restore such mounts, which PrivateTmp=yes and other sandboxing of systemd create",
            )
            .remedy("start it with private mounts (unshare --mount --propagation private), or checkpoint a container with its own runtime")
            .caused_by(Cause::Sandbox)
            .criu_says("Mount N … has unreachable sharing. Try --enable-external-masters."),
        );
    }
}

/// Mounts that follow a group of which no mount is there. The root's own is taken as it is found.
fn unreachable(seen: &[Mount]) -> impl Iterator<Item = &Mount> {
    let root = seen.iter().find(|mount| &*mount.point == b"/");
    let as_root =
        move |mount: &Mount| root.is_some_and(|r| r.master == mount.master && r.device == mount.device);
    let reached = |group| seen.iter().any(|mount| mount.shared == Some(group));
    seen.iter().filter(move |mount| mount.master.is_some_and(|group| !reached(group)) && !as_root(mount))
}

/// Files that criu cannot find by a path, by what they are.
#[derive(Default)]
struct Lost {
    files: Vec<String>,
    queues: Vec<String>,
    secrets: Vec<String>,
}

/// What criu says of all of them.
const NO_MOUNT: &str = "Can't lookup mount=N for fd=M path=…";

fn lost(holders: &[Holder<'_>], seen: &BTreeSet<u64>, findings: &mut Vec<Finding>) {
    let mut found = Lost::default();
    for holder in holders {
        for open in holder.open.iter().filter(|open| is_lost(&open.link, &open.facts, seen)) {
            let list = match () {
                () if open.link.starts_with(SECRET) => &mut found.secrets,
                () if is_queue(holder, open) => &mut found.queues,
                () => &mut found.files,
            };
            list.push(held(holder, open));
        }
        for mapping in &holder.mapped {
            // What cannot be looked at is said where its kind is asked for.
            let Ok(facts) = mappings::facts(&holder.dir, mapping) else { continue };
            if is_lost(&mapping.path, &facts, seen) {
                let list =
                    if mapping.path.starts_with(SECRET) { &mut found.secrets } else { &mut found.files };
                list.push(format!("{} mapped by {}", printable(&mapping.path), name(holder.process)));
            }
        }
    }
    found.say(findings);
}

/// How the kernel names memory of memfd_secret(2).
const SECRET: &[u8] = b"/secretmem";

/// `MQUEUE_MAGIC` of the kernel's `ipc/mqueue.c`.
const QUEUES: rustix::fs::FsWord = 0x1980_0202;

/// A POSIX message queue (mq_overview(7)): a file right below the root of a file system of the kernel's own. Only what looks so
/// is asked for its file system: another one may be that of a server which does not answer.
fn is_queue(holder: &Holder<'_>, open: &Descriptor) -> bool {
    let right_below = open.link.iter().filter(|&&byte| byte == b'/').count() == 1;
    let system = || holder.dir.file_system(&format!("fd/{}", open.number));
    right_below && open.facts.kind == FileType::RegularFile && system().is_ok_and(|found| found == QUEUES)
}

impl Lost {
    fn say(&self, findings: &mut Vec<Finding>) {
        let mut say = |code, cause, what: String, why: &str, remedy: &str| {
            let finding = Finding::blocker(code, what, why).remedy(remedy).caused_by(cause);
            findings.push(finding.criu_says(NO_MOUNT));
        };
        if !self.queues.is_empty() {
            say(
                "message-queue",
                Cause::Program,
                format!("a POSIX message queue is open: {}", several(&self.queues)),
                "criu cannot dump one",
                "have it closed, or start the program so that it does without",
            );
        }
        if !self.secrets.is_empty() {
            say(
                "secret-memory",
                Cause::Program,
                format!("secret memory is held: {}", several(&self.secrets)),
                "nobody but the process can read memory of memfd_secret(2), criu neither",
                "start the program so that it does without memfd_secret",
            );
        }
        if !self.files.is_empty() {
            say(
                "file-outside",
                Cause::Sandbox,
                format!(
                    "a file is open on a mount that is not in the tree's mount namespaces: {}",
                    several(&self.files)
                ),
                "it was opened before the process got a mount namespace of its own, or is on no mount at all, so criu cannot open it again",
                "have it closed, or opened again in the mount namespace of the process, as in: unshare --mount sh -c 'exec PROGRAM <FILE >LOG 2>&1'",
            );
        }
    }
}

/// The mounts of every mount namespace of the tree, and of this program's where it is one of them: a process that changed
/// its root sees only a part.
fn seen(holders: &[Holder<'_>], own: &Namespaces) -> io::Result<Vec<Mount>> {
    let mut all = Vec::new();
    let mut done = HashSet::new();
    let me = ProcessDir::open(std::process::id().cast_signed())?;
    for holder in holders {
        let namespace = holder.namespaces.get("mnt");
        if done.insert(namespace) {
            all.extend(namespaces::mounts(&holder.dir)?);
            if let Some(me) = me.as_ref().filter(|_| namespace == own.get("mnt")) {
                all.extend(namespaces::mounts(me)?);
            }
        }
    }
    Ok(all)
}

/// A file with a path, but on none of these mounts.
fn is_lost(path: &[u8], facts: &Facts, seen: &BTreeSet<u64>) -> bool {
    path.starts_with(b"/") && !is_internal(path) && facts.mount.is_some_and(|mount| !seen.contains(&mount))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_that_follow() {
        let mount = |point: &[u8], shared, master| Mount {
            device: "0:1".into(),
            point: point.into(),
            shared,
            master,
            ..Mount::default()
        };
        let seen = [
            mount(b"/", Some(9), Some(1)),
            mount(b"/a", None, Some(9)),
            mount(b"/b", Some(8), Some(3)),
            mount(b"/c", None, Some(1)),
        ];
        assert_eq!(unreachable(&seen).map(|mount| &*mount.point).collect::<Vec<_>>(), [b"/b"]);
        assert_eq!(unreachable(&[mount(b"/", None, None)]).count(), 0);
    }

    #[test]
    fn files_without_a_mount() {
        let seen = BTreeSet::from([7]);
        let facts = |mount| Facts {
            kind: FileType::RegularFile,
            id: (0, 0, 1),
            links: 1,
            bytes: 0,
            device: (0, 0),
            mount,
        };
        assert!(is_lost(b"/a", &facts(Some(8)), &seen));
        assert!(!is_lost(b"/a", &facts(Some(7)), &seen));
        assert!(!is_lost(b"/a", &facts(None), &seen), "an old kernel does not say");
        assert!(!is_lost(b"/memfd:x (deleted)", &facts(Some(8)), &seen));
        assert!(!is_lost(b"socket:[1]", &facts(Some(8)), &seen));
    }
}
