//! `demo.tape`, replayed in a pseudo-terminal against the real program; and the picture that is drawn from such a replay.
//!
//! The tape is written for VHS (github.com/charmbracelet/vhs), so that anybody can record it. Here it is read and replayed by
//! the tests themselves: every step ends with a `Wait` for what must be on the screen then, so a key that means something else
//! breaks the tape. `cargo test --test real -- --ignored tape::render` draws the pictures in `assets` anew.

mod draw;
pub mod frames;
mod glyphs;
mod parse;
mod replay;
pub mod stage;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use libtest_mimic::Trial;

use super::support::requirement::{Need, trial};
use frames::{Camera, KeyFrames};
use parse::{Action, Tape};
use replay::{Broken, Nobody, replay};
use stage::Stage;

const NEED: &[Need] = &[Need::Root, Need::V2, Need::Criu];

pub fn tests() -> Vec<Trial> {
    vec![
        trial("tape::commands_are_read_as_vhs_has_them", &[], commands_are_read),
        trial("tape::it_fits_the_program_and_the_picture", NEED, it_fits),
        trial("tape::a_changed_key_breaks_it", NEED, a_changed_key_breaks_it),
        trial("tape::render", NEED, render).with_ignored_flag(true),
    ]
}

fn commands_are_read() {
    let tape = Tape::read("Set TypingSpeed 10ms\nDown 3 # thrice\nType `a \"b\"` Ctrl+Z\nHide\nEnter\nShow")
        .unwrap();
    assert_eq!(tape.typing, Duration::from_millis(10));
    let sent = |at: usize| match &tape.steps[at].action {
        Action::Press(sent) | Action::Type(sent) => sent.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!([sent(0), sent(1), sent(2)], ["\x1b[B\x1b[B\x1b[B", "a \"b\"", "\x1a"]);
    assert_eq!(tape.shown_keys().collect::<Vec<_>>(), [0, 1, 2]);
    for (wrong, why) in [
        ("Enter\nJump", "line 2"),
        ("Type \"a", "not closed"),
        ("Sleep soon", "line 1"),
        ("Wait+Screen /(/", "line 1"),
    ] {
        assert!(Tape::read(wrong).unwrap_err().contains(why), "{wrong}");
    }
}

fn in_the_project(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn the_tape() -> Tape {
    Tape::read(&fs::read_to_string(in_the_project("demo.tape")).unwrap()).unwrap()
}

#[track_caller]
fn succeeds(outcome: Result<(), Broken>) {
    if let Err(Broken { line, why }) = outcome {
        panic!("demo.tape, line {line}: {why}");
    }
}

fn it_fits() {
    let tape = the_tape();
    let kept = KeyFrames::read(&in_the_project(frames::FILE));
    let mut compared = frames::Compare::new(kept);
    succeeds(replay(&tape, &Stage::new("tape"), &mut compared));
    compared.assert_all_seen();
}

/// Every key and every text that is typed while the tape is shown, one after the other, becomes a key that means nothing.
fn a_changed_key_breaks_it() {
    const AT_ONCE: usize = 4;
    /// Long enough for what a right key does; a wrong one does it never.
    const PATIENCE: Duration = Duration::from_millis(2500);
    let tape = the_tape();
    let changed: VecDeque<usize> = tape.shown_keys().collect();
    assert!(changed.len() > 10, "the tape shows something");
    let changed = Mutex::new(changed);
    let next = || changed.lock().unwrap().pop_front();
    let work = || {
        while let Some(at) = next() {
            let line = tape.steps[at].line;
            let changed = tape.with(at, Action::Type(".".into()), PATIENCE);
            let outcome = replay(&changed, &Stage::new("changed"), &mut Nobody);
            let broken =
                outcome.expect_err(&format!("the key in line {line} of demo.tape could be any other"));
            assert!(broken.line >= line, "broken before that: line {}: {}", broken.line, broken.why);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

fn render() {
    let tape = the_tape();
    let mut camera = Camera::default();
    succeeds(replay(&tape, &Stage::new("render"), &mut camera));
    for output in &tape.outputs {
        fs::write(in_the_project(output), draw::animation(&camera.shots, &tape)).unwrap();
    }
    for (path, screen) in &camera.stills {
        fs::write(in_the_project(path), draw::still(screen, &tape)).unwrap();
    }
    camera.key_frames.write(&in_the_project(frames::FILE));
}
