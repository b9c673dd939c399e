//! What the preflight says: one sentence of fact, one of reason, one of remedy.

use std::fmt;

use serde::Serialize;

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
        Self { level: Level::Ok, code, what: what.into(), why: String::new(), remedy: None }
    }

    /// To be known first.
    pub fn warning(code: &'static str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { level: Level::Warning, code, what: what.into(), why: why.into(), remedy: None }
    }

    /// In the way.
    pub fn blocker(code: &'static str, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { level: Level::Blocker, code, what: what.into(), why: why.into(), remedy: None }
    }

    /// A fact that could not be read: a warning, never in order.
    pub fn unknown(code: &'static str, what: impl Into<String>, error: impl std::fmt::Display) -> Self {
        let what = format!("unknown: {}", what.into());
        Self::warning(code, what, format!("it could not be read: {error}"))
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
