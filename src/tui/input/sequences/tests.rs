use proptest::prelude::*;
use ratatui::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use super::*;
use crate::tui::theme::Ground;

/// A terminal, and the time.
struct Line {
    sequences: Sequences,
    now: Instant,
}

impl Line {
    fn new() -> Self {
        Self { sequences: Sequences::default(), now: Instant::now() }
    }

    /// What is heard of bytes that come at once.
    fn send(&mut self, bytes: impl AsRef<[u8]>) -> Vec<Heard> {
        self.sequences.feed(bytes.as_ref(), self.now)
    }

    /// What is heard when nothing comes for so long.
    fn pause(&mut self, millis: u64) -> Vec<Heard> {
        self.now += Duration::from_millis(millis);
        self.sequences.expire(self.now)
    }
}

fn hear(bytes: impl AsRef<[u8]>) -> Vec<Heard> {
    let mut line = Line::new();
    let mut heard = line.send(bytes);
    heard.extend(line.pause(1000));
    heard
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Heard {
    Heard::Input(Event::Key(KeyEvent::new(code, modifiers)))
}

fn letter(c: char) -> Heard {
    key(KeyCode::Char(c), KeyModifiers::NONE)
}

fn pasted(text: &str) -> Heard {
    Heard::Input(Event::Paste(text.to_owned()))
}

#[test]
fn keys_are_what_terminals_send_for_them() {
    const NONE: KeyModifiers = KeyModifiers::NONE;
    let keys = [
        ("j", KeyCode::Char('j'), NONE),
        ("J", KeyCode::Char('J'), KeyModifiers::SHIFT),
        ("é", KeyCode::Char('é'), NONE),
        ("\u{1f9ca}", KeyCode::Char('\u{1f9ca}'), NONE),
        ("\r", KeyCode::Enter, NONE),
        ("\t", KeyCode::Tab, NONE),
        ("\x7f", KeyCode::Backspace, NONE),
        ("\x1b", KeyCode::Esc, NONE),
        ("\x04", KeyCode::Char('d'), KeyModifiers::CONTROL),
        ("\x1a", KeyCode::Char('z'), KeyModifiers::CONTROL),
        ("\x1bx", KeyCode::Char('x'), KeyModifiers::ALT),
        ("\x1b[A", KeyCode::Up, NONE),
        ("\x1bOB", KeyCode::Down, NONE),
        ("\x1b[1;2B", KeyCode::Down, KeyModifiers::SHIFT),
        ("\x1b[1;5C", KeyCode::Right, KeyModifiers::CONTROL),
        ("\x1b[Z", KeyCode::BackTab, KeyModifiers::SHIFT),
        ("\x1b[H", KeyCode::Home, NONE),
        ("\x1b[4~", KeyCode::End, NONE),
        ("\x1b[5~", KeyCode::PageUp, NONE),
        ("\x1b[6;3~", KeyCode::PageDown, KeyModifiers::ALT),
        ("\x1b[3~", KeyCode::Delete, NONE),
        ("\x1bOP", KeyCode::F(1), NONE),
        ("\x1b[[A", KeyCode::F(1), NONE),
        ("\x1b[15~", KeyCode::F(5), NONE),
        ("\x1b[24~", KeyCode::F(12), NONE),
    ];
    for (bytes, code, modifiers) in keys {
        assert_eq!(hear(bytes), [key(code, modifiers)], "{bytes:?}");
    }
}

#[test]
fn the_mouse_is_heard_in_both_protocols() {
    let event = |kind, column, row| {
        Heard::Input(Event::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
    };
    let left = MouseButton::Left;
    assert_eq!(hear("\x1b[<0;5;7M"), [event(MouseEventKind::Down(left), 4, 6)]);
    assert_eq!(hear("\x1b[<0;5;7m"), [event(MouseEventKind::Up(left), 4, 6)]);
    assert_eq!(hear("\x1b[<32;5;7M"), [event(MouseEventKind::Drag(left), 4, 6)]);
    assert_eq!(hear("\x1b[<65;1;1M"), [event(MouseEventKind::ScrollDown, 0, 0)]);
    assert_eq!(hear(b"\x1b[M %'"), [event(MouseEventKind::Down(left), 4, 6)]);
}

#[test]
fn answers_are_found_among_keys() {
    for end in ["\x07", "\x1b\\"] {
        let heard = hear(format!("j\x1b]11;rgb:1E1e/1e1e/2e2e{end}\x1b[?62;4;22ck"));
        assert_eq!(heard, [letter('j'), Heard::Ground(Ground::Dark), Heard::Attributes, letter('k')]);
    }
    assert_eq!(hear("\x1b]11;rgba:ff/ff/ff/ff\x07"), [Heard::Ground(Ground::Light)]);
    for nothing in [
        "\x1b]11;rgb:\x07",
        "\x1b]11;rgb:fffff/0/0\x07",
        "\x1b]11;rgb:zz/0/0\x1b\\",
        "\x1b]10;?\x07",
        "\x1bP1$r\x1b\\",
    ] {
        assert_eq!(hear(nothing), [], "{nothing:?}");
    }
}

/// Every piece of it comes after a pause, so that each could be taken for keys.
#[test]
fn an_answer_in_pieces_is_heard_as_one() {
    let answer = "\x1b]11;rgb:0000/1111/0000\x1b\\";
    for first in 1..answer.len() - 2 {
        let mut line = Line::new();
        let mut heard = line.send(&answer[..first]);
        heard.extend(line.pause(300));
        heard.extend(line.send(&answer[first..]));
        heard.retain(|heard| *heard != key(KeyCode::Esc, KeyModifiers::NONE));
        heard.retain(|heard| *heard != key(KeyCode::Char(']'), KeyModifiers::ALT));
        assert_eq!(heard, [Heard::Ground(Ground::Dark)], "{first}");
    }
}

#[test]
fn what_begins_and_never_ends_takes_no_key_away() {
    for half in [
        "\x1b[",
        "\x1b[<",
        "\x1b[<0;1",
        "\x1b[M",
        "\x1b[1;",
        "\x1b]11;rgb:",
        "\x1bP",
        "\x1b[200~",
        "\x1bO",
        "\x1b[[",
    ] {
        let mut line = Line::new();
        line.send(half);
        line.pause(200);
        for c in ['j', 'k', 'q'] {
            assert_eq!(line.send(c.to_string()), [letter(c)], "after {half:?}");
            line.pause(200);
        }
        assert_eq!(line.send("\x1b[B"), [key(KeyCode::Down, KeyModifiers::NONE)], "after {half:?}");
        line.pause(200);
        assert_eq!(line.send("\x1b]11;rgb:0/0/0\x07"), [Heard::Ground(Ground::Dark)], "after {half:?}");
        let mut escape = line.send("\x1b");
        escape.extend(line.pause(200));
        assert_eq!(escape, [key(KeyCode::Esc, KeyModifiers::NONE)], "after {half:?}");
        line.pause(6000);
        assert_eq!(line.send("jj"), [letter('j'), letter('j')], "after {half:?}");
    }
}

#[test]
fn pasted_text_is_never_keys() {
    assert_eq!(hear("\x1b[200~f\r\x1b[Cx\x1b[201~j"), [pasted("f\r\x1b[Cx"), letter('j')]);
    // Over a slow line.
    let mut line = Line::new();
    assert_eq!(line.send("\x1b[200~one f\r"), []);
    assert_eq!(line.pause(200), [pasted("one f\r")]);
    assert_eq!(line.send("two f\r\x1b[20"), []);
    assert_eq!(line.pause(200), [pasted("two f\r")]);
    assert_eq!(line.send("1~j"), [letter('j')]);
}

#[test]
fn pasted_text_without_an_end_takes_no_memory() {
    let mut line = Line::new();
    line.send("\x1b[200~");
    for _ in 0..100 {
        line.send([b'x'; 4096]);
        assert!(line.sequences.open.len() < MAX_KEPT_BYTES + 2 * 4096);
    }
    let [Heard::Input(Event::Paste(text)), last] = &line.send("\x1b[201~j")[..] else { panic!() };
    assert!(text.len() >= MAX_KEPT_BYTES && text.bytes().all(|byte| byte == b'x'));
    assert_eq!(*last, letter('j'));
}

#[test]
fn bytes_that_are_no_text_are_left_out() {
    assert_eq!(hear(b"a\xff\xc3(\xe2\x82b"), [letter('a'), letter('('), letter('b')]);
    assert_eq!(hear(b"\x1b[1\xffj"), [letter('j')]);
}

proptest! {
    #[test]
    fn whatever_comes_a_key_works_soon(noise in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200usize) {
        let mut line = Line::new();
        let (first, rest) = noise.split_at(cut.min(noise.len()));
        line.send(first);
        line.send(rest);
        line.pause(200);
        prop_assert_eq!(line.send("j"), [letter('j')]);
    }

    #[test]
    fn typed_text_is_heard_as_it_is(text in "[ -~é]{0,40}", cut in 0..60usize) {
        let mut line = Line::new();
        let (first, rest) = text.as_bytes().split_at(cut.min(text.len()));
        let mut heard = line.send(first);
        heard.extend(line.send(rest));
        let typed: String = heard.iter().filter_map(|heard| match heard {
            Heard::Input(Event::Key(key)) => key.code.as_char(),
            _ => None,
        }).collect();
        prop_assert_eq!(typed, text);
    }
}
