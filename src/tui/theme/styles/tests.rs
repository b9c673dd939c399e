//! What the themes promise: contrast, and states that differ on every terminal.

use std::collections::HashSet;

use anstyle::{Ansi256Color, AnsiColor, RgbColor};
use anstyle_lossy::palette::{Palette, VGA, WIN10_CONSOLE};

use super::*;
use crate::tui::theme::ground::luminance;
use crate::tui::theme::{Choice, Ground};

/// Black, xterm's; and the lightest of well-known dark themes: Dracula, Nord.
const DARK_GROUNDS: [u32; 4] = [0x00_0000, 0x1e_1e1e, 0x28_2a36, 0x2e_3440];
/// White; and the darkest of well-known light themes: Solarized.
const LIGHT_GROUNDS: [u32; 3] = [0xff_ffff, 0xfd_f6e3, 0xee_e8d5];

fn parts(colour: Color, palette: Palette) -> [f64; 3] {
    let RgbColor(r, g, b) = match colour {
        Color::Rgb(r, g, b) => RgbColor(r, g, b),
        Color::Indexed(at) => anstyle_lossy::xterm_to_rgb(Ansi256Color(at), palette),
        Color::Red => palette.get(AnsiColor::Red),
        Color::Blue => palette.get(AnsiColor::Blue),
        Color::Magenta => palette.get(AnsiColor::Magenta),
        Color::DarkGray => palette.get(AnsiColor::BrightBlack),
        Color::LightRed => palette.get(AnsiColor::BrightRed),
        Color::LightGreen => palette.get(AnsiColor::BrightGreen),
        Color::LightYellow => palette.get(AnsiColor::BrightYellow),
        Color::LightBlue => palette.get(AnsiColor::BrightBlue),
        Color::LightCyan => palette.get(AnsiColor::BrightCyan),
        other => panic!("{other} is not used here"),
    };
    [r, g, b].map(|part| f64::from(part) / 255.0)
}

/// From 1 to 21. (WCAG 2.2, "contrast ratio")
fn contrast(one: Color, other: Color, palette: Palette) -> f64 {
    let (a, b) = (luminance(parts(one, palette)), luminance(parts(other, palette)));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn contrast_is_that_of_the_standard() {
    let ratio = |one, other| contrast(rgb(one), rgb(other), Palette::default());
    assert!((ratio(0, 0xff_ffff) - 21.0).abs() < 0.01);
    // The grey that is known for just passing.
    assert!((ratio(0x76_7676, 0xff_ffff) - 4.54).abs() < 0.01);
}

#[track_caller]
fn assert_readable(styles: Styles, grounds: &[u32]) {
    let selected = styles.of(Role::Selected);
    for role in Role::all() {
        let style = styles.of(role);
        // Lines are no text: 3 is asked of those.
        let least = if role == Role::Frame { 3.0 } else { 4.5 };
        let grounds = grounds.iter().map(|ground| rgb(*ground));
        let own = style.bg.map_or_else(|| grounds.collect(), |own| vec![own]);
        for (text, ground) in style.fg.into_iter().flat_map(|text| own.iter().map(move |g| (text, *g))) {
            let ratio = contrast(text, ground, Palette::default());
            assert!(ratio >= least, "{role:?} {text} on {ground}: {ratio:.2}");
        }
    }
    for role in [Role::Frozen, Role::Freezing] {
        let (text, ground) = (styles.of(role).fg.unwrap(), selected.bg.unwrap());
        let ratio = contrast(text, ground, Palette::default());
        assert!(ratio >= 4.5, "{role:?} where it is selected: {ratio:.2}");
    }
}

#[test]
fn dark_and_light_have_contrast_in_all_colours_and_in_256() {
    for depth in [Depth::True, Depth::Indexed] {
        assert_readable(Styles::DARK.for_depth(depth), &DARK_GROUNDS);
        assert_readable(Styles::LIGHT.for_depth(depth), &LIGHT_GROUNDS);
    }
}

#[test]
fn named_colours_can_be_told_from_their_ground() {
    let sixteen = |styles: Styles| styles.for_depth(Depth::Sixteen);
    // How light a named colour is, is the terminal's choice: on any ground there is none that always has 4.5.
    let looks = [
        (Styles::ANSI, 0x00_0000, 2.4),
        (Styles::ANSI, 0xff_ffff, 2.4),
        (sixteen(Styles::DARK), 0x00_0000, 4.0),
        (sixteen(Styles::LIGHT), 0xff_ffff, 4.5),
    ];
    for (styles, ground, least) in looks {
        for (role, colour) in Role::all().filter_map(|role| Some((role, styles.of(role).fg?))) {
            for palette in [VGA, WIN10_CONSOLE] {
                let ratio = contrast(colour, rgb(ground), palette);
                // What is grey is meant to be faint.
                let least = if role == Role::Faint { 2.8 } else { least };
                assert!(ratio >= least, "{role:?} {colour} on {ground:06x}: {ratio:.2}");
            }
        }
    }
}

#[test]
fn a_theme_on_another_ones_base_has_its_colours_by_hand_too() {
    let mut styles = Styles::LIGHT;
    styles.set(Role::Frozen, "#55ff55").unwrap();
    let few = styles.for_depth(Depth::Sixteen);
    assert_eq!(few.of(Role::Frozen).fg, Some(Color::LightGreen));
    assert_eq!(few.of(Role::Freezing), Styles::LIGHT_OF_SIXTEEN.of(Role::Freezing));
}

fn everywhere() -> impl Iterator<Item = (String, Styles)> {
    let choices = Styles::NAMES.map(|(name, styles)| (name, Choice::Fixed(styles), None));
    let auto = [None, Some(Ground::Dark), Some(Ground::Light)].map(|g| ("auto", Choice::Auto, g));
    choices.into_iter().chain(auto).flat_map(|(name, choice, ground)| {
        [Depth::Mono, Depth::Sixteen, Depth::Indexed, Depth::True]
            .map(|depth| (format!("{name} {ground:?} {depth:?}"), choice.styles(depth, ground)))
    })
}

#[test]
fn states_differ_from_each_other_and_from_plain_text_everywhere() {
    for (name, styles) in everywhere() {
        let states = [Role::Frozen, Role::Freezing, Role::Wrong, Role::Faint, Role::Selected];
        let looks: HashSet<Style> = states.map(|role| styles.of(role)).into();
        assert_eq!(looks.len(), states.len(), "{name}");
        assert!(!looks.contains(&Style::new()), "{name}: one of them looks like plain text");
    }
}

#[test]
fn no_terminal_gets_colours_that_it_has_not() {
    for role in Role::all() {
        for (name, styles) in everywhere() {
            let colours = [styles.of(role).fg, styles.of(role).bg].into_iter().flatten();
            for colour in colours {
                let fits = match colour {
                    Color::Rgb(..) => name.ends_with("True"),
                    Color::Indexed(_) => name.ends_with("Indexed"),
                    _ => !name.ends_with("Mono"),
                };
                assert!(fits, "{name}: {role:?} in {colour}");
            }
        }
    }
}

#[test]
fn each_role_has_its_own_place() {
    let mut styles = Styles::ANSI;
    styles.set(Role::Wrong, "green").unwrap();
    assert_eq!(styles.of(Role::Wrong), Style::new().fg(Color::Green));
    assert_eq!(styles.of(Role::Warning), Styles::ANSI.of(Role::Warning));
    assert!(styles.set(Role::Wrong, "grene").is_err());
    assert_eq!(Styles::named("ansi"), Some(Styles::ANSI));
    assert_eq!(Role::Selected.name(), "selected");
}
