//! `cryoscope freeze`: freeze groups, with the guard and the way back.

use std::io::Write;

use super::args::Freeze;
use super::{Context, Failure};
use crate::kernel::freezer::{self, Outcome};
use crate::kernel::guard;

/// Freezes each target; where one fails, those that this run froze are thawed again.
pub(super) fn run(context: &Context, options: &Freeze, out: &mut impl Write) -> Result<(), Failure> {
    context.may_write()?;
    let targets: Vec<_> = options.targets.iter().map(|t| context.open(t)).collect::<Result<_, _>>()?;
    if !options.force {
        for (fs, group) in &targets {
            if let Some(refusal) = guard::refusal(&group.path, group.version, &fs.hierarchy().root) {
                let sentence =
                    format!("{} is not frozen: {refusal}; --force freezes it all the same", group.path);
                return Err(Failure::refused(sentence));
            }
        }
    }
    let mut frozen = Vec::new();
    for (fs, group) in &targets {
        match freezer::freeze(group, options.timeout) {
            Ok(Outcome::Already) => writeln!(out, "{} was frozen already", group.path)?,
            Ok(_) => {
                frozen.push((fs, group));
                writeln!(out, "{} is frozen", group.path)?;
            }
            Err(error) => {
                for (fs, group) in frozen {
                    freezer::thaw(group, fs)?;
                    writeln!(out, "{} is thawed again", group.path)?;
                }
                return Err(error.into());
            }
        }
    }
    Ok(())
}
