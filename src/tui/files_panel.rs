//! The panel of control files, in lines.

use super::{App, columns};
use crate::model::{Contents, ControlFile, printable, shell, span};

/// The mark of a file that has changed.
const MARK: char = '*';
/// Columns for the names, with a mark before and a space behind; the longest is `freezer.parent_freezing`.
const NAMES: usize = 25;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Title,
    Plain,
    Faint,
    Changed,
    Wrong,
}

/// The lines of the panel, none wider than `width`.
pub(crate) fn lines(app: &App, width: usize) -> Vec<(String, Tone)> {
    let Some(node) = app.selected_node() else { return Vec::new() };
    let name = node.display_name();
    let list = match app.files.read.as_ref().filter(|(id, _)| *id == node.group.id) {
        None => return vec![(columns::cut(&format!(" {name}   reading"), width), Tone::Faint)],
        Some((_, Err(why))) => {
            let text = format!("{name}: {}", printable(why.as_bytes()));
            return columns::wrap(&text, width.max(4)).into_iter().map(|line| (line, Tone::Wrong)).collect();
        }
        Some((_, Ok(list))) => list,
    };
    let marked = if app.files.is_marked(app.now) { format!("   {MARK} changed") } else { String::new() };
    let title = format!(" {name}   {}{marked}", span::count(list.len(), "file", "files"));
    let mut lines = vec![(columns::cut(&title, width), Tone::Title)];
    for file in list {
        lines.extend(of_file(file, app.files.has_changed(file.name, app.now), width));
    }
    lines
}

/// The name with the contents behind it, or below it where there is no room.
fn of_file(file: &ControlFile, changed: bool, width: usize) -> Vec<(String, Tone)> {
    let (text, tone) = text(&file.contents);
    let tone = if changed { Tone::Changed } else { tone };
    let mark = if changed { MARK } else { ' ' };
    let name = columns::fit(&format!("{mark}{}", file.name), NAMES);
    if let [one] = &text[..]
        && NAMES + columns::width(one) <= width
    {
        return vec![(format!("{name}{one}"), tone)];
    }
    let below = text.iter().flat_map(|line| columns::wrap(&format!("   {line}"), width.max(8)));
    std::iter::once((columns::cut(name.trim_end(), width), tone))
        .chain(below.map(|line| (line, tone)))
        .collect()
}

fn text(contents: &Contents) -> (Vec<String>, Tone) {
    match contents {
        Contents::WriteOnly => (vec!["(write only)".to_owned()], Tone::Faint),
        Contents::Unreadable(why) => {
            (vec![format!("unreadable: {}", printable(why.as_bytes()))], Tone::Wrong)
        }
        Contents::Text { bytes, .. } if bytes.trim_ascii().is_empty() => {
            (vec!["(empty)".to_owned()], Tone::Faint)
        }
        Contents::Text { bytes, cut } => {
            let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
            let mut text: Vec<String> =
                bytes.split(|&b| b == b'\n').map(|line| printable(line).into_owned()).collect();
            if *cut {
                text.push("(there is more)".to_owned());
            }
            (text, Tone::Plain)
        }
    }
}

/// The line for a shell that prints the group's freezer file; `None` where it has none.
pub(crate) fn to_copy(app: &App) -> Option<String> {
    let (target, hierarchy) = (app.selected_target()?, app.hierarchy()?);
    let file = hierarchy.absolute(&target.path).join(hierarchy.version.control_file());
    (!target.path.is_root()).then(|| format!("cat {}", shell::quoted(file.as_os_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &'static str, text: &str) -> ControlFile {
        ControlFile { name, contents: Contents::Text { bytes: text.as_bytes().into(), cut: false } }
    }

    #[test]
    fn hostile_and_long_contents_stay_in_their_columns() {
        let long = ControlFile {
            name: "cgroup.controllers",
            contents: Contents::Text {
                bytes: b"cpuset cpu io memory\n\x1b[2Jpids".as_slice().into(),
                cut: true,
            },
        };
        let lines = of_file(&long, true, 20);
        let lines: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
        assert_eq!(
            lines,
            ["*cgroup.controllers", "   cpuset cpu io", "   memory", "   \\x1b[2Jpids", "   (there is more)"]
        );
        let one = of_file(&file("cgroup.freeze", "1\n"), false, 38);
        assert_eq!(one, [(format!("{}1", columns::fit(" cgroup.freeze", NAMES)), Tone::Plain)]);
        let kill = ControlFile { name: "cgroup.kill", contents: Contents::WriteOnly };
        assert!(of_file(&kill, false, 60)[0].0.ends_with("(write only)"));
    }
}
