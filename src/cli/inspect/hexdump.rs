//! Memory as `hexdump -C` prints it: sixteen bytes a line, by their addresses.

use std::io::Write;

use crate::checkpoint::images::{Memory, Stored};
use crate::cli::Failure;
use crate::model::span;

/// So many bytes are on a line.
const LINE_BYTES: u64 = 16;

/// Prints the memory of a process, mapping by mapping; lines that repeat the one before are one `*`.
pub(super) fn run(stored: &Stored, pid: i32, out: &mut impl Write) -> Result<(), Failure> {
    let mut trees = stored.trees.iter();
    let found =
        trees.find_map(|tree| Some((tree, tree.processes.iter().find(|process| process.pid == pid)?)));
    let Some((tree, process)) = found else {
        return Err(Failure::new(5, format!("{} holds no process {pid}", stored.folder)));
    };
    let mut printer = Printer { out, last: None, repeats: false };
    let mut failed = Ok(());
    let missing = Memory::open(tree)?.each(process, &mut |address, bytes| {
        if failed.is_ok() {
            failed = printer.print(address, bytes);
        }
        failed.is_ok()
    })?;
    failed?;
    if missing > 0 {
        let missing = span::bytes(missing);
        writeln!(
            out,
            "# not in the images: {missing}, which stayed with the process, or are in earlier images"
        )?;
    }
    Ok(())
}

struct Printer<'a, W: Write> {
    out: &'a mut W,
    /// The line before, and the address behind it.
    last: Option<(u64, Vec<u8>)>,
    repeats: bool,
}

impl<W: Write> Printer<'_, W> {
    fn print(&mut self, start: u64, bytes: &[u8]) -> std::io::Result<()> {
        for (line, address) in bytes.chunks(16).zip((start..).step_by(16)) {
            let is_same = self.last.as_ref().is_some_and(|(next, last)| *next == address && last == line);
            if !is_same {
                self.repeats = false;
                writeln!(self.out, "{}", self::line(address, line))?;
            } else if !std::mem::replace(&mut self.repeats, true) {
                writeln!(self.out, "*")?;
            }
            self.last = Some((address + line.len() as u64, line.to_vec()));
        }
        Ok(())
    }
}

/// The lines of a few bytes; the first and the last may be short, so that each begins at a multiple of sixteen.
pub(super) fn lines(address: u64, bytes: &[u8]) -> impl Iterator<Item = String> {
    let lead =
        usize::try_from((LINE_BYTES - address % LINE_BYTES) % LINE_BYTES).unwrap_or(0).min(bytes.len());
    let (first, rest) = bytes.split_at(lead);
    let first = (!first.is_empty()).then(|| line(address, first));
    let rest = rest.chunks(16).zip((address + lead as u64..).step_by(16)).map(|(bytes, at)| line(at, bytes));
    first.into_iter().chain(rest)
}

/// At most sixteen bytes, each in its column by its address.
fn line(address: u64, bytes: &[u8]) -> String {
    let column = usize::try_from(address % LINE_BYTES).unwrap_or(0);
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = bytes.iter().map(|&byte| if matches!(byte, b' '..=b'~') { char::from(byte) } else { '.' });
    let (pad, text) = (" ".repeat(column), text.collect::<String>());
    let hex = "   ".repeat(column) + &hex.join(" ");
    format!("{:016x}  {hex:<47}  |{pad}{text}|", address - column as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_stand_in_the_columns_of_their_addresses() {
        let shown: Vec<String> = lines(0x100e, b"ab\x1b[2J").collect();
        let before = " ".repeat(3 * 14);
        assert_eq!(shown[0], format!("0000000000001000  {before}61 62  |{}ab|", " ".repeat(14)));
        assert_eq!(shown[1], format!("0000000000001010  {:<47}  |.[2J|", "1b 5b 32 4a"));
        assert_eq!(shown.len(), 2);
    }

    #[test]
    fn repeated_lines_are_one_star() {
        let mut out = Vec::new();
        let mut printer = Printer { out: &mut out, last: None, repeats: false };
        printer.print(0x1000, &[0; 64]).unwrap();
        printer.print(0x1040, &[0; 16]).unwrap();
        printer.print(0x2000, &[0; 16]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().map(|line| &line[..1]).collect::<String>(), "0*0", "{text}");
    }
}
