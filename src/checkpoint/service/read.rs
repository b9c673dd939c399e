//! Reads what a service has below `/run`. The directories are the service's own: no link in them is followed.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, statat};

use super::{MAX_FILES, PLACE, RuntimeFile};
use crate::model::printable;

/// What systemd removes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::checkpoint) struct RuntimeFiles {
    /// Directories and PID files.
    pub made_again: Vec<RuntimeFile>,
    /// Other files, printable; sockets are not among them.
    pub others: Vec<String>,
}

/// The longest text of a PID file, in bytes.
const MAX_PID_TEXT: usize = 16;
/// How deep below a runtime directory is looked.
const MAX_DEPTH: usize = 8;

pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What is in the runtime directories with these names, and the PID file, where that is below `/run`. `pids`: the processes of
/// the service.
///
/// # Errors
/// What the kernel says; that something is not there is no error.
pub(in crate::checkpoint) fn runtime_files(
    directories: &[String],
    pid_file: Option<&str>,
    pids: &HashSet<i32>,
) -> io::Result<RuntimeFiles> {
    read_below(PLACE, directories, pid_file, pids)
}

fn read_below(
    place: &str,
    directories: &[String],
    pid_file: Option<&str>,
    pids: &HashSet<i32>,
) -> io::Result<RuntimeFiles> {
    let root = openat(CWD, place, DIRECTORY, Mode::empty())?;
    let mut reader = Reader { pids, found: RuntimeFiles::default() };
    for name in directories {
        if let Some(folder) = reader.way_to(&root, name)? {
            reader.content(&folder, &format!("{PLACE}/{name}"), MAX_DEPTH)?;
        }
    }
    if let Some(file) = pid_file.and_then(|path| path.strip_prefix(PLACE)?.strip_prefix('/')) {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        if let Some(folder) = reader.way_to(&root, folder)? {
            reader.pid_file(&folder, name, &format!("{PLACE}/{file}"))?;
        }
    }
    Ok(reader.found)
}

struct Reader<'a> {
    pids: &'a HashSet<i32>,
    found: RuntimeFiles,
}

impl Reader<'_> {
    /// Opens a directory below the root, and adds it and all above; `None` where it is not there.
    fn way_to(&mut self, root: &OwnedFd, below: &str) -> io::Result<Option<OwnedFd>> {
        let mut folder = root.try_clone()?;
        let mut path = PLACE.to_owned();
        for name in below.split('/').filter(|name| !name.is_empty()) {
            let Some(next) = present(openat(&folder, name, DIRECTORY, Mode::empty()))? else {
                return Ok(None);
            };
            path = format!("{path}/{name}");
            self.directory(&next, &path)?;
            folder = next;
        }
        Ok(Some(folder))
    }

    fn directory(&mut self, folder: &OwnedFd, path: &str) -> io::Result<()> {
        let file = described(path, &rustix::fs::fstat(folder)?, None);
        self.add(file);
        Ok(())
    }

    /// Adds what is in a directory.
    fn content(&mut self, folder: &OwnedFd, path: &str, depth: usize) -> io::Result<()> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        for entry in Dir::read_from(folder)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if !matches!(name.as_slice(), b"." | b"..") {
                names.push(name);
            }
        }
        names.sort_unstable();
        for name in names {
            let shown = format!("{path}/{}", printable(&name));
            let Some(stat) = present(statat(folder, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW))? else {
                continue;
            };
            let plain = std::str::from_utf8(&name).ok().filter(|name| !name.chars().any(char::is_control));
            match (FileType::from_raw_mode(stat.st_mode), plain) {
                (FileType::Socket, _) => {}
                (FileType::Directory, Some(name)) if depth > 0 => {
                    if let Some(below) = present(openat(folder, name, DIRECTORY, Mode::empty()))? {
                        self.directory(&below, &shown)?;
                        self.content(&below, &shown, depth - 1)?;
                    }
                }
                (FileType::RegularFile, Some(name)) if self.pid_file(folder, name, &shown)? => {}
                _ if self.found.others.len() < MAX_FILES => self.found.others.push(shown),
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds a file that holds the number of one of the processes, and nothing else; whether it is such a one.
    fn pid_file(&mut self, folder: &OwnedFd, name: &str, path: &str) -> io::Result<bool> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let Some(file) = present(openat(folder, name, flags, Mode::empty()))? else { return Ok(false) };
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(false);
        }
        let pid = number(file.as_fd())?.filter(|pid| self.pids.contains(pid));
        if let Some(pid) = pid {
            self.add(described(path, &stat, Some(pid)));
        }
        Ok(pid.is_some())
    }

    fn add(&mut self, file: RuntimeFile) {
        let all = &mut self.found.made_again;
        if all.len() < MAX_FILES && !all.iter().any(|other| other.path == file.path) {
            all.push(file);
        }
    }
}

fn described(path: &str, stat: &Stat, pid: Option<i32>) -> RuntimeFile {
    let (mode, uid, gid) = (stat.st_mode & 0o7777, stat.st_uid, stat.st_gid);
    RuntimeFile { path: path.to_owned(), mode, uid, gid, pid }
}

/// The number that is all of a short text.
fn number(file: impl AsFd) -> io::Result<Option<i32>> {
    let mut text = [0; MAX_PID_TEXT];
    let read = rustix::io::pread(file, &mut text, 0)?;
    let text = std::str::from_utf8(&text[..read]).ok().map(str::trim);
    Ok(text.filter(|text| text.bytes().all(|b| b.is_ascii_digit())).and_then(|text| text.parse().ok()))
}

/// `None` for what is not there, or is a link or no directory.
fn present<T>(result: rustix::io::Result<T>) -> io::Result<Option<T>> {
    use rustix::io::Errno;
    match result {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn directories_and_pid_files() {
        let temp = tempfile::tempdir().unwrap();
        let run = temp.path().join("run");
        fs::create_dir_all(run.join("r/sub")).unwrap();
        fs::set_permissions(run.join("r"), fs::Permissions::from_mode(0o2755)).unwrap();
        fs::write(run.join("r/main.pid"), "71\n").unwrap();
        fs::write(run.join("r/other.pid"), "72\n").unwrap();
        fs::write(run.join("r/long"), "71 and more than a number").unwrap();
        fs::write(run.join("x.pid"), "71").unwrap();
        symlink("/etc", run.join("r/etc")).unwrap();
        std::os::unix::net::UnixListener::bind(run.join("r/sub/socket")).unwrap();
        let read = |directories: &[&str], pid_file: Option<&str>| {
            let directories: Vec<String> = directories.iter().map(|&name| name.to_owned()).collect();
            read_below(run.to_str().unwrap(), &directories, pid_file, &HashSet::from([71])).unwrap()
        };
        let found = read(&["r", "none"], Some("/run/x.pid"));
        let made: Vec<_> = found.made_again.iter().map(|file| (file.path.as_str(), file.pid)).collect();
        assert_eq!(
            made,
            [("/run/r", None), ("/run/r/main.pid", Some(71)), ("/run/r/sub", None), ("/run/x.pid", Some(71))]
        );
        assert_eq!(found.made_again[0].mode, 0o2755);
        assert_eq!(found.others, ["/run/r/etc", "/run/r/long", "/run/r/other.pid"]);
        let nested = read(&["r/sub"], None);
        let paths: Vec<_> = nested.made_again.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/run/r", "/run/r/sub"], "those above it, too");
        assert_eq!(read(&["r/etc"], Some("/etc/passwd")).made_again.len(), 1);
    }
}
