//! What may stand on the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::checkpoint::restore::copy::keeper;
use crate::checkpoint::{After, gate};
use crate::lab;
use crate::model::{ProcessId, Version, printable, span};
use crate::timer;
use crate::tui::theme::Depth;

/// See, freeze, thaw and checkpoint Linux cgroups.
///
/// Without a verb: the live tree on the screen, or, where the output is no terminal, the tree printed once.
#[derive(Debug, Parser)]
#[command(name = "cryoscope", version, about, subcommand_precedence_over_arg = true)]
pub struct Arguments {
    /// What is asked for; the screen where nothing is.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// The group to open the screen at: a path, pid:N, or a unit's name
    pub target: Option<OsString>,
    /// What holds for every verb.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every verb.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// The cgroup file system to look at (default: those that are mounted)
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Look only at this hierarchy
    #[arg(long, global = true, value_name = "v1|v2", value_parser = version)]
    pub hierarchy: Option<Version>,
    /// Change nothing on this host
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Letters in place of symbols and lines (the default where the locale is not UTF-8)
    #[arg(long, global = true)]
    pub ascii: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    pub color: When,
    /// The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log to this file what is written, which criu is run, and what fails
    #[arg(long, global = true, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Log more: what is heard of the kernel (-v), everything (-vv)
    #[arg(short = 'v', global = true, action = ArgAction::Count, requires = "log")]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// As many as the terminal has, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Global {
    /// Whether letters are shown in place of symbols.
    pub fn shows_ascii(&self) -> bool {
        self.ascii || !super::locale::is_utf8()
    }
}

impl When {
    /// How many colours to use on this terminal. (no-color.org)
    pub fn depth(self) -> Depth {
        let (term, colorterm) = (std::env::var_os("TERM"), std::env::var_os("COLORTERM"));
        let has = Depth::of(term.as_deref(), colorterm.as_deref());
        let refused = || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self {
            Self::Auto if refused() => Depth::Mono,
            Self::Auto => has,
            Self::Always => has.max(Depth::Sixteen),
            Self::Never => Depth::Mono,
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Print the groups with their freeze state
    List(List),
    /// Print one group: who froze it, and its processes
    Show(Show),
    /// Freeze groups, and wait until they are frozen
    Freeze(Freeze),
    /// Thaw groups
    Thaw(Thaw),
    /// Checkpoint a group's processes with criu, without the hang
    Checkpoint(Checkpoint),
    /// Restore what a folder of criu's images holds: all of it, or nothing
    Restore(Restore),
    /// Say what a folder of criu's images holds
    Inspect(Inspect),
    /// Say what changed between two checkpoints of the same processes
    Diff(Diff),
    /// Free criu runs that hang on frozen tasks, put right checkpoints that were cut off, and end freezes that lost their timer
    Rescue(Rescue),
    /// Print a line when a group is frozen, thawed, created, removed, populated or emptied
    Watch(Watch),
    /// Say what this host can do
    Doctor(Doctor),
    /// Lessons on the freezer and on criu, with groups and processes of their own
    Lab(Lab),
    /// Print the completions for a shell
    Completions {
        /// For which
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
    /// Thaw a group after a time: what `freeze --for` starts
    #[command(name = timer::VERB, hide = true)]
    ThawTimer(ThawTimer),
    /// Wait to be let through, and become criu: what `checkpoint` starts
    #[command(name = gate::VERB, hide = true)]
    CriuGate(CriuGate),
    /// Keep a copy to its end: what `restore --copy` starts
    #[command(name = keeper::KEEPER, hide = true)]
    CopyKeeper(CopyKeeper),
    /// Be PID 1 of a copy's namespace: what `copy-keeper` starts
    #[command(name = keeper::INIT, hide = true)]
    CopyInit(CopyInit),
    /// Count, as what the lessons freeze: what `lab` starts
    #[command(name = lab::counter::VERB, hide = true)]
    LabCounter(LabCounter),
}

/// `list`
#[derive(Debug, Default, Args)]
pub struct List {
    /// Where to begin: a path, pid:N, or a unit's name (default: the roots)
    pub target: Option<OsString>,
    /// Only groups that are frozen or freezing
    #[arg(long)]
    pub frozen: bool,
    /// How many levels below the first group
    #[arg(long, value_name = "N", value_parser = levels, allow_negative_numbers = true)]
    pub depth: Option<usize>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

impl List {
    /// The plain listing of a target.
    pub(super) fn of(target: Option<OsString>) -> Self {
        Self { target, ..Self::default() }
    }
}

/// `show`
#[derive(Debug, Args)]
pub struct Show {
    /// A path, pid:N, or a unit's name
    pub target: OsString,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `freeze`
#[derive(Debug, Args)]
pub struct Freeze {
    /// Paths, pid:N, or units' names
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<OsString>,
    /// Thaw them automatically after this time, even if this program or its terminal is gone; a suspend counts
    #[arg(long = "for", value_name = "SPAN", value_parser = span::for_a_time,
        allow_hyphen_values = true)]
    pub span: Option<Duration>,
    /// How long to wait until a group is frozen, before the freeze is taken back
    #[arg(long, value_name = "SPAN", default_value = "10s", value_parser = span::parse,
        allow_hyphen_values = true)]
    pub timeout: Duration,
    /// Freeze even what may lock you out
    #[arg(long)]
    pub force: bool,
    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
}

/// `thaw`
#[derive(Debug, Args)]
pub struct Thaw {
    /// Paths, pid:N, or units' names
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "TARGET")]
    pub targets: Vec<OsString>,
    /// Every group that asks for a freeze itself; on a terminal they are listed first, and you are asked
    #[arg(long)]
    pub all: bool,
    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
}

