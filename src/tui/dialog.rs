//! A question before something changes. It keeps the group that it was opened for, whatever happens to the rows.

use tui_input::Input;

use super::app::Target;
use crate::model::{printable, span};

/// What the world says about freezing the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Guard {
    /// Not answered yet.
    Waiting,
    /// Nothing speaks against it.
    Clear,
    /// Refused without force, with the reason.
    Refused(String),
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Question {
    Freeze {
        target: Target,
        guard: Guard,
        owner: Option<String>,
        typed: Input,
        /// For how long, where it is for a time.
        span: Option<Input>,
        /// Where both are typed: this is the span's turn.
        on_span: bool,
    },
    /// `above`: the nearest group above that asks; while it does, thawing the target alone does nothing.
    Thaw { target: Target, own: bool, above: Option<Target> },
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
}

impl Choice {
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Cancel => "Cancel",
            Self::Freeze => "Freeze",
            Self::Thaw => "Thaw",
            Self::ThawAbove => "Thaw the group above",
            Self::ThawAndLeave => "Thaw and leave",
            Self::Leave => "Leave them frozen",
            Self::Rescue => "Put it right",
            Self::LeaveAfter => "Leave when it has ended",
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
            Question::Freeze { .. } => &[Choice::Cancel, Choice::Freeze],
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
            Question::Leave { .. } | Question::Rescue { .. } | Question::Busy => None,
        }
    }

    /// Where is typed: the group's name, if the guard wants that, or for how long.
    pub(crate) fn typed_mut(&mut self) -> Option<&mut Input> {
        match &mut self.question {
            Question::Freeze { guard: Guard::Refused(_), typed, on_span: false, .. } => Some(typed),
            Question::Freeze { span, .. } => span.as_mut(),
            _ => None,
        }
    }

    /// Goes to the other line that is typed; false where there is only one.
    pub(crate) fn turn_line(&mut self) -> bool {
        let Question::Freeze { guard: Guard::Refused(_), span: Some(_), on_span, .. } = &mut self.question
        else {
            return false;
        };
        *on_span = !*on_span;
        true
    }

    /// Why the choice can't be taken now.
    pub(crate) fn unavailable(&self, choice: Choice) -> Option<String> {
        match (&self.question, choice) {
            (Question::Freeze { guard: Guard::Waiting, .. }, Choice::Freeze) => {
                Some("still looking at what is in the group".to_owned())
            }
            (Question::Freeze { guard: Guard::Refused(_), typed, target, .. }, Choice::Freeze) => {
                let name = printable(target.path.name());
                let missing = || format!("type the group's name to freeze it: {name}");
                (typed.value() != name).then(missing).or_else(|| self.wrong_span())
            }
            (_, Choice::Freeze) => self.wrong_span(),
            _ => None,
        }
    }

    fn wrong_span(&self) -> Option<String> {
        match &self.question {
            Question::Freeze { span: Some(span), .. } => span::for_a_time(span.value()).err(),
            _ => None,
        }
    }
}
