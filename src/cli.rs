//! The command line: one file a verb, and one for the screen.

mod args;
mod as_root;
mod ask;
mod checkpoint;
mod config;
mod diff;
mod doctor;
mod failure;
mod freeze;
mod generated;
mod inspect;
mod json;
mod lab;
mod list;
mod locale;
mod log;
mod meter;
mod output;
mod question;
mod rescue;
mod restore;
mod screen;
mod show;
mod signals;
mod similar;
mod stuck;
mod thaw;
mod thaw_timer;
mod watch;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Write};

use clap::{CommandFactory as _, Parser as _};

use crate::checkpoint::restore::copy::keeper;
use crate::checkpoint::{action_script, gate};
use crate::kernel::cgroupfs::{Filesystem, Group};
use crate::kernel::mounts;
use crate::kernel::target::{self, TargetError};
use crate::model::{CgroupPath, Hierarchies, Hierarchy};
use crate::runtime::systemd::{Disagreement, Unit};

pub use args::{Arguments, Verb};
pub use failure::Failure;

/// The verbs, as they are typed.
const VERBS: [&str; 14] = [
    "list",
    "show",
    "freeze",
    "thaw",
    "checkpoint",
    "restore",
    "inspect",
    "diff",
    "rescue",
    "watch",
    "doctor",
    "lab",
    "completions",
    "man",
];

/// What the verbs share: the host's hierarchies and the global options.
#[derive(Debug)]
pub struct Context {
    hosts: Hierarchies,
    global: args::Global,
}

impl Context {
    /// Finds the host's hierarchies.
    ///
    /// # Errors
    /// [`Failure`] where no hierarchy with a freezer is to be had.
    pub fn new(global: args::Global) -> Result<Self, Failure> {
        let hosts = match &global.root {
            Some(root) => mounts::at(root),
            None => mounts::hierarchies(),
        }?;
        Ok(Self { hosts, global })
    }

    fn open(&self, target: &OsStr) -> Result<(Filesystem, Group), Failure> {
        let target = &self.with_suffix(target);
        if let Some(found) = self.open_unit(target)? {
            return Ok(found);
        }
        target::resolve(target, &self.hosts, self.global.hierarchy)
            .map_err(|error| self.not_found(target, error))
    }

    /// The unit that a bare name is short for, as systemctl has it: `redis-server` is `redis-server.service`. A group of that very
    /// name comes first.
    fn with_suffix<'a>(&self, target: &'a OsStr) -> Cow<'a, OsStr> {
        let is_bare = !target.is_empty() && !target.as_encoded_bytes().contains(&b'/');
        let is_bare = is_bare && Unit::named(target, &self.hosts).is_none();
        let found = is_bare.then(|| target::resolve(target, &self.hosts, self.global.hierarchy));
        let of_tree = match found {
            Some(Err(TargetError::NoSuffix { unit, .. })) => Some(unit),
            Some(Err(TargetError::NoSuchGroup(_))) => None,
            _ => return target.into(),
        };
        let mut service = target.to_owned();
        service.push(".service");
        let unit = Unit::named(&service, &self.hosts).filter(|_| self.global.root.is_none());
        let has_group = unit.as_ref().is_some_and(|unit| unit.control_group().is_some());
        let is_known =
            || unit.as_ref().and_then(|unit| unit.ask().ok()).is_some_and(|unit| unit.status.is_some());
        match of_tree {
            Some(unit) if !has_group => OsString::from(unit).into(),
            _ if has_group || is_known() => service.into(),
            _ => target.into(),
        }
    }

    /// The groups that are thawed for a target.
    fn open_to_thaw(&self, target: &OsStr) -> Result<Vec<(Filesystem, Group)>, Failure> {
        let target = &self.with_suffix(target);
        if let Some(found) = self.open_unit(target)? {
            return Ok(vec![found]);
        }
        target::to_thaw(target, &self.hosts, self.global.hierarchy)
            .map_err(|error| self.not_found(target, error))
    }

    /// The group that systemd itself names for a unit's bare name: there may be others of that name, as in a container.
    fn open_unit(&self, target: &OsStr) -> Result<Option<(Filesystem, Group)>, Failure> {
        let is_bare = !target.as_encoded_bytes().contains(&b'/');
        let unit = Unit::named(target, &self.hosts).filter(|_| is_bare && self.global.root.is_none());
        let Some(group) = unit.and_then(|unit| unit.control_group()) else { return Ok(None) };
        Ok(target::of_unit(&group, &self.hosts, self.global.hierarchy)?)
    }

    /// A unit has no group any more when its processes have ended: systemd says since when, and may call it frozen all the same.
    fn not_found(&self, target: &OsStr, error: TargetError) -> Failure {
        let is_absent = matches!(error, TargetError::NoSuchGroup(_));
        let unit = is_absent.then(|| Unit::named(target, &self.hosts)).flatten();
        let Some((unit, answer)) = unit.and_then(|unit| unit.ask().ok().map(|answer| (unit, answer))) else {
            return error.into();
        };
        match (answer.ended_frozen(), answer.status) {
            (Some(Disagreement { what, remedy, .. }), _) => Failure::new(5, format!("{what}; run {remedy}")),
            (None, Some(status)) => {
                let restored = unit.restored_scope();
                let restored = restored.map(|scope| format!("; its restored processes run in {scope}"));
                let restored = restored.unwrap_or_default();
                let unit = &answer.unit;
                Failure::new(5, format!("{unit} has no cgroup: systemd reports it as {status}{restored}"))
            }
            (None, None) => error.into(),
        }
    }

    /// What a result is about: a path alone does not say which, where there are two hierarchies.
    fn named(&self, group: &Group) -> String {
        match self.hosts.iter().count() {
            1 => group.path.to_string(),
            _ => format!("{} ({})", group.path, group.version),
        }
    }

    /// The hierarchies that a verb without a target is about.
    fn hierarchies(&self) -> impl Iterator<Item = &Hierarchy> {
        self.hosts.iter().filter(|h| self.global.hierarchy.is_none_or(|v| v == h.version))
    }

    /// What a verb looks at from the top down: the target, or the root of every hierarchy.
    fn tops(&self, target: Option<&OsStr>) -> Result<Vec<(Filesystem, CgroupPath)>, Failure> {
        let Some(target) = target else {
            let open = |h: &Hierarchy| Ok((Filesystem::open(h.clone())?, CgroupPath::root()));
            return self.hierarchies().map(open).collect();
        };
        let (fs, group) = self.open(target)?;
        Ok(vec![(fs, group.path)])
    }

    fn may_write(&self) -> Result<(), Failure> {
        self.global.may_write()
    }
}