/// `checkpoint`
#[derive(Debug, Args)]
pub struct Checkpoint {
    /// A path, pid:N, or a unit's name
    pub target: OsString,
    /// The folder for the images: made where it is missing, else empty
    #[arg(long, value_name = "DIR")]
    pub into: PathBuf,
    /// The root of the process tree, where the group holds several
    #[arg(long, value_name = "N", value_parser = pid, allow_negative_numbers = true)]
    pub pid: Option<i32>,
    /// What becomes of the processes (default: they stay as they were found)
    #[arg(long, value_name = "STATE", value_parser = after)]
    pub after: Option<After>,
    /// How criu is run.
    #[command(flatten)]
    pub run: CriuRun,
}

/// What the verbs that run criu have in common.
#[derive(Debug, Args)]
pub struct CriuRun {
    /// Print what would run, as a shell script, and run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
    /// The criu to use (default: the one in PATH)
    #[arg(long, value_name = "PATH")]
    pub criu: Option<PathBuf>,
    /// Options handed on to criu
    #[arg(last = true, value_name = "CRIU-OPTIONS")]
    pub extra: Vec<OsString>,
}

/// `restore`
#[derive(Debug, Args)]
pub struct Restore {
    /// The folder with the images
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Thaw what would hold the processes for as long as the restore takes, and freeze it again: others in it run meanwhile
    #[arg(long)]
    pub thaw: bool,
    /// Put the processes into this group, not into those of the images: a path, pid:N, or a unit's name
    #[arg(long, value_name = "GROUP")]
    pub into_group: Option<OsString>,
    /// Restore a copy in a PID namespace and groups of its own, while the original may live: all of it goes when its last
    /// process ends
    #[arg(long, conflicts_with = "thaw")]
    pub copy: bool,
    /// Freeze the copy before it runs: cryoscope thaw lets it go
    #[arg(long, requires = "copy", conflicts_with = "into_group")]
    pub frozen: bool,
    /// How criu is run.
    #[command(flatten)]
    pub run: CriuRun,
}

/// `inspect`
#[derive(Debug, Args)]
pub struct Inspect {
    /// The folder with the images
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Show all open files and sockets, not only the first of them
    #[arg(long)]
    pub files: bool,
    /// Show all mappings, not only the largest
    #[arg(long)]
    pub maps: bool,
    /// Show the environment of each process: it may hold passwords
    #[arg(long)]
    pub env: bool,
    /// Search the memory for this text, and show where it is; \xHH stands for a byte
    #[arg(long, value_name = "TEXT", value_parser = search_text, conflicts_with_all = ["files", "maps", "env", "criu"])]
    pub grep: Option<SearchText>,
    /// The criu that would restore them (default: the one in PATH)
    #[arg(long, value_name = "PATH")]
    pub criu: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// The folder with the first images
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The folder with the second images
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// What memory is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchText(pub Vec<u8>);

/// So long a text is looked for.
const MAX_SEARCH_BYTES: usize = 4096;

fn search_text(text: &str) -> Result<SearchText, String> {
    let bytes = printable::unescaped(text.as_bytes());
    match bytes.len() {
        1..=MAX_SEARCH_BYTES => Ok(SearchText(bytes)),
        0 => Err("write the text to look for".to_owned()),
        _ => Err(format!("it is longer than {MAX_SEARCH_BYTES} bytes")),
    }
}

/// `rescue`
#[derive(Debug, Args)]
pub struct Rescue {
    /// Say what would be done, as lines for a shell, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Ask nothing
    #[arg(long)]
    pub yes: bool,
}

/// `watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// Where to look: this group and all below (default: the roots)
    pub target: Option<OsString>,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// One JSON object
    #[arg(long)]
    pub json: bool,
}

