//! See, freeze, thaw and checkpoint Linux cgroups from the terminal.

pub mod kernel;
pub mod model;
