//! See, freeze, thaw and checkpoint Linux cgroups from the terminal.

pub mod model;
