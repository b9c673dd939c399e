//! `cryoscope thaw`: take freeze requests back.

use std::io::{self, IsTerminal, Write};

use super::args::Thaw;
use super::ask::ask;
use super::list::scan;
use super::{Context, Failure, tell};
use crate::checkpoint::dumping;
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{FreezerError, Outcome, asking_ancestor};
use crate::kernel::{freezer, members, membership};
use crate::model::shell::quoted;
use crate::model::{CgroupPath, State};
use crate::runtime::{ThawError, Thawed};
use crate::timer;

/// Thaws each target, or every group that asks for a freeze itself.
pub(super) fn run(context: &Context, options: &Thaw, out: &mut impl Write) -> Result<(), Failure> {
    context.may_write()?;
    let (targets, denied) = match options.all {
        true => split_permitted(all(context)?),
        false => (named(context, options)?, Vec::new()),
    };
    if targets.is_empty() && denied.is_empty() {
        writeln!(out, "no group has a freeze of its own")?;
    } else if options.all && !options.yes && !targets.is_empty() {
        confirm(context, &targets, out)?;
    }
    // Where one fails, the others are thawed all the same; what holds one of them still is known when all are done.
    let done: Vec<_> = targets.iter().map(|(fs, group)| one(fs, group)).collect();
    let said = targets.iter().zip(done).map(|((fs, group), done)| {
        done.map_err(Failure::from).and_then(|done| say(context, fs, group, done, out))
    });
    let failures = said.filter_map(Result::err).collect::<Vec<_>>();
    first_of(failures.into_iter().chain(denied.into_iter().map(Failure::from)))
}

/// The groups that this program may thaw, and why it may not thaw the others.
fn split_permitted(found: Vec<(Filesystem, Group)>) -> (Vec<(Filesystem, Group)>, Vec<FreezerError>) {
    let (mut permitted, mut denied) = (Vec::new(), Vec::new());
    for (fs, group) in found {
        match freezer::not_permitted(&group) {
            Some(error) => denied.push(error),
            None => permitted.push((fs, group)),
        }
    }
    (permitted, denied)
}

/// The first failure is the program's; the others are said.
fn first_of(mut failures: impl Iterator<Item = Failure>) -> Result<(), Failure> {
    let Some(first) = failures.next() else { return Ok(()) };
    failures.for_each(tell);
    Err(first)
}

fn named(context: &Context, options: &Thaw) -> Result<Vec<(Filesystem, Group)>, Failure> {
    let mut found = Vec::new();
    for target in &options.targets {
        found.extend(context.open_to_thaw(target)?);
    }
    match found.iter().find(|(_, group)| group.path.is_root()) {
        None => Ok(found),
        Some((_, root)) => Err(Failure::new(
            2,
            format!(
                "{} is the root of its hierarchy, which is never frozen; choose a group below it, or use --all",
                root.absolute.display()
            ),
        )),
    }
}

/// Says what would be thawed, and asks.
fn confirm(context: &Context, targets: &[(Filesystem, Group)], out: &mut impl Write) -> Result<(), Failure> {
    for (_, group) in targets {
        writeln!(out, "{} is frozen by its own request", context.named(group))?;
    }
    out.flush()?;
    match io::stdin().is_terminal() {
        true => ask(if targets.len() == 1 { "Thaw it?" } else { "Thaw them all?" }),
        false => Err(Failure::refused(
            "nothing was thawed: pass --yes to thaw all groups with a freeze of their own",
        )),
    }
}

/// What was done.
struct Done {
    /// It asked for a freeze itself.
    asked: bool,
    thawed: Thawed,
}

fn one(fs: &Filesystem, group: &Group) -> Result<Done, ThawError> {
    if let Some(dumping) = dumping::of_group(group) {
        tell(format_args!(
            "{dumping}: if it hangs on this freeze, the thaw frees it; if the freeze is criu's own, the processes \
             may run during the dump"
        ));
    }
    let asked = group.read().ok().flatten().is_some_and(|read| read.freezer.requested());
    timer::thaw(group, fs).map(|thawed| Done { asked, thawed })
}

fn say(
    context: &Context,
    fs: &Filesystem,
    group: &Group,
    done: Done,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let name = context.named(group);
    let Thawed { outcome, disagreement } = done.thawed;
    disagreement.iter().for_each(tell);
    let what = match outcome {
        Outcome::Done => "is thawed",
        Outcome::Already => "was not frozen",
        Outcome::HeldAbove => {
            let above = asking_ancestor(fs, &group.path).unwrap_or_else(CgroupPath::root);
            let cleared = if done.asked { "its own request is cleared, but " } else { "" };
            return Err(Failure::new(
                1,
                format!("{name}: {cleared}it stays frozen by its ancestor {above}; thaw {above}"),
            ));
        }
    };
    let held = still_held(context, group).map_or(String::new(), |holder| {
        let path = quoted(holder.absolute.as_os_str());
        format!(", but {} holds its processes: cryoscope thaw {path}", context.named(&holder))
    });
    writeln!(out, "{name} {what}{held}")?;
    Ok(())
}

/// A group of the other hierarchy that holds processes of this one. What cannot be read there is not known to hold any.
fn still_held(context: &Context, group: &Group) -> Option<Group> {
    let other = context.hosts.get(group.version.other())?;
    let fs = Filesystem::open(other.clone()).ok()?;
    let holds = |path: &CgroupPath| {
        let group = fs.group(path).ok()??;
        let state = group.read().ok()??.freezer.state(false)?;
        (state != State::Thawed).then_some(group)
    };
    let held = membership::elsewhere(members::pids(&group.dir).ok()?, other).keys().find_map(holds)?;
    // The one that asks is the one to thaw.
    let asks = held.read().ok().flatten().is_some_and(|read| read.freezer.requested());
    match asking_ancestor(&fs, &held.path).filter(|_| !asks) {
        Some(above) => fs.group(&above).ok().flatten(),
        None => Some(held),
    }
}

fn all(context: &Context) -> Result<Vec<(Filesystem, Group)>, Failure> {
    let mut found = Vec::new();
    for hierarchy in context.hierarchies() {
        let fs = Filesystem::open(hierarchy.clone())?;
        let tree = scan(&fs, &CgroupPath::root())?;
        let asks = |key: &_| tree.get(*key).is_some_and(|node| node.group.freezer.requested());
        for key in tree.subtree(tree.root()).filter(asks) {
            // From the top down, so that nothing runs below a group that is still to be thawed for longer than it must.
            if let Some(group) = fs.group(&tree.path(key))? {
                found.push((Filesystem::open(hierarchy.clone())?, group));
            }
        }
    }
    Ok(found)
}
