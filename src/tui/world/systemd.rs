//! What systemd believes of a unit.

use crate::model::{CgroupId, CgroupPath};
use crate::runtime::systemd::Unit;
use crate::tui::Event;

/// Asks: systemctl takes its time. Where systemd does not run nothing is answered.
pub(super) fn ask(id: CgroupId, path: &CgroupPath, requested: bool) -> Option<Event> {
    let answer = Unit::of(path)?.ask().ok()?;
    let said = answer.disagreement(requested).map(|d| format!("{}\n  {}", d.what, d.remedy));
    Some(Event::Systemd { id, disagreement: said })
}
