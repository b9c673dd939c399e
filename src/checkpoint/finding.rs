//! What the preflight says: one sentence of fact, one of reason, one of remedy.

use std::fmt;

use serde::Serialize;

use crate::runtime::systemd::Cause;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Looked at, and in order.
    Ok,
    /// The checkpoint can be made; this should be known first. What could not be read is a warning as well.
    Warning,
    /// The checkpoint would hang, fail, or lose something.
    Blocker,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// A name for scripts.
    pub code: &'static str,
    /// What was found.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do about it.
    pub remedy: Option<String>,
    /// What criu would say, in its own words.
    pub criu_says: Option<&'static str>,
    /// The options of criu that answer it: they are added to the command, unless the person gives one of the same name.
    pub options: Vec<String>,
    /// What makes it so, where that can be changed only before the process is started.
    #[serde(skip)]
    pub cause: Option<Cause>,
}

/// One line: what, why, and what to do.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.why.is_empty() {
            write!(f, ": {}", self.why)?;
        }
        self.remedy.as_ref().map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

impl Finding {
    /// In order.
    pub fn ok(code: &'static str, what: impl Into<String>) -> Self {
        Self::new(Level::Ok, code, what.into(), String::new())
    }

    /// To be known first.
    pub fn warning(code: &'static str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Level::Warning, code, what.into(), why.into())
    }

    /// In the way.
    pub fn blocker(code: &'static str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(Level::Blocker, code, what.into(), why.into())
    }

    /// A fact that could not be read: a warning, never in order.
    pub fn unknown(code: &'static str, what: impl Into<String>, error: impl std::fmt::Display) -> Self {
        let what = format!("unknown: {}", what.into());
        Self::warning(code, what, format!("it could not be read: {error}"))
    }

    fn new(level: Level, code: &'static str, what: String, why: String) -> Self {
        Self { level, code, what, why, remedy: None, criu_says: None, options: Vec::new(), cause: None }
    }

    /// With criu's own words.
    #[must_use]
    pub fn criu_says(self, words: &'static str) -> Self {
        Self { criu_says: Some(words), ..self }
    }

    /// With an option of criu that answers it: the words of the command line, as in `["--ghost-limit", "5M"]`.
    #[must_use]
    pub fn options(self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { options: words.into_iter().map(Into::into).collect(), ..self }
    }

    /// With what makes it so.
    #[must_use]
    pub fn caused_by(self, cause: Cause) -> Self {
        Self { cause: Some(cause), ..self }
    }

    /// With what to do about it.
    #[must_use]
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }

    /// True where it is in the way.
    pub fn blocks(&self) -> bool {
        self.level == Level::Blocker
    }
}
