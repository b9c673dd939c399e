//! Ports of the images that somebody else has by now: a service that was started again, most of all.

use std::net::{IpAddr, SocketAddr};

use crate::checkpoint::Finding;
use crate::checkpoint::images::{BoundPort, ImageSet};
use crate::kernel::command_line::{arguments, comm};
use crate::kernel::membership::group_of;
use crate::kernel::ports::{self, Port, Protocol};
use crate::model::owner::{Manager, UnitName};
use crate::model::shell::quoted;
use crate::model::{CgroupPath, Hierarchies, printable};
use crate::runtime::systemd;

/// How many are said one by one.
const FEW: usize = 5;

pub(super) fn look(sets: &[ImageSet], hosts: &Hierarchies, is_copy: bool, findings: &mut Vec<Finding>) {
    // In a network namespace of their own all ports are free.
    let here = sets.iter().filter(|set| !set.namespaces.contains(&"net"));
    let wanted: Vec<&BoundPort> = here.flat_map(|set| &set.ports).collect();
    if wanted.is_empty() {
        return;
    }
    let in_use = match ports::in_use() {
        Ok(in_use) => in_use,
        Err(error) => {
            let what = "whether the ports of the images are free";
            return findings.push(Finding::unknown("port-in-use", what, error));
        }
    };
    let mut met: Vec<(&BoundPort, &Port)> = Vec::new();
    for &wanted in &wanted {
        let first = in_use.iter().find(|port| collide(wanted, port));
        // Two sockets of the images may want the same one.
        met.extend(first.filter(|port| !met.iter().any(|(_, seen)| seen == port)).map(|port| (wanted, port)));
    }
    if met.is_empty() {
        let what = match wanted.len() {
            1 => "the port of the images is free".to_owned(),
            many => format!("{many} ports of the images are free"),
        };
        return findings.push(Finding::ok("port-in-use", what));
    }
    let finding = |(wanted, port): &(&BoundPort, &Port)| {
        let finding = finding(wanted, port, hosts);
        // Its remedy would be to end the original.
        if is_copy { finding.remedy(OF_COPY) } else { finding }
    };
    for met in met.iter().take(FEW) {
        let found = name_remedy_once(finding(met), findings);
        findings.push(found);
    }
    if met.len() > FEW {
        let what = format!("{} more ports are in use", met.len() - FEW);
        findings.push(Finding::blocker("port-in-use", what, WHY).criu_says(SAYS));
    }
}

/// One command frees several ports, and ends a service that runs again.
fn name_remedy_once(finding: Finding, before: &[Finding]) -> Finding {
    let Some(remedy) = &finding.remedy else { return finding };
    let names_it = |other: &Finding| {
        other.blocks() && other.remedy.as_ref().is_some_and(|named| named.ends_with(remedy.as_str()))
    };
    if before.iter().any(names_it) { finding.remedy("as above") } else { finding }
}

const WHY: &str = "a process had it, and criu binds it again";
const SAYS: &str = "inet: Can't bind inet socket (id N): Address already in use";

/// What to do where a copy wants a port.
const OF_COPY: &str = "a copy uses the host's network: end the process that has the port and restore without --copy; \
                       or run the original in its own network namespace before the checkpoint";

/// Whether the two cannot be had together, as far as their addresses tell.
fn collide(wanted: &BoundPort, port: &Port) -> bool {
    let (ours, theirs) = (wanted.local.ip(), port.local.ip());
    let same = wanted.protocol == port.protocol && wanted.local.port() == port.local.port();
    same && match (ours, theirs) {
        (IpAddr::V6(_), IpAddr::V4(_)) => ours.is_unspecified() && !wanted.v6only,
        // Whether theirs is of IPv6 alone is not shown (proc(5)).
        (IpAddr::V4(_), IpAddr::V6(_)) => theirs.is_unspecified(),
        _ => ours == theirs || ours.is_unspecified() || theirs.is_unspecified(),
    }
}

/// Whether they may go together all the same: both may allow it, or theirs be of IPv6 alone, which is not shown.
fn is_doubtful(wanted: &BoundPort, port: &Port) -> bool {
    wanted.is_shared || (wanted.local.is_ipv4() && port.local.is_ipv6())
}

fn finding(wanted: &BoundPort, port: &Port, hosts: &Hierarchies) -> Finding {
    let holder = ports::holder(port.inode);
    let who = holder.map_or_else(|| "a process that is not visible here".to_owned(), shown);
    let unit = holder.and_then(|pid| unit(pid, hosts));
    let of = unit.as_ref().map(|unit| format!(" of {}", unit.text())).unwrap_or_default();
    let what = format!("{} is in use, by {who}{of}", name(wanted.protocol, wanted.local));
    let ours = self::unit(std::process::id().cast_signed(), hosts);
    // The unit that this program runs in is not stopped for a port.
    let stop = unit.as_ref().filter(|unit| Some(*unit) != ours.as_ref()).and_then(stop);
    let remedy = match (holder, stop) {
        // A socket of a unit of systemd's, which PID 1 listens on until the service is started.
        (Some(1), _) => {
            "find its unit with systemctl list-sockets, and stop it with systemctl stop".to_owned()
        }
        (_, Some(stop)) => stop,
        (Some(pid), None) => format!("end process {pid} first"),
        (None, None) => "find its process with ss -lntup, and end it first".to_owned(),
    };
    if is_doubtful(wanted, port) {
        let why = "criu binds it again, which fails unless both sides allow that";
        return Finding::warning("port-in-use", what, why).criu_says(SAYS).remedy(remedy);
    }
    Finding::blocker("port-in-use", what, WHY).criu_says(SAYS).remedy(remedy)
}

