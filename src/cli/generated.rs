//! What is made from the definitions of the command line: completions for shells, and the man page.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Arguments, Failure};

/// Prints the completions for a shell.
pub(super) fn completions(shell: Shell, out: &mut impl Write) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut visible(), "cryoscope", &mut text);
    Ok(out.write_all(&text)?)
}

/// Prints the man page: the program's own, and a section for each verb.
pub(super) fn man(out: &mut impl Write) -> Result<(), Failure> {
    let command = visible();
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(out)?;
    page.render_name_section(out)?;
    page.render_synopsis_section(out)?;
    page.render_description_section(out)?;
    page.render_options_section(out)?;
    command.get_subcommands().try_for_each(|verb| section(verb, out))?;
    Ok(out.write_all(MORE.as_bytes())?)
}

/// What clap does not know. (man(7): a line that begins with a dot is a request)
const MORE: &str = r#".SH "EXIT STATUS"
.TP
0
Done.
.TP
1
Failed.
.TP
2
Wrong usage, a mistake in the config, or no terminal.
.TP
3
Not permitted.
.TP
4
Refused by a guard, or by something that would make the checkpoint or the restore fail.
.TP
5
The target is gone.
.TP
6
The freeze did not complete in time, and was taken back.
.TP
7
criu failed.
.SH FILES
.TP
$XDG_CONFIG_HOME/cryoscope/config.toml, ~/.config/cryoscope/config.toml
Theme, keys and other settings of the screen; with \fB\-\-config\fR FILE another file. Not needed. Mistakes in it are told with line and
column, and nothing is started then. It must belong to the user, to root, or to whoever called sudo, and not everybody may
write to it. The README has an example.
.TP
/run/cryoscope; $XDG_RUNTIME_DIR/cryoscope, /run/user/UID/cryoscope, /dev/shm/cryoscope\-UID, /tmp/cryoscope\-UID, $RUNTIME_DIRECTORY/cryoscope
What must be known after this program has died: plans of checkpoints, and the timers of \fBfreeze \-\-for\fR. The first for root;
for any other user the first of the rest that is possible. Nobody else may write to it.
.SH "FREEZES FOR A TIME"
A process of its own freezes and thaws the group. Its clock is CLOCK_BOOTTIME: a suspend counts, and setting the clock of the host
changes nothing. The host is not woken: where it sleeps at the end of the time, the group is thawed when it wakes. If the timer
was killed, \fBlist \-\-frozen\fR, \fBshow\fR and the screen say "timer gone", and \fBrescue\fR thaws the group, or starts another timer
for the time that is left. Where it is overdue because it is stopped or frozen itself, they say "timer stopped" or "timer frozen",
and \fBrescue\fR thaws the group.
.SH COPIES
\fBrestore \-\-copy\fR starts two processes that stay: the keeper, and PID 1 of the namespace, which reaps the copy. When the last process
of the copy has ended both end, and the groups are removed; SIGKILL to PID 1 ends all of it, but for what the v1 freezer holds, which
ends when it is thawed. If \fBrestore\fR is killed before the copy is complete, the copy ends. The keeper stays in the groups of
whoever started it: where these are stopped as a whole (\fBsystemctl stop\fR, KillUserProcesses=yes), the copy ends. The processes of
the copy have SIGSTOP and SIGCONT behind them where it was frozen, or has several trees: a program that handles SIGCONT gets it.
.SH ENVIRONMENT
.TP
NO_COLOR
When set to anything, the screen uses bold, reverse and underline only.
.TP
TERM, COLORTERM
How many colours the terminal has.
.TP
COLORFGBG
Whether the terminal's ground is dark or light, until it says so itself.
"#;

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

fn section(verb: &clap::Command, out: &mut impl Write) -> io::Result<()> {
    let name = format!("cryoscope {}", verb.get_name());
    let page = clap_mangen::Man::new(verb.clone().display_name(&name).bin_name(&name));
    writeln!(out, ".SH \"{}\"", name.to_uppercase())?;
    let mut text = Vec::new();
    page.render_description_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_options_section(&mut text)?;
    // What clap makes sections of stands below the verb's own.
    out.write_all(String::from_utf8_lossy(&text).replace(".SH ", ".SS ").as_bytes())
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
        assert!(!page.contains("(1)"), "there are no pages for the verbs");
        assert!(page.contains("cryoscope/config.toml") && page.contains("NO_COLOR"));
        assert!(!bash.contains("thaw-timer") && !page.contains("THAW-TIMER"));
        for verb in visible().get_subcommands() {
            assert!(bash.contains(verb.get_name()), "{}", verb.get_name());
            assert!(
                page.contains(&format!("CRYOSCOPE {}", verb.get_name().to_uppercase())),
                "{}",
                verb.get_name()
            );
        }
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
