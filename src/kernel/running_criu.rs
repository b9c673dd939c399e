//! The criu processes that hold others, whoever started them.
//!
//! A process is believed to be a criu that holds another one, when three things are so: nobody but trusted people controls it
//! ([`TrustedProcess`]), the file that it executes is a criu, and it traces the other one (`TracerPid` of
//! proc_pid_status(5)). Its arguments say only what it does. So a criu that has not seized anything yet holds nothing; and
//! nothing that an untrusted user starts is taken for a criu, whatever it is called and whatever it traces.

use super::command_line::arguments;
use super::trusted_process::TrustedProcess;
use crate::model::criu::{is_dump, names_criu};

/// Whether a process is a criu that takes hold of others, and is believed to be one.
pub fn is_criu(pid: i32) -> bool {
    is_dump(&arguments(pid)) && TrustedProcess::open(pid).is_some_and(|process| process.executes(names_criu))
}
