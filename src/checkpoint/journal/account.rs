//! Which freeze flags a rescue writes, and which it leaves.
//!
//! A journal has an entry before each write of a flag, and one after it. From these, for each flag:
//!
//! 1. **What it should be.** Frozen, if the flag was lent: somebody else's freeze, which was taken away so that criu could
//!    finish. Else as it was found; or, once all dumps are made, as it was promised.
//! 2. It is so: it is left.
//! 3. The plan never began to write it, and it should be as it was found: the difference is somebody else's. It is left.
//! 4. The last write that is known to be done made it so: somebody else has changed it since. It is left.
//! 5. Otherwise the plan, or its criu, has made the difference: it is written.
//!
//! Where a write was begun and not noted as done, and where criu was started that writes the flag itself, the plan counts as
//! who made the difference.

use std::io;

use serde::{Deserialize, Serialize};

use super::FlagLine;
use crate::checkpoint::arg::Arg;
use crate::checkpoint::flag::Flag;
use crate::model::CgroupId;

/// What is added to a journal while its plan runs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Entry {
    /// A criu of the plan; it may start once this is written.
    Criu { pid: i32, start: u64, root: i32 },
    /// A flag is about to be written.
    Writing {
        flag: FlagLine,
        freeze: bool,
        /// Somebody else's freeze is taken away for a while, or set again.
        lent: bool,
    },
    /// The flag that was about to be written is written.
    Written,
    /// All dumps are made: what is left to do is to be finished, not undone.
    Dumped,
    /// A rescue has taken the plan over: its process.
    Rescue { pid: i32, start: u64 },
}

/// What a journal knows of one flag.
#[derive(Debug, Clone)]
pub(in crate::checkpoint) struct Account {
    /// The flag as it was found.
    pub flag: Flag,
    /// The plan, or its criu, has begun to write it.
    begun: bool,
    /// The request that it was given last, if that is known.
    written: Option<bool>,
    /// Somebody else's freeze, which was taken away for a while.
    pub lent: bool,
}

/// What a rescue does about a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::checkpoint) enum Due {
    /// It is as it should be.
    Nothing,
    /// It is given this request.
    Write(bool),
    /// It is left as somebody else has made it.
    Theirs,
}

impl Account {
    /// Of a flag that the plan writes. `begun`: nothing is known about when.
    pub(super) fn planned(flag: Flag, begun: bool) -> Self {
        Self { flag, begun, written: None, lent: false }
    }

    /// The same with the group's open directory; `None` where the group is gone.
    pub(in crate::checkpoint) fn with_directory(self) -> io::Result<Option<Self>> {
        Ok(self.flag.with_directory()?.map(|flag| Self { flag, ..self }))
    }

    /// The request that the flag should have in the end.
    pub(in crate::checkpoint) fn should(&self, dumped: bool) -> bool {
        self.lent || if dumped { self.flag.promised } else { self.flag.requested }
    }

    /// What is due about the flag, whose request is `now`.
    pub(in crate::checkpoint) fn due(&self, dumped: bool, now: bool) -> Due {
        let should = self.should(dumped);
        if now == should {
            Due::Nothing
        } else if (!self.begun && should == self.flag.requested) || self.written == Some(should) {
            Due::Theirs
        } else {
            Due::Write(should)
        }
    }
}

