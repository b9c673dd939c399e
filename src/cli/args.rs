//! What may stand on the command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::checkpoint::images::Pattern;
use crate::checkpoint::restore::copy::keeper;
use crate::checkpoint::{After, gate};
use crate::lab;
use crate::model::{ProcessId, Version, printable, span};
use crate::timer;
use crate::tui::theme::Depth;

/// See, freeze, thaw and checkpoint Linux cgroups.
///
/// With no command, shows the live tree; if standard output is not a terminal, prints it once.
#[derive(Debug, Parser)]
#[command(name = "cryoscope", version, about, subcommand_precedence_over_arg = true)]
pub struct Arguments {
    /// What is asked for; the screen where nothing is.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// The group to select first: a path, pid:N, or a unit name
    pub target: Option<OsString>,
    /// What holds for every verb.
    #[command(flatten)]
    pub global: Global,
}

/// Options of every verb.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Use the cgroup file system mounted here (default: all mounted ones)
    #[arg(long, global = true, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Use only this hierarchy
    #[arg(long, global = true, value_name = "v1|v2", value_parser = version)]
    pub hierarchy: Option<Version>,
    /// Change nothing on this host
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)
    #[arg(long, global = true)]
    pub ascii: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value = "auto")]
    pub color: When,
    /// Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log every write, every criu command and every failure to this file
    #[arg(long, global = true, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Log more: kernel notifications (-v), everything (-vv)
    #[arg(short = 'v', global = true, action = ArgAction::Count, requires = "log")]
    pub verbose: u8,
}

/// When to use colour.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// As many colours as the terminal supports; none if `NO_COLOR` is set and not empty
    #[default]
    Auto,
    /// At least 16 colours, whatever the terminal and `NO_COLOR` say
    Always,
    /// No colours: bold, reverse and underline only
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
    /// Print one group: why it is frozen, and its processes
    Show(Show),
    /// Freeze groups and wait until they are frozen
    Freeze(Freeze),
    /// Thaw groups
    Thaw(Thaw),
    /// Checkpoint a group's processes with criu, even if the group is frozen
    Checkpoint(Checkpoint),
    /// Restore processes from a directory of criu images: all of them, or none
    Restore(Restore),
    /// Describe a directory of criu images
    Inspect(Inspect),
    /// Compare two checkpoints of the same processes
    Diff(Diff),
    /// Recover: criu runs that hang on frozen processes, interrupted checkpoints, freezes that have lost their timer
    Rescue(Rescue),
    /// Print one line whenever a group is frozen, thawed, created, removed, populated or emptied
    Watch(Watch),
    /// Report what this host supports
    Doctor(Doctor),
    /// Learn how the freezer and criu work, in lessons with groups and processes of their own
    Lab(Lab),
    /// Print completions for a shell
    Completions {
        /// The shell to generate completions for
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
    /// Where to start: a path, pid:N, or a unit name (default: the root groups)
    pub target: Option<OsString>,
    /// Show only frozen or freezing groups
    #[arg(long)]
    pub frozen: bool,
    /// Limit the depth to N levels below the first group
    #[arg(long, value_name = "N", value_parser = levels, allow_negative_numbers = true)]
    pub depth: Option<usize>,
    /// Print one JSON object per line
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
    /// The group: a path, pid:N, or a unit name
    pub target: OsString,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `freeze`
#[derive(Debug, Args)]
pub struct Freeze {
    /// The groups: paths, pid:N, or unit names
    #[arg(required = true, value_name = "TARGET")]
    pub targets: Vec<OsString>,
    /// Thaw automatically after DURATION, even if this program or its terminal is gone: 30s, 5m or 2h (1 second to 1 week;
    /// time in suspend counts)
    #[arg(long = "for", value_name = "DURATION", value_parser = span::for_a_time,
        allow_hyphen_values = true)]
    pub span: Option<Duration>,
    /// How long to wait for a group to freeze before the freeze is rolled back
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = span::parse,
        allow_hyphen_values = true)]
    pub timeout: Duration,
    /// Freeze even if it may lock you out
    #[arg(long)]
    pub force: bool,
    /// Don't ask for confirmation
    #[arg(long)]
    pub yes: bool,
}

/// `thaw`
#[derive(Debug, Args)]
pub struct Thaw {
    /// The groups: paths, pid:N, or unit names
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "TARGET")]
    pub targets: Vec<OsString>,
    /// Thaw all groups with a freeze of their own; on a terminal, lists them and asks first
    #[arg(long)]
    pub all: bool,
    /// Don't ask for confirmation
    #[arg(long)]
    pub yes: bool,
}

/// `checkpoint`
#[derive(Debug, Args)]
pub struct Checkpoint {
    /// The group: a path, pid:N, or a unit name
    pub target: OsString,
    /// The image directory: created if missing; must be empty
    #[arg(long, value_name = "DIR", required_unless_present = "prepare")]
    pub into: Option<PathBuf>,
    /// First override the service's settings that criu cannot handle, until the next boot, and restart it, which loses its state in
    /// memory. Without --into, stop there: use the service, then checkpoint it
    #[arg(long, conflicts_with = "pid")]
    pub prepare: bool,
    /// The root of the process tree to checkpoint, if the group contains several
    #[arg(long, value_name = "N", value_parser = pid, allow_negative_numbers = true)]
    pub pid: Option<i32>,
    /// State of the processes afterwards: running, frozen, stopped or killed (default: as they are now)
    #[arg(long, value_name = "STATE", value_parser = after)]
    pub after: Option<After>,
    /// How criu is run.
    #[command(flatten)]
    pub run: CriuRun,
}

