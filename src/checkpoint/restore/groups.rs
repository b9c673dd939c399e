//! The groups that the processes come into again: there or to be made, and not frozen.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use super::copy::NewGroup;
use super::files::GroupsMade;
use super::preflight::Request;
use super::scope::Scope;
use super::tree::{Destination, Tree};
use crate::checkpoint::Finding;
use crate::checkpoint::arg::{Arg, gives};
use crate::checkpoint::at_work::{self, Claim};
use crate::checkpoint::flag::Flag;
use crate::checkpoint::images::{Group, ImageSet, OtherGroup, State, controller_name};
use crate::kernel::membership::own_path;
use crate::kernel::processes::{controllers, own_groups};
use crate::kernel::{Filesystem, cgroupfs};
use crate::model::shell::{quoted, write_request};
use crate::model::span::and_more;
use crate::model::{CgroupPath, Hierarchies, NamespacePath, Place, Version, printable};

/// criu's options that decide which groups the processes come into.
pub(super) const GROUP_OPTIONS: [&str; 2] = ["--manage-cgroups", "--cgroup-root"];

/// An option by which criu does not put the processes into the groups of the images. Every mode of `--manage-cgroups` but one does.
fn elsewhere(extra: &[OsString]) -> bool {
    gives(extra, &["--cgroup-root"]) || extra.iter().any(|word| word == "--manage-cgroups=ignore")
}

/// Where the processes come.
pub(super) fn destination<'a>(
    request: &Request<'a>,
    new: &'a [NewGroup],
    scope: Option<&'a Scope>,
) -> Destination<'a> {
    match request.into_group {
        Some((fs, group)) => Destination::Group(fs, group),
        None if request.copy.is_some() => Destination::New(new),
        None if elsewhere(&request.extra) => Destination::Unknown,
        None => scope.map_or(Destination::Images, Destination::Scope),
    }
}

/// The groups in which criu is started, so that it makes and moves nothing (`--manage-cgroups=ignore`: what it makes stays in
/// its own groups): the one that is named, or, where criu would make groups of others again, those of the images. `None` where
/// criu does it, for it must: the processes are in several sets of groups, or one of these is gone or cannot be reached.
pub(super) fn within(
    set: &ImageSet,
    destination: Destination<'_>,
    request: &Request<'_>,
) -> Option<Vec<Arg>> {
    match destination {
        Destination::Group(_, group) => Some(vec![group.absolute.clone().into()]),
        Destination::New(groups) => Some(groups.iter().map(|group| group.absolute().into()).collect()),
        Destination::Scope(_) => Some(beside_a_scope(set, request.hierarchies)),
        Destination::Images
            if !set.cgroups_of_others.is_empty() && !gives(&request.extra, &GROUP_OPTIONS) =>
        {
            of_images(set, request.hierarchies)
        }
        Destination::Images | Destination::Unknown => None,
    }
}

/// Which groups criu makes for a tree before it opens files.
pub(super) fn made(destination: Destination<'_>, tree: &Tree) -> GroupsMade {
    match destination {
        Destination::Unknown => GroupsMade::Unknown,
        Destination::Images if tree.within.is_none() => GroupsMade::OfImages,
        Destination::Images | Destination::Group(..) | Destination::New(_) | Destination::Scope(_) => {
            GroupsMade::None
        }
    }
}

fn of_images(set: &ImageSet, hosts: &Hierarchies) -> Option<Vec<Arg>> {
    let living = set.processes.iter().filter(|process| process.state != State::Zombie).count();
    if set.namespaces.contains(&"cgroup") || set.cgroups.iter().any(|group| group.pids.len() < living) {
        return None;
    }
    let own = own_groups().ok()?;
    let others = set.cgroups.iter().filter(|group| !is_own(&own, group));
    others.map(|group| there(group, hosts)).collect()
}

/// The groups in which criu is started besides a scope: systemd leaves the v1 freezer to others. (systemd: `CGROUP_MASK_V1`,
/// src/basic/cgroup-util.h)
fn beside_a_scope(set: &ImageSet, hosts: &Hierarchies) -> Vec<Arg> {
    let own = own_groups().unwrap_or_default();
    let of_freezer = set.cgroups.iter().filter(|group| group.freezer() == Some(Version::V1));
    of_freezer.filter(|group| !is_own(&own, group)).filter_map(|group| there(group, hosts)).collect()
}

