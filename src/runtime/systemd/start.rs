//! How a service is started, as its files say it: `systemctl show` prints words without their quotes.

use std::path::Path;

use crate::kernel::trust;
use crate::model::printable;

/// The lines of a drop-in that start a service as its files do, in an IPC namespace of its own. `text` is what `systemctl cat`
/// prints. `None` where it is not started by a command each, or a command names itself otherwise.
pub(super) fn in_ipc_namespace(text: &[u8]) -> Option<Vec<String>> {
    let unshare = std::env::split_paths(&trust::search_path())
        .map(|folder| folder.join("unshare"))
        .find(|file| file.is_file())?;
    lines(text, &unshare)
}

fn lines(text: &[u8], unshare: &Path) -> Option<Vec<String>> {
    let commands = commands(text);
    let moved = commands.iter().map(|command| {
        // `@` has the second word as the name; ` ; ` separates several commands. (systemd.service(5), "Command lines")
        let at = command.find(|c: char| !"@-:+!|".contains(c))?;
        let (prefix, program) = command.split_at(at);
        let is_plain =
            !prefix.contains('@') && !program.contains(" ; ") && !program.contains("unshare --ipc");
        is_plain.then(|| format!("ExecStart={prefix}{} --ipc -- {program}", unshare.display()))
    });
    let moved: Vec<String> = moved.collect::<Option<_>>()?;
    (!moved.is_empty()).then(|| std::iter::once("ExecStart=".to_owned()).chain(moved).collect())
}

/// The commands of `ExecStart=` that hold: an empty one takes back those before. (systemd.syntax(7))
fn commands(text: &[u8]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut section = String::new();
    for line in whole_lines(text) {
        if line.starts_with('[') {
            section = line;
        } else if section == "[Service]"
            && let Some((key, value)) = line.split_once('=')
            && key.trim_end() == "ExecStart"
        {
            match value.trim() {
                "" => commands.clear(),
                command => commands.push(command.to_owned()),
            }
        }
    }
    commands
}

/// Lines without comments; a backslash at the end goes on with the next.
fn whole_lines(text: &[u8]) -> Vec<String> {
    let mut whole: Vec<String> = Vec::new();
    let mut goes_on = false;
    for line in text.split(|&byte| byte == b'\n') {
        let line = printable(line.trim_ascii());
        if line.starts_with(['#', ';']) {
            continue;
        }
        let (part, more) = line.strip_suffix('\\').map_or((&*line, false), |part| (part.trim_end(), true));
        match whole.last_mut().filter(|_| goes_on) {
            Some(last) => {
                last.push(' ');
                last.push_str(part);
            }
            None => whole.push(part.to_owned()),
        }
        goes_on = more;
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Vec<String>> {
        lines(text.as_bytes(), Path::new("/usr/bin/unshare"))
    }

    /// postgresql@.service of Debian 13.
    #[test]
    fn as_the_files_say_it() {
        let text = "# /usr/lib/systemd/system/postgresql@.service\n[Unit]\nDescription=x\n[Service]\nType=forking\n# -: ignore\nExecStart=-/usr/bin/pg_ctlcluster \"a b\" \\\n  # no\n   %i start\n[Install]\nExecStart=no\n";
        assert_eq!(
            of(text).unwrap(),
            ["ExecStart=", "ExecStart=-/usr/bin/unshare --ipc -- /usr/bin/pg_ctlcluster \"a b\" %i start"]
        );
        let again = format!(
            "{text}\n# /etc/systemd/system/x.d/override.conf\n[Service]\nExecStart=\nExecStart = /b\n"
        );
        assert_eq!(of(&again).unwrap(), ["ExecStart=", "ExecStart=/usr/bin/unshare --ipc -- /b"]);
    }

    #[test]
    fn what_cannot_be_told() {
        assert_eq!(of("[Service]\nExecStart=@/bin/sh name\n"), None);
        assert_eq!(of("[Service]\nExecStart=/bin/a ; /bin/b\n"), None);
        assert_eq!(of("[Service]\nType=oneshot\n"), None);
        assert_eq!(of("[Service]\nExecStart=/usr/bin/unshare\\x20--ipc\n").unwrap().len(), 2);
    }
}
