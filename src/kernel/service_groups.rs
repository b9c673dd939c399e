//! In which groups of the service manager's own hierarchy the processes of a group are: from them follows to which units they
//! belong, also where they were frozen through the v1 freezer, of which systemd knows nothing.

use std::collections::BTreeSet;
use std::io;

use super::dir::{Dir, absent_is_none};
use super::{proc, processes};
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
        for pid in processes::pids(&dir).unwrap_or_default() {
            if found.processes == most_processes {
                return ServiceGroups { cut: true, ..found };
            }
            found.processes += 1;
            found.groups.extend(service_group(pid).ok().flatten());
        }
        let below = dir.children().unwrap_or_default();
        waiting.extend(below.iter().rev().filter_map(|name| dir.child(name).ok().flatten()));
    }
    found
}

/// The group of a process in systemd's hierarchy: the one named so where there is one, else cgroup v2. (cgroups(7))
fn service_group(pid: i32) -> io::Result<Option<CgroupPath>> {
    Ok(parse(&absent_is_none(proc::read(pid, "cgroup"))?.unwrap_or_default()))
}

fn parse(text: &[u8]) -> Option<CgroupPath> {
    let of = |controllers: &[u8]| {
        text.split(|&b| b == b'\n').find_map(|line| {
            let mut fields = line.splitn(3, |&b| b == b':').skip(1);
            (fields.next()? == controllers).then(|| fields.next().map(CgroupPath::new))?
        })
    };
    of(b"name=systemd").or_else(|| of(b""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_proc_cgroup() {
        let path = |text: &str| parse(text.as_bytes()).map(|path| path.to_string());
        assert_eq!(path("0::/system.slice/a.service\n").as_deref(), Some("/system.slice/a.service"));
        let hybrid = "5:freezer:/x\n1:name=systemd:/system.slice/a.service\n0::/other\n";
        assert_eq!(path(hybrid).as_deref(), Some("/system.slice/a.service"));
        assert_eq!(path("0::/a:b\n").as_deref(), Some("/a:b"));
        assert_eq!(path("5:freezer:/x\n"), None);
        assert_eq!(path(""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            parse(&text);
        }
    }
}
