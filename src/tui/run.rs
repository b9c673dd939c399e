//! The loop: gather events, update, carry commands out, draw once.

use std::io::{self, Write as _, stdin};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use ratatui::DefaultTerminal;
use ratatui::crossterm::{event, execute};
use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::ground::{self, Ask, Asked, Heard, Listener};
use super::screen::{on_screen, suspend};
use super::world::World;
use super::{App, Command, Event, Settings, left, update, view};
use crate::model::Hierarchies;

/// No more frames than this a second's fraction: what comes in between is drawn together.
const FRAME: Duration = Duration::from_millis(16);

/// Opens the screen, and closes it again whatever happens: on an error, a panic, a signal, and where the terminal goes away.
///
/// # Errors
/// Where the terminal cannot be set up, a hierarchy cannot be opened, or a part of the program failed.
pub fn run(hosts: Hierarchies, settings: Settings) -> io::Result<()> {
    let (inbox, events) = unbounded();
    signals(inbox.clone())?;
    hang_up(inbox.clone())?;
    let mut world = World::start(&hosts, settings.log.clone(), &inbox)?;
    let end = inbox.clone();
    let panicked = move || drop(end.send(Event::Terminated));
    let mut app = App::new(hosts, settings);
    let done = on_screen(panicked, |terminal| {
        let (listener, asked) = app.asks_for_ground().then(ground::question).unzip();
        keys(inbox, listener)?;
        let done = session(terminal, &mut app, &events, &mut world, asked.is_some());
        asked.iter().for_each(Asked::wait);
        done
    });
    for line in left::frozen(&app) {
        // As below.
        let _ = writeln!(io::stderr(), "{line}");
    }
    if world.is_busy() {
        // The terminal may be gone: then nobody reads it, and the wait is the same.
        let _ = writeln!(io::stderr(), "cryoscope: waiting for the checkpoint to end");
        world.finish();
    }
    // Nobody is there to be told.
    if is_hung_up() { Ok(()) } else { done }
}

fn session(
    terminal: &mut DefaultTerminal,
    app: &mut App,
    events: &Receiver<Event>,
    world: &mut World,
    mut ask: bool,
) -> io::Result<()> {
    if !app.mouse {
        world.execute(Command::Mouse(false))?;
    }
    let start = Instant::now();
    let size = terminal.size()?;
    let mut batch = vec![Event::Input(event::Event::Resize(size.width, size.height))];
    loop {
        let drawn = Instant::now();
        tracing::debug!(events = batch.len(), "drawing");
        for event in std::iter::once(Event::Tick(start.elapsed())).chain(batch.drain(..)) {
            tracing::trace!(?event, "event");
            for command in update(app, event) {
                if let Command::Suspend { mouse } = command {
                    suspend(terminal, mouse)?;
                    // Nobody told of a new size meanwhile.
                    let size = terminal.size()?;
                    app.resize((size.width, size.height));
                }
                if !world.execute(command)? {
                    return Ok(());
                }
            }
        }
        terminal.draw(|frame| view::draw(app, frame))?;
        // Not before there is something to see.
        if std::mem::take(&mut ask) {
            execute!(io::stdout(), Ask)?;
        }
        match events.recv_timeout(app.next_tick().unwrap_or(Duration::MAX)) {
            Ok(event) => batch.push(event),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        std::thread::sleep(FRAME.saturating_sub(drawn.elapsed()));
        events.try_iter().for_each(|event| gather(&mut batch, event));
    }
}

/// Facts about one hierarchy that come together are taken in together: what they do to the rows is then worked out once. Word of
/// what happened may stand between them.
fn gather(batch: &mut Vec<Event>, event: Event) {
    let Event::Changes { version, changes } = event else { return batch.push(event) };
    let observed = |event: &&mut Event| matches!(event, Event::Changes { .. } | Event::Happened { .. });
    let before = batch.iter_mut().rev().take_while(observed).find_map(|event| match event {
        Event::Changes { version: of, changes } if *of == version => Some(changes),
        _ => None,
    });
    match before {
        Some(before) => before.extend(changes),
        None => batch.push(Event::Changes { version, changes }),
    }
}

/// Reads keys, in a thread of its own: it waits for the terminal while the loop waits for everything else.
fn keys(inbox: Sender<Event>, mut listener: Option<Listener>) -> io::Result<()> {
    let body = move || {
        // crossterm hears of a new size from here on: what came between the first look at the size and now is looked up.
        let heard = event::poll(Duration::ZERO).and_then(|_| ratatui::crossterm::terminal::size());
        if let Ok((width, height)) = heard {
            let _ = inbox.send(Event::Input(event::Event::Resize(width, height)));
        }
        while let Ok(input) = event::read() {
            let heard = match &mut listener {
                Some(listener) => listener.hear(input),
                None => vec![Heard::Input(input)],
            };
            for event in heard.into_iter().map(Event::from) {
                if inbox.send(event).is_err() {
                    return;
                }
            }
        }
        let _ = inbox.send(Event::Terminated);
    };
    spawn("keys", body)
}

/// Waits for the signals that end the program. They are handled and not blocked, for what is blocked here would be blocked in
/// the programs that are started from here, too.
fn signals(inbox: Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT])?;
    let body = move || {
        for _ in signals.forever() {
            let _ = inbox.send(Event::Terminated);
        }
    };
    spawn("signals", body)
}

/// Waits until the terminal goes away. Not everybody gets a SIGHUP then, and crossterm takes the end of the input for an
/// invitation to read again at once, for ever.
fn hang_up(inbox: Sender<Event>) -> io::Result<()> {
    let body = move || {
        // Without a timeout, and for nothing but what is always reported: hang-up and error.
        while poll(&mut [PollFd::new(&stdin(), PollFlags::empty())], None) == Err(rustix::io::Errno::INTR) {}
        let _ = inbox.send(Event::Terminated);
    };
    spawn("hang-up", body)
}

fn is_hung_up() -> bool {
    let stdin = stdin();
    let mut terminal = [PollFd::new(&stdin, PollFlags::empty())];
    poll(&mut terminal, Some(&rustix::event::Timespec::default())).is_ok_and(|ready| ready > 0)
}

impl From<Heard> for Event {
    fn from(heard: Heard) -> Self {
        match heard {
            Heard::Input(input) => Self::Input(input),
            Heard::Ground(ground) => Self::Ground(ground),
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop)
}
