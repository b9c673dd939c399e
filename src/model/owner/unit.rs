//! Units of systemd by their groups' paths. (systemd: docs/CONTROL_GROUP_INTERFACE.md, src/basic/cgroup-util.c)

use std::borrow::Cow;

use super::Kind;
use crate::model::{CgroupPath, printable};

/// Which systemd a unit is known to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// The system's, PID 1.
    System,
    /// A user's own, which is the system's unit `user@UID.service`.
    User(u32),
}

/// A unit: its name and who knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitName {
    name: Box<[u8]>,
    /// Which systemd knows it.
    pub manager: Manager,
}

impl UnitName {
    /// The unit whose own group a path is; `None` for every other group, also for one below a unit.
    pub fn of(path: &CgroupPath) -> Option<Self> {
        let parts: Vec<&[u8]> = path.components().collect();
        at(&parts).map(|(_, unit)| unit)
    }

    /// The name, as systemctl takes it: bytes that somebody else chose.
    pub fn as_bytes(&self) -> &[u8] {
        &self.name
    }

    /// The name as text that a terminal shows and never obeys.
    pub fn text(&self) -> Cow<'_, str> {
        printable(&self.name)
    }
}

/// The unit whose group the last of these components is: it stands in slices, from the root down or from its user's manager.
pub(super) fn at(parts: &[&[u8]]) -> Option<(Kind, UnitName)> {
    let (name, above) = parts.split_last()?;
    let kind = kind(name)?;
    let manager = manager(above)?;
    Some((kind, UnitName { name: unprefixed(name).into(), manager }))
}

/// The manager of what stands in these groups; `None` where no manager's units can be.
fn manager(above: &[&[u8]]) -> Option<Manager> {
    let is_slice = |name: &&[u8]| kind(name) == Some(Kind::Slice);
    let Some(at) = above.iter().position(|name| !is_slice(name)) else { return Some(Manager::System) };
    let uid = uid_of_manager(above[at])?;
    above[at + 1..].iter().all(is_slice).then_some(Manager::User(uid))
}

/// The user whose manager's unit is among these groups, in slices.
pub(super) fn user_manager(parts: &[&[u8]]) -> Option<u32> {
    let first = parts.iter().find(|name| kind(name) != Some(Kind::Slice))?;
    uid_of_manager(first).filter(|_| parts.last() != Some(first))
}

fn uid_of_manager(name: &[u8]) -> Option<u32> {
    let uid = name.strip_prefix(b"user@")?.strip_suffix(b".service")?;
    std::str::from_utf8(uid).ok()?.parse().ok()
}

/// The kinds of unit that have a group.
const SUFFIXES: [(&[u8], Kind); 6] = [
    (b".slice", Kind::Slice),
    (b".service", Kind::Service),
    (b".scope", Kind::Scope),
    (b".mount", Kind::OtherUnit),
    (b".socket", Kind::OtherUnit),
    (b".swap", Kind::OtherUnit),
];

fn kind(name: &[u8]) -> Option<Kind> {
    let named = |suffix: &[u8]| name.strip_suffix(suffix).is_some_and(is_name);
    SUFFIXES.into_iter().find(|(suffix, _)| named(suffix)).map(|(_, kind)| kind)
}

/// What a unit's name may consist of. (systemd: src/basic/unit-name.c, VALID_CHARS_WITH_AT)
fn is_name(stem: &[u8]) -> bool {
    !stem.is_empty() && stem.iter().all(|b| b.is_ascii_alphanumeric() || b":-_.\\@".contains(b))
}

/// A name that the kernel could take for a control file has one underscore in front. (systemd: cg_escape())
fn unprefixed(name: &[u8]) -> &[u8] {
    name.strip_prefix(b"_").unwrap_or(name)
}

/// What systemd-escape(1) made of a text, undone: `-` is a slash, `\xHH` a byte.
pub(super) fn unescaped(text: &[u8]) -> Vec<u8> {
    let slashes: Vec<u8> = text.iter().map(|&b| if b == b'-' { b'/' } else { b }).collect();
    crate::model::printable::unescaped(&slashes)
}
