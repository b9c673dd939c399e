//! The names of a few kernel functions on this kernel, as `/proc/PID/wchan` writes them.
//!
//! The compiler may put a function into its only caller: then a thread that waits in it is shown as waiting in the caller. So
//! `do_freezer_trap` is `do_freezer_trap` on some kernels, with a suffix (`.isra.0`) on others, and `get_signal` on others again.
//! Which of them a kernel has is read from its own table of symbols, `/proc/kallsyms`.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::OnceLock;

/// The names under which threads are shown that wait in these functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbols {
    /// The trap in which the cgroup v2 freezer holds a thread.
    pub v2_trap: Vec<Box<[u8]>>,
    /// The function in which the v1 freezer holds a thread that came there from a signal.
    pub v1_refrigerator: Vec<Box<[u8]>>,
    /// The wait of a `vfork` parent for its child.
    pub vfork_wait: Vec<Box<[u8]>>,
    /// The stop of a thread by a signal or a tracer.
    pub stops: Vec<Box<[u8]>>,
}

/// From kernel/signal.c, kernel/freezer.c and kernel/fork.c: each function, and then the one that it is put into, if it is.
const V2_TRAP: &[&str] = &["do_freezer_trap", "get_signal"];
const V1_REFRIGERATOR: &[&str] = &["__refrigerator"];
const VFORK_WAIT: &[&str] = &["wait_for_vfork_done", "kernel_clone", "_do_fork"];
const SIGNAL_STOP: &[&str] = &["do_signal_stop", "get_signal"];
const TRACER_STOP: &[&str] = &["ptrace_stop", "ptrace_notify", "ptrace_signal", "get_signal"];

impl Symbols {
    /// Those of this kernel, read once.
    pub fn of_this_kernel() -> &'static Self {
        static SYMBOLS: OnceLock<Symbols> = OnceLock::new();
        // A table that can't be read is empty.
        SYMBOLS.get_or_init(|| match File::open("/proc/kallsyms") {
            Ok(file) => Self::from_table(BufReader::with_capacity(1 << 16, file)),
            Err(_) => Self::from_table(&b""[..]),
        })
    }

    /// Reads a table of symbols: `ffffffff8136ff30 T get_signal`, a line each.
    fn from_table(mut table: impl BufRead) -> Self {
        let wanted = [V2_TRAP, V1_REFRIGERATOR, VFORK_WAIT, SIGNAL_STOP, TRACER_STOP];
        let mut found: Vec<(&'static str, Box<[u8]>)> = Vec::new();
        let mut line = Vec::new();
        while matches!(table.read_until(b'\n', &mut line), Ok(1..)) {
            let symbol = line.split(u8::is_ascii_whitespace).nth(2).unwrap_or_default();
            let function = wanted.iter().copied().flatten().find(|function| is_part_of(symbol, function));
            found.extend(function.map(|function| (*function, symbol.into())));
            line.clear();
        }
        let names = |chain: &[&str]| names(chain, &found);
        let mut stops = names(SIGNAL_STOP);
        stops.extend(names(TRACER_STOP));
        Self {
            v2_trap: names(V2_TRAP),
            v1_refrigerator: names(V1_REFRIGERATOR),
            vfork_wait: names(VFORK_WAIT),
            stops,
        }
    }
}

/// Whether a symbol is a function, or a part or copy of it that the compiler made. Its cold part holds no wait.
fn is_part_of(symbol: &[u8], function: &str) -> bool {
    let suffix = symbol.strip_prefix(function.as_bytes());
    suffix.is_some_and(|suffix| suffix.is_empty() || suffix[0] == b'.' && !suffix.ends_with(b".cold"))
}

/// The symbols of the first function that the kernel has; where its table can't be read, any of them.
fn names(chain: &[&str], found: &[(&'static str, Box<[u8]>)]) -> Vec<Box<[u8]>> {
    let of = |function: &&str| {
        let symbols = found.iter().filter(|(of, _)| of == function);
        let symbols: Vec<Box<[u8]>> = symbols.map(|(_, symbol)| symbol.clone()).collect();
        (!symbols.is_empty()).then_some(symbols)
    };
    let any = || chain.iter().map(|function| function.as_bytes().into()).collect();
    chain.iter().find_map(of).unwrap_or_else(any)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trap(table: &str) -> Vec<String> {
        let trap = Symbols::from_table(table.as_bytes()).v2_trap;
        trap.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    #[test]
    fn a_function_or_the_one_it_was_put_into() {
        assert_eq!(trap("0 T get_signal\n0 t get_signal.cold\n"), ["get_signal"]);
        assert_eq!(trap("0 t do_freezer_trap\n0 T get_signal\n"), ["do_freezer_trap"]);
        assert_eq!(trap("0 t do_freezer_trap.isra.0\t[mod]\n0 T get_signal"), ["do_freezer_trap.isra.0"]);
        assert_eq!(trap("0 t do_freezer_trap.cold\n0 T get_signal"), ["get_signal"]);
        assert_eq!(trap("0 T get_signal_stack"), ["do_freezer_trap", "get_signal"]);
        assert_eq!(trap(""), ["do_freezer_trap", "get_signal"]);
    }

    #[test]
    fn this_kernel() {
        let symbols = Symbols::of_this_kernel();
        assert!(!symbols.v2_trap.is_empty() && !symbols.v1_refrigerator.is_empty());
    }
}
