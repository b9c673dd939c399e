//! `cryoscope thaw`: take freeze requests back.

use std::io::Write;

use super::args::Thaw;
use super::list::scan;
use super::{Context, Failure};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::freezer::{Outcome, asking_ancestor};
use crate::model::CgroupPath;
use crate::timer;

/// Thaws each target, or every group that asks for a freeze itself.
pub(super) fn run(context: &Context, options: &Thaw, out: &mut impl Write) -> Result<(), Failure> {
    context.may_write()?;
    let targets = match options.all {
        true => all(context)?,
        false => options.targets.iter().map(|t| context.open(t)).collect::<Result<_, _>>()?,
    };
    let mut first = None;
    for (fs, group) in &targets {
        // Where one fails, the others are thawed all the same.
        if let Err(failure) = one(fs, group, out) {
            first.get_or_insert(failure);
        }
    }
    if targets.is_empty() {
        writeln!(out, "no group asks for a freeze")?;
    }
    first.map_or(Ok(()), Err)
}

fn one(fs: &Filesystem, group: &Group, out: &mut impl Write) -> Result<(), Failure> {
    let outcome = timer::thaw(group, fs)?;
    say(fs, group, outcome, out)
}

fn say(fs: &Filesystem, group: &Group, outcome: Outcome, out: &mut impl Write) -> Result<(), Failure> {
    match outcome {
        Outcome::Done => writeln!(out, "{} is thawed", group.path)?,
        Outcome::Already => writeln!(out, "{} was not frozen", group.path)?,
        Outcome::HeldAbove => {
            let above = asking_ancestor(fs, &group.path).unwrap_or_else(CgroupPath::root);
            return Err(Failure::new(
                1,
                format!("{} stays frozen: {above} asks for it; thaw {above}", group.path),
            ));
        }
    }
    Ok(())
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
