//! `cryoscope watch`: a line for what happens, as it happens.

use std::io::{self, Write, stdout};
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::{Receiver, bounded, select_biased, unbounded};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use serde::Serialize;

use super::args::Watch;
use super::{Context, Failure, tell};
use crate::model::tree::Occurrence;
use crate::model::{Hierarchy, printable};
use crate::watch::{Message, Observer, Watching};

#[derive(Serialize)]
struct Line {
    at: String,
    event: &'static str,
    path: String,
}

/// Prints until it is interrupted, or until nobody reads.
pub(super) fn run(context: &Context, options: &Watch, out: &mut impl Write) -> Result<(), Failure> {
    let (sender, told) = unbounded();
    let (budget, mut observers) = (Arc::default(), Vec::new());
    for (fs, top) in context.tops(options.target.as_deref())? {
        let hierarchy = fs.hierarchy().clone();
        let sender = sender.clone();
        // The receiver is gone only when this function has ended.
        let tell = move |told| drop(sender.send((hierarchy.clone(), told)));
        observers.push(Observer::start(fs, top, Arc::clone(&budget), tell)?);
    }
    drop(sender);
    let gone = reader_gone()?;
    loop {
        let heard = select_biased! {
            recv(gone) -> _ => break,
            recv(told) -> heard => heard,
        };
        let Ok((hierarchy, told)) = heard else { break };
        match told {
            Message::Happened(occurred) => {
                for occurrence in occurred {
                    print(&hierarchy, &occurrence, options.json, out)?;
                }
                out.flush()?;
            }
            Message::Watching(watching) => notes(&watching),
            Message::Failed(why) => {
                return Err(Failure::new(1, format!("cannot watch {}: {why}", hierarchy.version)));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Is closed when nobody reads the output any more: the next line, which would tell, may be long in coming.
fn reader_gone() -> io::Result<Receiver<()>> {
    let (open, gone) = bounded(0);
    let body = move || {
        let _open = open;
        // For nothing but what is always reported: the end of a pipe or a socket, or of a terminal. A file has none of these.
        while poll(&mut [PollFd::new(&stdout(), PollFlags::empty())], None) == Err(Errno::INTR) {}
    };
    std::thread::Builder::new().name("reader".into()).spawn(body)?;
    Ok(gone)
}

/// What whoever reads the lines must know of them.
fn notes(watching: &Watching) {
    if let Some(why) = &watching.polling {
        let (watched, all) = (watching.groups, watching.of);
        tell(format_args!("{watched} of {all} groups are watched, the rest are polled: {why}"));
    }
    for (path, why) in &watching.unreadable {
        tell(format_args!("{path} and the groups below it are left out: {why}"));
    }
}

fn print(hierarchy: &Hierarchy, o: &Occurrence, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let path: PathBuf = hierarchy.absolute(&o.path);
    let path = printable(path.as_os_str().as_encoded_bytes()).into_owned();
    let now = jiff::ZonedDateTime::now();
    if json {
        let line = Line { at: now.timestamp().to_string(), event: o.what.word(), path };
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{} {:<9} {path}", now.strftime("%H:%M:%S%.3f"), o.what.word())?;
    }
    Ok(())
}
