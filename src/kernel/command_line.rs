//! How a process was called: its name and its arguments, which are its own word.

use super::proc;

/// So many bytes of a command line are shown at most.
const LONG_COMMAND: usize = 16 << 10;
/// So many bytes of arguments are looked at at most.
const MANY_ARGUMENTS: usize = 1 << 20;

/// The beginning of `/proc/PID/cmdline`. That is no file of the kernel's but memory of the process, which says itself where
/// it is and how long (`PR_SET_MM_MAP`, prctl(2)): it may be all its memory.
fn command_line(pid: i32, most: usize) -> Vec<u8> {
    // One that may not be read, or is gone, has none to show.
    proc::read_head(pid, "cmdline", most).unwrap_or_default()
}

/// The arguments of a process, its own name first; none where it is gone, or has none (a zombie, a kernel thread).
pub fn arguments(pid: i32) -> Vec<Vec<u8>> {
    let mut line = command_line(pid, MANY_ARGUMENTS);
    if line.last() == Some(&0) {
        line.pop();
    }
    if line.is_empty() { Vec::new() } else { line.split(|&b| b == 0).map(Into::into).collect() }
}

/// A process's name, as the kernel has it (`/proc/PID/comm`); `None` where it is gone.
pub fn comm(pid: i32) -> Option<Box<[u8]>> {
    proc::read(pid, "comm").ok().map(|text| text.trim_ascii_end().into())
}

/// The command line with spaces between the arguments; the command name in brackets where there is none.
pub(super) fn command(pid: i32) -> Box<[u8]> {
    let mut line = command_line(pid, LONG_COMMAND);
    while line.last() == Some(&0) {
        line.pop();
    }
    if line.is_empty() {
        return [b"[", &comm(pid).unwrap_or_default()[..], b"]"].concat().into();
    }
    line.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
    line.into()
}
