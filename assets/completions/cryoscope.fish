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

complete -c cryoscope -n "__fish_cryoscope_needs_command" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -s V -l version -d 'Print version'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "list" -d 'Print the groups with their freeze state'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "show" -d 'Print one group: who froze it, and its processes'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "freeze" -d 'Freeze groups, and wait until they are frozen'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "thaw" -d 'Thaw groups'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "checkpoint" -d 'Checkpoint a group\'s processes with criu, without the hang'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "restore" -d 'Restore what a folder of criu\'s images holds: all of it, or nothing'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "inspect" -d 'Say what a folder of criu\'s images holds'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "diff" -d 'Say what changed between two checkpoints of the same processes'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "rescue" -d 'Free criu runs that hang on frozen tasks, put right checkpoints that were cut off, and end freezes that lost their timer'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "watch" -d 'Print a line when a group is frozen, thawed, created, removed, populated or emptied'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "doctor" -d 'Say what this host can do'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "lab" -d 'Lessons on the freezer and on criu, with groups and processes of their own'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "completions" -d 'Print the completions for a shell'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "man" -d 'Print the man page'
complete -c cryoscope -n "__fish_cryoscope_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l depth -d 'How many levels below the first group' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l frozen -d 'Only groups that are frozen or freezing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l json -d 'One JSON object a line'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l json -d 'One JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l for -d 'Thaw them automatically after this time, even if this program or its terminal is gone; a suspend counts' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l timeout -d 'How long to wait until a group is frozen, before the freeze is taken back' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l force -d 'Freeze even what may lock you out'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l yes -d 'Ask nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand freeze" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l all -d 'Every group that asks for a freeze itself; on a terminal they are listed first, and you are asked'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l yes -d 'Ask nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand thaw" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l into -d 'The folder for the images: made where it is missing, else empty' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l pid -d 'The root of the process tree, where the group holds several' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l after -d 'What becomes of the processes (default: they stay as they were found)' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l criu -d 'The criu to use (default: the one in PATH)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l dry-run -d 'Print what would run, as a shell script, and run nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l yes -d 'Ask nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l json -d 'One JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand checkpoint" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l into-group -d 'Put the processes into this group, not into those of the images: a path, pid:N, or a unit\'s name' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l criu -d 'The criu to use (default: the one in PATH)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l thaw -d 'Thaw what would hold the processes for as long as the restore takes, and freeze it again: others in it run meanwhile'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l copy -d 'Restore a copy in a PID namespace and groups of its own, while the original may live: all of it goes when its last process ends'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l frozen -d 'Freeze the copy before it runs: cryoscope thaw lets it go'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l dry-run -d 'Print what would run, as a shell script, and run nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l yes -d 'Ask nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l json -d 'One JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l grep -d 'Search the memory for this text, and show where it is; \\xHH stands for a byte' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l criu -d 'The criu that would restore them (default: the one in PATH)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l files -d 'Show all open files and sockets, not only the first of them'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l maps -d 'Show all mappings, not only the largest'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l env -d 'Show the environment of each process: it may hold passwords'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l json -d 'One JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l json -d 'One JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l dry-run -d 'Say what would be done, as lines for a shell, and do nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l yes -d 'Ask nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand rescue" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l json -d 'One JSON object a line'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l json -d 'One JSON object'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l criu -d 'The criu to use (default: the one in PATH)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l auto -d 'Hold the lesson without a person, print what happens, and fail where a step does not happen; all lessons where none is named, on each freezer that the host has'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l presentation -d 'For an audience: more space, the keys that are pressed, and events one at a time'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand lab" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l root -d 'The cgroup file system to look at (default: those that are mounted)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l hierarchy -d 'Look only at this hierarchy' -r
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l color -d 'When to use colour' -r -f -a "auto\t'As many as the terminal has, unless `NO_COLOR` is set'
always\t'Always'
never\t'Never'"
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l config -d 'The config of the screen: theme and keys (default: cryoscope/config.toml in $XDG_CONFIG_HOME or ~/.config)' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l log -d 'Log to this file what is written, which criu is run, and what fails' -r -F
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l read-only -d 'Change nothing on this host'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -l ascii -d 'Letters in place of symbols and lines (the default where the locale is not UTF-8)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -s v -d 'Log more: what is heard of the kernel (-v), everything (-vv)'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "list" -d 'Print the groups with their freeze state'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "show" -d 'Print one group: who froze it, and its processes'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "freeze" -d 'Freeze groups, and wait until they are frozen'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "thaw" -d 'Thaw groups'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "checkpoint" -d 'Checkpoint a group\'s processes with criu, without the hang'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "restore" -d 'Restore what a folder of criu\'s images holds: all of it, or nothing'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "inspect" -d 'Say what a folder of criu\'s images holds'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "diff" -d 'Say what changed between two checkpoints of the same processes'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "rescue" -d 'Free criu runs that hang on frozen tasks, put right checkpoints that were cut off, and end freezes that lost their timer'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "watch" -d 'Print a line when a group is frozen, thawed, created, removed, populated or emptied'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "doctor" -d 'Say what this host can do'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "lab" -d 'Lessons on the freezer and on criu, with groups and processes of their own'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "completions" -d 'Print the completions for a shell'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "man" -d 'Print the man page'
complete -c cryoscope -n "__fish_cryoscope_using_subcommand help; and not __fish_seen_subcommand_from list show freeze thaw checkpoint restore inspect diff rescue watch doctor lab completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
