//! The order of the groups in a group.

use strum::{EnumIter, IntoEnumIterator, IntoStaticStr};

use crate::model::State;
use crate::model::tree::Node;

/// By what the groups are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Sort {
    /// The names' bytes.
    #[default]
    Name,
    /// Most processes first.
    Processes,
    /// Frozen, then freezing, then those with such groups below.
    State,
    /// The kernel numbers groups as they are made.
    Newest,
}

impl Sort {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// Its name in the config.
    pub fn name(self) -> &'static str {
        self.into()
    }

    pub(crate) fn next(self) -> Self {
        match self {
            Self::Name => Self::Processes,
            Self::Processes => Self::State,
            Self::State => Self::Newest,
            Self::Newest => Self::Name,
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Processes => "processes, most first",
            Self::State => "state, frozen first",
            Self::Newest => "age, newest first",
        }
    }

    /// The smaller, the earlier; equal ones stay in the order of their names.
    pub(crate) fn rank(self, node: &Node) -> u64 {
        match self {
            Self::Name => 0,
            Self::Processes => u64::MAX - u64::from(node.processes.unwrap_or(0)),
            Self::State => match node.state() {
                Some(State::Frozen) => 0,
                Some(State::Freezing) => 1,
                _ if node.below.frozen + node.below.freezing > 0 => 2,
                _ => 3,
            },
            Self::Newest => u64::MAX - node.group.id.ino,
        }
    }
}
