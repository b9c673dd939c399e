//! A drop-in: the file that changes a unit's settings until the next boot. (systemd.unit(5))

use std::ffi::OsStr;

use serde::Serialize;

use super::systemctl::printable_lines;
use crate::model::owner::Manager;
use crate::model::shell::quoted;

/// Drop-ins are read in the order of their names, whichever folder they are in: this one comes after `override.conf`, which
/// `systemctl edit` writes. (systemd.unit(5))
const NAME: &str = "zz-cryoscope.conf";

/// The one file that holds all that is changed of a unit. It is gone with the next boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DropIn {
    /// Whose manager reads it: the user whose shell must run the commands; `None` for the system's, which is root's.
    pub user: Option<u32>,
    /// Where it goes.
    pub path: String,
    /// What it says.
    pub text: String,
    /// The command that writes it.
    pub write: String,
    /// The command that makes systemd read it, and starts the unit anew: what the unit has in memory is lost.
    pub apply: String,
    /// The command that takes it away, and starts the unit anew as it was.
    pub undo: String,
}

impl DropIn {
    /// For this unit of this manager, with these lines of its section `[Service]`.
    pub(super) fn new(unit: &str, manager: Manager, lines: &[String]) -> Self {
        let folder = format!("{}/{unit}.d", folder(manager));
        let path = format!("{folder}/{NAME}");
        let word = |text: &str| quoted(OsStr::new(text));
        let lines = || std::iter::once("[Service]").chain(lines.iter().map(String::as_str));
        let words: Vec<String> = lines().map(word).collect();
        let systemctl = match manager {
            Manager::System => "systemctl",
            Manager::User(_) => "systemctl --user",
        };
        let apply = format!("{systemctl} daemon-reload && {systemctl} restart {}", word(unit));
        Self {
            user: match manager {
                Manager::System => None,
                Manager::User(uid) => Some(uid),
            },
            text: lines().map(|line| format!("{line}\n")).collect(),
            write: format!(
                r"mkdir -p {} && printf '%s\n' {} >{}",
                word(&folder),
                words.join(" "),
                word(&path)
            ),
            undo: format!("rm {} && {apply}", word(&path)),
            path,
            apply,
        }
    }

    /// The commands that change the settings, a line each.
    pub fn commands(&self) -> [&str; 2] {
        [&self.write, &self.apply]
    }
}

/// Where a manager looks for drop-ins that last until the next boot.
fn folder(manager: Manager) -> String {
    match manager {
        Manager::System => "/run/systemd/system".to_owned(),
        // $XDG_RUNTIME_DIR, which pam_systemd makes here.
        Manager::User(uid) => format!("/run/user/{uid}/systemd/user"),
    }
}

/// What an earlier drop-in of this program says, without the name of its section. `text` is what `systemctl cat` prints: the
/// files of the unit one after the other, each behind a line with its path.
pub(super) fn earlier(unit: &str, manager: Manager, text: &[u8]) -> Vec<String> {
    let head = format!("# {}/{unit}.d/{NAME}", folder(manager));
    let lines = printable_lines(text).into_iter().skip_while(|line| *line != head).skip(1);
    let own = lines.take_while(|line| !line.starts_with("# /"));
    own.filter(|line| line.contains('=')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_a_shell() {
        let lines = ["PrivateTmp=no", "ExecStart=", "ExecStart=a 'b'"].map(str::to_owned);
        let found = DropIn::new("my@1.service", Manager::System, &lines);
        assert_eq!(found.path, "/run/systemd/system/my@1.service.d/zz-cryoscope.conf");
        assert_eq!(found.text, "[Service]\nPrivateTmp=no\nExecStart=\nExecStart=a 'b'\n");
        assert_eq!(
            found.write,
            r"mkdir -p /run/systemd/system/my@1.service.d && printf '%s\n' '[Service]' PrivateTmp=no ExecStart= 'ExecStart=a '\''b'\''' >/run/systemd/system/my@1.service.d/zz-cryoscope.conf"
        );
        assert_eq!(found.apply, "systemctl daemon-reload && systemctl restart my@1.service");
        assert_eq!(found.undo, format!("rm {} && {}", found.path, found.apply));
        assert_eq!(found.user, None);
    }

    #[test]
    fn of_a_user() {
        let found = DropIn::new(r"a\x2db.service", Manager::User(7), &["PrivateTmp=no".to_owned()]);
        assert_eq!(found.path, r"/run/user/7/systemd/user/a\x2db.service.d/zz-cryoscope.conf");
        assert_eq!(
            found.apply,
            r"systemctl --user daemon-reload && systemctl --user restart 'a\x2db.service'"
        );
        assert_eq!(found.user, Some(7));
    }

    #[test]
    fn what_an_earlier_one_says() {
        let text = b"# /usr/lib/systemd/system/x.service\n[Service]\nA=1\n\n# /run/systemd/system/x.service.d/zz-cryoscope.conf\n[Service]\nPrivateTmp=no\nExecStart=\n\n# /run/x\nB=2\n";
        assert_eq!(earlier("x.service", Manager::System, text), ["PrivateTmp=no", "ExecStart="]);
        assert_eq!(earlier("y.service", Manager::System, text), [""; 0]);
    }
}
