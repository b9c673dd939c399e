//! The loop: gather events, update, carry commands out, draw once.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use nix::sys::signal::{SigSet, Signal};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event;

use super::world::World;
use super::{App, Event, Settings, update, view};
use crate::model::Hierarchies;

/// No more frames than this a second's fraction: what comes in between is drawn together.
const FRAME: Duration = Duration::from_millis(16);
/// How often durations on screen move on.
const TICK: Duration = Duration::from_secs(1);

/// Opens the screen, and closes it again whatever happens: on an error, a panic, SIGTERM and SIGHUP.
///
/// # Errors
/// Where the terminal cannot be set up or is gone, or a hierarchy cannot be opened.
pub fn run(hosts: Hierarchies, settings: Settings) -> io::Result<()> {
    let (inbox, events) = unbounded();
    signals(inbox.clone())?;
    let mut world = World::start(&hosts, &inbox)?;
    let mut terminal = ratatui::try_init()?;
    let done =
        keys(inbox).and_then(|()| session(&mut terminal, App::new(hosts, settings), &events, &mut world));
    let restored = ratatui::try_restore();
    if world.is_busy() {
        // The terminal may be gone: then nobody reads it, and the wait is the same.
        let _ = writeln!(io::stderr(), "cryoscope: waiting for the checkpoint to end");
        world.finish();
    }
    done.and(restored)
}

fn session(
    terminal: &mut DefaultTerminal,
    mut app: App,
    events: &Receiver<Event>,
    world: &mut World,
) -> io::Result<()> {
    let start = Instant::now();
    let size = terminal.size()?;
    let mut batch = vec![Event::Input(event::Event::Resize(size.width, size.height))];
    loop {
        let drawn = Instant::now();
        for event in std::iter::once(Event::Tick(start.elapsed())).chain(batch.drain(..)) {
            for command in update(&mut app, event) {
                if !world.execute(command)? {
                    return Ok(());
                }
            }
        }
        terminal.draw(|frame| view::draw(&app, frame))?;
        match events.recv_timeout(if app.counts_seconds() { TICK } else { Duration::MAX }) {
            Ok(event) => batch.push(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        std::thread::sleep(FRAME.saturating_sub(drawn.elapsed()));
        batch.extend(events.try_iter());
    }
}

/// Reads keys, in a thread of its own: it waits for the terminal while the loop waits for everything else.
fn keys(inbox: Sender<Event>) -> io::Result<()> {
    let body = move || {
        while let Ok(input) = event::read() {
            if inbox.send(Event::Input(input)).is_err() {
                return;
            }
        }
        // The terminal is gone.
        let _ = inbox.send(Event::Terminated);
    };
    std::thread::Builder::new().name("keys".into()).spawn(body).map(drop)
}

/// Blocks SIGTERM and SIGHUP, before there are other threads, and waits for them in a thread of its own.
fn signals(inbox: Sender<Event>) -> io::Result<()> {
    let set: SigSet = [Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
    set.thread_block()?;
    let body = move || {
        if set.wait().is_ok() {
            let _ = inbox.send(Event::Terminated);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(body).map(drop)
}
