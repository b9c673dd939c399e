//! Why there is no plan, for a checkpoint or a restore.

use super::{Exit, Finding};

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The preflight found something in the way.
    #[error("{so}: {}", sentence(.blockers))]
    Blocked {
        /// What that means.
        so: &'static str,
        /// What was found.
        blockers: Vec<Finding>,
    },
    /// The outcome that was asked for cannot be had.
    #[error("{0}")]
    After(String),
    /// An option of criu that this program sets itself.
    #[error("cryoscope sets {0} itself; remove it from the criu options")]
    Option(String),
}

/// How many blockers a sentence holds.
const MAX_IN_SENTENCE: usize = 5;

/// How many blockers are printed below one another.
const MAX_LINES: usize = 20;

fn sentence(blockers: &[Finding]) -> String {
    match blockers {
        [one] => one.to_string(),
        several => {
            let numbered = |(at, finding): (usize, &Finding)| format!("({}) {finding}", at + 1);
            let more = and_more(several, MAX_IN_SENTENCE);
            several
                .iter()
                .take(MAX_IN_SENTENCE)
                .enumerate()
                .map(numbered)
                .chain(more)
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

fn and_more(blockers: &[Finding], shown: usize) -> Option<String> {
    let more = blockers.len().saturating_sub(shown);
    (more > 0).then(|| format!("and {more} more, which --json lists"))
}

/// A blocker on a line, and its remedy on the next, deeper.
fn two_lines(blocker: &Finding, indent: &str) -> String {
    let said = Finding { remedy: None, ..blocker.clone() };
    let remedy = blocker.remedy.as_ref().map(|remedy| format!("\n{indent}  {remedy}"));
    format!("{said}{}", remedy.unwrap_or_default())
}

impl Refused {
    /// The reason in lines: several blockers each on one of its own, and behind each a line with its remedy.
    pub fn lines(&self) -> String {
        match self {
            Self::Blocked { so, blockers } => match &blockers[..] {
                [one] => format!("{so}: {}", two_lines(one, "")),
                several => {
                    let shown = several.iter().take(MAX_LINES).map(|blocker| two_lines(blocker, "  "));
                    let lines = shown.chain(and_more(several, MAX_LINES)).map(|line| format!("\n  {line}"));
                    format!("{so}:{}", lines.collect::<String>())
                }
            },
            other => other.to_string(),
        }
    }

    /// What it means to the program that called.
    pub fn exit(&self) -> Exit {
        let has =
            |code| matches!(self, Self::Blocked { blockers, .. } if blockers.iter().any(|f| f.code == code));
        match self {
            _ if has("not-permitted") => Exit::NotPermitted,
            _ if has("no-such-process") || has("no-such-folder") => Exit::Gone,
            _ if has("images") => Exit::Failed,
            _ => Exit::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_remedy() {
        let blockers = vec![Finding::blocker("not-permitted", "no right", "why").remedy("run as root")];
        let refused = Refused::Blocked { so: "it would not work", blockers };
        assert_eq!(refused.to_string(), "it would not work: no right: why; run as root");
        assert_eq!(refused.lines(), "it would not work: no right: why\n  run as root");
        assert_eq!(refused.exit(), Exit::NotPermitted);
        let two = ["a", "b"].map(|what| Finding::blocker("x", what, "").remedy("do it")).to_vec();
        let refused = Refused::Blocked { so: "it would not work", blockers: two };
        assert_eq!(refused.to_string(), "it would not work: (1) a; do it (2) b; do it");
        assert_eq!(refused.lines(), "it would not work:\n  a\n    do it\n  b\n    do it");
        let many = vec![Finding::blocker("x", "a", ""); 72];
        let refused = Refused::Blocked { so: "no", blockers: many };
        assert!(refused.to_string().ends_with("(5) a and 67 more, which --json lists"), "{refused}");
        assert!(refused.lines().ends_with("\n  a\n  and 52 more, which --json lists"), "{}", refused.lines());
    }
}
