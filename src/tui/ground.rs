//! Asks the terminal for its ground, and finds the answer among the keys.
//!
//! The answer comes the way keys come, in between them and whenever it likes, or never. So nobody waits for it, and nobody
//! else reads the terminal: what crossterm makes of the answer (Alt-], and the rest as if it were typed) is put together again.
//! (xterm: ctlseqs, "Operating System Commands", 11)

use std::fmt;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use ratatui::crossterm::Command;
use ratatui::crossterm::event::{Event, KeyCode, KeyEventKind, KeyModifiers};

use super::theme::Ground;

/// Which colour is the ground?
pub(super) struct Ask;

impl Command for Ask {
    fn write_ansi(&self, f: &mut impl fmt::Write) -> fmt::Result {
        f.write_str("\x1b]11;?\x07")
    }
}

/// A question that has been asked.
pub(super) struct Asked {
    answered: Receiver<()>,
    until: Instant,
}

impl Asked {
    /// Waits a moment for an answer that is still on its way: the shell would take it for something that was typed.
    pub(super) fn wait(&self) {
        // An error is the answer: the listener has let go of its end.
        let _ = self.answered.recv_deadline(self.until);
    }
}

/// Takes the answer out of what comes from the terminal.
pub(super) struct Listener {
    /// The events that may be the answer's beginning, and what they say.
    held: Vec<Event>,
    text: String,
    /// The last key was Esc: then the answer may have come in two pieces.
    escaped: bool,
    waiting: Option<Sender<()>>,
}

/// The question's both ends.
pub(super) fn question() -> (Listener, Asked) {
    // Longer than any answer takes that a person would not notice.
    const PATIENCE: Duration = Duration::from_millis(250);
    let (waiting, answered) = bounded(0);
    let listener = Listener { held: Vec::new(), text: String::new(), escaped: false, waiting: Some(waiting) };
    (listener, Asked { answered, until: Instant::now() + PATIENCE })
}

/// What comes out of the listener.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    /// Something for the screen.
    Input(Event),
    /// The answer.
    Ground(Ground),
}

/// How the answer begins.
const BEGINNING: &str = "]11;rgb";
/// No answer is longer.
const LONGEST: usize = 32;

enum Reading {
    /// It is no answer.
    Other,
    /// It may become one.
    Open,
    Answer(Option<Ground>),
}

impl Listener {
    /// Takes an event in, and gives back what is known now.
    pub(super) fn hear(&mut self, event: Event) -> Vec<Heard> {
        let Some(piece) = piece(&event).filter(|_| self.waiting.is_some()) else {
            return vec![Heard::Input(event)];
        };
        let escaped = std::mem::replace(&mut self.escaped, piece == "\x1b");
        let begins = piece == "\x1b]" || (escaped && piece == "]");
        if self.held.is_empty() && !begins {
            return vec![Heard::Input(event)];
        }
        self.text.push_str(if self.held.is_empty() { "]" } else { &piece });
        self.held.push(event);
        match read(&self.text) {
            Reading::Open => Vec::new(),
            Reading::Other => self.let_go(),
            Reading::Answer(ground) => {
                (self.waiting, self.held) = (None, Vec::new());
                ground.map(Heard::Ground).into_iter().collect()
            }
        }
    }

    /// It was typed after all. What is held may begin an answer at its last event.
    fn let_go(&mut self) -> Vec<Heard> {
        self.text.clear();
        let mut held = std::mem::take(&mut self.held);
        let last = held.pop();
        let mut heard: Vec<_> = held.into_iter().map(Heard::Input).collect();
        heard.extend(last.into_iter().flat_map(|last| self.hear(last)));
        heard
    }
}

/// The bytes that crossterm made this event of, where it may be a part of the answer.
fn piece(event: &Event) -> Option<String> {
    let key = event.as_key_event().filter(|key| key.kind == KeyEventKind::Press)?;
    match (key.code, key.modifiers.difference(KeyModifiers::SHIFT)) {
        (KeyCode::Char(c), KeyModifiers::NONE) => Some(c.to_string()),
        (KeyCode::Char(c), KeyModifiers::ALT) => Some(format!("\x1b{c}")),
        (KeyCode::Char('g'), KeyModifiers::CONTROL) => Some("\x07".to_owned()),
        (KeyCode::Esc, _) => Some("\x1b".to_owned()),
        // Anything else is no text, and goes its own way.
        _ => None,
    }
}

fn read(text: &str) -> Reading {
    let Some(rest) = text.strip_prefix(BEGINNING) else {
        return if BEGINNING.starts_with(text) { Reading::Open } else { Reading::Other };
    };
    // Nobody types this: what follows is the terminal's, whatever it says.
    match rest.find(['\x07', '\x1b']) {
        // The end in two pieces: its second one, a backslash, is bound to nothing worse than the filter. Wait for it.
        Some(end) if rest[end..] == *"\x1b" && text.len() < LONGEST => Reading::Open,
        Some(end) => Reading::Answer(ground(&rest[..end])),
        None if text.len() < LONGEST => Reading::Open,
        None => Reading::Answer(None),
    }
}

