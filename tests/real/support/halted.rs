//! A criu that stands still in its middle: its log is a pipe that nobody reads any further.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::criu::Running;
use super::wait::{SOON, until};

/// A criu that holds its target, and goes on only when it is let.
#[derive(Debug)]
pub struct Halted {
    running: Option<Running>,
    pipe: File,
    read: Vec<u8>,
}

impl Halted {
    /// `start` is told where its log can be read afterwards.
    #[track_caller]
    pub fn new(images: PathBuf, line: &str, start: impl FnOnce(PathBuf) -> Running) -> Self {
        let path = images.join("dump.log");
        let pipe = pipe(&path);
        let running = Some(start(images.join("no.log")));
        let mut halted = Self { running, pipe, read: Vec::new() };
        until("criu has logged the line", SOON, || {
            halted.read();
            halted.read.windows(line.len()).any(|piece| piece == line.as_bytes())
        });
        halted
    }

    /// A little more of what it logs; it is halted by what is not read.
    fn read(&mut self) {
        let mut piece = [0; 4096];
        let count = self.pipe.read(&mut piece).unwrap_or(0);
        self.read.extend(&piece[..count]);
    }

    pub fn pid(&self) -> i32 {
        self.running.as_ref().unwrap().pid()
    }

    /// Lets it go on to its end.
    #[track_caller]
    pub fn go_on(mut self) {
        let mut running = self.running.take().unwrap();
        until("criu has ended", SOON, || {
            self.read();
            !running.is_running()
        });
        let rest = self.pipe.read_to_end(&mut self.read);
        let log = String::from_utf8_lossy(&self.read);
        let ended = log.contains("Dumping finished successfully");
        let last: Vec<&str> = log.lines().rev().take(5).collect();
        assert!(rest.is_ok() && ended, "{last:?}");
    }
}

impl Drop for Halted {
    fn drop(&mut self) {
        // A test failed: it is let go on all the same. What holds the target besides goes with its group.
        while let Some(running) = &mut self.running
            && running.is_running()
        {
            running.release();
            self.read();
        }
    }
}

/// A pipe of a name that holds little.
pub fn pipe(path: &Path) -> File {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
    let pipe = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap();
    fcntl(&pipe, FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    pipe
}
