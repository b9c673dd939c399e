//! The guard against locking oneself out: which process makes freezing a group dangerous.

use std::fmt;

use super::cgroupfs::{Filesystem, Group};
use super::membership::groups_of;
use super::mounts::true_path;
use super::proc;
use super::processes::{comm, every_pid};
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
    /// This program.
    Myself,
    /// A process that started this program: a shell, tmux, sshd, the terminal.
    Ancestor,
    /// PID 1.
    Init,
    /// A process that the host's logins and services hang on.
    Essential,
    /// One of these, and whether it is in the group cannot be known: why not.
    Unknown(String),
}

impl Refusal {
    /// The process, and what it is, in words.
    pub fn reason(&self) -> String {
        let why = match &self.why {
            Why::Myself => "this program itself",
            Why::Ancestor => "which this program was started from",
            Why::Init => "the init process",
            Why::Essential => "which logins and services depend on",
            Why::Unknown(why) => why,
        };
        format!("process {} ({}), {why}", self.pid, self.name)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Unknown(why) => {
                write!(f, "whether it holds {} ({}) is not known: {why}", self.name, self.pid)
            }
            _ => write!(f, "it holds {}", self.reason()),
        }
    }
}

/// Processes without which nobody gets in, or nothing starts and stops: the init system's managers, the session bus, the
/// display server. Compared with the command name, which the kernel cuts off after 15 bytes.
const ESSENTIAL: [&[u8]; 11] = [
    b"systemd",
    b"systemd-logind",
    b"systemd-journal",
    b"systemd-udevd",
    b"dbus-daemon",
    b"dbus-broker",
    b"dbus-broker-lau",
    b"Xorg",
    b"Xwayland",
    b"gnome-shell",
    b"kwin_wayland",
];

/// The first process that speaks against freezing a group: this program, those it was started from, PID 1, and the
/// essential ones. One with threads in several groups is in each of them; one whose group cannot be known may be in this one.
pub fn refusal(fs: &Filesystem, group: &Group) -> Option<Refusal> {
    let path = true_path(fs, group).map_err(|error| error.to_string());
    let inside = |pid: i32| {
        let path = path.as_ref().map_err(String::clone)?;
        let groups = groups_of(pid, fs.hierarchy()).map_err(|unknown| unknown.why.to_string())?;
        Ok(groups.iter().any(|at| at.is_within(path)))
    };
    vital().find_map(|vital| match inside(vital.pid) {
        Ok(inside) => inside.then_some(vital),
        Err(why) => Some(Refusal { why: Why::Unknown(why), ..vital }),
    })
}

/// Every process that speaks against freezing the group that it is in, the nearest to the person first.
pub fn vital() -> impl Iterator<Item = Refusal> {
    let me = std::process::id().cast_signed();
    let reason = |pid| if pid == 1 { Why::Init } else { Why::Ancestor };
    let all = std::iter::once((me, Why::Myself))
        .chain(lineage(me).map(move |pid| (pid, reason(pid))))
        .chain(std::iter::once((1, Why::Init)))
        .chain(essential().map(|pid| (pid, Why::Essential)));
    all.map(|(pid, why)| Refusal { pid, name: printable(&comm(pid).unwrap_or_default()).into_owned(), why })
}

/// The parents of a process, nearest first.
fn lineage(pid: i32) -> impl Iterator<Item = i32> {
    let parent = |pid: &i32| Some(proc::stat(*pid)?.ppid).filter(|&p| p > 0);
    std::iter::successors(parent(&pid), parent)
}

fn essential() -> impl Iterator<Item = i32> {
    every_pid().filter(|&pid| comm(pid).is_some_and(|name| ESSENTIAL.contains(&&name[..])))
}