/// What the verbs that run criu have in common.
#[derive(Debug, Args)]
pub struct CriuRun {
    /// Print the plan as a shell script; run nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask for confirmation
    #[arg(long)]
    pub yes: bool,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// The criu program to use (default: the one in PATH)
    #[arg(long, value_name = "PATH")]
    pub criu: Option<PathBuf>,
    /// Options passed to criu
    #[arg(last = true, value_name = "CRIU-OPTIONS")]
    pub extra: Vec<OsString>,
}

/// `restore`
#[derive(Debug, Args)]
pub struct Restore {
    /// The image directory
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Thaw a frozen target group during the restore and freeze it again afterwards; other processes in it run meanwhile
    #[arg(long)]
    pub thaw: bool,
    /// Put the processes into this group instead of their original ones: a path, pid:N, or a unit name
    #[arg(long, value_name = "GROUP")]
    pub into_group: Option<OsString>,
    /// Restore a copy beside the original, in a PID namespace and groups of its own, which are removed when its last process
    /// ends
    #[arg(long, conflicts_with = "thaw")]
    pub copy: bool,
    /// Freeze the copy before it runs; cryoscope thaw starts it
    #[arg(long, requires = "copy", conflicts_with = "into_group")]
    pub frozen: bool,
    /// How criu is run.
    #[command(flatten)]
    pub run: CriuRun,
}

/// `inspect`
#[derive(Debug, Args)]
pub struct Inspect {
    /// The image directory
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Show all open files and sockets, not only the first ones
    #[arg(long)]
    pub files: bool,
    /// Show all memory mappings, not only the largest ones
    #[arg(long)]
    pub maps: bool,
    /// Show the environment of each process; it may contain passwords
    #[arg(long)]
    pub env: bool,
    /// Search the processes' memory for this text and show where it occurs; \xHH is one byte
    #[arg(long, value_name = "TEXT", value_parser = search_text, group = "search", conflicts_with_all = ["files", "maps", "env", "criu"])]
    pub grep: Option<SearchText>,
    /// Search it for a regular expression of bytes; a match is at most 1024 bytes long
    #[arg(long, value_name = "PATTERN", value_parser = Pattern::regex, group = "search", conflicts_with_all = ["files", "maps", "env", "criu"])]
    pub regex: Option<Pattern>,
    /// Show this many bytes before and after each match, in hexadecimal
    #[arg(long, value_name = "BYTES", requires = "search", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub context: Option<u16>,
    /// Print the memory of this process in hexadecimal
    #[arg(long, value_name = "PID", conflicts_with_all = ["search", "files", "maps", "env", "criu", "json"])]
    pub hexdump: Option<i32>,
    /// The criu program that would restore them (default: the one in PATH)
    #[arg(long, value_name = "PATH")]
    pub criu: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `diff`
#[derive(Debug, Args)]
pub struct Diff {
    /// The first image directory
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,
    /// The second image directory
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,
    /// Print one JSON object
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
        0 => Err("give the text to search for".to_owned()),
        _ => Err(format!("the text is longer than {MAX_SEARCH_BYTES} bytes")),
    }
}

/// `rescue`
#[derive(Debug, Args)]
pub struct Rescue {
    /// Print what would be done, as shell commands; change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Don't ask for confirmation
    #[arg(long)]
    pub yes: bool,
}

/// `watch`
#[derive(Debug, Args)]
pub struct Watch {
    /// The group to watch, with all groups below it: a path, pid:N, or a unit name (default: all groups)
    pub target: Option<OsString>,
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `doctor`
#[derive(Debug, Args)]
pub struct Doctor {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `lab`
#[derive(Debug, Args)]
pub struct Lab {
    /// The lesson's number (default: choose from a list)
    #[arg(value_parser = clap::value_parser!(u8).range(1..=lab::ALL.len() as i64))]
    pub lesson: Option<u8>,
    /// Run unattended, print each step, and fail if one doesn't happen; runs all lessons on each freezer of the host if no
    /// lesson is named
    #[arg(long)]
    pub auto: bool,
    /// For an audience: more space, pressed keys are shown, events appear one at a time
    #[arg(long, conflicts_with = "auto")]
    pub presentation: bool,
    /// The criu program to use (default: the one in PATH)
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
    /// How long to freeze it
    #[arg(long = "for", value_name = "DURATION", value_parser = span::for_a_time)]
    pub span: Duration,
    /// It is frozen for a time already
    #[arg(long)]
    pub requested: bool,
}

fn levels(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| "give the number of levels, 0 for the group alone".to_owned())
}

fn pid(text: &str) -> Result<i32, String> {
    let number = text.parse().ok().filter(|&pid| pid > 0);
    number.ok_or_else(|| "give the process ID, such as 1234".to_owned())
}

fn after(text: &str) -> Result<After, String> {
    match text {
        "running" => Ok(After::Running),
        "frozen" => Ok(After::Frozen),
        "stopped" => Ok(After::Stopped),
        "killed" => Ok(After::Killed),
        _ => Err("choose running, frozen, stopped or killed".to_owned()),
    }
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "v1" => Ok(Version::V1),
        "v2" => Ok(Version::V2),
        _ => Err("choose v1 or v2".to_owned()),
    }
}
