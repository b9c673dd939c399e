//! What is decided before the screen opens.

use super::preferences::Preferences;
use super::theme::{Depth, Ground};
use crate::model::{CgroupPath, Version};
use crate::timer::Log;

/// What the person who started the program decided, and what the program found out about its host before.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The host's name.
    pub host: String,
    /// Letters instead of symbols.
    pub ascii: bool,
    /// How many colours the terminal has, and may be used.
    pub depth: Depth,
    /// The terminal's ground, as far as it is known before it is asked.
    pub ground: Option<Ground>,
    /// What the config says.
    pub preferences: Preferences,
    /// Nothing may be changed.
    pub read_only: bool,
    /// What this user lacks to do everything, a sentence each; empty for root.
    pub limits: Vec<String>,
    /// The group to open at.
    pub target: Option<(Version, CgroupPath)>,
    /// Where timers log.
    pub log: Option<Log>,
    /// The size of the terminal: columns, rows.
    pub size: (u16, u16),
}