/// This program is in the group.
fn is_own(own: &[(Box<[u8]>, NamespacePath)], group: &Group) -> bool {
    let path: NamespacePath = group.below.clone().into();
    own.iter().any(|(controllers, own)| controller_name(controllers) == group.controller && *own == path)
}

/// A group's absolute path; `None` where it is gone, or cannot be reached.
fn there(group: &Group, hosts: &Hierarchies) -> Option<Arg> {
    let hierarchy = hosts.get(group.freezer()?)?;
    let Place::Below(below) = hierarchy.root.place(&group.below.clone().into()) else { return None };
    Some(Filesystem::open(hierarchy.clone()).ok()?.group(&below).ok()??.absolute.into())
}

/// Looks at the groups; the freeze flags of those that are there, and of all above.
pub(super) fn look(
    request: &Request<'_>,
    destination: Destination<'_>,
    sets: &[ImageSet],
    trees: &[Tree],
    findings: &mut Vec<Finding>,
) -> Vec<Flag> {
    let flags = match destination {
        Destination::Images => {
            for (set, tree) in sets.iter().zip(trees) {
                not_kept(set, findings);
                not_mounted(set, findings);
                if tree.within.is_none() {
                    of_others(set, request.hierarchies, findings);
                }
            }
            of_sets(request, sets, findings)
        }
        Destination::Group(fs, group) => into(request, fs, group, findings),
        Destination::Scope(scope) => into_scope(request, scope, sets, trees, findings),
        Destination::New(groups) => into_new(request, groups, findings),
        Destination::Unknown => {
            let what = "the groups for the processes";
            findings.push(Finding::unknown("group", what, "a criu option decides that"));
            return Vec::new();
        }
    };
    findings.extend(flags.iter().filter(|flag| flag.requested).map(|flag| frozen(flag, request)));
    at_work(&flags, findings);
    flags
}

/// The group that the person names.
fn into(
    request: &Request<'_>,
    fs: &Filesystem,
    group: &cgroupfs::Group,
    findings: &mut Vec<Finding>,
) -> Vec<Flag> {
    only_one_says(request, "--into-group", findings);
    let (path, version) = (&group.path, group.version);
    match controllers() {
        Ok(all) if all.len() > 1 => {
            let what = format!(
                "the processes go into {path} ({version}), and in the other hierarchies into cryoscope's groups"
            );
            let why = "a group belongs to one hierarchy, and this host has several";
            findings.push(Finding::warning("group", what, why));
        }
        _ => findings.push(Finding::ok("group", format!("the processes go into {path} ({version})"))),
    }
    match read(fs, path) {
        Ok((_, flags)) => flags,
        Err(error) => {
            findings.push(Finding::unknown("group", format!("the group {path} ({version})"), error));
            Vec::new()
        }
    }
}

fn only_one_says(request: &Request<'_>, option: &str, findings: &mut Vec<Finding>) {
    if gives(&request.extra, &GROUP_OPTIONS) {
        let what = format!("{option} and a criu option both choose the groups for the processes");
        findings.push(Finding::blocker("group", what, "only one can apply").remedy("omit one of them"));
    }
}

/// Groups that are made for a copy: the flags of those above bear on them.
fn into_new(request: &Request<'_>, groups: &[NewGroup], findings: &mut Vec<Finding>) -> Vec<Flag> {
    only_one_says(request, "--copy", findings);
    let names: Vec<String> =
        groups.iter().map(|group| format!("{} ({})", group.below, group.hierarchy.version)).collect();
    let what =
        format!("the copy goes into new groups, without the limits of the original's: {}", names.join(", "));
    findings.push(match controllers() {
        Ok(all) if all.len() > groups.len() => {
            let why =
                "only hierarchies with a freezer get one; in the others it goes into cryoscope's groups";
            Finding::warning("group", what, why)
        }
        _ => Finding::ok("group", what),
    });
    let mut flags = Vec::new();
    for group in groups {
        let above = group.below.parent().unwrap_or_else(CgroupPath::root);
        match Filesystem::open(group.hierarchy.clone()).and_then(|fs| read(&fs, &above)) {
            Ok((_, found)) => flags.extend(found),
            Err(error) => findings.push(Finding::unknown("group", format!("the group {above}"), error)),
        }
    }
    flags
}

