//! In which groups of the service manager's own hierarchy the processes of a group are: from them follows to which units they
//! belong, also where they were frozen through the v1 freezer, of which systemd knows nothing.

use std::collections::BTreeSet;
use std::io;

use super::dir::{Dir, absent_is_none};
use super::{members, proc};
use crate::model::CgroupPath;

/// What was found, of as many processes as were looked at.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ServiceGroups {
    /// The groups, each once.
    pub groups: BTreeSet<CgroupPath>,
    /// How many processes were looked at.
    pub processes: usize,
    /// There are more processes than were to be looked at.
    pub cut: bool,
}

/// Looks at the processes of a group and of all groups below, at most at so many. What is gone meanwhile, or may not be read,
/// is left out.
pub fn service_groups(group: &Dir, most_processes: usize) -> ServiceGroups {
    let mut found = ServiceGroups::default();
    let mut waiting: Vec<Dir> = group.again().into_iter().collect();
    while let Some(dir) = waiting.pop() {
        for pid in members::pids(&dir).unwrap_or_default() {
            if found.processes == most_processes {
                return ServiceGroups { cut: true, ..found };
            }
            found.processes += 1;
            found.groups.extend(groups_of(pid).unwrap_or_default());
        }
        let below = dir.children().unwrap_or_default();
        waiting.extend(below.iter().rev().filter_map(|name| dir.child(name).ok().flatten()));
    }
    found
}

/// The groups of a process that may be systemd's doing: in the v1 hierarchy that is named so, and in cgroup v2. Which of the two
/// systemd uses does not follow from `/proc`: a container without the former sees it all the same. (cgroups(7))
fn groups_of(pid: i32) -> io::Result<Vec<CgroupPath>> {
    Ok(parse(&absent_is_none(proc::read(pid, "cgroup"))?.unwrap_or_default()))
}

fn parse(text: &[u8]) -> Vec<CgroupPath> {
    let group = |line: &[u8]| {
        let mut fields = line.splitn(3, |&b| b == b':').skip(1);
        let is_ours = matches!(fields.next()?, b"name=systemd" | b"");
        is_ours.then(|| fields.next().map(CgroupPath::new))?
    };
    text.split(|&b| b == b'\n').filter_map(group).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_proc_cgroup() {
        let paths = |text: &str| parse(text.as_bytes()).iter().map(CgroupPath::to_string).collect::<Vec<_>>();
        assert_eq!(paths("0::/system.slice/a.service\n"), ["/system.slice/a.service"]);
        let hybrid = "5:freezer:/x\n1:name=systemd:/system.slice/a.service\n0::/\n";
        assert_eq!(paths(hybrid), ["/system.slice/a.service", "/"]);
        let in_a_container = "9:name=systemd:/\n0::/system.slice/a.service\n";
        assert_eq!(paths(in_a_container), ["/", "/system.slice/a.service"]);
        assert_eq!(paths("0::/a:b\n"), ["/a:b"]);
        assert!(paths("5:freezer:/x\n").is_empty() && paths("").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            parse(&text);
        }
    }
}
