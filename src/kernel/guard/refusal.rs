//! Why a group should not be frozen.

use std::fmt;

use crate::kernel::command_line::comm;
use crate::model::printable;

/// The process that would be frozen, and why that must not happen unasked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which process.
    pub pid: i32,
    /// Its name.
    pub name: String,
    /// What it is to the person at the keyboard.
    pub why: Why,
}

/// Why a process must keep running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is this program.
    Myself,
    /// It started this program, or what did: a shell, tmux, sshd, the terminal.
    Ancestor,
    /// It holds the other end of this session's terminal: what is typed and printed passes through it.
    HoldsTerminal,
    /// It shows what is printed there: a client of tmux, a display server.
    ShowsTerminal,
    /// It serves a file system that this session runs on.
    ServesFiles,
    /// It is PID 1.
    Init,
    /// Something of the host depends on it: what, with its verb.
    Essential(&'static str),
    /// It is one of these, and whether it is in the group cannot be known: why not.
    Unknown(String),
}

impl Refusal {
    pub(super) fn new(pid: i32, why: Why) -> Self {
        Self { pid, name: printable(&comm(pid).unwrap_or_default()).into_owned(), why }
    }

    /// The process, and what it is, in words.
    pub fn reason(&self) -> String {
        let process = format!("{} ({})", self.name, self.pid);
        match &self.why {
            Why::Myself => format!("{process}, this program itself"),
            Why::Ancestor => format!("{process}, which this session depends on"),
            Why::HoldsTerminal => format!("{process}, which holds the other end of this session's terminal"),
            Why::ShowsTerminal => format!("{process}, which shows this session's terminal"),
            Why::ServesFiles => format!("{process}, which serves a file system that this session uses"),
            Why::Init => format!("{process}, the init process"),
            Why::Essential(what) => format!("{process}, which {what}"),
            Why::Unknown(why) => format!("{process}: {why}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Unknown(why) => {
                write!(f, "could not check whether it contains {} ({}): {why}", self.name, self.pid)
            }
            _ => write!(f, "it contains {}", self.reason()),
        }
    }
}
