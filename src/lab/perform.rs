//! Carries out what a step does; its line for a shell, and what shows that somebody has done it by hand.

use std::ffi::OsString;

use rustix::process::Signal;

use super::act::{Act, Sent};
use super::check::Check;
use super::scene::Scene;
use super::spot::Spot;
use super::{criu, tools};
use crate::checkpoint::After;
use crate::kernel::freezer;
use crate::model::shell;

impl Sent {
    fn word(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Kill => "KILL",
        }
    }

    fn signal(self) -> Signal {
        match self {
            Self::Stop => Signal::STOP,
            Self::Continue => Signal::CONT,
            Self::Kill => Signal::KILL,
        }
    }
}

impl Act {
    /// The line for a shell that does the same; `None` where there is nothing to do.
    pub(super) fn shell(&self, scene: &Scene) -> Option<String> {
        let at = |spot: Spot| scene.absolute(spot);
        let quoted = |spot: Spot| shell::quoted(at(spot).as_os_str());
        let procs = |spot: Spot| shell::quoted(at(spot).join("cgroup.procs").as_os_str());
        let pid = |who: &str| scene.pid(who).map_or("PID".to_owned(), |pid| pid.to_string());
        Some(match *self {
            Self::Look => return None,
            Self::Make(spot) => format!("mkdir {}", quoted(spot)),
            Self::Remove(spot) => format!("rmdir {}", quoted(spot)),
            Self::Freeze(spot) => shell::write_request(scene.version_of(spot), &at(spot), true),
            Self::Thaw(spot) => shell::write_request(scene.version_of(spot), &at(spot), false),
            Self::Move(who, into) => format!("echo {} > {}", pid(who), procs(into)),
            Self::Signal(who, sent) => format!("kill -{} {}", sent.word(), pid(who)),
            Self::Debug(who, spot) => {
                format!("sh -c 'echo 0 > {}; exec strace -p {}'", procs(spot), pid(who))
            }
            Self::Dump(dump) => line(&scene.criu, &criu::arguments(scene, &dump)),
            Self::Checkpoint { group, images, after } => {
                let after = if after == Some(After::Killed) { " --after killed" } else { "" };
                let into = shell::quoted(scene.folder(images).as_os_str());
                format!("cryoscope checkpoint {} --into {into}{after} --yes{}", quoted(group), named(scene))
            }
            Self::Restore(images) => {
                let folder = shell::quoted(scene.folder(images).as_os_str());
                format!("cryoscope restore {folder} --yes{}", named(scene))
            }
        })
    }

    /// What shows that it was done, by whomever.
    pub(super) fn evidence(&self) -> Option<Check> {
        Some(match *self {
            Self::Look => return None,
            Self::Make(spot) => Check::Exists(spot, true),
            Self::Remove(spot) => Check::Exists(spot, false),
            Self::Freeze(spot) => Check::Asks(spot, true),
            Self::Thaw(spot) => Check::Asks(spot, false),
            Self::Move(who, into) => Check::In(who, into),
            Self::Signal(who, Sent::Stop) => Check::Stopped(who, true),
            Self::Signal(who, Sent::Continue) => Check::Stopped(who, false),
            Self::Signal(who, Sent::Kill) => Check::Killed(who),
            Self::Debug(_, spot) => Check::Holds(spot),
            Self::Dump(dump) => Check::CriuBegan(dump.images),
            Self::Checkpoint { images, .. } => Check::Reported(images),
            Self::Restore(images) => Check::Restored(images),
        })
    }

    /// Does it.
    ///
    /// # Errors
    /// A sentence.
    pub(super) fn run(&self, scene: &mut Scene) -> Result<(), String> {
        match *self {
            Self::Look => Ok(()),
            Self::Make(spot) => scene.make(spot).map_err(|error| error.to_string()),
            Self::Remove(spot) => scene.unmake(spot).map_err(|error| error.to_string()),
            Self::Freeze(spot) => request(scene, spot, true),
            Self::Thaw(spot) => request(scene, spot, false),
            Self::Move(who, into) => scene.join(who, into).map_err(|error| error.to_string()),
            Self::Signal(who, sent) => scene.signal(who, sent.signal()).map_err(|error| error.to_string()),
            Self::Debug(who, spot) => scene.debug(who, spot).map_err(|error| error.to_string()),
            Self::Dump(dump) => criu::dump(scene, &dump).map_err(|error| error.to_string()),
            Self::Checkpoint { group, images, after } => tools::checkpoint(scene, group, images, after),
            Self::Restore(images) => tools::restore(scene, images),
        }
    }

    /// The group that it is about.
    pub(super) fn spot(&self) -> Option<Spot> {
        match *self {
            Self::Make(spot) | Self::Freeze(spot) | Self::Thaw(spot) | Self::Move(_, spot) => Some(spot),
            _ => None,
        }
    }

    /// Whether it may take longer than a moment: criu gives up after ten seconds where it does.
    pub(super) fn is_long(&self) -> bool {
        matches!(self, Self::Dump(_) | Self::Checkpoint { .. } | Self::Restore(_))
    }
}

fn request(scene: &Scene, spot: Spot, freeze: bool) -> Result<(), String> {
    let group = scene.group(spot).map_err(|error| error.to_string())?;
    freezer::request(&group, freeze).map_err(|error| error.to_string())
}

fn named(scene: &Scene) -> String {
    let named = scene.criu.as_ref().filter(|_| scene.criu_named);
    named.map_or(String::new(), |path| format!(" --criu {}", shell::quoted(path.as_os_str())))
}

fn line(criu: &Option<std::path::PathBuf>, arguments: &[OsString]) -> String {
    let program = criu.as_ref().map_or("criu".to_owned(), |path| shell::quoted(path.as_os_str()));
    let words = arguments.iter().map(|word| shell::quoted(word));
    std::iter::once(program).chain(words).collect::<Vec<_>>().join(" ")
}
