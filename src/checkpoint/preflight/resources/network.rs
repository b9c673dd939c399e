//! The programs that criu runs for a network namespace and for TCP connections (`criu/net.c`, `criu/netfilter.c`).

use std::path::PathBuf;

use super::{Finding, Holder, Host, name};
use crate::kernel::namespaces::Namespaces;
use crate::runtime::systemd::Cause;

/// `connected`: there are TCP connections.
pub(super) fn look(
    holders: &[Holder<'_>],
    connected: bool,
    host: &Host<'_>,
    own: &Namespaces,
    findings: &mut Vec<Finding>,
) {
    let Some(root) = holders.first() else { return };
    let apart = root.namespaces.get("net") != own.get("net");
    if apart && !is_in_path("ip") {
        findings.push(
            Finding::blocker(
                "network-tools",
                format!("{} has its own network namespace, but ip is not in PATH", name(root.process)),
                "criu needs it to save addresses and routes",
            )
            .remedy("install iproute2")
            .caused_by(Cause::Sandbox)
            .criu_says("IP tool failed on addr save"),
        );
    }
    let program = if apart { "iptables-restore" } else { "iptables" };
    let needed = apart || connected;
    if needed && !host.is_given("--network-lock") && !is_in_path(program) {
        findings.push(lock(program));
    }
}

/// What goes over the network is held up while it is dumped.
fn lock(program: &str) -> Finding {
    let apart = program == "iptables-restore";
    let of = if apart { "the network namespace" } else { "the TCP connections" };
    Finding::warning(
        "network-lock",
        format!("{program} is not in PATH, but criu needs it to lock {of} during the dump"),
        "without a lock, the kernel would reject packets that arrive meanwhile, so criu refuses to continue",
    )
    .remedy("adding --network-lock nftables, which needs no other program; or install iptables")
    .options(["--network-lock", "nftables"])
    .criu_says(if apart {
        "Locking network failed: iptables-restore returned N"
    } else {
        "Iptables configuration failed"
    })
}

/// Where criu will look, as this program hands its PATH on.
fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder: PathBuf| folder.join(program)).any(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs() {
        assert!(is_in_path("sh"));
        assert!(!is_in_path("no-such-program-anywhere"));
        assert_eq!(lock("iptables").options, ["--network-lock", "nftables"]);
    }
}
