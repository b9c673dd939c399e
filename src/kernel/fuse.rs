//! Which processes serve FUSE mounts: those that hold `/dev/fuse` open.

use super::descriptors::ProcessDir;
use super::namespaces::Mount;
use super::processes::every_pid;
use super::status::Status;

/// The device number of `/dev/fuse` (linux/fuse.h and Documentation/admin-guide/devices.txt).
const DEVICE: (u32, u32) = (10, 229);

/// So many open files of all processes are looked at at most to find the servers.
const MAX_DESCRIPTORS: usize = 200_000;

/// The processes of this host that hold `/dev/fuse` open, each with the connection that it serves where the kernel says it.
#[derive(Debug, Clone, Default)]
pub struct Servers(Vec<(i32, Option<u32>)>);

impl Servers {
    /// Looks at the open files of all processes that may be looked at, but at no more than 200,000 of them.
    pub fn read() -> Self {
        let (mut found, mut looked_at) = (Vec::new(), 0);
        for pid in every_pid() {
            let Some(process) = ProcessDir::open(pid).ok().flatten() else { continue };
            let numbers = process.numbers().unwrap_or_default();
            looked_at += numbers.len();
            found.extend(numbers.into_iter().filter_map(|number| served(&process, number)).map(|c| (pid, c)));
            if looked_at > MAX_DESCRIPTORS {
                break;
            }
        }
        found.dedup();
        Self(found)
    }

    /// The processes that serve a connection, which was mounted for a user. On a kernel that does not say which connection they
    /// serve (6.12 does not, 6.18 does), all servers of that user.
    pub fn of(&self, connection: u32, user: Option<u32>) -> Vec<i32> {
        let of = |wanted: Option<u32>| self.0.iter().filter(move |(_, c)| *c == wanted).map(|(pid, _)| *pid);
        let mut servers: Vec<i32> = of(Some(connection)).collect();
        if servers.is_empty() {
            servers = of(None).filter(|&pid| user.is_some() && effective_user(pid) == user).collect();
        }
        servers.dedup();
        servers
    }
}

fn effective_user(pid: i32) -> Option<u32> {
    let users = Status::read(pid).ok()??.numbers("Uid")?;
    u32::try_from(*users.get(1)?).ok()
}

/// The connection of a descriptor of `/dev/fuse`; `None` for every other.
fn served(process: &ProcessDir, number: i32) -> Option<Option<u32>> {
    let place = format!("fd/{number}");
    // The name is looked at first, for that costs least: it may have another in a container, but not in the kernel's /dev.
    process.link(&place).ok().filter(|link| link.ends_with(b"/fuse"))?;
    let facts = process.facts(&place).ok().filter(|facts| facts.device == DEVICE);
    facts.and_then(|_| Some(process.info(number).ok()?.fuse))
}

/// The number of a FUSE mount's connection: its device, as the kernel keeps it, 20 bits for the minor number
/// (`fuse_ctl_add_conn` of fs/fuse/control.c, linux/kdev_t.h). The major number is 0 but for a file system on a block device.
pub fn connection(mount: &Mount) -> Option<u32> {
    let (major, minor) = mount.device.split_once(':')?;
    Some(major.parse::<u32>().ok()?.checked_mul(1 << 20)? | minor.parse::<u32>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_the_mounts_device() {
        let on = |device: &str| connection(&Mount { device: device.into(), ..Mount::default() });
        assert_eq!((on("0:40"), on("8:1")), (Some(40), Some(8 << 20 | 1)), "without and on a block device");
        assert_eq!((on("8"), on("x:1"), on("4096:1")), (None, None, None));
    }

    #[test]
    fn by_connection() {
        let servers = Servers(vec![(7, Some(40)), (7, Some(40)), (8, Some(41))]);
        assert_eq!(servers.of(40, None), [7]);
        assert!(servers.of(42, Some(0)).is_empty());
        let me = std::process::id().cast_signed();
        let unknown = Servers(vec![(me, None), (i32::MAX, None)]);
        assert_eq!(unknown.of(40, effective_user(me)), [me]);
        assert!(unknown.of(40, None).is_empty());
    }
}
