//! The capabilities that criu needs, and which of them it will have: those that this program hands on (capabilities(7)).

use std::io;

use super::Finding;
use crate::kernel::Status;

/// What criu needs unless it runs with `--unprivileged`, by the bit in linux/capability.h.
const NEEDED: [(u8, &str); 2] = [(21, "CAP_SYS_ADMIN"), (19, "CAP_SYS_PTRACE")];

/// `CAP_SYS_RESOURCE`: without it prlimit(2) says nothing of a process of another user.
const SYS_RESOURCE: u8 = 24;

/// `CAP_CHECKPOINT_RESTORE`: enough for `criu --unprivileged` only (criu(8)).
const CHECKPOINT_RESTORE: u8 = 40;

/// What to do about capabilities that this program does not have though it runs as root.
fn get_capabilities(missing: &[&str]) -> String {
    let added = missing.iter().filter_map(|name| Some(format!(" --cap-add {}", name.strip_prefix("CAP_")?)));
    format!(
        "run cryoscope with {} (docker run{}; in a unit, CapabilityBoundingSet= with it), or on the host itself",
        missing.join(" and "),
        added.collect::<String>()
    )
}

/// The users, the groups and the capabilities of this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rights {
    /// What this program may do now, a bit a capability.
    effective: u64,
    /// What a program that it starts will be able to do: for root all of the bounding set.
    inherited: u64,
    /// It runs as root.
    is_root: bool,
}

impl Rights {
    /// Reads them of this program.
    ///
    /// # Errors
    /// What reading `/proc/self/status` says.
    pub(super) fn read() -> io::Result<Self> {
        let status = Status::read(std::process::id().cast_signed())?;
        let rights = status.and_then(|status| {
            let effective = status.set("CapEff")?;
            let is_root = status.users()?[1] == 0;
            Some(Self {
                effective,
                inherited: if is_root { status.set("CapBnd")? } else { effective },
                is_root,
            })
        });
        rights.ok_or_else(|| io::Error::other("/proc/self/status does not list the capabilities"))
    }

    fn has(self, bit: u8) -> bool {
        self.effective & 1 << bit != 0
    }

    /// Whether criu can read the limits of processes of other users.
    pub(super) fn reads_limits_of_others(self) -> bool {
        self.inherited & 1 << SYS_RESOURCE != 0
    }

    /// Whether criu can dump anything.
    pub(super) fn for_dump(self) -> Finding {
        self.finding(
            "the permissions are sufficient to dump processes",
            "criu traces every process and reads its memory",
        )
    }

    /// The same as a yes or no.
    pub(super) fn can_dump(self) -> bool {
        self.missing().is_empty()
    }

    /// Whether criu can restore anything.
    pub(super) fn for_restore(self) -> Finding {
        self.finding(
            "the permissions are sufficient to restore processes",
            "criu creates processes with chosen PIDs and credentials",
        )
    }

    fn finding(self, permitted: &str, why: &str) -> Finding {
        let missing = self.missing();
        if missing.is_empty() {
            return Finding::ok("permitted", permitted);
        }
        let alone = if self.has(CHECKPOINT_RESTORE) && !self.is_root {
            ", and CAP_CHECKPOINT_RESTORE alone is enough only for criu --unprivileged"
        } else {
            ""
        };
        let what = format!("missing: {}", missing.join(", "));
        let remedy = if self.is_root { get_capabilities(&missing) } else { "run as root".to_owned() };
        Finding::blocker("not-permitted", what, format!("{why}{alone}")).remedy(remedy)
    }

    fn missing(self) -> Vec<&'static str> {
        NEEDED.iter().filter(|(bit, _)| !self.has(*bit)).map(|(_, name)| *name).collect()
    }
}

/// What cannot be checkpointed for want of a capability, a sentence each.
pub fn limits() -> Vec<String> {
    let rights = match Rights::read() {
        Ok(rights) => rights,
        Err(error) => return vec![format!("could not check the capabilities: {error}")],
    };
    let missing = rights.missing();
    if !missing.is_empty() {
        return vec![format!("{}: no process can be checkpointed", missing.join(", "))];
    }
    let limits = "CAP_SYS_RESOURCE: processes of other users cannot be checkpointed";
    (!rights.reads_limits_of_others()).then(|| limits.to_owned()).into_iter().collect()
}

/// Processes of other users, in words, whose limits criu cannot read.
pub(super) fn limits_unread(processes: &str) -> Finding {
    let what = format!("CAP_SYS_RESOURCE is missing, and these have another user or group: {processes}");
    let why = "criu reads the resource limits of every process; for those of another user the kernel requires that \
               capability";
    Finding::blocker("other-user", what, why)
        .remedy(get_capabilities(&["CAP_SYS_RESOURCE"]))
        .criu_says("Can't get rlimit 0: Operation not permitted")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(effective: u64) -> Rights {
        Rights { effective, inherited: effective, is_root: false }
    }

    #[test]
    fn what_is_missing() {
        assert!(!rights(u64::MAX).for_dump().blocks());
        assert_eq!(rights(0).for_dump().what, "missing: CAP_SYS_ADMIN, CAP_SYS_PTRACE");
        let some = rights(1 << 19 | 1 << CHECKPOINT_RESTORE).for_dump();
        assert!(some.blocks() && some.what == "missing: CAP_SYS_ADMIN" && some.why.contains("alone"));
        assert_eq!(some.remedy.as_deref(), Some("run as root"));
        let root = Rights { is_root: true, ..rights(1 << 19) }.for_restore();
        assert!(
            root.remedy
                .unwrap()
                .starts_with("run cryoscope with CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN;")
        );
        let most = rights(!(1 << SYS_RESOURCE));
        assert!(!most.for_dump().blocks() && !most.reads_limits_of_others());
    }

    #[test]
    fn this_program_has_some() {
        let rights = Rights::read().unwrap();
        assert!(rights.effective & !rights.inherited == 0, "{rights:?}");
    }
}
