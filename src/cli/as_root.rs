//! How to do as root what this user may not.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use nix::unistd::geteuid;

use crate::kernel::trust::search_path;
use crate::model::shell::quoted;

/// Where sudo finds programs whatever the caller's PATH is: the `secure_path` of Debian's sudoers(5).
const FOLDERS_OF_SUDO: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The line that runs this call as root; `None` for root, and on a host without sudo(8).
pub(super) fn this_call() -> Option<String> {
    let has_sudo = || env::split_paths(&search_path()).any(|folder| folder.join("sudo").is_file());
    if geteuid().is_root() || !has_sudo() {
        return None;
    }
    let mut arguments = env::args_os();
    let program = program(arguments.next()?);
    let words = [program].into_iter().chain(arguments).map(|word| quoted(&word));
    Some(words.fold("sudo".to_owned(), |line, word| line + " " + &word))
}

/// This program as sudo finds it: by its name where that is enough, else by its path.
fn program(typed: OsString) -> OsString {
    let is_path = typed.as_encoded_bytes().contains(&b'/');
    match env::current_exe() {
        Ok(path) if !is_path && !is_found_by_sudo(&path, &typed) => path.into_os_string(),
        _ => typed,
    }
}

fn is_found_by_sudo(program: &Path, typed: &OsStr) -> bool {
    let folder = program.parent().unwrap_or(program);
    program.file_name() == Some(typed) && FOLDERS_OF_SUDO.iter().any(|of_sudo| folder == Path::new(of_sudo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sudo_finds_the_program_by_its_name_in_its_own_folders_alone() {
        let found = |path: &str| is_found_by_sudo(Path::new(path), OsStr::new("cryoscope"));
        assert!(found("/usr/bin/cryoscope") && found("/usr/local/bin/cryoscope"));
        assert!(!found("/home/alice/bin/cryoscope") && !found("/usr/bin/other"));
        assert_eq!(program("./cryoscope".into()), "./cryoscope");
    }
}
