//! Runs a watcher in a thread of its own, for one hierarchy.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossbeam_channel::{Sender, unbounded};

use super::budget::Budget;
use super::message::{Focus, Message};
use super::watcher::Watcher;
use crate::kernel::Filesystem;
use crate::model::CgroupPath;

/// A running observer. It ends soon after this is dropped, which does not wait for it.
#[derive(Debug)]
pub struct Observer {
    focus: Sender<Focus>,
}

impl Observer {
    /// Begins to observe the groups from `top` down, with watches of a budget. `send` is called from the observer's own thread.
    ///
    /// Until something is said to be on screen, nothing is: then only what the kernel announces is read, or everything
    /// where it is polled.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn start(
        fs: Filesystem,
        top: CgroupPath,
        budget: Arc<Budget>,
        send: impl FnMut(Message) + Send + 'static,
    ) -> io::Result<Self> {
        let (focus, received) = unbounded();
        let name = format!("observe-{}", fs.hierarchy().version);
        let body = move || {
            let mut send = send;
            let observe = || Watcher::open(fs, top, budget, &mut send)?.run(&received);
            // A fault in here must not end in silence: whoever listens would take the last state for the present one.
            let why = match catch_unwind(AssertUnwindSafe(observe)) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(fault) => format!("internal error: {}", message_of(&*fault)),
            };
            send(Message::Failed(why));
        };
        std::thread::Builder::new().name(name).spawn(body)?;
        Ok(Self { focus })
    }

    /// Says what is on screen now.
    pub fn focus(&self, focus: Focus) {
        // An observer that has failed has said so itself.
        let _ = self.focus.send(focus);
    }
}

/// The message of a panic.
fn message_of(fault: &(dyn Any + Send)) -> &str {
    let text = fault.downcast_ref::<&str>().copied();
    text.or_else(|| fault.downcast_ref::<String>().map(String::as_str)).unwrap_or("unknown")
}
