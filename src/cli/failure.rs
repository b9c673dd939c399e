//! How a command ends when it does not succeed: a sentence and an exit code.

use std::fmt;
use std::io;

use super::as_root;
use crate::checkpoint::report::ReportError;
use crate::checkpoint::{Refused, RescueError, RunError};
use crate::kernel::freezer::FreezerError;
use crate::kernel::mounts::MountsError;
use crate::kernel::refused;
use crate::kernel::target::TargetError;
use crate::runtime::ThawError;
use crate::timer::{ForATimeError, OrphanError, TimerError};

/// The exit code of what this user may not do.
const NOT_PERMITTED: u8 = 3;

/// A failure at the edge of the program.
#[derive(Debug)]
pub struct Failure {
    /// The exit code: 1 failed, 2 wrong usage, 3 not permitted, 4 refused, 5 the target is gone, 6 not frozen in time,
    /// 7 criu failed.
    pub code: u8,
    sentence: String,
    closed_pipe: bool,
    /// Root of this host could do it.
    root_may: bool,
}

impl Failure {
    /// A failure with a code of the list at [`Failure::code`].
    pub fn new(code: u8, sentence: impl Into<String>) -> Self {
        Self { code, sentence: sentence.into(), closed_pipe: false, root_may: code == NOT_PERMITTED }
    }

    /// Root could not do it either.
    pub(super) fn not_even_root(self) -> Self {
        Self { root_may: false, ..self }
    }

    /// With a line that does it as root, where a right is missing that root has.
    pub(super) fn with_root_line(self) -> Self {
        match as_root::this_call().filter(|_| self.root_may) {
            Some(line) => Self { sentence: format!("{}\n  as root: {line}", self.sentence), ..self },
            None => self,
        }
    }

    /// A guard or a rule said no: exit code 4.
    pub fn refused(sentence: impl Into<String>) -> Self {
        Self::new(4, sentence)
    }

    /// With more lines below the sentence.
    #[must_use]
    pub fn with_lines(self, lines: &[String]) -> Self {
        Self { sentence: format!("{}\n{}", self.sentence, lines.join("\n")), ..self }
    }

    /// True where the reader of the output went away.
    pub fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let closed_pipe = error.kind() == io::ErrorKind::BrokenPipe;
        let code = if error.kind() == io::ErrorKind::PermissionDenied { 3 } else { 1 };
        Self { closed_pipe, ..Self::new(code, refused::explain(&error)) }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}

impl From<MountsError> for Failure {
    fn from(error: MountsError) -> Self {
        let code = if matches!(error, MountsError::NotCgroup { .. }) { 2 } else { 1 };
        Self::new(code, error.to_string())
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let code = match &error {
            TargetError::NoSuchGroup(_)
            | TargetError::NoSuffix { .. }
            | TargetError::NoFreezer { .. }
            | TargetError::NoSuchProcess(_)
            | TargetError::Outside(..) => 5,
            TargetError::Io(_, error) if error.kind() == io::ErrorKind::PermissionDenied => 3,
            TargetError::Io(..) => 1,
            _ => 2,
        };
        Self::new(code, error.to_string())
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::new(refused.exit() as u8, refused.lines())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::new(error.exit() as u8, error.to_string())
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        let denied = matches!(&error, ReportError::Io(_, e) if e.kind() == io::ErrorKind::PermissionDenied);
        Self::new(if denied { 3 } else { 1 }, error.to_string())
    }
}

impl From<RescueError> for Failure {
    fn from(error: RescueError) -> Self {
        let denied = matches!(&error, RescueError::Look(e) if e.kind() == io::ErrorKind::PermissionDenied);
        match error {
            RescueError::Timer(OrphanError::Thaw(error)) => error.into(),
            RescueError::Timer(OrphanError::Timer(error)) => ForATimeError::from(error).into(),
            error => Self::new(if denied { 3 } else { 1 }, error.to_string()),
        }
    }
}

impl From<ThawError> for Failure {
    fn from(error: ThawError) -> Self {
        match error {
            ThawError::Freezer(error) => error.into(),
            ThawError::Systemd { .. } => Self::new(1, error.to_string()),
        }
    }
}

impl From<ForATimeError> for Failure {
    fn from(error: ForATimeError) -> Self {
        match error {
            ForATimeError::Freezer(error) => error.into(),
            ForATimeError::NotOurs(_) => Self::refused(error.to_string()),
            ForATimeError::Late(_) => Self::new(6, error.to_string()),
            ForATimeError::Timer(TimerError::Folder(ref why))
                if why.kind() == io::ErrorKind::PermissionDenied =>
            {
                Self::new(3, error.to_string())
            }
            ForATimeError::Timer(_) => Self::new(1, error.to_string()),
        }
    }
}

impl From<FreezerError> for Failure {
    fn from(error: FreezerError) -> Self {
        let code = match error {
            FreezerError::Root(_) => 2,
            FreezerError::Gone(_) => 5,
            FreezerError::NotPermitted { .. } => NOT_PERMITTED,
            FreezerError::Io { .. } | FreezerError::Cancelled { .. } => 1,
            FreezerError::TimedOut { .. } => 6,
        };
        let failure = Self::new(code, error.to_string());
        match error {
            FreezerError::NotPermitted { denial, .. } if !denial.root_may() => failure.not_even_root(),
            _ => failure,
        }
    }
}
