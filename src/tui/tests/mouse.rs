//! Clicks, the wheel, and the border that is dragged.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::*;

impl Session {
    fn mouse(&mut self, kind: MouseEventKind, (column, row): (u16, u16)) -> &mut Self {
        let modifiers = KeyModifiers::NONE;
        self.send(Event::Input(Input::Mouse(MouseEvent { kind, column, row, modifiers })));
        self
    }

    fn click(&mut self, at: (u16, u16)) -> &mut Self {
        self.mouse(MouseEventKind::Down(MouseButton::Left), at)
            .mouse(MouseEventKind::Up(MouseButton::Left), at)
    }

    /// Where a text stands on the screen.
    fn find(&self, text: &str) -> (u16, u16) {
        let screen = self.screen();
        let (row, line) = screen.lines().enumerate().find(|(_, line)| line.contains(text)).expect(text);
        let before = &line.trim_start_matches('"')[..line.trim_start_matches('"').find(text).unwrap()];
        (columns::width(before).try_into().unwrap(), row.try_into().unwrap())
    }
}

#[test]
fn tabs_heads_rows_and_hierarchies_are_clicked() {
    let mut s = Session::host((120, 24));
    s.press("*/app<Enter>");
    s.processes(10);
    for (tab, panel) in
        [("2 Freeze", Panel::Freeze), ("4 Events", Panel::Events), ("1 Proc", Panel::Processes)]
    {
        let at = s.find(tab);
        s.click(at);
        assert_eq!(s.app.panel, panel);
    }
    let at = s.find("RSS COMMAND");
    assert_eq!(s.click(at).said(), "processes by memory, most first");
    let at = s.find("THR");
    assert_eq!(s.click(at).said(), "processes by threads, most first");
    let at = s.find("backup.sh");
    s.click(at);
    assert_eq!(crate::tui::processes::chosen(&s.app).map(|process| process.id.pid), Some(8420));
    let at = s.find("v1 freezer");
    s.click(at);
    assert_eq!(s.app.current, 1);
    let at = s.find("v1 freezer");
    s.click(at);
    assert_eq!(s.app.current, 1, "it is shown already");
    let at = s.find("v2 unified");
    s.click(at);
    assert_eq!((s.app.current, s.asked()), (0, vec![]), "no click changes a group");
}

#[test]
fn the_border_is_dragged() {
    let mut s = Session::host((120, 24));
    let border = |s: &Session| s.app.layout().unwrap().border();
    let drag = MouseEventKind::Drag(MouseButton::Left);
    let at = border(&s).unwrap();
    s.mouse(MouseEventKind::Down(MouseButton::Left), (at, 9)).mouse(drag, (70, 9)).mouse(drag, (80, 11));
    assert_eq!(border(&s), Some(80));
    s.mouse(MouseEventKind::Up(MouseButton::Left), (80, 11)).mouse(drag, (50, 9));
    assert_eq!(border(&s), Some(80), "it was let go");
}

#[test]
fn the_wheel_scrolls_what_it_is_over() {
    let mut s = Session::host((120, 24));
    s.press("*/app<Enter>");
    s.processes(10);
    s.mouse(MouseEventKind::ScrollDown, (90, 10));
    assert_eq!(s.selected(), "/system.slice/app.service");
    assert_eq!(crate::tui::processes::chosen(&s.app).map(|process| process.id.pid), Some(8430));
    s.mouse(MouseEventKind::ScrollUp, (10, 10));
    assert_ne!(s.selected(), "/system.slice/app.service");
}
