//! Nothing waits: not for a freeze that is stuck, not for a terminal that answers late or says half a thing.

mod jobs;
mod late;
mod stuck;

use libtest_mimic::Trial;

use super::support::requirement::{Need, trial};
use super::support::terminal::Terminal;
use super::support::{Group, SOON, Workload, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cryoscope");
const V2: &[Need] = &[Need::Root, Need::V2];
const BOTH: &[Need] = &[Need::Root, Need::V2, Need::V1];
const WIDE: (u16, u16) = (140, 40);

pub fn tests() -> Vec<Trial> {
    vec![
        trial("responsive::a_stuck_freeze_keeps_nothing_waiting", BOTH, stuck::keeps_nothing_waiting),
        trial("responsive::a_stuck_freeze_is_cancelled", BOTH, stuck::is_cancelled),
        trial("responsive::leaving_takes_a_stuck_freeze_back", BOTH, stuck::is_taken_back_on_leaving),
        trial("responsive::a_stuck_freeze_of_the_command_line_is_watched", BOTH, stuck::is_watched),
        trial("responsive::it_is_stopped_and_continued_by_signals", V2, jobs::stopped_and_continued),
        trial("responsive::it_stays_stopped_in_the_background", V2, jobs::in_the_background),
        trial("responsive::half_sequences_leave_the_keyboard", V2, late::half_sequences),
        trial("responsive::late_answers_do_not_reach_the_shell", V2, late::answers),
        trial("responsive::a_terminal_that_never_answers_is_left", V2, late::no_answers),
        trial("responsive::a_terminal_that_is_not_read_is_left", V2, late::is_not_read),
        trial("responsive::watch_ends_with_its_reader", V2, late::watch_ends),
    ]
}

fn name(group: &Group) -> &str {
    group.name().to_str().unwrap()
}
