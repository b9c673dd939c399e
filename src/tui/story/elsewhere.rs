//! The same processes on the other hierarchy: what holds them there holds them here too.

use crate::model::span::and_more;
use crate::model::{CgroupPath, State, Version};
use crate::tui::App;

/// A group of the other hierarchy that has processes of the selected one.
struct Side {
    path: CgroupPath,
    processes: usize,
    /// `None` for a root group.
    state: Option<State>,
    requested: bool,
    /// The nearest group above it that asks.
    above: Option<CgroupPath>,
}

/// The sides of the selected group's processes, as far as they were listed.
fn sides(app: &App) -> Vec<Side> {
    let Some((listed, grove)) = app.listed().zip(app.grove()) else { return Vec::new() };
    let other = app.groves.iter().find(|other| other.version != grove.version);
    let Some(tree) = other.and_then(|other| other.tree.as_ref()) else { return Vec::new() };
    let side = |(path, processes): &(CgroupPath, usize)| {
        let key = tree.at(path)?;
        let node = tree.get(key)?;
        Some(Side {
            path: path.clone(),
            processes: *processes,
            state: node.state(),
            requested: node.group.freezer.requested(),
            above: tree.inherited_from(key).map(|above| tree.path(above)),
        })
    };
    listed.elsewhere.iter().filter_map(side).collect()
}

fn other(app: &App) -> Option<Version> {
    Some(app.grove()?.version.other())
}

impl Side {
    fn holds(&self) -> bool {
        matches!(self.state, Some(State::Frozen | State::Freezing))
    }

    /// Behind its state: who asks.
    fn by(&self) -> String {
        match (self.requested, &self.above) {
            (true, None) => " by its own request".to_owned(),
            (true, Some(above)) => format!(" by its own request, and by {above}"),
            (false, Some(above)) => format!(" by {above}"),
            (false, None) if self.holds() => " by a group that is not visible here".to_owned(),
            (false, None) => String::new(),
        }
    }

    /// The groups that ask.
    fn askers(&self) -> String {
        match (self.requested, &self.above) {
            (true, Some(above)) => format!("{} and {above}", self.path),
            (false, Some(above)) => above.to_string(),
            (_, None) => self.path.to_string(),
        }
    }
}

/// A paragraph for each group there.
pub(super) fn lines(app: &App) -> Vec<String> {
    let Some(other) = other(app) else { return Vec::new() };
    let line = |side: Side| {
        let state = side.state.map_or("not frozen (the root group)".to_owned(), |state| state.to_string());
        let Side { processes, path, .. } = &side;
        format!("On {other}\t{processes} of its processes in {path}: {state}{}", side.by())
    };
    sides(app).into_iter().map(line).collect()
}

/// That the other hierarchy holds processes of the selected group, and through which group; `None` where it holds none.
pub(super) fn held(app: &App) -> Option<String> {
    let (other, list) = (other(app)?, app.listed()?.list.as_ref().ok()?);
    let holding: Vec<Side> = sides(app).into_iter().filter(Side::holds).collect();
    let first = holding.first()?;
    let held: usize = holding.iter().map(|side| side.processes).sum();
    let who = match list.len() {
        all if held < all => format!("{held} of its {all} processes are"),
        1 => "its process is".to_owned(),
        _ => "its processes are".to_owned(),
    };
    let more = and_more(holding.len());
    Some(format!("{who} frozen on {other} by {}{more}", first.askers()))
}
