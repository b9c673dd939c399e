//! How container runtimes name groups.
//!
//! With the systemd cgroup driver a container is a scope `PREFIX-ID.scope`; with the cgroupfs driver it is a plain group. A
//! prefix alone proves nothing, so an ID must look like one: the runtimes here make 64 hexadecimal digits.

use super::{Kind, Owner, Pod, Qos, Role};

/// A container whose group was recognised.
pub(super) struct Container<'a> {
    pub kind: Kind,
    pub id: &'a [u8],
    pub role: Role,
    pub pod: Option<Pod>,
}

/// The container whose group the last of these components is.
pub(super) fn of<'a>(parts: &[&'a [u8]], above: Option<&Owner>) -> Option<Container<'a>> {
    let (&name, rest) = parts.split_last()?;
    let parent = rest.last().copied().unwrap_or_default();
    let found = |(kind, id, role)| Container { kind, id, role, pod: None };
    prefixed(name)
        .or_else(|| lxc(name, parent))
        .or_else(|| bare(name, rest, above))
        .or_else(|| machine(name, parent))
        .map(found)
        .or_else(|| unexpanded(name))
}

type Found<'a> = (Kind, &'a [u8], Role);

/// The beginnings of names, longer ones first, and whose they are. Podman: libpod/oci_conmon_linux.go and, for
/// `--cgroups=split`, `libpod-payload-`. docker: daemon/oci_linux.go. containerd: internal/cri, and nerdctl. CRI-O:
/// internal/config/cgmgr.
const PREFIXES: [(&[u8], Kind, Role); 8] = [
    (b"libpod-conmon-", Kind::Podman, Role::Monitor),
    (b"libpod-payload-", Kind::Podman, Role::Payload),
    (b"libpod-", Kind::Podman, Role::Payload),
    (b"docker-", Kind::Docker, Role::Payload),
    (b"cri-containerd-", Kind::Containerd, Role::Payload),
    (b"nerdctl-", Kind::Containerd, Role::Payload),
    (b"crio-conmon-", Kind::CriO, Role::Monitor),
    (b"crio-", Kind::CriO, Role::Payload),
];

fn prefixed(name: &[u8]) -> Option<Found<'_>> {
    let stem = name.strip_suffix(b".scope").unwrap_or(name);
    let (kind, id, role) = PREFIXES
        .into_iter()
        .find_map(|(prefix, kind, role)| Some((kind, stem.strip_prefix(prefix)?, role)))?;
    match kind {
        // moby's BuildKit makes its scopes under docker's prefix, with IDs of its own.
        Kind::Docker if is_build_id(id) => Some((Kind::BuildKit, id, role)),
        _ => is_hex(id).then_some((kind, id, role)),
    }
}

/// `lxc.payload.NAME` since LXC 4, `lxc.payload/NAME` before, `lxc/NAME` before that, and on v1. (lxc: src/lxc/cgroups/)
fn lxc<'a>(name: &'a [u8], parent: &[u8]) -> Option<Found<'a>> {
    let roles =
        [(&b"lxc.payload"[..], Role::Payload), (b"lxc.monitor", Role::Monitor), (b"lxc", Role::Payload)];
    let named = |&(group, role): &(&[u8], Role)| {
        let id = match name.strip_prefix(group).and_then(|rest| rest.strip_prefix(b".")) {
            Some(id) if group != b"lxc" => id,
            _ if parent == group => name,
            _ => return None,
        };
        (!id.is_empty()).then_some((Kind::Lxc, id, role))
    };
    roles.iter().find_map(named)
}

