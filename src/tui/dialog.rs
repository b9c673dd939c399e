//! A question before something changes. It keeps the group that it was opened for, whatever happens to the rows.

use std::borrow::Cow;
use std::collections::HashSet;

use tui_input::Input;

use super::signal::{Effect, Signal};
use super::target::Target;
use crate::model::{CgroupId, CgroupPath, Process, printable, span};

/// From so many groups below on, freezing a group is freezing many.
const MANY: usize = 20;

/// What the world says about freezing the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Not answered yet.
    Waiting,
    /// Nothing speaks against it.
    Clear,
    /// Refused without force, with the reason.
    Refused(String),
    /// This user may not write to it: what a write would say, and who may.
    NotPermitted(String),
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Question {
    Freeze {
        target: Target,
        guard: Guard,
        owner: Option<String>,
        /// How many groups are below it, and freeze with it.
        below: usize,
        /// The criu that dumps a process of it, in words.
        dump: Option<String>,
        /// The command that runs before the write to its control file, where there is one.
        command: Option<String>,
        /// What systemd does to its processes meanwhile, a sentence each.
        warnings: Vec<String>,
        typed: Input,
        /// For how long, where it is for a time.
        span: Option<Input>,
        /// Where both are typed: this is the span's turn.
        on_span: bool,
    },
    /// All that are marked; those that the guard speaks against are in the way, each with its reason.
    FreezeMany {
        targets: Vec<Target>,
        waiting: HashSet<CgroupId>,
        refused: Vec<(CgroupPath, String)>,
        /// What systemd does to their processes meanwhile, a sentence each.
        warnings: Vec<String>,
        typed: Input,
        span: Option<Input>,
        on_span: bool,
    },
    /// All marked ones that ask; `held`: one of them has a group above it that asks, and is not among them.
    ThawMany { targets: Vec<Target>, held: Option<CgroupPath> },
    /// A signal to a process of the selected group.
    Signal { process: Process, effect: Effect },
    /// `above`: the nearest group above that asks; while it does, thawing the target alone does nothing.
    /// `dump`: the criu that dumps a process of it, in words.
    /// `denied`: why this user may not thaw the target.
    Thaw { target: Target, own: bool, above: Option<Target>, dump: Option<String>, denied: Option<String> },
    /// This run froze groups that are still frozen.
    Leave { frozen: Vec<Target> },
    /// What hangs or was cut off, a sentence each.
    Rescue { cases: Vec<String> },
    /// A checkpoint runs: criu is not left alone.
    Busy,
}

/// A button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    Cancel,
    Freeze,
    Thaw,
    ThawAbove,
    ThawAndLeave,
    Leave,
    LeaveAfter,
    Rescue,
    Send(Signal),
}

impl Choice {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Cancel => "Cancel",
            Self::Freeze => "Freeze",
            Self::Thaw => "Thaw",
            Self::ThawAbove => "Thaw the group above",
            Self::ThawAndLeave => "Thaw and quit",
            Self::Leave => "Leave them frozen",
            Self::Rescue => "Rescue",
            Self::LeaveAfter => "Quit when it has finished",
            Self::Send(signal) => signal.word(),
        }
    }
}

/// A question with its buttons; it starts on Cancel.
#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) question: Question,
    pub(crate) button: usize,
}

impl Dialog {
    pub(crate) fn new(question: Question) -> Self {
        Self { question, button: 0 }
    }