/// A scope that is made: the flags of its slice and of all above bear on it, and of the v1 groups that criu is started in.
fn into_scope(
    request: &Request<'_>,
    scope: &Scope,
    sets: &[ImageSet],
    trees: &[Tree],
    findings: &mut Vec<Finding>,
) -> Vec<Flag> {
    let mut flags: Vec<Flag> = Vec::new();
    if let Some(hierarchy) = request.hierarchies.get(Version::V2)
        && let Place::Below(slice) = hierarchy.root.place(&scope.slice_group.clone().into())
    {
        match Filesystem::open(hierarchy.clone()).and_then(|fs| read(&fs, &slice)) {
            Ok((_, found)) => flags.extend(found),
            Err(error) => findings.push(Finding::unknown("group", format!("the group {slice}"), error)),
        }
    }
    for (set, tree) in sets.iter().zip(trees) {
        for group in set.cgroups.iter().filter(|group| group.freezer() == Some(Version::V1)) {
            match there(group, request.hierarchies) {
                Some(path) if tree.within.iter().flatten().any(|within| *within == path) => {
                    flags.extend(one(request, group, Version::V1, sets.len() > 1, findings));
                }
                Some(_) => {}
                None => {
                    let what = format!("the group {} (v1) is gone", group.below);
                    findings.push(Finding::warning(
                        "group",
                        what,
                        "in that hierarchy the processes go into cryoscope's group",
                    ));
                }
            }
        }
    }
    flags
}

/// criu makes groups of others again. Those that are there, in the hierarchies that can be looked at, are not said.
fn of_others(set: &ImageSet, hosts: &Hierarchies, findings: &mut Vec<Finding>) {
    let is_there = |other: &OtherGroup| {
        let version = Group::freezer_of(&other.controller)?;
        let hierarchy = hosts.get(version)?;
        let Place::Below(below) = hierarchy.root.place(&other.below.clone().into()) else { return None };
        Some(Filesystem::open(hierarchy.clone()).ok()?.group(&below).ok()?.is_some())
    };
    let made = set.cgroups_of_others.iter().filter(|other| is_there(other) != Some(true));
    let made: Vec<String> = made.map(|other| format!("{} ({})", other.below, other.controller)).collect();
    let Some(first) = made.first() else { return };
    let more = and_more(made.len());
    let what = format!("criu creates {first}{more} again if gone: groups that contain none of the processes");
    let why = "it saved all groups below one of theirs, and creates all of them or none";
    let remedy =
        "remove them afterwards with rmdir if nobody needs them; or choose a group with --into-group";
    findings.push(Finding::warning("groups-of-others", what, why).remedy(remedy));
}

/// Those of the images.
fn of_sets(request: &Request<'_>, sets: &[ImageSet], findings: &mut Vec<Finding>) -> Vec<Flag> {
    let mut seen = BTreeSet::new();
    let mut flags: Vec<Flag> = Vec::new();
    for group in sets.iter().flat_map(|set| &set.cgroups) {
        let Some(version) = group.freezer() else { continue };
        if !seen.insert((version, group.below.clone())) {
            continue;
        }
        for flag in one(request, group, version, sets.len() > 1, findings) {
            if !flags.contains(&flag) {
                flags.push(flag);
            }
        }
    }
    flags
}

/// A checkpoint or another restore that has thawed or frozen one of these groups for a while.
fn at_work(flags: &[Flag], findings: &mut Vec<Finding>) {
    let bearing = flags.iter().map(|flag| flag.id).collect();
    let claim = Claim { processes: Vec::new(), written: Vec::new(), bearing };
    findings.extend(match at_work::look(&claim) {
        Ok(found) => found.map(|found| found.finding()),
        Err(error) => {
            Some(Finding::unknown("at-work", "whether a checkpoint of these groups is running", error))
        }
    });
}

/// criu keeps no group for a process that was in its own ones: it stays in those of the criu that restores it.
fn not_kept(set: &ImageSet, findings: &mut Vec<Finding>) {
    let kept: BTreeSet<i32> = set.cgroups.iter().flat_map(|group| &group.pids).copied().collect();
    let living = set.processes.iter().filter(|process| process.state != State::Zombie);
    let all: Vec<i32> = living.map(|process| process.pid).filter(|pid| !kept.contains(pid)).collect();
    let Some(first) = all.first() else { return };
    let more = and_more(all.len());
    let ours = [Version::V2, Version::V1].into_iter().filter_map(own_path);
    let ours: Vec<String> = ours.map(|path| path.to_string()).collect();
    let what = format!("the images do not record in which group process {first}{more} was");
    let why =
        format!("criu was in the same group; restored, it goes into cryoscope's group: {}", ours.join(", "));
    findings.push(Finding::warning("group-not-kept", what, why));
}

