//! A log that is written by a thread of its own: whoever logs never waits for the file.

use std::fs::File;
use std::io::{self, Write};
use std::sync::OnceLock;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing_subscriber::fmt::MakeWriter;

/// How many lines wait at most; those that are more are left out.
const MAX_WAITING_LINES: usize = 10_000;
/// How long the end of the program waits for the lines that wait.
const END_TIMEOUT: Duration = Duration::from_secs(2);

static QUEUE: OnceLock<Sender<Entry>> = OnceLock::new();

enum Entry {
    Line(Vec<u8>),
    /// All before it is written.
    End(Sender<()>),
}

/// Takes lines in.
#[derive(Clone)]
pub(super) struct Queue(Sender<Entry>);

/// Starts the thread.
///
/// # Errors
/// Where no thread can be had.
pub(super) fn start(file: File) -> io::Result<Queue> {
    let (queue, entries) = bounded(MAX_WAITING_LINES);
    std::thread::Builder::new().name("log".into()).spawn(move || write(file, &entries))?;
    let _ = QUEUE.set(queue.clone());
    Ok(Queue(queue))
}

/// Waits until the lines that wait are written, but not for long.
pub(in crate::cli) fn end() {
    let (written, is_written) = bounded(1);
    let Some(queue) = QUEUE.get() else { return };
    if queue.send_timeout(Entry::End(written), END_TIMEOUT).is_ok() {
        let _ = is_written.recv_timeout(END_TIMEOUT);
    }
}

/// A line that cannot be written is lost, as it would be without the thread.
fn write(mut file: File, entries: &Receiver<Entry>) {
    for entry in entries {
        match entry {
            Entry::Line(line) => drop(file.write_all(&line)),
            Entry::End(written) => drop(written.send(())),
        }
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = self.0.try_send(Entry::Line(line.to_vec()));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Queue {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
