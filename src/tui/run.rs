//! The loop: gather events, update, carry commands out, draw once.

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use ratatui::DefaultTerminal;
use ratatui::crossterm::clipboard::CopyToClipboard;
use ratatui::crossterm::event::Event as Input;
use ratatui::crossterm::execute;

use super::input::{self, Heard, Questions, is_hung_up};
use super::screen::{Clicks, be_quiet, give_back, on_screen, take_again};
use super::world::World;
use super::{App, Command, Event, Settings, left, signals, update, view};
use crate::kernel::job_control;
use crate::model::Hierarchies;

/// No more frames than this a second's fraction: what comes in between is drawn together.
const FRAME: Duration = Duration::from_millis(16);
/// How many observed events wait at most. In a storm the observers wait, and not the screen: what the kernel announces meanwhile and
/// does not keep is read again (`watch`).
const MAX_WAITING_EVENTS: usize = 1024;
/// How many changes of groups are taken in before the next frame: the keys are looked at in between.
const MAX_CHANGES_PER_FRAME: usize = 20_000;

/// What comes in. A key, a signal or an answer never waits behind what the observers tell.
struct Inbox {
    urgent: Receiver<Event>,
    observed: Receiver<Event>,
}

/// Opens the screen, and closes it again whatever happens: on an error, a panic, a signal, and where the terminal goes away.
///
/// # Errors
/// Where the terminal cannot be set up, a hierarchy cannot be opened, or a part of the program failed.
pub fn run(hosts: Hierarchies, settings: Settings) -> io::Result<()> {
    let (inbox, urgent) = unbounded();
    // A sender stays here: where every observer has failed, the screen goes on.
    let (observers, observed) = bounded(MAX_WAITING_EVENTS);
    let events = Inbox { urgent, observed };
    signals::listen(inbox.clone())?;
    let mut world = World::start(&hosts, settings.log.clone(), &inbox, &observers)?;
    let end = inbox.clone();
    let panicked = move || drop(end.send(Event::Terminated));
    let mut app = App::new(hosts, settings);
    let done = on_screen(panicked, |terminal| {
        let questions = Questions::default();
        listen(questions.clone(), inbox)?;
        let mut screen = Screen { terminal, questions, is_ours: true };
        let done = session(&mut screen, &mut app, &events, &mut world);
        screen.settle().and(done)
    });
    // Whoever answers from here on is not to wait.
    drop(events);
    for line in left::frozen(&app) {
        say(&line);
    }
    if world.is_busy() {
        say("cryoscope: waiting for the checkpoint to finish");
    }
    for line in world.finish() {
        say(&format!("cryoscope: {line}"));
    }
    // Nobody is there to be told.
    if is_hung_up() { Ok(()) } else { done }
}

/// The terminal may be gone: then nobody reads it.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn session(screen: &mut Screen<'_>, app: &mut App, events: &Inbox, world: &mut World) -> io::Result<()> {
    if !app.mouse {
        execute!(io::stdout(), Clicks(false))?;
    }
    let start = Instant::now();
    let mut batch = vec![screen.size()?];
    let mut asked = false;
    loop {
        let drawn = Instant::now();
        tracing::debug!(events = batch.len(), "drawing");
        for event in std::iter::once(Event::Tick(start.elapsed())).chain(batch.drain(..)) {
            tracing::trace!(?event, "event");
            for command in update(app, event) {
                match command {
                    Command::Suspend => screen.suspend(app)?,
                    Command::TakeTerminal => screen.take_again(app)?,
                    Command::Copy(text) => {
                        execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))?;
                    }
                    Command::Mouse(ours) => execute!(io::stdout(), Clicks(ours))?,
                    Command::Quit => return Ok(()),
                    command => world.execute(command),
                }
            }
        }
        screen.draw(app)?;
        // Not before there is something to see.
        if !std::mem::replace(&mut asked, true) && app.asks_terminal() {
            screen.questions.ask(app.asks_for_ground())?;
        }
        if !events.gather(&mut batch, app.next_tick(), drawn + FRAME) {
            return Ok(());
        }
    }
}

