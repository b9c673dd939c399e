//! The selection: up and down, in and out, folded and unfolded.

use crate::model::tree::Key;
use crate::tui::rows::Grove;
use crate::tui::{Action, App};

pub(super) fn move_selection(app: &mut App, action: Action) {
    let page = app.tree_height().max(2);
    let Some(grove) = app.grove_mut() else { return };
    grove.give_up();
    let (cursor, last) = (grove.cursor(), grove.rows.len().saturating_sub(1));
    match action {
        Action::Down => grove.go(cursor + 1),
        Action::Up => grove.go(cursor.saturating_sub(1)),
        Action::First => grove.go(0),
        Action::Last => grove.go(last),
        Action::HalfDown => grove.go(cursor + page / 2),
        Action::HalfUp => grove.go(cursor.saturating_sub(page / 2)),
        Action::PageDown => grove.go(cursor + page - 1),
        Action::PageUp => grove.go(cursor.saturating_sub(page - 1)),
        _ => {
            if let Some(key) = grove.selected {
                fold(grove, key, action);
            }
        }
    }
}

fn fold(grove: &mut Grove, key: Key, action: Action) {
    let unfolded = grove.is_unfolded(key);
    match action {
        Action::Left if unfolded => grove.set_unfolded(key, false),
        Action::Left => {
            if let Some(parent) = grove.node(key).and_then(|node| node.parent) {
                grove.select(parent);
            }
        }
        Action::Right if unfolded => {
            let cursor = grove.cursor();
            let inside = grove.node(key).is_some_and(|node| !node.children.is_empty());
            grove.go(cursor + usize::from(inside));
        }
        Action::Right | Action::Unfold => grove.set_unfolded(key, true),
        Action::Fold => grove.set_unfolded(key, false),
        Action::Toggle => grove.set_unfolded(key, !unfolded),
        Action::UnfoldBelow => grove.unfold_below(key),
        Action::FoldBelow => grove.fold_below(key),
        Action::LevelMore => grove.turn_level(true),
        Action::LevelLess => grove.turn_level(false),
        _ => {}
    }
}

pub(super) fn go_to(app: &mut App, key: Option<Key>) {
    if let (Some(grove), Some(key)) = (app.grove_mut(), key) {
        grove.give_up();
        grove.select(key);
    }
}

/// Turns to the other hierarchy, and there to the group that holds most of the processes of the selected one.
pub(super) fn other_hierarchy(app: &mut App) {
    let most = app.listed().and_then(|listed| {
        let most = listed.elsewhere.iter().max_by_key(|(_, count)| *count);
        most.map(|(path, _)| path.clone()).filter(|path| !path.is_root())
    });
    app.current = (app.current + 1) % app.groves.len().max(1);
    let key = most.and_then(|path| app.grove()?.tree.as_ref()?.at(&path));
    if key.is_some() {
        go_to(app, key);
    }
}
