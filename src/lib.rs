//! See, freeze, thaw and checkpoint Linux cgroups from the terminal.

pub mod cli;
pub mod kernel;
pub mod model;
pub mod watch;
