//! How it looks, by meaning: styles, themes, and other keys than the table's.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier, Style};

use super::*;
use crate::tui::theme::{Choice, Depth, Ground, Role, Styles};

const DEPTHS: [Depth; 4] = [Depth::Mono, Depth::Sixteen, Depth::Indexed, Depth::True];

fn settings(theme: Choice, depth: Depth, ground: Option<Ground>) -> Settings {
    let preferences = Preferences { theme, ..Preferences::default() };
    Settings { preferences, depth, ground, size: (120, 40), ..Settings::default() }
}

/// Every theme on every terminal.
fn everywhere() -> impl Iterator<Item = Settings> {
    let fixed = [Styles::DARK, Styles::LIGHT, Styles::ANSI].map(|styles| (Choice::Fixed(styles), None));
    let auto = [None, Some(Ground::Dark), Some(Ground::Light)].map(|ground| (Choice::Auto, ground));
    let looks = fixed.into_iter().chain(auto);
    looks.flat_map(|(theme, ground)| DEPTHS.map(|depth| settings(theme, depth, ground)))
}

fn drawn(s: &Session) -> Buffer {
    let (width, height) = s.app.size;
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view::draw(&s.app, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The cells of a text: its first place on the screen, from the top.
#[track_caller]
fn cells<'a>(screen: &'a Buffer, text: &str) -> &'a [Cell] {
    let width = usize::from(screen.area.width);
    for row in screen.content.chunks(width) {
        let line: Vec<&str> = row.iter().map(Cell::symbol).collect();
        let length = text.chars().count();
        let found = line.windows(length).position(|part| part.concat() == text);
        if let Some(at) = found {
            return &row[at..at + length];
        }
    }
    panic!("{text} is not on the screen");
}

fn style(screen: &Buffer, text: &str) -> Style {
    cells(screen, text)[0].style()
}

#[test]
fn a_frozen_row_differs_from_a_freezing_and_from_a_thawed_one_everywhere() {
    for settings in everywhere() {
        let name = format!("{:?}", (settings.preferences.theme, settings.depth, settings.ground));
        let mut s = Session::host_with(settings);
        s.press("*");
        let screen = drawn(&s);
        let (frozen, freezing) = (style(&screen, "❄ frozen"), style(&screen, "◌ freezing"));
        let thawed = style(&screen, "ssh.service");
        assert!(frozen != thawed && freezing != thawed && frozen != freezing, "{name}");
        // The selected one is the root.
        let row = style(&screen, "▾ /");
        assert!(row != thawed, "{name}");
    }
}

#[test]
fn without_colour_there_is_none() {
    for (theme, ground) in [(Choice::Auto, Some(Ground::Dark)), (Choice::Fixed(Styles::LIGHT), None)] {
        let mut s = Session::host_with(settings(theme, Depth::Mono, ground));
        s.press("*/app<Enter>2f");
        s.processes(10);
        let screen = drawn(&s);
        assert!(screen.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
        assert!(screen.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
    }
}

#[test]
fn the_state_keeps_its_colour_on_a_ground_of_its_own_only() {
    let row = |choice, depth| {
        let mut s = Session::host_with(settings(choice, depth, None));
        s.press("*/app.service<Enter>");
        let screen = drawn(&s);
        (style(&screen, "> "), style(&screen, "❄ frozen"), style(&screen, "❄↑"))
    };
    let (chosen, own, other) = row(Choice::Fixed(Styles::DARK), Depth::True);
    assert_eq!((own.bg, own.fg), (chosen.bg, other.fg));
    let (chosen, own, _) = row(Choice::Fixed(Styles::ANSI), Depth::True);
    assert_eq!(own, chosen);
}

#[test]
fn the_theme_follows_the_ground() {
    let mut s = Session::host_with(settings(Choice::Auto, Depth::True, None));
    assert!(s.app.asks_for_ground());
    let before = style(&drawn(&s), "3 frozen");
    s.send(Event::Ground(Ground::Light));
    let light = style(&drawn(&s), "3 frozen");
    s.send(Event::Ground(Ground::Dark));
    let dark = style(&drawn(&s), "3 frozen");
    assert!(before != light && light != dark && before != dark);
    for settled in [
        settings(Choice::Fixed(Styles::DARK), Depth::True, None),
        settings(Choice::Auto, Depth::Sixteen, None),
        settings(Choice::Auto, Depth::Mono, None),
    ] {
        assert!(!Session::host_with(settled).app.asks_for_ground());
    }
}

#[test]
fn a_theme_of_ones_own_is_drawn() {
    let mut styles = Styles::DARK;
    styles.set(Role::Frozen, "underline #010203").unwrap();
    let mut s = Session::host_with(settings(Choice::Fixed(styles), Depth::True, None));
    s.press("*");
    let frozen = style(&drawn(&s), "❄ frozen");
    assert_eq!(frozen.fg, Some(Color::Rgb(1, 2, 3)));
    assert!(frozen.add_modifier.contains(Modifier::UNDERLINED));
}

#[test]
fn other_keys_are_the_ones_that_act_and_that_are_shown() {
    let own = |action, keys: &[&str]| (action, keys.iter().map(|key| (*key).to_owned()).collect());
    let keymap = Keymap::default().with(&[
        own(Action::Freeze, &["Ctrl-D"]),
        own(Action::Palette, &["F5", "ge"]),
        own(Action::Hold, &["t"]),
        own(Action::Copy, &[]),
    ]);
    let preferences = Preferences { keymap, ..Preferences::default() };
    let mut s = Session::host_with(Settings { preferences, size: (120, 45), ..Settings::default() });
    s.press("j");
    let footer = |s: &Session| s.screen().lines().last().unwrap().to_owned();
    assert!(footer(&s).contains("Ctrl-D freeze  C checkpoint"), "thaw has no key left: {}", footer(&s));
    assert!(!footer(&s).contains("copy"));
    s.press("f");
    assert!(s.app.dialog.is_none(), "it is free");
    s.press("<C-d>");
    assert!(s.app.dialog.is_some());
    s.press("<Esc>t");
    assert_eq!(s.said(), "paused: t resumes");
    s.press("?");
    assert!(s.screen().contains("Ctrl-D        freeze the group") && s.screen().contains("F5 ge"));
    s.press("?gecopy path");
    assert!(s.screen().contains(" copy the path, command or events"), "{}", s.screen());
    s.press("<Enter>");
    assert!(s.said().starts_with("copied"), "what has no key is in the palette");
}

#[test]
fn the_screen_begins_as_it_is_liked() {
    let preferences = Preferences { mouse: false, sort: Sort::State, ..Preferences::default() };
    let mut s = Session::host_with(Settings { preferences, size: (80, 24), ..Settings::default() });
    assert_eq!(s.press("s").said(), "sorted by age, newest first");
    assert_eq!(s.press("m").asked(), [Command::Mouse(true)]);
}