    pub(crate) fn choices(&self) -> &'static [Choice] {
        match &self.question {
            Question::Freeze { .. } | Question::FreezeMany { .. } => &[Choice::Cancel, Choice::Freeze],
            Question::ThawMany { .. } => &[Choice::Cancel, Choice::Thaw],
            Question::Signal { .. } => &[
                Choice::Cancel,
                Choice::Send(Signal::Stop),
                Choice::Send(Signal::Continue),
                Choice::Send(Signal::Terminate),
                Choice::Send(Signal::Kill),
            ],
            Question::Thaw { own: true, above: Some(_), .. } => {
                &[Choice::Cancel, Choice::Thaw, Choice::ThawAbove]
            }
            Question::Thaw { above: Some(_), .. } => &[Choice::Cancel, Choice::ThawAbove],
            Question::Thaw { own: true, .. } => &[Choice::Cancel, Choice::Thaw],
            Question::Thaw { .. } => &[Choice::Cancel],
            Question::Leave { .. } => &[Choice::Cancel, Choice::ThawAndLeave, Choice::Leave],
            Question::Rescue { .. } => &[Choice::Cancel, Choice::Rescue],
            Question::Busy => &[Choice::Cancel, Choice::LeaveAfter],
        }
    }

    pub(crate) fn choice(&self) -> Choice {
        self.choices().get(self.button).copied().unwrap_or(Choice::Cancel)
    }

    pub(crate) fn turn(&mut self, forward: bool) {
        let n = self.choices().len();
        self.button = (self.button + if forward { 1 } else { n - 1 }) % n;
    }

    /// The group that the question is about; none where it is about several.
    pub(crate) fn target(&self) -> Option<&Target> {
        match &self.question {
            Question::Freeze { target, .. } | Question::Thaw { target, .. } => Some(target),
            _ => None,
        }
    }

    /// What is to be typed before the freeze; `None` where it may just be chosen.
    pub(crate) fn wanted(&self) -> Option<Cow<'_, str>> {
        match &self.question {
            Question::Freeze { guard: Guard::Clear, below, target, .. } if *below >= MANY => {
                Some(printable(target.path.name()))
            }
            Question::Freeze { guard: Guard::Refused(_), target, .. } => Some(printable(target.path.name())),
            Question::FreezeMany { targets, .. } => Some(targets.len().to_string().into()),
            _ => None,
        }
    }

    /// Where is typed: the group's name, if that is wanted, or for how long.
    pub(crate) fn typed_mut(&mut self) -> Option<&mut Input> {
        let wanted = self.wanted().is_some();
        match &mut self.question {
            Question::Freeze { typed, on_span: false, .. } if wanted => Some(typed),
            Question::FreezeMany { typed, on_span: false, .. } => Some(typed),
            Question::Freeze { span, .. } | Question::FreezeMany { span, .. } => span.as_mut(),
            _ => None,
        }
    }

    /// Goes to the other line that is typed; false where there is only one.
    pub(crate) fn turn_line(&mut self) -> bool {
        let wanted = self.wanted().is_some();
        match &mut self.question {
            Question::Freeze { span: Some(_), on_span, .. } if wanted => *on_span = !*on_span,
            Question::FreezeMany { span: Some(_), on_span, .. } => *on_span = !*on_span,
            _ => return false,
        }
        true
    }

    /// Why the choice can't be taken now.
    pub(crate) fn unavailable(&self, choice: Choice) -> Option<String> {
        match (&self.question, choice) {
            (Question::Freeze { guard: Guard::Waiting, .. }, Choice::Freeze) => {
                Some("still checking the group's processes".to_owned())
            }
            (Question::Freeze { guard: Guard::NotPermitted(why), .. }, Choice::Freeze)
            | (Question::Thaw { denied: Some(why), .. }, Choice::Thaw) => Some(why.clone()),
            (Question::FreezeMany { waiting, .. }, Choice::Freeze) if !waiting.is_empty() => {
                Some("still checking the groups' processes".to_owned())
            }
            (Question::FreezeMany { refused, .. }, Choice::Freeze) if !refused.is_empty() => {
                Some("one of them must not be frozen: unmark it, or freeze it alone".to_owned())
            }
            (Question::Freeze { typed, .. } | Question::FreezeMany { typed, .. }, Choice::Freeze) => {
                let missing = self.wanted().filter(|wanted| typed.value() != wanted.as_ref());
                let what = match &self.question {
                    Question::Freeze { .. } => "the group's name to freeze it",
                    _ => "the number of groups to freeze them",
                };
                missing.map(|wanted| format!("type {what}: {wanted}")).or_else(|| self.wrong_span())
            }
            (Question::Signal { effect, .. }, Choice::Send(signal)) => effect.refused(signal),
            _ => None,
        }
    }

    /// What is to be typed, and why.
    pub(crate) fn demand(&self, wanted: &str) -> String {
        match &self.question {
            Question::FreezeMany { .. } => format!("To freeze all of them, type {wanted}:"),
            Question::Freeze { guard: Guard::Refused(_), .. } => {
                format!("To freeze it anyway, type {wanted}:")
            }
            _ => format!("It has many groups below. To freeze it, type {wanted}:"),
        }
    }

    fn wrong_span(&self) -> Option<String> {
        match &self.question {
            Question::Freeze { span: Some(span), .. } | Question::FreezeMany { span: Some(span), .. } => {
                span::for_a_time(span.value()).err()
            }
            _ => None,
        }
    }
}