fn name(protocol: Protocol, address: SocketAddr) -> String {
    let protocol = match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    };
    format!("the {protocol} port {address}")
}

fn shown(pid: i32) -> String {
    let words = arguments(pid).join(&b' ');
    let name = comm(pid).map(|name| printable(&name).into_owned());
    match (words.is_empty(), name) {
        (false, _) => {
            let words = printable(&words).chars().take(60).collect::<String>();
            format!("process {pid} ({words})")
        }
        (true, Some(name)) => format!("process {pid} ({name})"),
        (true, None) => format!("process {pid}"),
    }
}

/// The unit that a process is of: systemd keeps the groups of units on v2, where that is mounted.
fn unit(pid: i32, hosts: &Hierarchies) -> Option<UnitName> {
    let path = hosts.iter().find_map(|hierarchy| group_of(pid, hierarchy).ok()?.group())?;
    unit_above(&path)
}

/// The unit whose group this is, or is below; a slice holds others.
fn unit_above(path: &CgroupPath) -> Option<UnitName> {
    let unit = std::iter::once(path.clone()).chain(path.ancestors()).find_map(|path| UnitName::of(&path))?;
    (!unit.as_bytes().ends_with(b".slice")).then_some(unit)
}

/// What stops the unit, where that is the right thing: a scope is a login or a container, with more in it, but for one that a
/// restore has made.
fn stop(unit: &UnitName) -> Option<String> {
    let name = unit.text();
    let word = quoted(name.as_ref().as_ref());
    let manager = match unit.manager {
        Manager::System => "systemctl",
        Manager::User(_) => "systemctl --user",
    };
    let is_ours = unit.as_bytes().ends_with(b".service") || systemd::is_restored_scope(&name);
    is_ours.then(|| format!("{manager} stop {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(local: &str) -> BoundPort {
        BoundPort { protocol: Protocol::Tcp, local: local.parse().unwrap(), is_shared: false, v6only: false }
    }

    fn port(local: &str) -> Port {
        Port { protocol: Protocol::Tcp, local: local.parse().unwrap(), inode: 0 }
    }

    #[test]
    fn a_command_is_named_once() {
        let stop = "systemctl stop x.service";
        let blocker = |remedy: &str| Finding::blocker("c", "w", "y").remedy(remedy);
        let unit = blocker("stop the new ones first: systemctl stop x.service");
        let remedy = |before: &[Finding]| name_remedy_once(blocker(stop), before).remedy.unwrap();
        assert_eq!(remedy(&[unit]), "as above");
        assert_eq!(remedy(&[blocker("systemctl stop y.service")]), stop);
        assert_eq!(remedy(&[Finding::warning("c", "w", "y").remedy(stop)]), stop);
    }

    #[test]
    fn addresses_that_meet() {
        let meet = |ours: &str, theirs: &str| collide(&wanted(ours), &port(theirs));
        assert!(meet("127.0.0.1:80", "127.0.0.1:80") && meet("0.0.0.0:80", "127.0.0.1:80"));
        assert!(
            meet("127.0.0.1:80", "0.0.0.0:80")
                && meet("[::]:80", "10.0.0.1:80")
                && meet("10.0.0.1:80", "[::]:80")
        );
        assert!(!meet("127.0.0.1:80", "127.0.0.2:80") && !meet("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!meet("[::1]:80", "127.0.0.1:80") && !meet("127.0.0.1:80", "[::1]:80"));
        assert!(!collide(&BoundPort { v6only: true, ..wanted("[::]:80") }, &port("0.0.0.0:80")));
        assert!(!collide(
            &BoundPort { protocol: Protocol::Udp, ..wanted("1.1.1.1:80") },
            &port("1.1.1.1:80")
        ));
    }

    #[test]
    fn a_unit_is_stopped_by_its_manager() {
        let of = |path: &str| unit_above(&CgroupPath::new(path.as_bytes())).as_ref().and_then(stop);
        assert_eq!(of("/system.slice/nginx.service/worker").as_deref(), Some("systemctl stop nginx.service"));
        let user = "/user.slice/user-7.slice/user@7.service/app.slice/web.service";
        assert_eq!(of(user).as_deref(), Some("systemctl --user stop web.service"));
        let restored = of("/system.slice/nginx-restored-2.scope");
        assert_eq!(restored.as_deref(), Some("systemctl stop nginx-restored-2.scope"));
        assert_eq!(
            (of("/user.slice/user-7.slice/session-1.scope"), of("/"), of("/shop/web")),
            (None, None, None)
        );
    }

    #[test]
    fn who_has_it_is_named() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let in_use = ports::in_use().unwrap();
        let port = in_use.iter().find(|port| port.local == local).unwrap();
        let Ok(hosts) = crate::kernel::mounts::hierarchies() else { return };
        let found = finding(&wanted(&local.to_string()), port, &hosts);
        let me = format!("the TCP port {local} is in use, by process {} (", std::process::id());
        assert!(found.blocks() && found.what.starts_with(&me), "{found}");
    }
}
