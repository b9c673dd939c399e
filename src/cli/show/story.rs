//! What `show` says of the other hierarchy: what holds the processes there holds them here too.

use super::Elsewhere;
use crate::model::span::and_more;

/// A group there with who asks for its freeze.
pub(super) fn side(side: &Elsewhere) -> String {
    let state = side.state.as_deref().unwrap_or("a root group");
    let by = match (side.requested, &side.inherited_from) {
        (true, None) => " by its own request".to_owned(),
        (true, Some(above)) => format!(" by its own request, and by {above}"),
        (false, Some(above)) => format!(" by {above}"),
        (false, None) => String::new(),
    };
    format!("{} of its processes in {}: {state}{by}", side.processes, side.path)
}

/// That the other hierarchy holds processes of the group, and through which group; `None` where it holds none. `all`: how many
/// processes the group has.
pub(super) fn held(sides: &[Elsewhere], all: usize) -> Option<String> {
    let holds = |side: &&Elsewhere| matches!(side.state.as_deref(), Some("frozen" | "freezing"));
    let holding: Vec<&Elsewhere> = sides.iter().filter(holds).collect();
    let first = holding.first()?;
    let held: usize = holding.iter().map(|side| side.processes).sum();
    let who = match all {
        all if held < all => format!("{held} of its {all} processes are"),
        1 => "its process is".to_owned(),
        _ => "its processes are".to_owned(),
    };
    let by = match (first.requested, &first.inherited_from) {
        (true, Some(above)) => format!("{} and {above}", first.path),
        (false, Some(above)) => above.clone(),
        (_, None) => first.path.clone(),
    };
    let more = and_more(holding.len());
    Some(format!("{who} frozen on {} by {by}{more}", first.hierarchy))
}