/// A hierarchy that is not mounted here is mounted by criu for itself, where the kernel has it.
fn not_mounted(set: &ImageSet, findings: &mut Vec<Finding>) {
    let here = match controllers() {
        Ok(here) => here,
        Err(error) => {
            return findings.push(Finding::unknown("hierarchy", "the mounted hierarchies", error));
        }
    };
    let mounted = |group: &&Group| {
        let name = if group.controller == "v2" { "" } else { &group.controller };
        here.iter().any(|controllers| **controllers == *name.as_bytes())
    };
    let absent: BTreeSet<&str> =
        set.cgroups.iter().filter(|group| !mounted(group)).map(|group| &*group.controller).collect();
    for controller in absent {
        let what = format!("the {controller} hierarchy of the images is not mounted here");
        let why = "criu mounts it for itself, and fails if the kernel does not have it";
        findings.push(Finding::warning("hierarchy", what, why));
    }
}

/// A group, and the flags that bear on what is put into it.
fn one(
    request: &Request<'_>,
    group: &Group,
    version: Version,
    several: bool,
    findings: &mut Vec<Finding>,
) -> Vec<Flag> {
    let path = &group.below;
    let unknown = |error: &dyn std::fmt::Display| {
        Finding::unknown("group", format!("the group {path} ({version})"), error)
    };
    // That its hierarchy is not mounted is said already.
    let Some(hierarchy) = request.hierarchies.get(version) else { return Vec::new() };
    let below = match hierarchy.root.place(&path.clone().into()) {
        Place::Below(below) => below,
        Place::Outside => {
            findings.push(unknown(&"it is outside the mounted hierarchy"));
            return Vec::new();
        }
        Place::Unknown => {
            findings
                .push(unknown(&"could not find the root of cryoscope's cgroup namespace below the mount"));
            return Vec::new();
        }
    };
    let read = Filesystem::open(hierarchy.clone()).and_then(|fs| read(&fs, &below));
    let (is_there, flags) = match read {
        Ok(read) => read,
        Err(error) => {
            findings.push(unknown(&error));
            return Vec::new();
        }
    };
    findings.push(match is_there {
        true => Finding::ok("group", format!("the group {path} ({version}) exists")),
        false if group.made_frozen => made_frozen(&hierarchy.absolute(&below), several),
        false => Finding::ok("group", format!("criu will create the group {path} ({version}) again")),
    });
    flags
}

/// A v1 group that is gone, and was frozen: so it is made again, before the next tree comes into it.
fn made_frozen(group: &Path, several: bool) -> Finding {
    let what = format!(
        "criu creates {} again, and freezes it as it was",
        printable(group.as_os_str().as_encoded_bytes())
    );
    let word = quoted(group.as_os_str());
    let thawed = format!("criu leaves an existing group as it is: mkdir {word}");
    match several {
        true => {
            Finding::blocker("frozen", what, "criu would wait forever with the next tree, which goes into it")
                .remedy(thawed)
        }
        false => Finding::warning("frozen", what, "the processes are restored, but frozen")
            .remedy(format!("{thawed}; or thaw it afterwards: {}", write_request(Version::V1, group, false))),
    }
}

/// Whether the group is there, and the flags of it and of all above.
fn read(fs: &Filesystem, path: &CgroupPath) -> std::io::Result<(bool, Vec<Flag>)> {
    let is_there = fs.group(path)?.is_some();
    let mut flags = Vec::new();
    for path in std::iter::once(path.clone()).chain(path.ancestors()) {
        flags.extend(Flag::read(fs, &path)?);
    }
    Ok((is_there, flags))
}

/// criu puts the process into the group while it makes it, and waits for it then.
fn frozen(flag: &Flag, request: &Request<'_>) -> Finding {
    let what = format!("{} is frozen by its own request", flag.shown());
    if request.thaw {
        let why = "it is thawed for the restore and frozen again afterwards, with the restored processes; other \
                   processes in or below it run meanwhile";
        return Finding::warning("frozen", what, why);
    }
    let why =
        "a process that goes into or below it freezes before it is complete, and criu waits for it forever";
    Finding::blocker("frozen", what, why).criu_says("(hangs silently)").remedy(match request.copy {
        Some(_) => format!("thaw it first: {}; or choose another group with --into-group", flag.line(false)),
        None => format!("thaw it first: {}; or only for the restore, with --thaw", flag.line(false)),
    })
}
