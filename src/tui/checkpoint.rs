//! The checkpoint on the screen: what was found, what will run, how it goes, what came of it.

pub(crate) mod story;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tui_input::Input;

use super::Command;
use super::target::Target;
use crate::checkpoint::{After, Finding, Plan, Progress, Report};
use crate::model::printable;

/// One checkpoint, from the question to the report. It keeps the group that it was opened for.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    pub(crate) target: Target,
    /// The folder for the images; empty until the first look has proposed one.
    pub(crate) into: Input,
    pub(crate) after: Option<After>,
    /// Options for criu beside those that are proposed; one of the same name takes the place of the proposed one.
    pub(crate) options: Input,
    /// The group's name, typed by whoever means to end its processes.
    pub(crate) typed: Input,
    pub(crate) field: Field,
    pub(crate) stage: Stage,
    /// The first line that is shown; counted from the end while criu runs.
    pub(crate) offset: usize,
}

/// What the keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Cancel,
    Run,
    /// Thaw what criu hangs on.
    Rescue,
    /// End a criu that waits for ever.
    End,
    /// Start no further criu.
    Stop,
    Into,
    After,
    Options,
    Name,
}

/// How far it is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The preflight is asked for.
    Looking,
    /// Its answer stands.
    Looked(Look),
    /// criu runs, or is about to.
    Running(Running),
    /// It is over: the report, or why there is none.
    Ended(Result<Arc<Report>, String>),
}

/// What the preflight found, and what would run.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// The folder that was looked at: the one that was asked for, or a new one that is proposed.
    pub into: String,
    /// The outcome that was asked for.
    pub after: Option<After>,
    /// The options for criu that were asked for.
    pub options: String,
    /// What is in order, and what is not.
    pub findings: Vec<Finding>,
    /// What would run, or a sentence that says why nothing would.
    pub plan: Result<Arc<Plan>, String>,
}

/// A run, as far as it was told of.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) plan: Arc<Plan>,
    pub(crate) since: Duration,
    pub(crate) bytes: u64,
    pub(crate) log: VecDeque<String>,
    /// What is out of the ordinary: a stall, a flag that was put back.
    pub(crate) notices: Vec<String>,
    /// criu hangs on these, until they may be thawed.
    pub(crate) stalled: Option<Vec<String>>,
    /// criu waits for ever for what is gone, until it may be ended: a sentence.
    pub(crate) deserted: Option<String>,
    /// How many dumps have begun.
    pub(crate) begun: usize,
}

impl Running {
    fn keep(&mut self, line: String) {
        self.log.push_back(line);
        if self.log.len() > LOG {
            self.log.pop_front();
        }
    }
}

/// How many lines of criu's log are kept for the screen; the whole log stands beside the images.
const LOG: usize = 500;

/// What can be asked for, in the order in which the keys go through it.
const OUTCOMES: [Option<After>; 5] =
    [None, Some(After::Running), Some(After::Frozen), Some(After::Stopped), Some(After::Killed)];

