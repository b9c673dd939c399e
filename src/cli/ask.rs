//! A question on the terminal.

use std::io;

use super::Failure;

/// Asks; anything but yes is a refusal.
pub(super) fn ask(question: &str) -> Result<(), Failure> {
    eprint!("{question} [y/N] ");
    match is_yes(&io::stdin())? {
        true => Ok(()),
        false => Err(Failure::refused("nothing was done")),
    }
}

/// Reads an answer.
pub(super) fn is_yes(input: &io::Stdin) -> io::Result<bool> {
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
