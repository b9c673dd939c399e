//! What is generated from the definitions of the command line and the keys: shell completions and the man page.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Failure};
use crate::tui::keymap;

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell, out: &mut impl Write) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut visible(), "cryoscope", &mut text);
    Ok(out.write_all(&text)?)
}

/// Prints the man page.
pub(super) fn man(out: &mut impl Write) -> Result<(), Failure> {
    let command = visible();
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    out.write_all(SYNOPSIS.as_bytes())?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    writeln!(out, ".SH COMMANDS")?;
    command.get_subcommands().try_for_each(|verb| describe(verb, out))?;
    out.write_all(TARGETS.as_bytes())?;
    keys(out)?;
    configuration(out)?;
    Ok(out.write_all(MORE.as_bytes())?)
}

// man(7): a line that begins with a dot is a request.

const SYNOPSIS: &str = r".SH SYNOPSIS
.B cryoscope
[\fIOPTIONS\fR] [\fITARGET\fR]
.br
.B cryoscope
\fICOMMAND\fR [\fIOPTIONS\fR] \fR...\fR
";

const TARGETS: &str = r".SH TARGETS
A \fITARGET\fR is a path on the cgroup file system (\fB.\fR and \fB./a\fR are relative to the working directory), a path below the root of
the hierarchy (\fB/system.slice/ssh.service\fR), \fBpid:\fIN\fR, or a unit name. A name may be written as cryoscope displays it, with
\fB\exHH\fR for bytes that are not printable. On a host with both hierarchies v2 is tried first; \fB\-\-hierarchy v1\fR selects v1.
\fBthaw pid:\fIN\fR thaws the process on whichever hierarchy it is frozen.
";

const KEYS_INTRO: &str = r".SH KEYS
The name in parentheses is the name of the action in the config. In dialogs and text fields the keys are fixed.
";

const CONFIGURATION: &str = r#".SH CONFIGURATION
\fBcryoscope/config.toml\fR in \fB$XDG_CONFIG_HOME\fR (or in \fB~/.config\fR), or the file given with \fB\-\-config\fR, sets the theme, the keys
and a few defaults of the screen. It is optional. All errors are reported with line and column, and cryoscope does not start. The
file must belong to you, to root, or to the user who called sudo, and it must not be world\-writable. An example:
.PP
.nf
.RS
"#;

const CONFIGURATION_MORE: &str = r#".RE
.fi
.TP
Themes
A theme gives each role a style. The roles are \fBstrong\fR, \fBfaint\fR, \fBframe\fR, \fBkey\fR, \fBselected\fR, \fBfrozen\fR, \fBfreezing\fR, \fBown\fR
(actions of this session), \fBchanged\fR, \fBwarning\fR and \fBwrong\fR. A style consists of attributes (\fBbold\fR, \fBdim\fR, \fBitalic\fR,
\fBunderline\fR, \fBreverse\fR), a colour, and \fBon\fR with a background colour. A colour is a name (\fBblack\fR, \fBred\fR, \fBgreen\fR,
\fByellow\fR, \fBblue\fR, \fBmagenta\fR, \fBcyan\fR, \fBgray\fR, \fBdarkgray\fR, \fBlightred\fR ... \fBlightcyan\fR, \fBwhite\fR, \fBdefault\fR), a number
up to 255, or \fB#rrggbb\fR.
.TP
auto
The default theme asks the terminal for its background colour, and falls back to COLORFGBG, then to the theme \fBansi\fR, whose
few colours are readable on any background. A terminal with fewer colours gets the nearest ones. No information is conveyed by
colour alone.
.TP
Keys
A key is one character, two characters in a row, \fBCtrl\-X\fR, \fBAlt\-x\fR, \fBShift\-Down\fR, \fBF1\fR, \fBEnter\fR, \fBTab\fR, \fBEsc\fR,
\fBSpace\fR, \fBUp\fR and the like. Binding one key to two actions is an error; binding a key that is another action's default
takes it from that action. Every action is in the palette, bound or not.
"#;

