//! Queries over groups: `is:frozen unit:ssh`, and plain text in the name.

use super::owner::{Owner, UnitName};
use super::tree::Node;
use super::{CgroupPath, State, printable};

/// A query; a group is a hit where every term of it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    wanted: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    /// A piece of the name, in lower case.
    Text(String),
    Frozen,
    Freezing,
    Requested,
    Populated,
    Leaf,
    Unit(String),
    Owner(String),
    User(u32),
    Pid(i32),
}

/// What may stand behind `is:`.
const STATES: [(&str, Test); 5] = [
    ("frozen", Test::Frozen),
    ("freezing", Test::Freezing),
    ("requested", Test::Requested),
    ("populated", Test::Populated),
    ("leaf", Test::Leaf),
];

impl Filter {
    /// Reads a query: words with spaces between; `-` before one turns it round.
    ///
    /// # Errors
    /// A sentence for the person who is typing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let terms = text.split_whitespace().map(term).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// True where every group is a hit.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The processes that are asked for: in which group each is must be found out before.
    pub fn pids(&self) -> impl Iterator<Item = i32> {
        self.terms.iter().filter_map(|term| match term.test {
            Test::Pid(pid) => Some(pid),
            _ => None,
        })
    }

    /// Whether a group is a hit. `path` is asked for only where a term is about it; `place` says in which group a process is.
    pub fn matches<'a>(
        &self,
        node: &Node,
        path: impl Fn() -> CgroupPath,
        place: impl Fn(i32) -> Option<&'a CgroupPath>,
    ) -> bool {
        let holds = |test: &Test| match test {
            Test::Text(text) => printable(&node.group.name).to_lowercase().contains(text),
            Test::Frozen => node.state() == Some(State::Frozen),
            Test::Freezing => node.state() == Some(State::Freezing),
            Test::Requested => node.group.freezer.requested(),
            Test::Populated => node.group.populated.unwrap_or(node.processes.is_some_and(|n| n > 0)),
            Test::Leaf => node.children.is_empty(),
            Test::Unit(text) => {
                UnitName::of(&path()).is_some_and(|unit| unit.text().to_lowercase().contains(text))
            }
            Test::Owner(text) => Owner::of(&path()).is_some_and(|owner| {
                owner.kind.name().contains(text) || owner.id().to_lowercase().contains(text)
            }),
            Test::User(uid) => user(&path()) == Some(*uid),
            Test::Pid(pid) => place(*pid).is_some_and(|group| *group == path()),
        };
        self.terms.iter().all(|term| holds(&term.test) == term.wanted)
    }
}

/// The user whose slice or manager holds a group. (systemd: docs/CONTROL_GROUP_INTERFACE.md)
fn user(path: &CgroupPath) -> Option<u32> {
    path.components().find_map(|name| {
        let name = std::str::from_utf8(name).ok()?;
        let slice = name.strip_prefix("user-").and_then(|rest| rest.strip_suffix(".slice"));
        let manager = name.strip_prefix("user@").and_then(|rest| rest.strip_suffix(".service"));
        slice.or(manager)?.parse().ok()
    })
}

fn term(word: &str) -> Result<Term, String> {
    let (wanted, word) = match word.strip_prefix('-') {
        Some(rest) if !rest.is_empty() => (false, rest),
        _ => (true, word),
    };
    let test = match word.split_once(':') {
        Some(("is", state)) => STATES
            .iter()
            .find(|(name, _)| *name == state)
            .map(|(_, test)| test.clone())
            .ok_or_else(|| format!("is:{state} is unknown; valid: {}", names()))?,
        Some(("unit", name)) => Test::Unit(name.to_lowercase()),
        Some(("owner", name)) => Test::Owner(name.to_lowercase()),
        Some(("pid", number)) => Test::Pid(whole(number, "pid:", "pid:1234")?),
        Some(("user", number)) => Test::User(whole(number, "user:", "user:1000")?),
        _ => Test::Text(word.to_lowercase()),
    };
    Ok(Term { wanted, test })
}

fn whole<N: std::str::FromStr>(number: &str, key: &str, example: &str) -> Result<N, String> {
    number.parse().map_err(|_| format!("{key} needs a number, as in {example}"))
}

fn names() -> String {
    STATES.iter().map(|(name, _)| format!("is:{name}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Cgroup, CgroupId, Freezer, Tree};

    fn hits(query: &str, path: &str, requested: bool, frozen: bool) -> bool {
        let path = CgroupPath::new(path.as_bytes());
        let group = Cgroup {
            id: CgroupId { dev: 1, ino: 1 },
            name: path.name().into(),
            freezer: Freezer::V2 { requested, frozen },
            populated: Some(true),
        };
        let tree = Tree::new(group);
        let home = CgroupPath::new(b"/user.slice/user-7.slice");
        let filter = Filter::parse(query).unwrap();
        filter.matches(tree.get(tree.root()).unwrap(), || path.clone(), |pid| (pid == 9).then_some(&home))
    }

    #[test]
    fn terms() {
        let service = "/system.slice/Ssh.service";
        assert!(hits("", service, false, false));
        assert!(hits("ssh is:leaf is:populated", service, false, false));
        assert!(hits("is:frozen -is:requested", service, false, true));
        assert!(!hits("is:frozen -is:requested", service, true, true));
        assert!(hits("is:freezing", service, true, false));
        assert!(hits("unit:ssh owner:service", service, false, false));
        assert!(!hits("unit:slice", service, false, false));
        assert!(hits("user:7 pid:9", "/user.slice/user-7.slice", false, false));
        assert!(!hits("user:8", "/user.slice/user-7.slice", false, false));
        assert!(!hits("pid:10", service, false, false));
        assert_eq!(Filter::parse("pid:9 -pid:3").unwrap().pids().collect::<Vec<_>>(), [9, 3]);
    }

    #[test]
    fn mistakes_are_said() {
        assert!(Filter::parse("is:cold").unwrap_err().contains("is:frozen"));
        assert!(Filter::parse("pid:x").unwrap_err().contains("pid:1234"));
        assert!(Filter::parse("user:root").unwrap_err().contains("number"));
        assert_eq!(Filter::parse("-").unwrap(), Filter::parse("-").unwrap());
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: String) {
            let _ = Filter::parse(&text);
        }
    }
}
