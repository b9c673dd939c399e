//! What has happened, line by line; slowly, for an audience; as text, for a file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::lab::course::News;

/// How long a line stands alone before the next one comes.
const SLOW: Duration = Duration::from_millis(700);

/// The events of a lesson.
#[derive(Debug)]
pub(super) struct Log {
    began: Instant,
    lines: Vec<(Duration, String)>,
    shown: usize,
    last: Instant,
}

impl Log {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { began: now, lines: Vec::new(), shown: 0, last: now }
    }

    pub(super) fn note(&mut self, line: String) {
        self.lines.push((self.began.elapsed(), line));
    }

    pub(super) fn news(&mut self, news: News) {
        self.note(match news {
            News::Done(line) => format!("$ {line}"),
            News::ByHand(line) => format!("by hand: {line}"),
            News::Failed(why) => format!("failed: {why}"),
            News::Changed(change) => change,
            News::Seen(seen) => format!("seen: {seen}"),
        });
    }

    /// Shows what has come; for an audience one line after the other.
    pub(super) fn tick(&mut self, slow: bool) {
        if !slow {
            self.shown = self.lines.len();
        } else if self.shown < self.lines.len() && self.last.elapsed() >= SLOW {
            self.shown += 1;
            self.last = Instant::now();
        }
    }

    /// The last lines of what is shown.
    pub(super) fn tail(&self, most: usize) -> Vec<String> {
        let shown = &self.lines[..self.shown.min(self.lines.len())];
        shown[shown.len().saturating_sub(most)..].iter().map(|(at, line)| text(*at, line)).collect()
    }

    /// Writes everything into a new file of the current folder; says which.
    pub(super) fn write(&self, name: &str) -> io::Result<PathBuf> {
        for number in 1..1000 {
            let path = std::env::current_dir()?.join(format!("{name}-{number}.txt"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(mut file) => {
                    self.lines.iter().try_for_each(|(at, line)| writeln!(file, "{}", text(*at, line)))?;
                    return Ok(path);
                }
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

fn text(at: Duration, line: &str) -> String {
    format!("{:>3}:{:02} {line}", at.as_secs() / 60, at.as_secs() % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_an_audience_one_line_comes_after_the_other() {
        let mut log = Log::new();
        log.note("one".into());
        log.note("two".into());
        log.tick(true);
        assert!(log.tail(9).is_empty(), "it has just begun");
        log.last -= SLOW;
        log.tick(true);
        log.tick(true);
        assert_eq!(log.tail(9), ["  0:00 one"]);
        log.tick(false);
        assert_eq!(log.tail(1), ["  0:00 two"]);
    }
}
