//! What systemd believes of a unit.

use std::io;

use crossbeam_channel::Sender;

use crate::model::{CgroupId, CgroupPath};
use crate::runtime::systemd::Unit;
use crate::tui::Event;

/// Asks, in a thread of its own: systemctl takes its time. Where systemd does not run nothing is answered.
pub(super) fn ask(id: CgroupId, path: &CgroupPath, requested: bool, inbox: &Sender<Event>) -> io::Result<()> {
    let Some(unit) = Unit::of(path) else { return Ok(()) };
    let inbox = inbox.clone();
    let body = move || {
        let Ok(answer) = unit.ask() else { return };
        let said = answer.disagreement(requested).map(|d| format!("{}\n  {}", d.what, d.remedy));
        drop(inbox.send(Event::Systemd { id, disagreement: said }));
    };
    std::thread::Builder::new().name("systemd".into()).spawn(body).map(drop)
}
