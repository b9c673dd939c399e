//! What a timer and the program that started it say to each other: a line each, through the timer's standard streams.

use std::fmt;
use std::io;
use std::time::Duration;

/// The timer's first line: it can be told to freeze. Any other first line is a sentence that says why not.
pub(super) const READY: &str = "ready";

/// Tells a timer to write the request.
pub(super) const FREEZE: &str = "freeze";

/// The timer's answer to [`FREEZE`].
#[derive(Debug)]
pub(super) enum Answer {
    /// The request is written; it is taken back at this time since the boot, suspends counted.
    Frozen(Duration),
    /// Somebody else has written one before: nothing was written.
    Taken,
    /// What write(2) said.
    Failed(io::Error),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frozen(deadline) => write!(f, "frozen {}", deadline.as_nanos()),
            Self::Taken => f.write_str("taken"),
            // One that has no number did not come from the kernel.
            Self::Failed(error) => write!(f, "failed {}", error.raw_os_error().unwrap_or_else(eio)),
        }
    }
}

fn eio() -> i32 {
    rustix::io::Errno::IO.raw_os_error()
}

impl Answer {
    /// Reads an answer; `None` for any other line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let (word, number) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "frozen" => Some(Self::Frozen(Duration::from_nanos(number.parse().ok()?))),
            "taken" => Some(Self::Taken),
            "failed" => Some(Self::Failed(io::Error::from_raw_os_error(number.parse().ok()?))),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let failed = io::Error::from_raw_os_error(13);
        for answer in
            [Answer::Frozen(Duration::from_nanos(1_234_567_890_123)), Answer::Taken, Answer::Failed(failed)]
        {
            let line = answer.to_string();
            assert_eq!(Answer::parse(&line).map(|answer| answer.to_string()), Some(line));
        }
        for line in ["", "frozen", "frozen x", "failed", "thread panicked"] {
            assert!(Answer::parse(line).is_none(), "{line}");
        }
    }
}
