//! Who made a group, as its path tells: a unit of systemd, a container and its runtime, a pod.
//!
//! Paths only: a container whose runtime names the group after the container's ID alone is found in that runtime's state
//! folder, by [`crate::runtime`].
//!
//! # Which owner, where several stand above each other
//!
//! - **The outermost container.** What is below its group is its own business: units of a systemd inside it, containers of a
//!   docker inside it. This host's commands know the outermost one only.
//! - Else **the nearest of pod and unit**. A group below a service or a scope was delegated to it and is its own; a slice
//!   holds units only, so a group that somebody made in a slice by hand is nobody's.
//!   (systemd: docs/CGROUP_DELEGATION.md)

use std::borrow::Cow;
use std::fmt;

use super::{CgroupPath, printable};

mod container;
mod unit;

pub use unit::{Manager, UnitName};

/// What kind of owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A slice of systemd.
    Slice,
    /// A service of systemd.
    Service,
    /// A scope of systemd.
    Scope,
    /// A mount, swap or socket unit: systemd ran a process for it.
    OtherUnit,
    /// A machine that systemd-machined knows: systemd-nspawn's containers, virtual machines.
    Machine,
    /// A podman container.
    Podman,
    /// A docker container.
    Docker,
    /// A step of an image that BuildKit builds.
    BuildKit,
    /// A containerd container.
    Containerd,
    /// A CRI-O container.
    CriO,
    /// An LXC container; where nothing but the path is known, also one of Incus or LXD, which run LXC.
    Lxc,
    /// An Incus container.
    Incus,
    /// An LXD container.
    Lxd,
    /// A Kubernetes pod.
    KubernetesPod,
    /// A container in a Kubernetes pod, of a runtime that its path does not tell.
    KubernetesContainer,
    /// A container that was made with runc alone.
    Runc,
    /// A container that was made with crun alone.
    Crun,
}

impl Kind {
    /// The name for scripts and people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slice => "slice",
            Self::Service => "service",
            Self::Scope => "scope",
            Self::OtherUnit => "unit",
            Self::Machine => "machine",
            Self::Podman => "podman",
            Self::Docker => "docker",
            Self::BuildKit => "buildkit",
            Self::Containerd => "containerd",
            Self::CriO => "cri-o",
            Self::Lxc => "lxc",
            Self::Incus => "incus",
            Self::Lxd => "lxd",
            Self::KubernetesPod => "kubernetes-pod",
            Self::KubernetesContainer => "kubernetes-container",
            Self::Runc => "runc",
            Self::Crun => "crun",
        }
    }

    /// True for what is a unit of systemd and nothing more.
    pub fn is_unit(self) -> bool {
        matches!(self, Self::Slice | Self::Service | Self::Scope | Self::OtherUnit)
    }

    /// True for what runs in a group of its own with its own idea of the system; not for a pod, which holds such groups.
    pub fn is_container(self) -> bool {
        !self.is_unit() && self != Self::KubernetesPod
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a container's group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// The container's processes.
    #[default]
    Payload,
    /// The process of the runtime that looks after the container: conmon, lxc monitor.
    Monitor,
}

/// How Kubernetes treats a pod when memory is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qos {
    /// Requests are limits.
    Guaranteed,
    /// Some requests.
    Burstable,
    /// None.
    BestEffort,
}

impl Qos {
    /// Kubernetes' own name of it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Guaranteed => "Guaranteed",
            Self::Burstable => "Burstable",
            Self::BestEffort => "BestEffort",
        }
    }
}

/// A Kubernetes pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// The UID of the pod, as the API server says it.
    pub uid: Box<str>,
    /// Its class, which is a level of the path.
    pub qos: Qos,
}

/// Who made a group, or the group above that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// What it is.
    pub kind: Kind,
    /// A unit's name, a container's ID, a machine's name, a pod's UID: untrusted bytes.
    pub id: Box<[u8]>,
    /// The owner's own group: the group that was asked about, or one above.
    pub group: CgroupPath,
    /// What the owner's group holds.
    pub role: Role,
    /// The user whose own manager (`user@UID.service`) holds it; `None` for the system's.
    pub user: Option<u32>,
    /// The pod that it is, or is in.
    pub pod: Option<Pod>,
    /// The folder in which runc or crun keeps its state, where that is not the one they use unasked.
    pub state_folder: Option<Box<str>>,
}

impl Owner {
    /// Who owns the group at a path, as far as the path tells.
    pub fn of(path: &CgroupPath) -> Option<Self> {
        let parts: Vec<&[u8]> = path.components().collect();
        let mut owner: Option<Self> = None;
        for end in 1..=parts.len() {
            let above = owner.take();
            owner = step(&parts[..end], above);
            if owner.as_ref().is_some_and(|owner| owner.kind.is_container()) {
                break;
            }
        }
        owner
    }

    /// The ID as text that a terminal shows and never obeys.
    pub fn id(&self) -> Cow<'_, str> {
        printable(&self.id)
    }

    /// An owner of this kind and ID whose own group this is.
    pub fn new(kind: Kind, id: &[u8], group: CgroupPath) -> Self {
        let user = unit::user_manager(&group.components().collect::<Vec<_>>());
        let (role, pod, state_folder) = (Role::default(), None, None);
        Self { kind, id: id.into(), group, role, user, pod, state_folder }
    }
}

/// The owner of the last of these components, where `above` owns the one before it.
fn step(parts: &[&[u8]], above: Option<Owner>) -> Option<Owner> {
    let group = || CgroupPath::new(&parts.join(&b'/'));
    if let Some(found) = container::of(parts, above.as_ref()) {
        let mut owner = Owner::new(found.kind, found.id, group());
        owner.role = found.role;
        owner.pod = found.pod.or_else(|| above.and_then(|above| above.pod));
        if found.kind == Kind::Machine {
            owner.id = unit::unescaped(found.id).into();
        }
        return Some(owner);
    }
    if let Some(pod) = container::pod(parts) {
        let owner = Owner::new(Kind::KubernetesPod, pod.uid.as_bytes(), group());
        return Some(Owner { pod: Some(pod), ..owner });
    }
    // A unit of a manager, where a unit can be; what a scope of a pod is beyond that is the pod's.
    let in_pod = above.as_ref().is_some_and(|above| above.kind == Kind::KubernetesPod);
    if let Some((kind, name)) = unit::at(parts).filter(|_| !in_pod) {
        return Some(Owner::new(kind, name.as_bytes(), group()));
    }
    above.filter(|above| above.kind != Kind::Slice)
}

#[cfg(test)]
mod tests;
