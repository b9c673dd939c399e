//! Tests on the real kernel: real groups, real processes, the real freezer.
//!
//! A test says what it needs ([`support::requirement`]). Where that is missing it is reported as ignored, with the reason;
//! with `CRYOSCOPE_REQUIRE_KERNEL=1` it fails. The program that runs the tests is also the workload that they freeze.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// Inside a module of this name, so that the files stand in its folder.
mod real {
    pub mod at_work;
    pub mod chaos;
    pub mod checkpoint;
    pub mod cli;
    pub mod config;
    pub mod copy;
    pub mod criu_facts;
    pub mod culprits;
    pub mod deserted;
    pub mod facts;
    pub mod failures;
    pub mod findings;
    pub mod guard;
    pub mod handover;
    pub mod hostile;
    pub mod impostors;
    pub mod inspect;
    pub mod interference;
    pub mod kernel;
    pub mod lab;
    pub mod live;
    pub mod log;
    pub mod membership;
    pub mod ordinary;
    pub mod proof;
    pub mod readme;
    pub mod refused;
    pub mod renamed;
    pub mod rescue;
    pub mod responsive;
    pub mod restore;
    pub mod runtime;
    pub mod security;
    pub mod support;
    pub mod systemd;
    pub mod tape;
    pub mod terminal;
    pub mod timed;
    pub mod words;
}

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use libtest_mimic::{Arguments, Trial};
use real::*;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};
use signal_hook::flag::register_conditional_default;

fn main() -> ExitCode {
    // Before the arguments are read as those of a test run: this program started again as something to be frozen.
    if let Some(code) = support::workload::main()
        .or_else(support::terminal::main)
        .or_else(chaos::main)
        .or_else(live::main)
        .or_else(deserted::main)
    {
        return code;
    }
    be_in_a_session_of_this_namespace();
    children_end_by_signals();
    // What waits longest comes early, so that others go on meanwhile.
    let modules = [
        support::tests,
        facts::tests,
        criu_facts::tests,
        rescue::tests,
        interference::tests,
        impostors::tests,
        deserted::tests,
        timed::tests,
        culprits::tests,
        kernel::tests,
        membership::tests,
        guard::tests,
        cli::tests,
        ordinary::tests,
        config::tests,
        checkpoint::tests,
        at_work::tests,
        handover::tests,
        failures::tests,
        inspect::tests,
        proof::tests,
        renamed::tests,
        runtime::tests,
        live::tests,
        security::tests,
        terminal::tests,
        responsive::tests,
        systemd::tests,
        log::tests,
        findings::tests,
        restore::tests,
        copy::tests,
        lab::tests,
        words::tests,
        tape::tests,
        readme::tests,
        refused::tests,
    ];
    // Each keeps the host so busy, or makes it so large, that others would not be what they are: last.
    let heavy = [hostile::tests, chaos::tests];
    let mut arguments = Arguments::from_args();
    let _own = (!arguments.list).then(support::own_group::OwnGroups::enter);
    if arguments.list || arguments.exact {
        let all = modules.into_iter().chain(heavy).flat_map(|tests| tests()).collect();
        return libtest_mimic::run(&arguments, all).exit_code();
    }
    // More than there are CPUs: most of these tests wait most of the time.
    let threads = arguments.test_threads.unwrap_or(6);
    let mut run = |tests: Vec<Trial>, threads| {
        arguments.test_threads = Some(threads);
        libtest_mimic::run(&arguments, tests)
    };
    let first = run(modules.into_iter().flat_map(|tests| tests()).collect(), threads);
    let [large, busy] = heavy.map(|tests| tests());
    // Chaos looks at groups of its own only, whatever else there is.
    let ended = [first, run(large, 1), run(busy, 2)];
    let failed = ended.iter().find(|ended| ended.has_failed());
    failed.unwrap_or(&ended[0]).exit_code()
}

/// In a container that was entered from outside, the session can be one that its PID namespace has no number for (0). What is
/// started here would be in it, and criu cannot dump that.
fn be_in_a_session_of_this_namespace() {
    if nix::unistd::getsid(None).is_ok_and(|session| session.as_raw() == 0) {
        nix::unistd::setsid().expect("what cargo starts does not lead a process group");
    }
}

/// A shell without job control starts what runs in its background with SIGINT and SIGQUIT ignored, nohup(1) with SIGHUP, and what
/// is ignored stays so in all that is started from there. A signal that is caught has its default action after execve(2).
fn children_end_by_signals() {
    for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU] {
        register_conditional_default(signal, Arc::new(AtomicBool::new(true))).expect("it can be caught");
    }
}