/// `lab`
#[derive(Debug, Args)]
pub struct Lab {
    /// The number of a lesson (default: a list to choose from)
    #[arg(value_parser = clap::value_parser!(u8).range(1..=lab::ALL.len() as i64))]
    pub lesson: Option<u8>,
    /// Hold the lesson without a person, print what happens, and fail where a step does not happen; all lessons where none is
    /// named, on each freezer that the host has
    #[arg(long)]
    pub auto: bool,
    /// For an audience: more space, the keys that are pressed, and events one at a time
    #[arg(long, conflicts_with = "auto")]
    pub presentation: bool,
    /// The criu to use (default: the one in PATH)
    #[arg(long, value_name = "PATH")]
    pub criu: Option<PathBuf>,
}

/// `lab-counter`: what this program starts itself, and nobody else has a reason to.
#[derive(Debug, Args)]
pub struct LabCounter {
    /// Whose it is
    #[arg(long, value_name = "PID:START", value_parser = lab::counter::lab)]
    pub lab: ProcessId,
    /// Where it counts
    #[arg(long)]
    pub file: PathBuf,
    /// Where its child counts
    #[arg(long)]
    pub child: Option<PathBuf>,
    /// The process that it holds as a debugger does
    #[arg(long, value_name = "PID")]
    pub attach: Option<i32>,
    /// How many threads it has
    #[arg(long, default_value = "1")]
    pub threads: u32,
    /// Where it goes: a group's directory of each hierarchy
    pub groups: Vec<PathBuf>,
}

/// `criu-gate`: what this program starts itself, and nobody else has a reason to.
#[derive(Debug, Args)]
pub struct CriuGate {
    /// criu and its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

/// `copy-keeper`: what this program starts itself, and the script of a copy.
#[derive(Debug, Args)]
pub struct CopyKeeper {
    /// PID 1 of the namespace.
    #[command(flatten)]
    pub init: CopyInit,
    /// The groups that it makes, and removes when the copy has ended
    pub groups: Vec<PathBuf>,
}

/// `copy-init`: what `copy-keeper` starts, and nobody else has a reason to.
#[derive(Debug, Args)]
pub struct CopyInit {
    /// The number after which the namespace gives its own
    #[arg(long, value_name = "N", value_parser = pid)]
    pub last_pid: i32,
}

/// `thaw-timer`: what this program starts itself, and nobody else has a reason to.
#[derive(Debug, Args)]
pub struct ThawTimer {
    /// Which freezer
    #[arg(long, value_name = "v1|v2", value_parser = version)]
    pub freezer: Version,
    /// Where the hierarchy is mounted
    #[arg(long, value_name = "DIR")]
    pub mount: PathBuf,
    /// Which group of the hierarchy is mounted there
    #[arg(long, value_name = "PATH")]
    pub mounted: OsString,
    /// The group, below what is mounted
    #[arg(long, value_name = "PATH")]
    pub group: OsString,
    /// The device of its directory
    #[arg(long, value_name = "N")]
    pub device: u64,
    /// The inode of its directory
    #[arg(long, value_name = "N")]
    pub inode: u64,
    /// How long it is to be frozen
    #[arg(long = "for", value_name = "SPAN", value_parser = span::for_a_time)]
    pub span: Duration,
    /// It is frozen for a time already
    #[arg(long)]
    pub requested: bool,
}

fn levels(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "write how many levels as a number, 0 for the group alone".to_owned())
}

fn pid(text: &str) -> Result<i32, String> {
    let number = text.parse().ok().filter(|&pid| pid > 0);
    number.ok_or_else(|| "write the process's number, as in 1234".to_owned())
}

fn after(text: &str) -> Result<After, String> {
    match text {
        "running" => Ok(After::Running),
        "frozen" => Ok(After::Frozen),
        "stopped" => Ok(After::Stopped),
        "killed" => Ok(After::Killed),
        _ => Err("afterwards they can be running, frozen, stopped or killed".to_owned()),
    }
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "v1" => Ok(Version::V1),
        "v2" => Ok(Version::V2),
        _ => Err("the hierarchies are v1 and v2".to_owned()),
    }
}
