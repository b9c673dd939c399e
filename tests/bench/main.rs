//! Benches: what it does on the real kernel, with the real program, beside a floor of plain system calls and beside others.
//! Not a part of the test run: it takes minutes, and says what it measured. No figure fails it.
//!
//! `cargo bench` runs them one after the other, `cargo bench -- NAME` one of them. Those that need CRIU find it as the tests do.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod checkpoint;
mod figures;
mod idle;
mod latency;
mod scan;
mod screen;

/// What the tests are made of.
#[path = "../real"]
mod real {
    pub mod support;
}

use std::process::ExitCode;

use cryoscope::model::Version;
use libtest_mimic::Arguments;
use real::support::requirement::{Need, trial, with_criu};
use real::support::{terminal, workload};

fn main() -> ExitCode {
    // Before the arguments are read as those of a bench: this program started again as something to be frozen.
    if let Some(code) = workload::main().or_else(terminal::main) {
        return code;
    }
    let needs: &[Need] = &[Need::Root, Need::V2];
    let bench = |name: &str, body: fn()| trial(name, needs, body);
    let all = vec![
        bench("scan", scan::scan),
        bench("latency", latency::latency),
        bench("idle", idle::idle_beside_others),
        bench("memory", idle::memory),
        trial("checkpoint", with_criu(Version::V2), checkpoint::overhead),
        bench("ten_thousand_groups", screen::ten_thousand_groups),
        bench("storms", screen::storms),
        bench("keys_of_a_large_host", screen::keys_of_a_large_host),
    ];
    let mut arguments = Arguments::from_args();
    // Cargo says that these are benches; they are their own clocks.
    arguments.bench = false;
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, all).exit_code()
}
