//! The `cryoscope` program: arguments, reports, the exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use cryoscope::cli;

fn main() -> ExitCode {
    if let Err(error) = color_eyre::install() {
        eprintln!("cryoscope: {error}");
    }
    match cli::arguments().and_then(|arguments| arguments.map_or(Ok(()), cli::run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Not eprintln!, which panics where the terminal is gone.
            let _ = writeln!(io::stderr(), "cryoscope: {failure}");
            ExitCode::from(failure.code)
        }
    }
}