/// What is known neither to clap nor to the table of keys.
const MORE: &str = r#".SH "EXIT STATUS"
.TP
0
Success.
.TP
1
Failure.
.TP
2
Wrong usage, an error in the config, or no terminal.
.TP
3
Permission denied.
.TP
4
Refused by a guard, or because the checkpoint or the restore would fail.
.TP
5
The target no longer exists.
.TP
6
The freeze did not complete in time and was rolled back.
.TP
7
criu failed.
.SH FILES
.TP
$XDG_CONFIG_HOME/cryoscope/config.toml, ~/.config/cryoscope/config.toml
See CONFIGURATION.
.TP
/run/cryoscope; $XDG_RUNTIME_DIR/cryoscope, /run/user/UID/cryoscope, /dev/shm/cryoscope\-UID, /tmp/cryoscope\-UID, $RUNTIME_DIRECTORY/cryoscope
State that must survive this program: the plans of checkpoints, and the timers of \fBfreeze \-\-for\fR. Root uses the first; other users
the first of the rest that is available. No other user may have write access.
.SH "TIMED FREEZES"
A separate process, the timer, freezes and thaws the group. It uses CLOCK_BOOTTIME: time in suspend counts, and setting the host's
clock changes nothing. It does not wake the host: if the time ends during a suspend, the group is thawed when the host
resumes. If the timer was killed, \fBlist \-\-frozen\fR, \fBshow\fR and the screen display "timer gone", and \fBrescue\fR thaws the group or
starts a new timer for the remaining time. If the timer is overdue because it is stopped or frozen itself, they display
"timer stopped" or "timer frozen", and \fBrescue\fR thaws the group.
.SH COPIES
\fBrestore \-\-copy\fR starts two processes that stay: the keeper, and PID 1 of the namespace, which reaps the copy. When the last
process of the copy has ended, both exit and the groups are removed. SIGKILL to PID 1 ends the whole copy; processes that the v1
freezer holds end when they are thawed. If \fBrestore\fR is killed before the copy is complete, the copy ends. The keeper stays in the
groups of the process that started it: if these are stopped as a whole (\fBsystemctl stop\fR, KillUserProcesses=yes), the copy ends.
If the copy was frozen or has several process trees, its processes receive SIGSTOP and SIGCONT: a program that handles SIGCONT
notices.
.SH ENVIRONMENT
.TP
NO_COLOR
When set and not empty, the screen uses bold, reverse and underline only. \fB\-\-color always\fR overrides it.
.TP
TERM, COLORTERM
How many colours the terminal supports.
.TP
COLORFGBG
Whether the terminal's background is dark or light, until the terminal reports it itself.
.SH EXAMPLES
.TP
cryoscope list \-\-frozen
List everything that is frozen or freezing, on all hierarchies.
.TP
cryoscope show pid:1234
Explain why the group of process 1234 is frozen, or is not.
.TP
cryoscope freeze my.service \-\-for 30s
Freeze a unit for 30 seconds. A timer thaws it, even if the terminal is gone.
.TP
cryoscope checkpoint my.service \-\-into /var/tmp/images \-\-dry\-run
Check whether a checkpoint would succeed, and print its plan as a shell script.
.TP
cryoscope checkpoint my.service \-\-into /var/tmp/images \-\-after killed
Checkpoint a unit and end its processes once the images have been verified.
.TP
cryoscope restore /var/tmp/images
Restore these processes.
.TP
cryoscope rescue \-\-dry\-run
Look for hung criu runs, interrupted checkpoints, and freezes that have lost their timer.
.SH "SEE ALSO"
.BR criu (8),
.BR cgroups (7),
.BR systemctl (1),
.BR systemd\-cgls (1)
"#;

/// The example of a config, also kept for the README and for packages.
pub(super) const EXAMPLE_CONFIG: &str = include_str!("../../assets/config.toml");

/// The table of keys: what a key does, and its action's name in the config.
fn keys(out: &mut impl Write) -> io::Result<()> {
    out.write_all(KEYS_INTRO.as_bytes())?;
    for binding in keymap::TABLE {
        let keys: Vec<String> = binding.keys.iter().map(|key| format!("\\fB{}\\fR", escaped(key))).collect();
        let (help, name) = (escaped(binding.help), escaped(binding.action.name()));
        writeln!(out, ".TP\n{}\n{help} ({name})", keys.join(", "))?;
    }
    Ok(())
}

fn configuration(out: &mut impl Write) -> io::Result<()> {
    out.write_all(CONFIGURATION.as_bytes())?;
    EXAMPLE_CONFIG.lines().try_for_each(|line| writeln!(out, "{}", escaped(line)))?;
    out.write_all(CONFIGURATION_MORE.as_bytes())
}