/// `:ffff/ffff/ffff`, or `a:` and a fourth part; each part has one to four digits. (X11: XParseColor(3))
fn ground(text: &str) -> Option<Ground> {
    let parts = text.trim_start_matches('a').strip_prefix(':')?.split('/');
    let part = |text: &str| {
        let most = (1..=4).contains(&text.len()).then(|| 16f64.powi(text.len() as i32) - 1.0)?;
        u16::from_str_radix(text, 16).ok().map(|value| f64::from(value) / most)
    };
    let parts: Vec<f64> = parts.map(part).collect::<Option<_>>()?;
    Some(Ground::of_colour(*parts.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::crossterm::event::KeyEvent;

    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
        Event::Key(KeyEvent::new(code, modifiers))
    }

    /// What crossterm makes of bytes that come at once.
    fn events(bytes: &str) -> Vec<Event> {
        let mut bytes = bytes.chars().peekable();
        let mut events = Vec::new();
        while let Some(c) = bytes.next() {
            events.push(match c {
                '\x07' => key(KeyCode::Char('g'), KeyModifiers::CONTROL),
                '\x1b' => match bytes.next_if(|c| *c != '\x1b') {
                    Some(c) => key(KeyCode::Char(c), KeyModifiers::ALT),
                    None => key(KeyCode::Esc, KeyModifiers::NONE),
                },
                c if c.is_uppercase() => key(KeyCode::Char(c), KeyModifiers::SHIFT),
                c => key(KeyCode::Char(c), KeyModifiers::NONE),
            });
        }
        events
    }

    fn hear(events: Vec<Event>) -> (Vec<Event>, Option<Ground>) {
        let (mut listener, _asked) = question();
        let (mut typed, mut ground) = (Vec::new(), None);
        for heard in events.into_iter().flat_map(|event| listener.hear(event)) {
            match heard {
                Heard::Input(event) => typed.push(event),
                Heard::Ground(found) => ground = Some(found),
            }
        }
        (typed, ground)
    }

    #[test]
    fn an_answer_is_found_among_keys() {
        for end in ["\x07", "\x1b\\"] {
            let (typed, ground) = hear(events(&format!("jj\x1b]11;rgb:1E1e/1e1e/2e2e{end}kf")));
            assert_eq!((typed, ground), (events("jjkf"), Some(Ground::Dark)));
            let (typed, ground) = hear(events(&format!("\x1b]11;rgba:ff/ff/ff/ff{end}\x1b]11;rgb")));
            assert_eq!(
                (typed, ground),
                (events("\x1b]11;rgb"), Some(Ground::Light)),
                "one answer, and no other"
            );
        }
    }

    #[test]
    fn an_answer_in_pieces_is_found() {
        let pieces = ["\x1b", "]11;rgb:0000/0000/0000", "\x1b", "\\", "j"].map(events);
        let (typed, ground) = hear(pieces.concat());
        // Esc was let through at once: a person who presses it must not wait.
        let typed_alone = [events("\x1b"), events("j")].concat();
        assert_eq!((typed, ground), (typed_alone, Some(Ground::Dark)));
    }

    #[test]
    fn other_events_go_by() {
        let mut all = events("\x1b]11;rgb:0/0/0");
        all.insert(4, Event::Resize(80, 24));
        all.extend(events("\x07"));
        assert_eq!(hear(all), (vec![Event::Resize(80, 24)], Some(Ground::Dark)));
    }

    #[test]
    fn what_is_no_answer_is_typed() {
        for typed in ["\x1b]x", "\x1b]11;f", "\x1b]1\x1b]1x", "]11;rgb:0/0/0\x07"] {
            assert_eq!(hear(events(typed)), (events(typed), None), "{typed:?}");
        }
    }

    #[test]
    fn an_answer_that_says_nothing_is_no_key_either() {
        for answer in ["\x1b]11;rgb:\x07", "\x1b]11;rgb:fffff/0/0\x07", "\x1b]11;rgb:zz/0/0\x1b\\"] {
            assert_eq!(hear(events(answer)), (vec![], None), "{answer:?}");
        }
    }

    #[test]
    fn whoever_waits_for_the_answer_is_told_when_it_came() {
        let (mut listener, mut asked) = question();
        asked.until = Instant::now() + Duration::from_secs(3600);
        for event in events("\x1b]11;rgb:0/0/0\x07") {
            listener.hear(event);
        }
        asked.wait();
    }

    proptest! {
        #[test]
        fn no_typed_key_is_lost_or_moved(typed in "[]\x1b\x0711;rgbaf/:0jkq\\\\]{0,20}") {
            prop_assume!(!typed.contains(BEGINNING));
            let all = events(&typed);
            let (heard, ground) = hear(all.clone());
            // What is held at the end may still become an answer.
            prop_assert!(all.starts_with(&heard) && all.len() - heard.len() < BEGINNING.len());
            prop_assert_eq!(ground, None);
        }
    }
}