impl Inbox {
    /// Waits for an event, no longer than this, and takes those that come until the next frame; false where no more can come.
    fn gather(&self, batch: &mut Vec<Event>, timeout: Option<Duration>, frame: Instant) -> bool {
        let mut urgent = Vec::new();
        let received = crossbeam_channel::select_biased! {
            recv(self.urgent) -> event => event.map(|event| urgent.push(event)),
            recv(self.observed) -> event => event.map(|event| batch.push(event)),
            default(timeout.unwrap_or(Duration::MAX)) => return true,
        };
        if received.is_err() {
            return false;
        }
        std::thread::sleep(frame.saturating_duration_since(Instant::now()));
        urgent.extend(self.urgent.try_iter());
        // As many as waited: what comes meanwhile is for the next frame.
        let mut taken = 0;
        for event in self.observed.try_iter().take(MAX_WAITING_EVENTS) {
            taken += if let Event::Changes { changes, .. } = &event { changes.len() } else { 0 };
            gather(batch, event);
            if taken > MAX_CHANGES_PER_FRAME {
                break;
            }
        }
        // What a write made of a group was read after what had been observed by then.
        batch.append(&mut urgent);
        true
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

/// The terminal, as long as it is this program's.
struct Screen<'a> {
    terminal: &'a mut DefaultTerminal,
    questions: Questions,
    /// Not while the program is stopped.
    is_ours: bool,
}

impl Screen<'_> {
    fn size(&self) -> io::Result<Event> {
        let size = self.terminal.size()?;
        Ok(Event::Input(Input::Resize(size.width, size.height)))
    }

    fn draw(&mut self, app: &App) -> io::Result<()> {
        if self.is_ours {
            self.terminal.draw(|frame| view::draw(app, frame))?;
        }
        Ok(())
    }

    /// Nothing of this program's is to reach whoever reads the terminal next.
    fn settle(&self) -> io::Result<()> {
        if !self.is_ours || is_hung_up() {
            return Ok(());
        }
        be_quiet()?;
        self.questions.settle()
    }

    /// Gives the terminal back, and stops the program as the terminal's Ctrl-Z does.
    fn suspend(&mut self, app: &mut App) -> io::Result<()> {
        // In the background it is somebody else's already.
        if job_control::is_in_foreground() {
            self.settle()?;
            give_back()?;
        }
        self.is_ours = false;
        // It is taken again when word comes that the program was continued.
        if job_control::stop()? { Ok(()) } else { self.take_again(app) }
    }

    /// The program was stopped, perhaps without its doing, and is continued.
    fn take_again(&mut self, app: &mut App) -> io::Result<()> {
        if !job_control::is_in_foreground() {
            // As the kernel would stop whoever sets the terminal from there.
            self.is_ours = false;
            job_control::stop()?;
            return Ok(());
        }
        take_again(self.terminal, app.mouse)?;
        self.is_ours = true;
        // Nobody told of a new size meanwhile.
        let size = self.terminal.size()?;
        app.resize((size.width, size.height));
        Ok(())
    }
}

/// Passes on what comes from the terminal.
fn listen(questions: Questions, inbox: Sender<Event>) -> io::Result<()> {
    let gone = inbox.clone();
    let tell = move |heard| match heard {
        Heard::Input(input) => inbox.send(Event::Input(input)).is_ok(),
        Heard::Ground(ground) => inbox.send(Event::Ground(ground)).is_ok(),
        Heard::Attributes => true,
    };
    input::listen(questions, tell, move || drop(gone.send(Event::Terminated)))
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::KeyCode;

    use super::*;
    use crate::model::{CgroupId, Change, Version};

    #[test]
    fn in_a_storm_a_frame_takes_a_part_and_every_key() {
        let (inbox, urgent) = unbounded();
        let (observers, observed) = bounded(MAX_WAITING_EVENTS);
        let events = Inbox { urgent, observed };
        let gone = Change::Gone(CgroupId { dev: 1, ino: 1 });
        let storm = Event::Changes { version: Version::V2, changes: vec![gone; MAX_CHANGES_PER_FRAME / 4] };
        while observers.try_send(storm.clone()).is_ok() {}
        inbox.send(Event::Input(Input::Key(KeyCode::Char('q').into()))).unwrap();
        let mut batch = Vec::new();
        assert!(events.gather(&mut batch, None, Instant::now()));
        let [Event::Changes { changes, .. }, Event::Input(Input::Key(_))] = &batch[..] else {
            panic!("{} events", batch.len())
        };
        assert!(changes.len() <= 2 * MAX_CHANGES_PER_FRAME, "{}", changes.len());
        assert!(!events.observed.is_empty(), "the rest is for the next frames");
    }
}
