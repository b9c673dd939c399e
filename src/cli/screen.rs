//! `cryoscope` alone: the screen.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};

use super::doctor::missing;
use super::{Context, Failure, config, log};
use crate::kernel::host;
use crate::tui::theme::Ground;
use crate::tui::{self, Settings};

/// Opens the screen, at a group if one is named.
pub(super) fn run(context: Context, target: Option<&OsStr>) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            2,
            "standard input is not a terminal; use cryoscope list to print the tree",
        ));
    }
    let preferences = config::read(&context.global)?;
    let target = target.map(|target| context.open(target)).transpose()?;
    let var = |name| std::env::var(name).ok();
    let settings = Settings {
        host: host::name(),
        ascii: context.global.shows_ascii(),
        depth: context.global.color.depth(),
        ground: Ground::of_environment(var("TERM").as_deref(), var("COLORFGBG").as_deref()),
        preferences,
        read_only: context.global.read_only,
        limits: missing(&context),
        target: target.map(|(fs, group)| (fs.hierarchy().version, group.path)),
        log: log::of(&context.global)?,
        size: (80, 24),
    };
    let mut hosts = context.hosts;
    // The one that is not asked for is not shown.
    match context.global.hierarchy {
        Some(crate::model::Version::V1) => hosts.v2 = None,
        Some(crate::model::Version::V2) => hosts.v1 = None,
        None => {}
    }
    tui::run(hosts, settings).map_err(|error| Failure::new(1, format!("the screen failed: {error}")))
}
