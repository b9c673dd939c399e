//! Signals to processes of the host.

use rustix::process::Signal as Kernel;

use crate::kernel::command_line::comm;
use crate::kernel::guard;
use crate::kernel::signals::signal as send_to;
use crate::model::{ProcessId, printable};
use crate::tui::Signal;

/// Sends it, and not to what the person at the screen, the host's logins or its services depend on, nor to a criu: a sentence
/// either way.
pub(super) fn send(process: ProcessId, signal: Signal) -> Result<String, String> {
    let (pid, word) = (process.pid, signal.word());
    let name = comm(pid).map_or(String::new(), |name| format!(" ({})", printable(&name)));
    if signal != Signal::Continue {
        if let Some(vital) = guard::vital().find(|vital| vital.pid == pid) {
            return Err(format!("{word} not sent: {}; use kill(1) to do it anyway", vital.reason()));
        }
        if comm(pid).as_deref() == Some(b"criu") {
            return Err(format!(
                "{word} not sent: process {pid} is criu, and ending it may kill the process that it dumps; R rescues \
                 a hung criu"
            ));
        }
    }
    let kernel = match signal {
        Signal::Stop => Kernel::STOP,
        Signal::Continue => Kernel::CONT,
        Signal::Terminate => Kernel::TERM,
        Signal::Kill => Kernel::KILL,
    };
    tracing::info!(pid, word, "signal");
    match send_to(process, kernel) {
        Ok(()) => Ok(format!("{word} sent to process {pid}{name}")),
        Err(error) => Err(format!("cannot send {word} to process {pid}{name}: {error}")),
    }
}
