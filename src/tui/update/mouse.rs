//! The mouse: the wheel scrolls what it is over, a click selects, folds, turns to a panel or sorts, the border can be dragged.
//! No click changes a group.

use ratatui::crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::keys;
use super::keys::act;
use crate::tui::layout::inside;
use crate::tui::{Action, App, Command, Panel, processes, tabs};

pub(super) fn on_mouse(app: &mut App, mouse: MouseEvent, commands: &mut Vec<Command>) {
    let at = Position::new(mouse.column, mouse.row);
    if app.dialog.is_some() || app.palette.is_some() || app.help || app.shown_checkpoint().is_some() {
        return;
    }
    let Some(layout) = app.layout() else { return };
    match mouse.kind {
        MouseEventKind::Drag(_) if app.dragging => return app.shape.set_border(mouse.column, layout.body),
        MouseEventKind::Up(_) => app.dragging = false,
        MouseEventKind::Down(MouseButton::Left)
            if layout.border() == Some(at.x) && layout.body.contains(at) =>
        {
            app.dragging = true;
            return;
        }
        _ => {}
    }
    match (layout.tree.filter(|area| area.contains(at)), layout.panel.filter(|area| area.contains(at))) {
        (Some(area), _) => in_tree(app, inside(area), mouse.kind, at),
        (_, Some(area)) => in_panel(app, area, mouse.kind, at, commands),
        _ if layout.header.contains(at) && matches!(mouse.kind, MouseEventKind::Down(_)) => {
            in_header(app, at, commands);
        }
        _ => {}
    }
}

fn in_tree(app: &mut App, area: Rect, kind: MouseEventKind, at: Position) {
    let Some(grove) = app.grove_mut().filter(|_| area.contains(at)) else { return };
    let cursor = grove.cursor();
    match kind {
        MouseEventKind::ScrollDown => grove.go(cursor + 3),
        MouseEventKind::ScrollUp => grove.go(cursor.saturating_sub(3)),
        MouseEventKind::Down(_) => {
            let row = grove.offset + usize::from(at.y - area.y);
            let Some(&hit) = grove.rows.get(row).filter(|row| grove.node(row.key).is_some()) else { return };
            grove.give_up();
            grove.go(row);
            let triangle = usize::from(area.x) + 1 + 2 * hit.depth;
            if usize::from(at.x) == triangle {
                grove.set_unfolded(hit.key, !grove.is_unfolded(hit.key));
            }
        }
        _ => {}
    }
}

fn in_panel(app: &mut App, frame: Rect, kind: MouseEventKind, at: Position, commands: &mut Vec<Command>) {
    let area = inside(frame);
    match kind {
        MouseEventKind::ScrollDown => (0..3).for_each(|_| act(app, Action::PanelDown, commands)),
        MouseEventKind::ScrollUp => (0..3).for_each(|_| act(app, Action::PanelUp, commands)),
        MouseEventKind::Down(_) if at.y == frame.y => {
            if let Some(panel) =
                tabs::panel_at(app.panel, usize::from(frame.width), at.x.saturating_sub(frame.x + 1))
            {
                keys::show_panel(app, panel);
            }
        }
        MouseEventKind::Down(_) if app.panel == Panel::Processes && area.contains(at) => {
            processes::click(app, usize::from(area.width), (at.x - area.x, at.y - area.y));
        }
        _ => {}
    }
}

/// A click on the hierarchy that is not shown.
fn in_header(app: &mut App, at: Position, commands: &mut Vec<Command>) {
    if tabs::hierarchy_at(app, at.x).is_some_and(|hit| hit != app.current) {
        act(app, Action::Hierarchy, commands);
    }
}