impl args::Global {
    fn may_write(&self) -> Result<(), Failure> {
        if self.read_only {
            return Err(Failure::refused(
                "--read-only is set, so nothing was changed; run it without --read-only",
            ));
        }
        Ok(())
    }
}

/// A line for the person, beside the output. Where the terminal is gone nobody is there to be told, and the work goes on.
fn tell(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "cryoscope: {line}");
}

/// Reads the command line; `None` where help or the version was asked for, and printed. What is wrong with it is said at once, and
/// ends the program with 2.
///
/// # Errors
/// [`Failure`] where help could not be printed.
pub fn arguments() -> Result<Option<Arguments>, Failure> {
    match Arguments::try_parse() {
        Ok(arguments) => Ok(Some(arguments)),
        Err(error) if error.use_stderr() => match mistyped_verb(std::env::args_os()) {
            Some((word, verb)) => {
                let why = format!("{word} is not a command: did you mean {verb}? See cryoscope help");
                Err(Failure::new(2, why))
            }
            None => error.exit(),
        },
        Err(help) => {
            let printed = help.print().and_then(|()| io::stdout().flush()).map_err(output::named);
            finish(printed.map_err(Failure::from), &mut io::sink()).map(|()| None)
        }
    }
}

/// Runs what the command line asks for.
///
/// # Errors
/// [`Failure`]: a sentence for stderr and the exit code.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    if action_script::is_asked() {
        return action_script::answer().map_err(|why| Failure::new(1, why));
    }
    let beside_screen = arguments.verb.is_none() && io::stdout().is_terminal();
    log::begin(&arguments.global, beside_screen)?;
    let mut out = io::BufWriter::new(output::Output(io::stdout()));
    let done = verb(arguments, &mut out);
    let done = finish(done, &mut out).map_err(Failure::with_root_line);
    if let Err(failure) = &done {
        tracing::error!(code = failure.code, %failure, "failed");
    }
    log::end();
    done
}

