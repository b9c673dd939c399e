//! The rescue's side of the world: what hangs or was cut off, and putting it right.

use std::thread;

use crossbeam_channel::Sender;

use crate::checkpoint::{Case, Progress, Stranded, independent, rescue as put_right, stranded};
use crate::model::Hierarchies;
use crate::tui::Event;

/// What is to be rescued: a criu hangs only if it does nothing for a while. Unasked, whoever may not look is not told so: there is
/// nothing that this user made.
pub(super) fn find(hosts: &Hierarchies, asked: bool) -> Option<Event> {
    match stranded(hosts, &mut |_| ()) {
        Ok(Stranded { cases, .. }) => {
            Some(Event::Stranded { cases: cases.iter().map(Case::what).collect(), asked })
        }
        Err(_) if !asked => None,
        Err(error) => Some(Event::Rescued(Err(error.to_string()))),
    }
}

/// Rescues what is described so: a criu takes as long as it takes.
pub(super) fn rescue(hosts: &Hierarchies, wanted: &[String], inbox: &Sender<Event>) {
    let cases = match stranded(hosts, &mut |line| drop(inbox.send(Event::Rescued(Ok(line))))) {
        Ok(Stranded { cases, .. }) => cases,
        Err(error) => return drop(inbox.send(Event::Rescued(Err(error.to_string())))),
    };
    let wanted = cases.into_iter().filter(|case| wanted.contains(&case.what())).collect();
    // One that waits holds up no other.
    thread::scope(|scope| {
        for cases in independent(wanted) {
            let one = move || cases.into_iter().for_each(|case| one(hosts, case, inbox));
            if let Err(error) = thread::Builder::new().name("rescue".into()).spawn_scoped(scope, one) {
                drop(inbox.send(Event::Rescued(Err(error.to_string()))));
            }
        }
    });
    drop(inbox.send(Event::Stranded { cases: Vec::new(), asked: false }));
}

fn one(hosts: &Hierarchies, case: Case, inbox: &Sender<Event>) {
    let tell = |outcome| drop(inbox.send(Event::Rescued(outcome)));
    let mut follow = |progress| match progress {
        Progress::Restored(what) => tell(Ok(what)),
        Progress::Stalled { origins, .. } => {
            tell(Ok(format!("criu is waiting for {}: thawing it", origins.join(", "))));
        }
        Progress::Deserted { found, ending: true } => tell(Ok(format!("{found}; ending it"))),
        Progress::Deserted { found, .. } => tell(Ok(found.to_string())),
        _ => {}
    };
    let outcome = put_right(case, hosts, &mut follow);
    let said = |lines: Vec<String>| format!("rescued: {}", lines.join("; "));
    tell(outcome.map(said).map_err(|error| error.to_string()));
}
