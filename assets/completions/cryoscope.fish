# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_cryoscope_global_optspecs
    string join \n root= hierarchy= read-only ascii color= config= log= v h/help V/version
end

function __fish_cryoscope_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_cryoscope_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_cryoscope_using_subcommand
    set -l cmd (__fish_cryoscope_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c cryoscope -n "__fish_cryoscope_needs_command" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -s V -l version -d 'Print version'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "list" -d 'Print the groups with their freeze state'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "show" -d 'Print one group: why it is frozen, and its processes'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "freeze" -d 'Freeze groups and wait until they are frozen'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "thaw" -d 'Thaw groups'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "checkpoint" -d 'Checkpoint a group\'s processes with criu, even if the group is frozen'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "restore" -d 'Restore processes from a directory of criu images: all of them, or none'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "inspect" -d 'Describe a directory of criu images'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "diff" -d 'Compare two checkpoints of the same processes'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "rescue" -d 'Recover: criu runs that hang on frozen processes, interrupted checkpoints, freezes that have lost their timer'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "watch" -d 'Print one line whenever a group is frozen, thawed, created, removed, populated or emptied'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "doctor" -d 'Report what this host supports'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "lab" -d 'Learn how the freezer and criu work, in lessons with groups and processes of their own'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "completions" -d 'Print completions for a shell'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "man" -d 'Print the man page'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l depth -d 'Limit the depth to N levels below the first group' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l frozen -d 'Show only frozen or freezing groups'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l json -d 'Print one JSON object per line'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l json -d 'Print one JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l for -d 'Thaw automatically after DURATION, even if this program or its terminal is gone: 30s, 5m or 2h (1 second to 1 week; time in suspend counts)' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l timeout -d 'How long to wait for a group to freeze before the freeze is rolled back' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l force -d 'Freeze even if it may lock you out'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l yes -d 'Don\'t ask for confirmation'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l all -d 'Thaw all groups with a freeze of their own; on a terminal, lists them and asks first'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l yes -d 'Don\'t ask for confirmation'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l into -d 'The image directory: created if missing; must be empty' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l pid -d 'The root of the process tree to checkpoint, if the group contains several' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l after -d 'State of the processes afterwards: running, frozen, stopped or killed (default: as they are now)' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l criu -d 'The criu program to use (default: the one in PATH)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l prepare -d 'First override the service\'s settings that criu cannot handle, until the next boot, and restart it, which loses its state in memory. Without --into, stop there: use the service, then checkpoint it'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l dry-run -d 'Print the plan as a shell script; run nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l yes -d 'Don\'t ask for confirmation'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l json -d 'Print one JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l into-group -d 'Put the processes into this group instead of their original ones: a path, pid:N, or a unit name' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l criu -d 'The criu program to use (default: the one in PATH)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l thaw -d 'Thaw a frozen target group during the restore and freeze it again afterwards; other processes in it run meanwhile'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l copy -d 'Restore a copy beside the original, in a PID namespace and groups of its own, which are removed when its last process ends'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l frozen -d 'Freeze the copy before it runs; cryoscope thaw starts it'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l dry-run -d 'Print the plan as a shell script; run nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l yes -d 'Don\'t ask for confirmation'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l json -d 'Print one JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l grep -d 'Search the processes\' memory for this text and show where it occurs; \\xHH is one byte' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l regex -d 'Search it for a regular expression of bytes; a match is at most 1024 bytes long' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l context -d 'Show this many bytes before and after each match, in hexadecimal' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l hexdump -d 'Print the memory of this process in hexadecimal' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l criu -d 'The criu program that would restore them (default: the one in PATH)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l files -d 'Show all open files and sockets, not only the first ones'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l maps -d 'Show all memory mappings, not only the largest ones'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l env -d 'Show the environment of each process; it may contain passwords'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l json -d 'Print one JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l json -d 'Print one JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l dry-run -d 'Print what would be done, as shell commands; change nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l yes -d 'Don\'t ask for confirmation'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l json -d 'Print one JSON object per line'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l json -d 'Print one JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l criu -d 'The criu program to use (default: the one in PATH)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l auto -d 'Run unattended, print each step, and fail if one doesn\'t happen; runs all lessons on each freezer of the host if no lesson is named'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l presentation -d 'For an audience: more space, pressed keys are shown, events appear one at a time'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l root -d 'Use the cgroup file system mounted here (default: all mounted ones)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l hierarchy -d 'Use only this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l color -d 'When to use colour' -r -f -a "auto\t'As many colours as the terminal supports; none if `NO_COLOR` is set and not empty'
always\t'At least 16 colours, whatever the terminal and `NO_COLOR` say'
never\t'No colours: bold, reverse and underline only'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l config -d 'Read the theme and the keys from this file (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l log -d 'Log every write, every criu command and every failure to this file' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l ascii -d 'Use ASCII instead of Unicode symbols and borders (the default unless the locale is UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -s v -d 'Log more: kernel notifications (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "list" -d 'Print the groups with their freeze state'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "show" -d 'Print one group: why it is frozen, and its processes'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "freeze" -d 'Freeze groups and wait until they are frozen'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "thaw" -d 'Thaw groups'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "checkpoint" -d 'Checkpoint a group\'s processes with criu, even if the group is frozen'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "restore" -d 'Restore processes from a directory of criu images: all of them, or none'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "inspect" -d 'Describe a directory of criu images'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "diff" -d 'Compare two checkpoints of the same processes'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "rescue" -d 'Recover: criu runs that hang on frozen processes, interrupted checkpoints, freezes that have lost their timer'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "watch" -d 'Print one line whenever a group is frozen, thawed, created, removed, populated or emptied'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "doctor" -d 'Report what this host supports'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "lab" -d 'Learn how the freezer and criu work, in lessons with groups and processes of their own'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "completions" -d 'Print completions for a shell'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "man" -d 'Print the man page'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
