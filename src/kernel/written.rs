//! Writes to one group's freezer files, as the kernel announces them (inotify(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};

use super::Group;

/// Becomes readable when somebody writes the group's control file, and on v2 when it becomes frozen or thawed.
#[derive(Debug)]
pub struct Written(OwnedFd);

impl Written {
    /// Begins to listen.
    ///
    /// # Errors
    /// What inotify says: EMFILE and ENOSPC where this user has no instance or no watch left.
    pub fn of(group: &Group) -> io::Result<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        for file in [group.version.control_file(), "cgroup.events"] {
            // Through the descriptor: another group of that path is not meant. v1 has no cgroup.events.
            let path = format!("/proc/self/fd/{}/{file}", group.dir.fd().as_raw_fd());
            match add_watch(&inotify, path, WatchFlags::MODIFY) {
                Ok(_) => {}
                Err(rustix::io::Errno::NOENT) if file == "cgroup.events" => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(inotify))
    }

    /// Forgets what was announced so far.
    pub fn clear(&self) {
        let mut buffer = [0; 4096];
        while rustix::io::read(&self.0, &mut buffer).is_ok_and(|length| length > 0) {}
    }
}

impl AsFd for Written {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
