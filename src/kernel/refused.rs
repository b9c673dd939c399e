//! What to do where the kernel refuses this program a resource.
//!
//! An allocation that is refused (`ulimit -v`) is no error that could be handled: the standard library says how many bytes it did
//! not get, and aborts. A hook for that is not stable (`alloc_error_hook`), and `try_reserve` is of no use here, for no amount that
//! somebody else chooses is taken at once: what is read has a limit, and lengths in images are compared with the file first.

use std::io;

use rustix::io::Errno;

/// An error, and where it says that a limit is reached, which one that is.
pub fn explain(error: &io::Error) -> String {
    let limit = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::MFILE) => "this program cannot open more files; raise ulimit -n",
        Some(Errno::NFILE) => "no program can open more files; raise fs.file-max",
        Some(Errno::AGAIN) => {
            "this program cannot start more threads or processes; see ulimit -u, ulimit -v, and pids.max of its \
             cgroup"
        }
        Some(Errno::NOMEM) => "this program is out of memory; see ulimit -v",
        _ => return error.to_string(),
    };
    format!("{error}: {limit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named() {
        let said = |errno: Errno| explain(&errno.into());
        assert!(said(Errno::MFILE).ends_with("raise ulimit -n"));
        assert!(said(Errno::AGAIN).contains("pids.max"));
        assert_eq!(said(Errno::NOENT), io::Error::from(Errno::NOENT).to_string());
    }
}