/// A group that is called like the container's ID and nothing more, known by the groups above it.
fn bare<'a>(name: &'a [u8], above: &[&[u8]], owner: Option<&Owner>) -> Option<Found<'a>> {
    let parent = above.last().copied().unwrap_or_default();
    if parent == b"buildkit" && is_build_id(name) {
        return Some((Kind::BuildKit, name, Role::Payload));
    }
    if !is_hex(name) {
        return None;
    }
    let kind = match (parent, above.len()) {
        // containerd's own default is /NAMESPACE/ID; these are the namespaces of ctr and nerdctl, and of the CRI.
        (b"default" | b"k8s.io", 1) => Kind::Containerd,
        (b"docker", _) => Kind::Docker,
        (b"libpod_parent", _) => Kind::Podman,
        _ if owner.is_some_and(|owner| owner.kind == Kind::KubernetesPod) => Kind::KubernetesContainer,
        _ => return None,
    };
    Some((kind, name, Role::Payload))
}

/// systemd-machined puts a machine into `machine-NAME.scope` of machine.slice, with the name escaped.
/// (systemd: src/machine/machine-dbus.c)
fn machine<'a>(name: &'a [u8], parent: &[u8]) -> Option<Found<'a>> {
    let id = name.strip_prefix(b"machine-")?.strip_suffix(b".scope")?;
    (parent == b"machine.slice" && !id.is_empty()).then_some((Kind::Machine, id, Role::Payload))
}

/// `SLICE:cri-containerd:ID`: what kubelet with the systemd driver asked of a containerd with the cgroupfs driver, which
/// takes it for a name.
fn unexpanded(name: &[u8]) -> Option<Container<'_>> {
    let mut fields = name.split(|&b| b == b':');
    let (slice, prefix, id) = (fields.next()?, fields.next()?, fields.next()?);
    let kind = match prefix {
        b"cri-containerd" => Kind::Containerd,
        b"crio" => Kind::CriO,
        b"docker" => Kind::Docker,
        _ => return None,
    };
    let whole = fields.next().is_none() && is_hex(id) && slice.ends_with(b".slice");
    whole.then(|| Container { kind, id, role: Role::Payload, pod: pod_slice(slice) })
}

/// The pod whose group the last of these components is: `…kubepods-burstable-podUID.slice`, or `kubepods/burstable/podUID`.
/// (kubernetes: pkg/kubelet/cm/cgroup_manager_linux.go)
pub(super) fn pod(parts: &[&[u8]]) -> Option<Pod> {
    let (name, above) = parts.split_last()?;
    pod_slice(name).or_else(|| pod_group(name, above))
}

fn pod_slice(name: &[u8]) -> Option<Pod> {
    let stem = std::str::from_utf8(name).ok()?.strip_suffix(".slice")?;
    let (class, uid) = stem.rsplit_once("-pod")?;
    // Dashes are levels in the name of a slice, so the UID has underscores in their place.
    let uid = uid.replace('_', "-");
    let (parent, qos) = match class.rsplit_once('-') {
        Some((parent, "burstable")) => (parent, Qos::Burstable),
        Some((parent, "besteffort")) => (parent, Qos::BestEffort),
        _ => (class, Qos::Guaranteed),
    };
    // With kubelet's --cgroup-root the name begins with that root's.
    let under = parent == "kubepods" || parent.ends_with("-kubepods");
    (under && is_uid(&uid)).then(|| Pod { uid: uid.into(), qos })
}

fn pod_group(name: &[u8], above: &[&[u8]]) -> Option<Pod> {
    let uid = std::str::from_utf8(name.strip_prefix(b"pod")?).ok().filter(|uid| is_uid(uid))?;
    let qos = match above {
        [.., b"kubepods"] => Qos::Guaranteed,
        [.., b"kubepods", b"burstable"] => Qos::Burstable,
        [.., b"kubepods", b"besteffort"] => Qos::BestEffort,
        _ => return None,
    };
    Some(Pod { uid: uid.into(), qos })
}

/// An UUID, or the hash that a static pod has in its place.
fn is_uid(uid: &str) -> bool {
    !uid.is_empty() && uid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn is_hex(id: &[u8]) -> bool {
    id.len() == 64 && id.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// BuildKit's IDs have 25 digits of base 36. (buildkit: identity/randomid.go)
fn is_build_id(id: &[u8]) -> bool {
    id.len() == 25 && id.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z'))
}