impl Checkpoint {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target,
            into: Input::default(),
            after: None,
            options: Input::default(),
            typed: Input::default(),
            field: Field::Cancel,
            stage: Stage::Looking,
            offset: 0,
        }
    }

    /// Asks for a look at what would be done now.
    pub(crate) fn look(&mut self) -> Command {
        (self.stage, self.offset) = (Stage::Looking, 0);
        let Target { version, id, path } = self.target.clone();
        let into = Some(self.into.value().trim().to_owned()).filter(|into| !into.is_empty());
        let options = self.options.value().to_owned();
        Command::Look { version, id, path, into, after: self.after, options }
    }

    /// Takes the answer, unless something else was asked for meanwhile.
    pub(crate) fn looked(&mut self, look: Look) {
        let proposed = self.into.value().trim().is_empty();
        let same = look.after == self.after && look.options == self.options.value();
        if !matches!(self.stage, Stage::Looking) || !same {
            return;
        }
        if proposed {
            self.into = Input::new(look.into.clone());
        } else if self.into.value().trim() != look.into {
            return;
        }
        self.stage = Stage::Looked(look);
    }

    /// What would run, where the look allows it.
    pub(crate) fn plan(&self) -> Option<&Arc<Plan>> {
        match &self.stage {
            Stage::Looked(look) => look.plan.as_ref().ok(),
            Stage::Running(running) => Some(&running.plan),
            Stage::Looking | Stage::Ended(_) => None,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running(_))
    }

    /// Why it cannot be run now; `None` when it can.
    pub(crate) fn unavailable(&self) -> Option<String> {
        match &self.stage {
            Stage::Looking => Some("still checking".to_owned()),
            Stage::Looked(Look { plan: Err(why), .. }) => Some(why.clone()),
            Stage::Looked(_) if self.ends_processes() && self.typed.value() != self.name() => {
                Some(format!("this ends the processes: to confirm, type the group's name: {}", self.name()))
            }
            Stage::Looked(_) => None,
            Stage::Running(_) | Stage::Ended(_) => Some("it has already run".to_owned()),
        }
    }

    pub(crate) fn ends_processes(&self) -> bool {
        self.after == Some(After::Killed)
    }

    /// The name that is to be typed.
    pub(crate) fn name(&self) -> String {
        printable(self.target.path.name()).into_owned()
    }

    /// The fields that the keys go through.
    pub(crate) fn fields(&self) -> &'static [Field] {
        match self.stage {
            Stage::Running(Running { deserted: Some(_), .. }) => &[Field::Cancel, Field::End],
            Stage::Running(Running { stalled: Some(_), .. }) => &[Field::Cancel, Field::Rescue],
            Stage::Running(ref running) if running.begun < running.plan.dumps().count() => {
                &[Field::Cancel, Field::Stop]
            }
            Stage::Running(_) | Stage::Ended(_) => &[Field::Cancel],
            _ if self.ends_processes() => {
                &[Field::Cancel, Field::Run, Field::Into, Field::After, Field::Options, Field::Name]
            }
            _ => &[Field::Cancel, Field::Run, Field::Into, Field::After, Field::Options],
        }
    }

    /// How many rows the fields and buttons take, with the empty one above them.
    pub(crate) fn rows(&self) -> u16 {
        let buttons = [Field::Cancel, Field::Run];
        let fields = self.fields().iter().filter(|field| !buttons.contains(field)).count();
        u16::try_from(fields).unwrap_or(0) + 2
    }

    pub(crate) fn turn(&mut self, forward: bool) {
        let fields = self.fields();
        let at = fields.iter().position(|field| *field == self.field).unwrap_or(0);
        let next = (at + if forward { 1 } else { fields.len() - 1 }) % fields.len();
        self.field = fields.get(next).copied().unwrap_or(Field::Cancel);
    }

    /// The next outcome, or the one before.
    pub(crate) fn turn_outcome(&mut self, forward: bool) {
        let at = OUTCOMES.iter().position(|outcome| *outcome == self.after).unwrap_or(0);
        let next = (at + if forward { 1 } else { OUTCOMES.len() - 1 }) % OUTCOMES.len();
        self.after = OUTCOMES.get(next).copied().flatten();
    }

    /// The line of text that keys are typed into.
    pub(crate) fn typed_mut(&mut self) -> Option<&mut Input> {
        match self.field {
            Field::Into => Some(&mut self.into),
            Field::Options => Some(&mut self.options),
            Field::Name => Some(&mut self.typed),
            Field::Cancel | Field::Run | Field::Rescue | Field::End | Field::Stop | Field::After => None,
        }
    }

    pub(crate) fn start(&mut self, now: Duration) -> Option<Command> {
        let Stage::Looked(Look { findings, plan: Ok(plan), .. }) = &self.stage else { return None };
        let (plan, findings) = (Arc::clone(plan), findings.clone());
        let (log, notices) = (VecDeque::new(), Vec::new());
        self.stage = Stage::Running(Running {
            plan: Arc::clone(&plan),
            since: now,
            bytes: 0,
            log,
            notices,
            stalled: None,
            deserted: None,
            begun: 0,
        });
        (self.field, self.offset) = (Field::Cancel, 0);
        Some(Command::Run { plan, findings })
    }

    pub(crate) fn progress(&mut self, progress: Progress) {
        let Stage::Running(running) = &mut self.stage else { return };
        match progress {
            Progress::Started(pid) => {
                running.begun += 1;
                running.notices.push(format!("criu is running: process {pid}"));
            }
            Progress::Log(line) => running.keep(line),
            Progress::Written { bytes, .. } => running.bytes = bytes,
            Progress::Step(line) => running.keep(format!("$ {line}")),
            Progress::Stalled { origins, thawing: false } => running.stalled = Some(origins),
            Progress::Stalled { origins, thawing: true } => {
                running.stalled = None;
                running.notices.push(format!("criu is waiting for {}: thawing it", origins.join(", ")));
            }
            Progress::Deserted { found, ending: false } if found.alive.is_empty() => {
                running.deserted = Some(found.to_string());
            }
            Progress::Deserted { found, ending } => {
                running.deserted = None;
                let so = if ending { "; ending it" } else { "" };
                running.notices.push(format!("{found}{so}"));
            }
            Progress::Restored(what) => running.notices.push(what),
        }
    }

    pub(crate) fn ended(&mut self, outcome: Result<Arc<Report>, String>) {
        (self.stage, self.field, self.offset) = (Stage::Ended(outcome), Field::Cancel, 0);
    }
}

/// An outcome in words.
pub(crate) fn words(after: Option<After>) -> &'static str {
    match after {
        None => "unchanged",
        Some(After::Running) => "running",
        Some(After::Frozen) => "frozen",
        Some(After::Stopped) => "stopped (SIGSTOP)",
        Some(After::Killed) => "ended by the dump",
    }
}