/// Enters what a journal says into the accounts of its flags. `freezes`: the group that the criu of a root freezes and thaws.
pub(super) fn enter(accounts: &mut Vec<Account>, entries: Vec<Entry>, freezes: impl Fn(i32) -> Option<Arg>) {
    let mut writing: Option<(CgroupId, bool)> = None;
    for entry in entries {
        match entry {
            Entry::Criu { root, .. } => {
                let group = freezes(root);
                let own = accounts.iter_mut().filter(|account| Some(&account.flag.group) == group.as_ref());
                own.for_each(|account| (account.begun, account.written) = (true, None));
            }
            Entry::Writing { flag, freeze, lent } => {
                let flag = Flag::from(flag);
                writing = Some((flag.id, freeze));
                let at =
                    accounts.iter().position(|account| account.flag.id == flag.id).unwrap_or_else(|| {
                        accounts.push(Account::planned(flag, false));
                        accounts.len() - 1
                    });
                let account = &mut accounts[at];
                (account.begun, account.written) = (true, None);
                account.lent |= lent;
            }
            Entry::Written => {
                let Some((id, freeze)) = writing.take() else { continue };
                let account = accounts.iter_mut().find(|account| account.flag.id == id);
                account.into_iter().for_each(|account| account.written = Some(freeze));
            }
            Entry::Dumped | Entry::Rescue { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checkpoint::journal::flag_line;

    fn flag(found: bool, promised: bool) -> Flag {
        let line = format!(
            r#"{{"v2":true,"group":"/g","path":"/g","dev":1,"ino":2,"found":{found},"promised":{promised}}}"#
        );
        serde_json::from_str::<FlagLine>(&line).unwrap().into()
    }

    fn write(flag: &Flag, freeze: bool, lent: bool) -> [Entry; 2] {
        [Entry::Writing { flag: flag_line(flag), freeze, lent }, Entry::Written]
    }

    fn account(flag: &Flag, entries: Vec<Entry>) -> Account {
        let mut accounts = vec![Account::planned(flag.clone(), false)];
        enter(&mut accounts, entries, |_| Some("/g".into()));
        accounts.pop().unwrap()
    }

    #[test]
    fn what_the_plan_did_not_begin_is_left() {
        let flag = flag(true, true);
        assert_eq!(account(&flag, vec![]).due(false, false), Due::Theirs);
        assert_eq!(account(&flag, vec![]).due(true, true), Due::Nothing);
    }

    #[test]
    fn what_was_promised_is_finished_though_it_was_not_begun() {
        assert_eq!(account(&flag(false, true), vec![]).due(true, false), Due::Write(true));
    }

    #[test]
    fn what_the_plan_has_set_aside_is_set_again() {
        let flag = flag(true, true);
        assert_eq!(account(&flag, write(&flag, false, false).into()).due(false, false), Due::Write(true));
    }

    #[test]
    fn what_was_set_again_and_changed_since_is_left() {
        let flag = flag(true, true);
        let mut entries: Vec<Entry> = write(&flag, false, false).into();
        entries.extend(write(&flag, true, false));
        assert_eq!(account(&flag, entries).due(true, false), Due::Theirs);
    }

    #[test]
    fn a_write_that_may_not_be_done_is_done() {
        let flag = flag(true, true);
        let mut entries: Vec<Entry> = write(&flag, false, false).into();
        entries.push(Entry::Writing { flag: flag_line(&flag), freeze: true, lent: false });
        assert_eq!(account(&flag, entries).due(true, false), Due::Write(true));
    }

    #[test]
    fn what_criu_writes_is_in_doubt() {
        let flag = flag(false, false);
        let entries = vec![Entry::Criu { pid: 7, start: 8, root: 9 }];
        assert_eq!(account(&flag, entries).due(false, true), Due::Write(false));
    }

    #[test]
    fn somebodys_freeze_that_was_lent_is_set_again() {
        let flag = flag(false, false);
        let entries: Vec<Entry> = write(&flag, false, true).into();
        assert_eq!(account(&flag, entries).due(false, false), Due::Write(true));
    }

    proptest! {
        /// Whatever was written, and wherever it was cut off: a flag that is right is left, and one is never written that the
        /// plan did not touch.
        #[test]
        fn right_flags_are_left(
            found: bool, promised: bool, dumped: bool, now: bool,
            writes in proptest::collection::vec((any::<bool>(), any::<bool>()), 0..6), cut in 0..12_usize,
        ) {
            let flag = flag(found, promised);
            let mut entries: Vec<Entry> =
                writes.iter().flat_map(|&(freeze, lent)| write(&flag, freeze, lent)).collect();
            entries.truncate(cut);
            let none = entries.is_empty();
            let account = account(&flag, entries);
            match account.due(dumped, now) {
                Due::Nothing => prop_assert_eq!(now, account.should(dumped)),
                Due::Write(freeze) => {
                    prop_assert_eq!((freeze, now), (account.should(dumped), !account.should(dumped)));
                    prop_assert!(!none || promised != found);
                }
                Due::Theirs => prop_assert!(none || account.written == Some(account.should(dumped))),
            }
        }
    }
}
