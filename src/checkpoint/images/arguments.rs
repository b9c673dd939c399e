//! The command line and the environment of a process, from its memory. Both are what the process made of them.

use super::ImagesError;
use super::message::MemoryMap;
use super::pages::{Extent, Pages};
use crate::model::printable;

/// So many bytes of a command line are kept.
const MAX_COMMAND_BYTES: u64 = 16 << 10;
/// So many bytes of an environment are read: more than the kernel lets most programs start with.
const MAX_ENVIRONMENT_BYTES: u64 = 1 << 20;

/// Memory that is picked out while all of it passes.
#[derive(Debug)]
pub(super) struct Window {
    start: u64,
    end: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(start: u64, end: u64, most: u64) -> Self {
        Self { start, end: end.min(start.saturating_add(most)).max(start), bytes: Vec::new() }
    }

    /// Takes what an extent has of it. What comes behind a gap is not taken.
    pub(super) fn take(&mut self, pages: &Pages, extent: &Extent) -> Result<(), ImagesError> {
        let next = self.start + self.bytes.len() as u64;
        if next >= self.end || !(extent.start..extent.end).contains(&next) || !extent.is_readable() {
            return Ok(());
        }
        let (_, Some(from_next)) = extent.split(next - extent.start) else { return Ok(()) };
        let length = (self.end - next).min(from_next.bytes());
        let before = self.bytes.len();
        self.bytes.resize(before + usize::try_from(length).unwrap_or(0), 0);
        pages.read(&from_next, &mut self.bytes[before..])
    }
}

/// The command line of a process.
#[derive(Debug)]
pub(super) struct CommandLine {
    pub window: Window,
    /// How long the arguments were at the start of the program.
    arguments: u64,
}

impl CommandLine {
    pub(super) fn new(memory: &MemoryMap) -> Self {
        let (start, end) = (memory.mm_arg_start, memory.mm_arg_end);
        let environment = if memory.mm_env_start == end { memory.mm_env_end } else { end };
        let window = Window::new(start, end.max(environment), MAX_COMMAND_BYTES);
        Self { window, arguments: end.saturating_sub(start) }
    }

    /// The arguments with spaces between them, printable; `None` where there are none, or the memory is not in the images. A program
    /// that wrote over the end of its arguments (setproctitle(3)) has one line there, up to the first NUL (fs/proc/base.c:
    /// `get_mm_cmdline`).
    pub(super) fn text(&self) -> Option<String> {
        let bytes = &self.window.bytes;
        let length = usize::try_from(self.arguments).unwrap_or(usize::MAX).min(bytes.len());
        let arguments = match bytes.get(..length) {
            Some([.., last]) if *last != 0 && self.arguments == length as u64 => {
                bytes.split(|&byte| byte == 0).next().unwrap_or_default()
            }
            Some(arguments) => arguments,
            None => return None,
        };
        let end = arguments.iter().rposition(|&byte| byte != 0)? + 1;
        let parts = arguments[..end].split(|&byte| byte == 0).map(printable);
        Some(parts.collect::<Vec<_>>().join(" "))
    }
}

/// Where the environment of a process begins and ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct EnvironmentPlace {
    start: u64,
    end: u64,
}

impl EnvironmentPlace {
    pub(super) fn new(memory: &MemoryMap) -> Self {
        Self { start: memory.mm_env_start, end: memory.mm_env_end }
    }

    /// The variables with which the program was started, printable.
    pub(super) fn read(self, pages: &mut Pages) -> Result<Vec<String>, ImagesError> {
        let mut window = Window::new(self.start, self.end, MAX_ENVIRONMENT_BYTES);
        while let Some(extent) = pages.next()? {
            window.take(pages, &extent)?;
        }
        let variables = window.bytes.split(|&byte| byte == 0).filter(|variable| !variable.is_empty());
        Ok(variables.map(|variable| printable(variable).into_owned()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], arguments: u64) -> Option<String> {
        let window = Window { start: 0, end: bytes.len() as u64, bytes: bytes.to_vec() };
        CommandLine { window, arguments }.text()
    }

    #[test]
    fn arguments_are_parted_by_spaces() {
        assert_eq!(text(b"sh\0-c\0\x1b[2J\0HOME=/\0", 11).unwrap(), "sh -c \\x1b[2J");
        assert_eq!(text(b"nginx: master process\0\0\0\0", 22).unwrap(), "nginx: master process");
        assert_eq!(text(b"", 0), None);
        assert_eq!(text(b"\0\0", 2), None);
    }

    #[test]
    fn a_title_goes_on_into_the_environment() {
        assert_eq!(text(b"server: 3 clients\0=x\0", 6).unwrap(), "server: 3 clients");
    }

    #[test]
    fn absurd_places_take_no_memory() {
        for (start, end) in [(u64::MAX, 0), (0, u64::MAX), (u64::MAX - 1, u64::MAX)] {
            let memory =
                MemoryMap { mm_arg_start: start, mm_arg_end: end, mm_env_start: end, ..MemoryMap::default() };
            assert_eq!(CommandLine::new(&memory).text(), None);
        }
    }
}
