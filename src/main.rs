//! The `cryoscope` program: arguments, reports, the exit code.

use std::process::ExitCode;

use clap::Parser;
use cryoscope::cli;

fn main() -> ExitCode {
    if let Err(error) = color_eyre::install() {
        eprintln!("cryoscope: {error}");
    }
    match cli::run(cli::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cryoscope: {failure}");
            ExitCode::from(failure.code)
        }
    }
}
