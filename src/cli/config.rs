//! The config of the screen: which file, whether to trust it, and what it says.

mod document;
mod file;
mod keys;
mod mistake;
mod themes;
mod value;

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Failure;
use super::args::Global;
use crate::model::printable;
use crate::tui::Preferences;

/// What the config says; the defaults where there is none.
///
/// # Errors
/// Exit code 2: the file that was named is not there, a file can't be read or is not to be trusted, or there are mistakes in it.
pub(super) fn read(global: &Global) -> Result<Preferences, Failure> {
    let default = || default(env::var_os("XDG_CONFIG_HOME").as_deref(), env::var_os("HOME").as_deref());
    let Some(path) = global.config.clone().or_else(default) else { return Ok(Preferences::default()) };
    let text = match file::read(&path) {
        Ok(text) => text,
        Err(error) if error.is_absent() && global.config.is_none() => return Ok(Preferences::default()),
        Err(error) => {
            return Err(Failure::new(2, format!("cannot read the config {}: {error}", shown(&path))));
        }
    };
    document::read(&text).map_err(|mistakes| Failure::new(2, mistake::report(&shown(&path), &text, mistakes)))
}

fn shown(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes()).into_owned()
}

/// Where the config is if none is named; `None` where there is no home. A relative `XDG_CONFIG_HOME` counts for nothing.
/// (XDG Base Directory Specification)
fn default(config_home: Option<&OsStr>, home: Option<&OsStr>) -> Option<PathBuf> {
    let absolute = |path: &OsStr| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let home = || home.and_then(absolute).map(|home| home.join(".config"));
    Some(config_home.and_then(absolute).or_else(home)?.join("cryoscope/config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_place_is_that_of_the_specification() {
        let of = |config: &str, home: &str| {
            let some = |text| Some(OsStr::new(text)).filter(|text: &&OsStr| !text.is_empty());
            default(some(config), some(home)).map(|path| path.display().to_string()).unwrap_or_default()
        };
        assert_eq!(of("/c", "/home/me"), "/c/cryoscope/config.toml");
        assert_eq!(of("", "/home/me"), "/home/me/.config/cryoscope/config.toml");
        assert_eq!(of("c", "/home/me"), "/home/me/.config/cryoscope/config.toml");
        assert_eq!(of("c", ""), "");
    }
}
