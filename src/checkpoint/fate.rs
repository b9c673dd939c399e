//! What has become of processes, in words.

use crate::kernel::processes::Processes;
use crate::kernel::signals::is_stopped;
use crate::kernel::tasks::lives;
use crate::model::ProcessId;

/// `process 7`, `processes 7, 8`; of many the first ones.
pub(super) fn list(pids: &[i32]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<String> = pids.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = pids.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("process{} {}{more}", if pids.len() == 1 { "" } else { "es" }, shown.join(", "))
}

/// What has become of them: which are gone or stopped, and how the others are, in words.
pub(super) fn words(processes: &[ProcessId], how: &str) -> String {
    let (mut gone, mut stopped, mut others) = (Vec::new(), Vec::new(), Vec::new());
    let mut read = Processes::default();
    for &process in processes {
        let now = read.read(process.pid);
        match now.filter(|_| lives(process)) {
            None => gone.push(process.pid),
            Some(now) if is_stopped(&now) == Some(true) => stopped.push(process.pid),
            Some(_) => others.push(process.pid),
        }
    }
    let all = [(gone, "gone"), (stopped, "alive, and stopped"), (others, how)];
    let say = |(pids, how): &(Vec<i32>, &str)| {
        let are = if pids.len() == 1 { "is" } else { "are" };
        (!pids.is_empty()).then(|| format!("{} {are} {how}", list(pids)))
    };
    let said: Vec<String> = all.iter().filter_map(say).collect();
    if said.is_empty() { "there was no process".to_owned() } else { said.join("; ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(list(&[7]), "process 7");
        assert_eq!(list(&[7, 8]), "processes 7, 8");
        assert_eq!(list(&(1..=10).collect::<Vec<_>>()), "processes 1, 2, 3, 4, 5, 6, 7, 8 and 2 more");
    }

    #[test]
    fn what_has_become() {
        let me = read_me();
        let gone = ProcessId { start: me.start + 1, ..me };
        let said = words(&[me, gone], "alive");
        assert_eq!(said, format!("process {0} is gone; process {0} is alive", me.pid));
        assert_eq!(words(&[], "alive"), "there was no process");
    }

    fn read_me() -> ProcessId {
        Processes::default().read(std::process::id().cast_signed()).unwrap().id
    }
}
