//! Groups of others, on the v1 hierarchies.

use std::fs;
use std::path::PathBuf;

use cryoscope::kernel::v1_hierarchies::mounted;
use libtest_mimic::Trial;

use super::said::{Images, Said};
use crate::real::support::criu::dump;
use crate::real::support::group::{Group, PREFIX};
use crate::real::support::requirement::{Need, trial};
use crate::real::support::wait::{SOON, reached};
use crate::real::support::workload::Workload;

pub fn tests() -> Vec<Trial> {
    const NEEDS: &[Need] = &[Need::Root, Need::V2, Need::V1, Need::Criu];
    vec![trial("findings::groups_of_others", NEEDS, groups_of_others)]
}

/// A group of its own on every v1 hierarchy.
struct Everywhere(Vec<PathBuf>);

impl Everywhere {
    fn new(pid: i32) -> Self {
        let mut all = Self(Vec::new());
        for hierarchy in mounted().unwrap() {
            let group = hierarchy.mount_point.join(format!("{PREFIX}{}-everywhere", std::process::id()));
            fs::create_dir(&group).unwrap();
            // A cpuset takes nobody in before it has these.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                if let Ok(value) = fs::read(hierarchy.mount_point.join(file)) {
                    fs::write(group.join(file), value).unwrap();
                }
            }
            fs::write(group.join("cgroup.procs"), pid.to_string()).unwrap();
            all.0.push(group);
        }
        all
    }
}

impl Drop for Everywhere {
    fn drop(&mut self) {
        for group in self.0.drain(..) {
            let _ = fs::remove_dir(group.join("ghost"));
            for pid in fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default().lines() {
                let _ = fs::write(group.with_file_name("cgroup.procs"), pid);
            }
            reached(SOON, || fs::remove_dir(&group).is_ok());
        }
    }
}

/// In the root group of a v1 hierarchy all groups are said; in a group of its own, as the remedy has it, none but those below.
fn groups_of_others() {
    let (group, images) = (Group::v2("other-groups"), Images::new());
    let ghost = Group::v1("ghost");
    let workload = Workload::holding(&group, "nothing", "");
    let root = ghost.path().with_file_name("cgroup.procs");
    fs::write(root, workload.pid().to_string()).unwrap();
    let code = |said: &Said| said.all.iter().any(|finding| finding["code"] == "other-groups");
    let said = Said::of(&group, &images);
    assert_eq!(said.one("other-groups")["level"], "warning");
    let everywhere = Everywhere::new(workload.pid());
    assert!(!code(&Said::of(&group, &images)), "in groups of its own");
    let below = everywhere.0[0].join("ghost");
    fs::create_dir(&below).unwrap();
    let said = Said::of(&group, &images);
    let what = said.one("other-groups")["what"].as_str().unwrap();
    assert!(what.ends_with(&format!(": {}", below.display())), "{what}");
    // criu really writes it down, and not what is beside.
    let folder = images.plain();
    dump(workload.pid(), &folder).leave_running().run().assert_success();
    let written = fs::read(folder.join("cgroup.img")).unwrap();
    let has = |name: &[u8]| written.windows(name.len()).any(|window| window == name);
    assert!(has(b"ghost") && !has(ghost.name().as_encoded_bytes()));
    workload.assert_counting();
}