/// Text in roff: a backslash, a hyphen that can be copied, and no request at the start of a line. (groff_char(7))
fn escaped(text: &str) -> String {
    let escaped = text.replace('\\', "\\(rs").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

/// The command line without the verbs that the program calls itself with.
fn visible() -> clap::Command {
    let full = Arguments::command();
    let verbs = full.get_subcommands().filter(|verb| !verb.is_hide_set()).cloned();
    let (about, long) = (full.get_about().cloned(), full.get_long_about().cloned());
    clap::Command::new("cryoscope")
        .version(env!("CARGO_PKG_VERSION"))
        .about(about.unwrap_or_default())
        .long_about(long.unwrap_or_default())
        .args(full.get_arguments().cloned())
        .subcommands(verbs)
}

/// A verb below COMMANDS: its usage, what it does, its options.
fn describe(verb: &clap::Command, out: &mut impl Write) -> io::Result<()> {
    let name = format!("cryoscope {}", verb.get_name());
    let verb = verb.clone().display_name(&name).bin_name(&name).disable_help_flag(true);
    let usage = verb.clone().render_usage().to_string();
    writeln!(out, ".SS \"{}\"", escaped(usage.trim_start_matches("Usage: ")))?;
    let page = clap_mangen::Man::new(verb);
    let mut text = Vec::new();
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    // A verb has no sections of its own: its description and its options follow its usage.
    let text = String::from_utf8_lossy(&text).replace(".SH DESCRIPTION\n", "").replace(".SH OPTIONS\n", "");
    out.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_completed_and_described() {
        let (mut bash, mut page) = (Vec::new(), Vec::new());
        completions(Shell::Bash, &mut bash).unwrap();
        man(&mut page).unwrap();
        let (bash, page) = (String::from_utf8(bash).unwrap(), String::from_utf8(page).unwrap());
        assert!(page.contains("cryoscope/config.toml") && page.contains("NO_COLOR"));
        assert!(!bash.contains("thaw-timer") && !page.contains("thaw\\-timer"));
        for verb in visible().get_subcommands() {
            assert!(bash.contains(verb.get_name()), "{}", verb.get_name());
            let title = format!(".SS \"cryoscope {}", verb.get_name());
            assert!(page.contains(&title), "{}", verb.get_name());
            assert!(
                !page.contains(&format!("cryoscope\\-{}(1)", verb.get_name())),
                "it has no page of its own"
            );
        }
    }

    #[test]
    fn the_man_page_has_every_key() {
        let mut page = Vec::new();
        man(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        let (_, section) = page.split_once(".SH KEYS").unwrap();
        let (section, _) = section.split_once(".SH ").unwrap();
        assert_eq!(section.matches(".TP").count(), keymap::TABLE.len());
        for binding in keymap::TABLE {
            let keys: Vec<_> = binding.keys.iter().map(|key| format!("\\fB{}\\fR", escaped(key))).collect();
            let name = binding.action.name().replace('-', "\\-");
            let entry = format!("\n{}\n{} ({name})\n", keys.join(", "), escaped(binding.help));
            assert!(section.contains(&entry), "{entry}");
        }
        assert!(section.contains("\n\\fB\\(rs\\fR\n"), "a backslash is a key");
    }

    /// What a package installs.
    #[test]
    fn the_files_in_assets_are_fresh() {
        let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/assets");
        let mut page = Vec::new();
        man(&mut page).unwrap();
        let shells = [
            (Shell::Bash, "bash", "cryoscope.bash"),
            (Shell::Zsh, "zsh", "_cryoscope"),
            (Shell::Fish, "fish", "cryoscope.fish"),
        ];
        let generated = shells.map(|(shell, name, file)| {
            let mut text = Vec::new();
            completions(shell, &mut text).unwrap();
            (format!("completions {name}"), format!("completions/{file}"), text)
        });
        for (verb, file, text) in generated.into_iter().chain([("man".into(), "cryoscope.1".into(), page)]) {
            let kept = std::fs::read(format!("{assets}/{file}")).unwrap_or_default();
            assert!(kept == text, "renew it: cargo run -- {verb} > assets/{file}");
        }
    }

    /// With cargo-deb, which is not needed for this.
    #[test]
    fn the_debian_package_has_program_page_and_completions() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let list = manifest.split_once("\nassets = [\n").unwrap().1.split_once("\n]").unwrap().0;
        // ["file", "place", "mode"]
        let assets: Vec<Vec<&str>> =
            list.lines().map(|line| line.split('"').skip(1).step_by(2).collect()).collect();
        for asset in &assets {
            let built = asset[0] == "target/release/cryoscope";
            assert!(built || folder.join(asset[0]).is_file(), "{}", asset[0]);
        }
        let places: Vec<&str> = assets.iter().map(|asset| asset[1]).collect();
        for place in ["usr/bin/", "man/man1/", "bash-completion/", "zsh/", "fish/", "doc/"] {
            assert!(places.iter().any(|there| there.contains(place)), "{place}");
        }
    }

    #[test]
    fn the_definitions_hold() {
        Arguments::command().debug_assert();
    }
}
