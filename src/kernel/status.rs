//! `/proc/PID/status`, as far as it is needed.

use super::descriptors::ProcessDir;
use super::dir::absent_is_none;
use super::proc;

/// The text of `/proc/PID/status` (proc_pid_status(5)), as bytes: a process's name may be any bytes, and procfs's own
/// reader fails on what is not UTF-8.
#[derive(Debug, Clone)]
pub struct Status(Vec<u8>);

impl Status {
    /// Reads the status of a process or thread; `None` where it is gone.
    ///
    /// # Errors
    /// What reading the file says, but for a process that is gone.
    pub fn read(pid: i32) -> std::io::Result<Option<Self>> {
        Ok(absent_is_none(proc::read(pid, "status"))?.map(Self))
    }

    /// Reads the status of a process whose directory is held.
    ///
    /// # Errors
    /// What reading the file says: ESRCH for a process that is gone.
    pub fn of(process: &ProcessDir) -> std::io::Result<Self> {
        process.read("status").map(Self)
    }

    /// The real, the effective and the saved user (`Uid`); `None` where one of them cannot be read.
    pub fn users(&self) -> Option<[u32; 3]> {
        self.ids("Uid")
    }

    /// The real, the effective and the saved group (`Gid`); `None` where one of them cannot be read.
    pub fn groups(&self) -> Option<[u32; 3]> {
        self.ids("Gid")
    }

    fn ids(&self, key: &str) -> Option<[u32; 3]> {
        let mut ids = self.words(key)?.map(|word| word.parse().ok());
        Some([ids.next()??, ids.next()??, ids.next()??])
    }

    /// The process or thread that traces it (`TracerPid`).
    pub fn tracer(&self) -> Option<i32> {
        self.number("TracerPid").and_then(|pid| i32::try_from(pid).ok()).filter(|&pid| pid != 0)
    }

    /// The first decimal number behind a key: `Uid`, `Tgid`, `TracerPid`.
    pub fn number(&self, key: &str) -> Option<i64> {
        self.words(key)?.next()?.parse().ok()
    }

    /// The letter of the state: R, S, D, T, t, Z, X.
    pub fn state(&self) -> Option<char> {
        self.words("State")?.next()?.chars().next()
    }

    /// Whether a signal is pending for this thread or for its process (`SigPnd`, `ShdPnd`); `signal` as in signal(7).
    pub fn has_pending(&self, signal: u8) -> bool {
        let is_in = |set: u64| set & 1 << (signal - 1) != 0;
        ["SigPnd", "ShdPnd"].iter().any(|key| self.set(key).is_some_and(is_in))
    }

    /// All numbers behind a key: `NSpid` and `NSsid` have one for each PID namespace, the outermost first.
    pub fn numbers(&self, key: &str) -> Option<Vec<i32>> {
        Some(self.words(key)?.filter_map(|word| word.parse().ok()).collect())
    }

    /// The set behind a key, a bit for each member: capabilities (`CapEff`, capabilities(7)), signals from bit 0 for signal 1
    /// on (`ShdPnd`).
    pub fn set(&self, key: &str) -> Option<u64> {
        u64::from_str_radix(self.words(key)?.next()?, 16).ok()
    }

    fn words(&self, key: &str) -> Option<impl Iterator<Item = &str>> {
        let behind = |line: &'_ [u8]| line.strip_prefix(key.as_bytes())?.strip_prefix(b":").map(<[u8]>::len);
        let line =
            self.0.split(|&b| b == b'\n').find_map(|line| Some(&line[line.len() - behind(line)?..]))?;
        Some(std::str::from_utf8(line).ok()?.split_ascii_whitespace())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_what_is_behind_them() {
        let text = b"Name:\tNSpid:\xff\nUid:\t33\t0\t0\t0\nNSpid:\t812\t1\nCapEff:\t000001ffffffffff\nTracerPid:\t0\n";
        let status = Status(text.to_vec());
        assert_eq!((status.number("Uid"), status.users()), (Some(33), Some([33, 0, 0])));
        assert_eq!(status.numbers("NSpid"), Some(vec![812, 1]));
        assert_eq!(status.set("CapEff"), Some(0x1ff_ffff_ffff));
        assert_eq!(status.number("Pid"), None);
        let pending = Status(b"SigPnd:\t0000000000000010\nShdPnd:\t0000000000000100\n".to_vec());
        assert!(pending.has_pending(5) && pending.has_pending(9) && !pending.has_pending(4));
        assert_eq!((status.number("TracerPid"), status.tracer()), (Some(0), None));
    }

    #[test]
    fn users_are_never_some_of_them() {
        let users = |text: &str| Status(text.into()).users();
        assert_eq!(users("Uid:\t4294967294\t0\t0\t0\n"), Some([4_294_967_294, 0, 0]));
        assert_eq!(users("Uid:\t4294967296\t0\t0\t0\n"), None);
        assert_eq!(users("Uid:\t0\t0\n"), None);
    }

    #[test]
    fn one_that_is_gone_is_none() {
        assert!(Status::read(i32::MAX).unwrap().is_none());
    }
}
