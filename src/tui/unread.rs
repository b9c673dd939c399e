//! A terminal that is not read: whoever shows it stands still, or the line is cut.
//!
//! The screen's thread draws, and waits there as long as nothing can be written. That holds up no freeze, no thaw and no timer that
//! has begun, for these have threads of their own; and a key that is pressed meanwhile would act on what nobody sees. A signal
//! that ends the program is heard all the same.

use std::io::stdout;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{FlushArg, tcflush};
use nix::unistd::Pid;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// So long nothing can be written to a terminal that is not read any more.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// While the program is ending: throws away what the terminal has not read, whenever nothing more can be written. It ends with the
/// program.
pub(super) fn throw_away() -> ! {
    let mut since = Instant::now();
    loop {
        if can_be_written() {
            since = Instant::now();
        } else if since.elapsed() > PATIENCE {
            let _ = tcflush(stdout(), FlushArg::TCOFLUSH);
            // A write that waits begins again after a signal that is handled, and finds room.
            let _ = kill(Pid::this(), Signal::SIGWINCH);
        }
        std::thread::sleep(PAUSE);
    }
}

fn can_be_written() -> bool {
    let stdout = stdout();
    let mut terminal = [PollFd::new(&stdout, PollFlags::OUT)];
    // Whatever cannot be asked, or is gone, keeps nobody waiting.
    poll(&mut terminal, Some(&Timespec::default())).map_or(true, |ready| ready > 0)
}
