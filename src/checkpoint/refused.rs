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
    #[error("{0} is set by this program; leave it out of the options for criu")]
    Option(String),
}

/// How many are said in a sentence.
const FEW: usize = 5;

fn sentence(blockers: &[Finding]) -> String {
    match blockers {
        [one] => one.to_string(),
        several => {
            let numbered = |(at, finding): (usize, &Finding)| format!("({}) {finding}", at + 1);
            let more = several.len().saturating_sub(FEW);
            let more = (more > 0).then(|| format!("and {more} more, which --json lists"));
            several.iter().take(FEW).enumerate().map(numbered).chain(more).collect::<Vec<_>>().join(" ")
        }
    }
}

impl Refused {
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
        assert_eq!(refused.exit(), Exit::NotPermitted);
        let two = ["a", "b"].map(|what| Finding::blocker("x", what, "").remedy("do it")).to_vec();
        let refused = Refused::Blocked { so: "it would not work", blockers: two };
        assert_eq!(refused.to_string(), "it would not work: (1) a; do it (2) b; do it");
        let many = vec![Finding::blocker("x", "a", ""); 72];
        let said = Refused::Blocked { so: "no", blockers: many }.to_string();
        assert!(said.ends_with("(5) a and 67 more, which --json lists"), "{said}");
    }
}
