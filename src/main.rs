//! The `cryoscope` program.

fn main() {}
