//! criu as a person runs it by hand: without preflight, plan and watchdog. For the lessons, which show what comes of that.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use process_wrap::std::ChildWrapper;

use super::criu;

/// A criu that was started by hand. It is never killed: its code may be in its target already, which would be lost.
#[derive(Debug)]
pub struct ByHand(Box<dyn ChildWrapper>);

/// Starts criu with these arguments, in a session of its own. It runs on when this is dropped.
///
/// # Errors
/// What starting it says.
pub fn start(criu: &Path, arguments: &[OsString]) -> io::Result<ByHand> {
    let mut command = criu::command(criu);
    command.args(arguments).current_dir("/");
    criu::spawn(command).map(ByHand)
}

impl ByHand {
    /// Whether it has ended with success; `None` while it runs. Asks for its exit code.
    ///
    /// # Errors
    /// What waitpid(2) says.
    pub fn ended(&mut self) -> io::Result<Option<bool>> {
        Ok(self.0.try_wait()?.map(|status| status.success()))
    }
}
