//! What systemd believes of a unit.

use crate::kernel::freezer;
use crate::model::{CgroupId, CgroupPath, Hierarchies};
use crate::runtime::systemd::Unit;
use crate::tui::Event;

/// Asks: systemctl takes its time. Where systemd does not run nothing is answered.
pub(super) fn ask(hosts: &Hierarchies, id: CgroupId, path: &CgroupPath, requested: bool) -> Option<Event> {
    let answer = Unit::of(path)?.ask().ok()?;
    let above = freezer::requesting_ancestor_on_v2(hosts, path);
    let said = answer.disagreement(requested, above.as_ref()).map(|d| format!("{}\n  {}", d.what, d.remedy));
    Some(Event::Systemd { id, disagreement: said })
}
