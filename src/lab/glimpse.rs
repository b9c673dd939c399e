//! What is shown beside the text: the freezer's files of the lesson's groups, and the processes in them. One look, as a value.

use super::lesson::Spot;
use super::says;
use super::scene::{DEBUGGER, Scene};
use crate::kernel::control_files;
use crate::kernel::processes::Processes;
use crate::model::{Contents, printable};

/// One look at all groups of a lesson.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glimpse {
    /// Each before what is in it.
    pub groups: Vec<GroupSeen>,
}

/// A group, as one look found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSeen {
    /// Its name in the lesson.
    pub name: String,
    /// Its files: names and contents, printable, in a line each.
    pub files: Vec<(String, String)>,
    /// The processes in it.
    pub processes: Vec<ProcessSeen>,
}

/// A process, as one look found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSeen {
    /// Its PID.
    pub pid: i32,
    /// Its state letter.
    pub state: char,
    /// Its name in the lesson, or the name of its program.
    pub name: String,
    /// How far it has counted.
    pub count: Option<u64>,
    /// A tracer, a debugger or criu, holds it.
    pub traced: bool,
}

impl Glimpse {
    pub(super) fn of(scene: &Scene) -> Self {
        let mut processes = Processes::default();
        let seen = |spot| group(scene, spot, &mut processes);
        Self { groups: scene.spots().into_iter().filter_map(seen).collect() }
    }

    /// What is different from an earlier look, in lines; not the counts.
    pub fn news_since(&self, before: &Self) -> Vec<String> {
        let mut news = Vec::new();
        for group in &self.groups {
            match before.groups.iter().find(|old| old.name == group.name) {
                Some(old) => group.news_since(old, &mut news),
                None => news.push(format!("{}: group created", group.name)),
            }
        }
        let gone = before.groups.iter().filter(|old| self.groups.iter().all(|group| group.name != old.name));
        news.extend(gone.map(|old| format!("{}: group removed", old.name)));
        news
    }
}

impl GroupSeen {
    fn news_since(&self, before: &Self, news: &mut Vec<String>) {
        for ((name, now), (_, old)) in self.files.iter().zip(&before.files).filter(|(now, old)| now != old) {
            news.push(format!("{}: {name}: {old} → {now}", self.name));
        }
        for process in &self.processes {
            let old = before.processes.iter().find(|old| old.pid == process.pid);
            match old {
                None => news.push(format!("{}: {} ({}) joined", self.name, process.name, process.pid)),
                Some(old) if old.traced != process.traced => {
                    let word = if process.traced { "is being traced" } else { "is no longer traced" };
                    news.push(format!("{}: {} {word}", self.name, process.name));
                }
                Some(old) if rests(old.state) != rests(process.state) => {
                    let (name, old, now) = (&process.name, old.state, process.state);
                    news.push(format!("{}: {name}: state {old} → {now}", self.name));
                }
                Some(_) => {}
            }
        }
        for old in &before.processes {
            if self.processes.iter().all(|process| process.pid != old.pid) {
                news.push(format!("{}: {} left", self.name, old.name));
            }
        }
    }
}

/// S and R come and go a hundred times a second.
fn rests(state: char) -> char {
    if state == 'R' { 'S' } else { state }
}

fn group(scene: &Scene, spot: Spot, processes: &mut Processes) -> Option<GroupSeen> {
    let group = scene.group(spot).ok()?;
    let files = control_files::freezer(&group).into_iter();
    let files = files.map(|file| (file.name.to_owned(), contents(&file.contents))).collect();
    let mut list = processes.of(&group.dir).ok()?;
    list.retain(|process| !process.is_zombie());
    let seen = |process: crate::model::Process| {
        let name = scene.name_of(process.id.pid);
        ProcessSeen {
            pid: process.id.pid,
            state: process.state,
            count: name.filter(|name| *name != DEBUGGER).and_then(|name| scene.count(name)),
            name: name.map_or_else(|| program(&process.command), str::to_owned),
            traced: process.tracer.is_some(),
        }
    };
    Some(GroupSeen { name: says::spot(scene, spot), files, processes: list.into_iter().map(seen).collect() })
}

/// The name of the program in a command line.
fn program(command: &[u8]) -> String {
    let first = command.split(|&b| b == b' ').next().unwrap_or_default();
    printable(first.rsplit(|&b| b == b'/').next().unwrap_or_default()).into_owned()
}

fn contents(contents: &Contents) -> String {
    match contents {
        Contents::Text { bytes, .. } => {
            let lines = bytes.trim_ascii_end().split(|&b| b == b'\n');
            lines.map(|line| printable(line).into_owned()).collect::<Vec<_>>().join(", ")
        }
        Contents::WriteOnly => "(write only)".to_owned(),
        Contents::Unreadable(why) => format!("unreadable: {}", printable(why.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(frozen: &str, state: char) -> Glimpse {
        let process = ProcessSeen { pid: 7, state, name: "counter".into(), count: Some(3), traced: false };
        let files = vec![("cgroup.freeze".to_owned(), frozen.to_owned())];
        Glimpse { groups: vec![GroupSeen { name: "box".into(), files, processes: vec![process] }] }
    }

    #[test]
    fn what_changes_is_told_and_counting_is_not() {
        assert!(seen("0", 'R').news_since(&seen("0", 'S')).is_empty());
        assert_eq!(
            seen("1", 'D').news_since(&seen("0", 'S')),
            ["box: cgroup.freeze: 0 → 1", "box: counter: state S → D"]
        );
        assert_eq!(seen("0", 'S').news_since(&Glimpse::default()), ["box: group created"]);
        assert_eq!(Glimpse::default().news_since(&seen("0", 'S')), ["box: group removed"]);
    }
}
