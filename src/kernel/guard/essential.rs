//! The processes that a host's logins and services hang on, by who they are: users that are trusted, an executable that only
//! root may exchange, and for some the unit that systemd runs them in. A name alone says nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::unistd::{Uid, User};

use crate::kernel::descriptors::ProcessDir;
use crate::kernel::executable::{is_controlled_by, was_controlled_by};
use crate::kernel::processes::every_pid;
use crate::kernel::status::Status;
use crate::kernel::trust::people;

/// What a kind of process does for the host.
struct Role {
    /// What depends on it, in words, with the verb.
    what: &'static str,
    /// The names of the executables.
    programs: &'static [&'static str],
    /// The system's users that it runs as, where that is not root.
    users: &'static [&'static str],
    /// The unit that it is in where systemd runs, of a program that is also something else.
    unit: Option<&'static str>,
}

impl Role {
    const fn new(what: &'static str, programs: &'static [&'static str]) -> Self {
        Self { what, programs, users: &[], unit: None }
    }

    const fn of_users(self, users: &'static [&'static str]) -> Self {
        Self { users, ..self }
    }

    const fn in_unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }
}

const MESSAGE_BUS: &str = "logins and services depend on";
const LOGIN: &str = "logins depend on";
const DISPLAY: &str = "a display depends on";

/// Of Debian 12 and 13, Fedora, Arch and openSUSE, and of hosts without systemd.
const ROLES: [Role; 18] = [
    Role::new("services depend on", &["systemd", "runsvdir", "s6-svscan", "openrc-init", "supervise-daemon"]),
    Role::new(MESSAGE_BUS, &["dbus-daemon", "dbus-broker", "dbus-broker-launch"])
        .of_users(&["messagebus", "dbus"]),
    Role::new(LOGIN, &["systemd-logind", "elogind", "elogind-daemon"]),
    Role::new("logging depends on", &["systemd-journald", "auditd"]),
    Role::new("devices depend on", &["systemd-udevd", "udevd"]),
    Role::new("devices depend on", &["udevadm"]).in_unit("systemd-udevd.service"),
    Role::new("the network depends on", &["systemd-networkd"]).of_users(&["systemd-network"]),
    Role::new(
        "the network depends on",
        &["NetworkManager", "wpa_supplicant", "iwd", "dhcpcd", "dhclient", "connmand", "wickedd"],
    ),
    Role::new("name lookups depend on", &["systemd-resolved"]).of_users(&["systemd-resolve"]),
    Role::new(LOGIN, &["systemd-userdbd", "systemd-userwork", "systemd-homed", "nslcd", "winbindd"]),
    Role::new(LOGIN, &["sssd", "sssd_be", "sssd_nss", "sssd_pam"]).of_users(&["sssd"]),
    Role::new(LOGIN, &["polkitd"]).of_users(&["polkitd"]),
    Role::new("remote logins depend on", &["sshd", "sshd-session", "sshd-auth", "dropbear"])
        .of_users(&["sshd"]),
    Role::new("logins at the console depend on", &["agetty", "getty", "mingetty", "login"]),
    Role::new(
        DISPLAY,
        &[
            "gdm",
            "gdm3",
            "gdm-session-worker",
            "sddm",
            "sddm-helper",
            "lightdm",
            "lxdm",
            "greetd",
            "ly",
            "xdm",
        ],
    ),
    Role::new(
        DISPLAY,
        &[
            "Xorg",
            "Xwayland",
            "gnome-shell",
            "kwin_wayland",
            "kwin_x11",
            "sway",
            "labwc",
            "weston",
            "Hyprland",
            "river",
            "niri",
            "cosmic-comp",
            "mutter",
        ],
    ),
    Role::new(
        "a container depends on",
        &["conmon", "containerd-shim", "containerd-shim-runc-v1", "containerd-shim-runc-v2"],
    ),
    Role::new("disks depend on", &["multipathd", "iscsid", "dmeventd", "mdmon", "nbd-client"]),
];

/// An essential process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Essential {
    pub pid: i32,
    /// What depends on it, in words.
    pub what: &'static str,
    /// Whose session it belongs to, where that is not the host's or this program's user's.
    pub session_of: Option<u32>,
}

/// Every essential process of the host that can be recognized.
pub(super) fn essentials() -> impl Iterator<Item = Essential> {
    let trusted = people();
    every_pid().filter_map(move |pid| recognize(pid, &trusted))
}

fn recognize(pid: i32, trusted: &[u32]) -> Option<Essential> {
    // One read for each process; all that follows is for the few that could be meant.
    let link = rustix::fs::readlink(format!("/proc/{pid}/exe"), Vec::new()).ok()?.into_bytes();
    let path = link.strip_suffix(DELETED).unwrap_or(&link);
    let program = path.rsplit(|&b| b == b'/').next()?;
    let role = ROLES.iter().find(|role| role.programs.iter().any(|name| name.as_bytes() == program))?;
    let process = ProcessDir::open(pid).ok()??;
    if !is_hosts_own(&process, &link, Path::new(OsStr::from_bytes(path))) || !is_in_unit(&process, role.unit)
    {
        return None;
    }
    let users = Status::read(pid).ok()??.numbers("Uid").filter(|users| users.len() == 4)?;
    let is_account = |uid| {
        let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
        user.is_some_and(|user| role.users.contains(&&*user.name))
    };
    let is_trusted = |uid: u32| trusted.contains(&uid) || (!role.users.is_empty() && is_account(uid));
    let is_ours = users.iter().take(3).all(|uid| is_trusted(uid.cast_unsigned()));
    let session_of = session_user(&process).filter(|uid| !trusted.contains(uid));
    (is_ours || session_of.is_some()).then_some(Essential { pid, what: role.what, session_of })
}

/// What the kernel appends to the path of a file that was removed, as by an upgrade.
const DELETED: &[u8] = b" (deleted)";

/// Whether nobody but root could have put the executable where it is, or where it was until it was replaced.
fn is_hosts_own(process: &ProcessDir, link: &[u8], path: &Path) -> bool {
    let Ok(facts) = process.facts("exe") else { return false };
    if link.ends_with(DELETED) {
        was_controlled_by(&[0], path, &facts)
    } else {
        is_controlled_by(&[0], path, &facts)
    }
}

/// Whether one of its groups is that of the unit, where systemd runs. (sd_booted(3))
fn is_in_unit(process: &ProcessDir, unit: Option<&str>) -> bool {
    let Some(unit) = unit.filter(|_| Path::new("/run/systemd/system").is_dir()) else { return true };
    let Ok(text) = process.read("cgroup") else { return false };
    text.split(|&b| b == b'\n' || b == b'/').any(|name| name == unit.as_bytes())
}

/// The user in whose slice systemd has put a process: that of one who is logged in. (`user-UID.slice`, user@.service(5))
fn session_user(process: &ProcessDir) -> Option<u32> {
    let text = process.read("cgroup").ok()?;
    let names = text.split(|&b| b == b'\n' || b == b'/');
    let slices = names.filter_map(|name| name.strip_prefix(b"user-")?.strip_suffix(b".slice"));
    slices.filter_map(|uid| std::str::from_utf8(uid).ok()?.parse().ok()).next()
}
