//! A question on the terminal.

use std::io;

use super::Failure;

/// Asks; anything but yes is a refusal.
pub(super) fn ask(question: &str) -> Result<(), Failure> {
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Failure::refused("nothing was done")),
    }
}
