//! Screens of a step and of the list, from values.

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::list::List;
use super::page::{Asked, Page, Scroll};
use super::view::{Shown, draw};
use crate::lab::course::Phase;
use crate::lab::glimpse::{Glimpse, GroupSeen, ProcessSeen};
use crate::lab::lessons::ALL;
use crate::model::Version;
use crate::tui::theme::{Choice, Depth, Theme};

fn theme(ascii: bool) -> Theme {
    Theme::new(ascii, Choice::default(), Depth::default(), None)
}

fn screen(shown: &Shown, (width, height): (u16, u16), theme: Theme) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(shown, theme, frame)).unwrap();
    terminal.backend().to_string()
}

fn page(phase: Phase) -> Page {
    let files = vec![
        ("cgroup.freeze".to_owned(), "1".to_owned()),
        ("cgroup.events".to_owned(), "populated 1, frozen 1".to_owned()),
    ];
    let process = |pid, state, name: &str, count, traced| ProcessSeen {
        pid,
        state,
        name: name.to_owned(),
        count,
        traced,
    };
    let processes = vec![
        process(14_948, 'S', "counter", Some(4711), true),
        process(14_950, 'S', "evil\x1b[2J", None, false),
    ];
    let step = &(ALL[5].steps)(Version::V2, true)[1];
    let question = step.question.as_ref().map(|question| Asked {
        ask: question.ask,
        choices: question.choices.clone(),
        right: question.right,
        chosen: if let Phase::Seen(chosen) = phase { chosen } else { None },
    });
    Page {
        title: format!("Lesson 6 on v2: {}", ALL[5].title),
        step: (2, 6),
        text: step.text,
        shell: Some("criu dump -t 14948 -D /tmp/cryoscope-lab-14927-0/hang -o dump.log -v4 -R".to_owned()),
        phase,
        checks: vec![
            ("criu is attached to counter, idle for two seconds".to_owned(), phase != Phase::Looking),
            ("box is frozen: cgroup.events says frozen 1".to_owned(), true),
        ],
        question: question.filter(|_| matches!(phase, Phase::Asked | Phase::Seen(_))),
        glimpse: Glimpse { groups: vec![GroupSeen { name: "box".to_owned(), files, processes }] },
        changed: vec![("box".to_owned(), "cgroup.freeze".to_owned())],
        log: vec![
            "  0:02 box: cgroup.freeze: 0 → 1".to_owned(),
            "  0:04 $ criu dump -t 14948".to_owned(),
            "  0:04 box: counter is being traced".to_owned(),
        ],
        message: None,
        late: false,
        key: None,
        presentation: false,
        scroll: Scroll::default(),
    }
}

fn shown(page: Page) -> Shown {
    Shown::Page(Box::new(page))
}

fn list(chosen: usize, missing: bool) -> Shown {
    let lack = |criu| (criu && missing).then(|| "criu is not in PATH; install criu 3.14 or newer".to_owned());
    let lessons = ALL
        .iter()
        .map(|lesson| (format!("{}  {}", lesson.number, lesson.title), lesson.about, lack(lesson.criu)));
    Shown::List(List {
        lessons: lessons.collect(),
        chosen,
        version: Version::V2,
        other: true,
        message: None,
        key: None,
        presentation: false,
    })
}

#[test]
fn the_list() {
    insta::assert_snapshot!(screen(&list(5, true), (80, 24), theme(false)));
    insta::assert_snapshot!(screen(&list(0, false), (120, 40), theme(false)));
}

#[test]
fn a_step_to_do() {
    insta::assert_snapshot!(screen(&shown(page(Phase::ToDo)), (80, 24), theme(false)));
    insta::assert_snapshot!(screen(&shown(page(Phase::ToDo)), (120, 40), theme(false)));
}

#[test]
fn a_step_that_is_looked_at_too_long() {
    let late = Page {
        late: true,
        message: Some("done by hand: the kernel confirms it".into()),
        ..page(Phase::Looking)
    };
    insta::assert_snapshot!(screen(&shown(late), (80, 24), theme(false)));
}

#[test]
fn a_question_and_its_answer() {
    insta::assert_snapshot!(screen(&shown(page(Phase::Asked)), (120, 40), theme(false)));
    let answered = Page { scroll: Scroll::End(0), ..page(Phase::Seen(Some(0))) };
    insta::assert_snapshot!(screen(&shown(answered), (80, 24), theme(false)));
}

#[test]
fn for_an_audience() {
    let audience = || Page { presentation: true, key: Some("Enter".into()), ..page(Phase::Seen(Some(2))) };
    insta::assert_snapshot!(screen(&shown(audience()), (120, 40), theme(false)));
    insta::assert_snapshot!(screen(&shown(audience()), (80, 24), theme(false)));
}

#[test]
fn in_letters_and_at_the_smallest() {
    let ascii = theme(true);
    insta::assert_snapshot!(screen(&shown(page(Phase::ToDo)), (60, 15), ascii));
    assert!(screen(&list(0, false), (59, 15), ascii).contains("terminal too small"));
}

#[test]
fn nothing_that_a_terminal_obeys_is_shown() {
    let text = screen(&shown(page(Phase::Looking)), (120, 40), theme(false));
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn what_is_shown_of_a_long_step() {
    assert_eq!(Scroll::Start(3).up().above(10), 2);
    assert_eq!(Scroll::Start(0).up().above(10), 0);
    assert_eq!(Scroll::Start(30).above(10), 10);
    assert_eq!(Scroll::End(0).up().above(10), 9);
    assert_eq!(Scroll::End(0).down().above(10), 10);
    assert_eq!(Scroll::End(30).above(10), 0);
}