fn verb(arguments: Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let Arguments { verb, target, global } = arguments;
    let host = || Context::new(global.clone());
    // The screen reads the config; one that is named is to be right for every verb.
    if verb.is_some() && global.config.is_some() {
        config::read(&global)?;
    }
    match verb {
        Some(Verb::List(options)) => list::run(&host()?, &options, out),
        Some(Verb::Show(options)) => show::run(&host()?, &options, out),
        Some(Verb::Freeze(options)) => freeze::run(&host()?, &options, out),
        Some(Verb::Thaw(options)) => thaw::run(&host()?, &options, out),
        Some(Verb::Checkpoint(options)) => checkpoint::run(&host()?, options, out),
        Some(Verb::Restore(options)) => restore::run(&host()?, options, out),
        Some(Verb::Rescue(options)) => rescue::run(&host()?, &options, out),
        Some(Verb::Watch(options)) => watch::run(&host()?, &options, out),
        Some(Verb::Doctor(options)) => doctor::run(&host()?, &options, out),
        None if io::stdout().is_terminal() => {
            screen::run(host()?, target.as_deref()).map_err(|failure| or_verb(failure, target.as_deref()))
        }
        None => {
            let options = args::List::of(target);
            list::run(&host()?, &options, out).map_err(|failure| or_verb(failure, options.target.as_deref()))
        }
        // These do on a host without cgroups too.
        Some(Verb::Inspect(options)) => inspect::run(&global, &options, out),
        Some(Verb::Diff(options)) => diff::run(&options, out),
        Some(Verb::Completions { shell }) => generated::completions(shell, out),
        Some(Verb::Lab(options)) => lab::run(host()?, &options, out),
        Some(Verb::LabCounter(options)) => lab::count_for(options),
        Some(Verb::Man) => generated::man(out),
        Some(Verb::CriuGate(options)) => become_criu(&options.command),
        Some(Verb::CopyKeeper(options)) => failed(keeper::keep(options.init.last_pid, &options.groups)),
        Some(Verb::CopyInit(options)) => failed(keeper::be_init(options.last_pid)),
        Some(Verb::ThawTimer(options)) => thaw_timer::run(&global, &options),
    }
}

/// criu's own process, until it is let through.
fn become_criu(command: &[OsString]) -> Result<(), Failure> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    failed(gate::pass(program, arguments))
}

/// Of what this program starts itself a sentence is all that is said.
fn failed(done: Result<(), String>) -> Result<(), Failure> {
    done.map_err(|why| Failure::new(1, why))
}

/// The word that stands where a verb may, and the verb that it is like. What stands behind it is wrong then only because of that.
fn mistyped_verb(arguments: impl IntoIterator<Item = OsString>) -> Option<(String, &'static str)> {
    let matches = Arguments::command().ignore_errors(true).try_get_matches_from(arguments).ok()?;
    let word = matches.get_one::<OsString>("target")?.to_str()?.to_owned();
    let verb = like_a_verb(&word)?;
    Some((word, verb))
}

fn like_a_verb(word: &str) -> Option<&'static str> {
    similar::nearest(word, VERBS).filter(|verb| *verb != word)
}

/// A word alone that is no group may be meant as a verb.
fn or_verb(failure: Failure, target: Option<&OsStr>) -> Failure {
    match target.and_then(OsStr::to_str) {
        Some(word) if failure.code == 5 && word.bytes().all(|b| b.is_ascii_lowercase()) => {
            let verb = like_a_verb(word).map(|verb| format!("did you mean {verb}?"));
            let verb = verb.as_deref().unwrap_or("see cryoscope help");
            Failure::new(5, format!("{failure}; {word} is not a command either: {verb}"))
        }
        _ => failure,
    }
}

fn finish(done: Result<(), Failure>, out: &mut impl Write) -> Result<(), Failure> {
    match done.and_then(|()| out.flush().map_err(Failure::from)) {
        // Whoever read the output has seen enough: `cryoscope list | head`.
        Err(failure) if failure.is_closed_pipe() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_verb_is_like_the_one_that_was_meant() {
        let meant = |line: &str| {
            let words = line.split(' ').map(OsString::from);
            mistyped_verb(std::iter::once("cryoscope".into()).chain(words)).map(|(_, verb)| verb)
        };
        assert_eq!(meant("chekpoint x"), Some("checkpoint"));
        assert_eq!(meant("--root /sys/fs/cgroup feeze x --for 3s"), Some("freeze"));
        assert_eq!(meant("taw --all"), Some("thaw"));
        assert_eq!(meant("resque"), Some("rescue"));
        assert_eq!(meant("/system.slice x"), None);
        assert_eq!(meant("freeze --tiemout 3s x"), None, "clap says it");
    }

    #[test]
    fn every_verb_is_known() {
        let command = Arguments::command();
        let verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(clap::Command::get_name);
        assert!(verbs.eq(VERBS));
    }
}
