//! Looks afterwards whether everything is as promised.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::preflight::After;
use super::tree::Member;
use super::{Finding, Plan, Ran};
use crate::kernel::processes::{Processes, is_stopped};
use crate::model::printable;

/// What was found afterwards.
#[derive(Debug, Clone, Serialize)]
pub struct Verification {
    /// Each thing that was looked at.
    pub checks: Vec<Finding>,
}

impl Verification {
    /// True where everything is as promised.
    pub fn holds(&self) -> bool {
        !self.checks.iter().any(Finding::blocks)
    }
}

/// Looks at images, processes and freeze flags.
pub fn verify(plan: &Plan, ran: &Ran) -> Verification {
    let mut checks = flags(plan, ran);
    for tree in &plan.trees {
        let cores = tree.processes.iter().filter(|member| !member.was_zombie());
        let cores = cores.map(|member| format!("core-{}.img", member.inner));
        let names = ["inventory.img", "pstree.img"].map(ToOwned::to_owned).into_iter().chain(cores);
        checks.extend(names.map(|name| image(Path::new(&tree.images.0), &name)));
        checks.extend(tree.processes.iter().map(|member| process(member, plan.after)));
    }
    Verification { checks }
}

fn flags(plan: &Plan, ran: &Ran) -> Vec<Finding> {
    let mut checks = Vec::new();
    for done in &ran.put_back {
        checks.push(match done {
            Ok(done) => Finding::warning("flag-put-back", done, "it was not as promised after the last step"),
            Err(failed) => Finding::blocker("flag-differs", failed, "it is not as it was promised"),
        });
    }
    if !ran.rescued.is_empty() {
        let names: Vec<_> = ran.rescued.iter().map(|group| printable(group.0.as_encoded_bytes())).collect();
        checks.push(Finding::warning(
            "rescued",
            format!("thawed while criu hung, and frozen again: {}", names.join(", ")),
            "its processes may have run meanwhile",
        ));
    }
    let written = plan.written();
    for flag in &plan.flags {
        match (flag.asks_now(), written.contains(flag)) {
            (Some(now), _) if now == flag.promised => {}
            (Some(_), true) => checks.push(Finding::blocker(
                "flag-differs",
                format!("the freeze flag of {} is not as promised", flag.shown()),
                "somebody else wrote it meanwhile",
            )),
            (Some(now), false) => {
                let word = if now { "frozen" } else { "thawed" };
                let what = format!("{} was {word} by somebody else meanwhile", flag.shown());
                checks.push(Finding::warning("flag-changed", what, "it is left so"));
            }
            (None, _) => {
                let what = format!("{} is gone, or cannot be read", flag.shown());
                checks.push(Finding::warning("flag-gone", what, "its freeze flag cannot be looked at"));
            }
        }
    }
    if checks.is_empty() {
        let as_found = plan.flags.iter().all(|flag| flag.promised == flag.requested);
        let what = if as_found { "as it was found" } else { "as promised" };
        checks.push(Finding::ok("flags", format!("every freeze flag is {what}")));
    }
    checks
}

/// What an image starts with, little-endian, as criu's include/magic.h has it: `INVENTORY_MAGIC` alone for the inventory, and
/// for the others `IMG_COMMON_MAGIC` before their own.
const INVENTORY: [u8; 4] = 0x5831_3116_u32.to_le_bytes();
const COMMON: [u8; 4] = 0x5456_4319_u32.to_le_bytes();
const PSTREE: [u8; 4] = 0x5027_3030_u32.to_le_bytes();
const CORE: [u8; 4] = 0x5505_3847_u32.to_le_bytes();

fn image(folder: &Path, name: &str) -> Finding {
    let magics = match name {
        "inventory.img" => INVENTORY.to_vec(),
        "pstree.img" => [COMMON, PSTREE].concat(),
        _ => [COMMON, CORE].concat(),
    };
    // A message of some length follows the magics.
    let mut head = vec![0; magics.len() + 5];
    match File::open(folder.join(name)).and_then(|mut file| file.read_exact(&mut head)) {
        Ok(()) if head.starts_with(&magics) => Finding::ok("image", format!("{name} is there")),
        Ok(()) => Finding::blocker(
            "image",
            format!("{name} does not start as an image does"),
            "it cannot be restored",
        ),
        Err(error) => {
            Finding::blocker("image", format!("{name} cannot be read: {error}"), "it cannot be restored")
        }
    }
}

fn process(member: &Member, after: Option<After>) -> Finding {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let finding = look(member, after);
        // A process that was just let go needs a moment to arrive in its state.
        if !finding.blocks() || Instant::now() > deadline {
            return finding;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn look(member: &Member, after: Option<After>) -> Finding {
    let pid = member.pid;
    let now = Processes::default().read(pid).filter(|p| p.id.start == member.start);
    let promised = match after {
        Some(After::Killed) => "gone",
        Some(After::Stopped) => "stopped",
        _ if member.stopped => "stopped",
        _ => "alive",
    };
    let is = match &now {
        None => "gone",
        Some(p) if p.is_zombie() && !member.was_zombie() => "gone",
        Some(p) if is_stopped(p) == Some(true) => "stopped",
        Some(_) => "alive",
    };
    if is == promised {
        Finding::ok("process", format!("process {pid} is {is}"))
    } else {
        Finding::blocker(
            "process",
            format!("process {pid} is {is}, not {promised}"),
            "it was promised otherwise",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_start_with_a_magic() {
        let temp = tempfile::tempdir().unwrap();
        let write = |bytes: &[u8]| std::fs::write(temp.path().join("core-1.img"), bytes).unwrap();
        assert!(image(temp.path(), "core-1.img").blocks());
        write(b"");
        assert!(image(temp.path(), "core-1.img").blocks());
        write(b"\x19\x43\x56\x54\x47\x38\x05\x55bbbbb");
        assert!(!image(temp.path(), "core-1.img").blocks());
        write(b"garbagegarbagegarbage");
        assert!(image(temp.path(), "core-1.img").blocks());
    }

    #[test]
    fn a_process_that_lives() {
        let me = Processes::default().read(std::process::id().cast_signed()).unwrap();
        let member = Member {
            pid: me.id.pid,
            start: me.id.start,
            state: 'R',
            stopped: false,
            command: String::new(),
            inner: me.id.pid,
        };
        assert!(!look(&member, None).blocks());
        assert!(look(&member, Some(After::Killed)).blocks());
        assert!(look(&Member { start: member.start + 1, ..member }, None).blocks());
    }
}
