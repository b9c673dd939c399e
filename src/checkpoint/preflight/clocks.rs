//! Time limits of systemd that go on while the processes stand still: while criu writes, and afterwards where they stay frozen.

use std::time::Duration;

use super::{After, Finding, Request};
use crate::model::State;
use crate::model::shell::quoted;
use crate::runtime::systemd::{Clock, Limit};
use crate::runtime::{Forecast, Way, forecast};

/// How fast criu writes at least: a figure of slow disks, not a measured one.
const WRITE_BYTES_PER_SECOND: u64 = 50 << 20;
/// What a dump takes beside its writing, at most.
const OVERHEAD: Duration = Duration::from_secs(10);

/// `rss`: the resident memory of all trees in bytes, which is about what is written.
pub(super) fn look(request: &Request<'_>, rss: u64, findings: &mut Vec<Finding>) {
    let frozen = request
        .group
        .read()
        .ok()
        .flatten()
        .is_some_and(|read| read.freezer.state(false).is_some_and(|state| state != State::Thawed));
    let stays_frozen = request.after == Some(After::Frozen) || (request.after.is_none() && frozen);
    let held = OVERHEAD + Duration::from_secs(rss / WRITE_BYTES_PER_SECOND);
    let found = forecast(request.group);
    // A plan writes to control files: what a freeze through systemd stops goes on.
    findings.extend(
        found
            .clocks
            .iter()
            .chain(&found.stopped)
            .filter_map(|clock| finding(clock, &found, stays_frozen, held)),
    );
    let unknown = |what: &String| {
        Finding::warning(
            "systemd-clock",
            what.clone(),
            "systemd ends units that do not report in time, frozen or not",
        )
    };
    findings.extend(found.unknown.iter().map(unknown));
}

/// `held`: how long the processes may stand still for the dump alone.
fn finding(clock: &Clock, found: &Forecast, stays_frozen: bool, held: Duration) -> Option<Finding> {
    if !stays_frozen && clock.left > held {
        return None;
    }
    let why = if stays_frozen {
        "the processes stay frozen after the dump"
    } else {
        "the processes do not run while criu writes"
    };
    let finding = Finding::warning("systemd-clock", clock.to_string(), why);
    let unit = quoted(clock.unit.as_ref());
    Some(match (&found.way, clock.limit) {
        (Way::Systemd(own), Limit::Watchdog) if own.name() == clock.unit => finding.remedy(format!(
            "first run cryoscope freeze {unit}: then systemd stops the watchdog, and the checkpoint leaves the unit \
             frozen until cryoscope thaw {unit}"
        )),
        (_, Limit::Start | Limit::Stop | Limit::Reload) => finding.remedy("wait until systemctl status reports that \
                                                                           it is done"),
        _ => finding,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::CgroupPath;
    use crate::runtime::systemd::Unit;

    fn clock(limit: Limit, left: u64) -> Clock {
        let [whole, left] = [100, left].map(Duration::from_secs);
        Clock { unit: "w.service".to_owned(), limit, whole, left, restarts: false }
    }

    #[test]
    fn what_is_over_before_the_end_is_a_warning() {
        let found = Forecast::default();
        let said = |left, stays| {
            finding(&clock(Limit::Runtime, left), &found, stays, Duration::from_secs(30)).is_some()
        };
        assert!(said(20, false) && !said(40, false), "a dump of 30 s");
        assert!(said(40, true), "it stays frozen");
    }

    #[test]
    fn the_way_out_of_a_watchdog() {
        let way = Way::Systemd(Unit::of(&CgroupPath::new(b"/system.slice/w.service")).unwrap());
        let remedy = |way, limit| {
            let found = Forecast { way, ..Forecast::default() };
            finding(&clock(limit, 1), &found, true, Duration::ZERO).and_then(|finding| finding.remedy)
        };
        assert!(
            remedy(way.clone(), Limit::Watchdog).unwrap().starts_with("first run cryoscope freeze w.service")
        );
        assert_eq!(remedy(Way::Kernel, Limit::Watchdog), None);
        assert_eq!(remedy(way.clone(), Limit::Runtime), None);
        assert!(remedy(way, Limit::Stop).is_some());
    }
}
