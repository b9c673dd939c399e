//! What somebody else on the host could try, what stands against it, and which test shows it. No code.
//!
//! cryoscope runs as root beside users who are not trusted. Trusted are root, the user that it runs as, and whoever became
//! root through sudo ([`people`](crate::kernel::trust::people)). Whoever controls the environment or the arguments of a call is
//! the caller, and no attacker.
//!
//! Tests named `module::test` are those of `tests/real`, the others stand beside the code.
//!
//! | what could be tried | what stands against it | the test |
//! |---|---|---|
//! | remove a group and make another of its name between the look and the write, so that the wrong one is frozen | each group is its device and inode, and all reads and writes go through the descriptor of the directory that was looked at ([`kernel::dir`](crate::kernel::dir)) | `kernel::`, `chaos::` |
//! | a group of a name, a cgroup namespace or a mount that makes a process seem to be somewhere else than it is | one function brings together what `/proc` and mountinfo say ([`kernel::membership`](crate::kernel::membership)); where that cannot be done the guard refuses, and says why; threads count in the groups that they are in | `membership::` |
//! | a program of the name of an essential one, to have freezes of one's own group refused | essential is whom trusted users run from a file that only root can exchange ([`kernel::guard`](crate::kernel::guard)) | `guard::a_name_alone_refuses_nothing` |
//! | a pseudo-terminal of the same number as the session's, in a devpts of one's own | a master counts by its number and the instance of devpts that it belongs to | `guard::a_terminal_of_that_number_elsewhere` |
//! | end a process, so that its number is another one's when it is signalled | a process is its number and its start; signals go through a pidfd ([`kernel::signals`](crate::kernel::signals)) | `kernel::`, `rescue::` |
//! | rename a v1 group in the middle of a checkpoint, so that its freeze is lost or stays | a flag is that of the group's open directory; a journal finds the group again by device and inode, and calls it gone only after complete searches ([`kernel::find`](crate::kernel::find)) | `renamed::` |
//! | a process with the arguments of a plan's criu, so that a rescue waits for it, or thaws for it | the journal names each criu by PID and start time before that starts, and nothing else makes a process a plan's criu ([`checkpoint::gate`](crate::checkpoint::gate)) | `rescue::journal::criu_is_known_by_its_process` |
//! | freeze again each time what is thawed for criu, so that a checkpoint or a rescue never ends | it is thawed a few times, then that is said, and the journal is kept | `interference::frozen_again_and_again` |
//! | control bytes in the names of groups, processes, arguments, images, in criu's words: to move the cursor, to paint over a row, to type into the terminal | all of it passes [`printable`](crate::model::printable()) | `cli::hostile_names_are_harmless`, `hostile::the_longest_names`; property tests of each parser; `tests/fuzz` |
//! | a paste that holds keys which freeze and confirm | pasted text is text where something is typed, and nothing elsewhere | `hostile::a_paste_of_garbage` |
//! | a command line as long as a process's memory (`PR_SET_MM_MAP`), a gibibyte of `cryoscope.json`, of an image, of a log, of a config: to take all memory | every read has a limit; lengths in images are compared with the file before memory is taken | `hostile::a_long_command_line_is_cut`, `images::tests`, `log::tests`, `config::file::tests` |
//! | a named pipe or a device in place of a file: to hold the program up | opened without waiting, and refused unless it is a plain file | `images::folder::tests`, `log::a_log_that_cannot_be_is_an_error`, `checkpoint::log::tests` |
//! | thousands of groups or processes, a depth and names at the kernel's limits, a storm of changes | lists are read in steps; hints that are too many, for the kernel or for this program, become one look at everything; after a look that nobody asked for there is none for four times as long | `hostile::`, `chaos::with_announcements_lost`, `terminal::what_the_kernel_did_not_keep_is_found` |
//! | use up the inotify watches of the user | everything on the screen is polled then, and that is said | `live::without_watches_it_polls_and_says_so`, `chaos::with_few_watches` |
//! | a symbolic link in place of the folder for the images, or in a folder above it, so that root writes somewhere else | a folder that is there must be private, empty and no link; each folder above it must belong to somebody trusted, and not be open to everybody but where it is sticky ([`kernel::trust`](crate::kernel::trust)) | `security::images_go_where_others_decide_nothing`, `checkpoint::folder::tests` |
//! | delete the folder while images are made, or put a link in its place | what this program writes goes through the descriptor of the folder that it made; another folder at the path is a failure | `interference::the_folder_is_replaced_by_a_link` |
//! | read the secrets in the images | the folder has mode 0700; criu's files, criu's log and `cryoscope.json` have 0600 | `checkpoint::` |
//! | hand root images that restore a process of root | a restore needs images that only trusted people may change, with all folders above them | `security::images_of_somebody_else_are_not_restored` |
//! | a link among the images, to have a secret shown by `inspect` | links in a folder of images are never followed | `images::folder::tests` |
//! | a criu of one's own in a folder of PATH, or a way to replace the one that is named, between its check and its start | criu is not started, not even for its version, unless it and all folders above it are trusted people's; through links, too | `security::a_criu_of_somebody_else_is_not_run` |
//! | a program of the name of criu, of systemctl or of a tool of criu's in the working directory | PATH is searched, and passed on, without what is relative in it | `security::criu_gets_nothing_of_the_environment` |
//! | `LD_*`, `CRIU_CONFIG_FILE`, `HOME` with a `.criu/default.conf`, a locale that changes criu's words, left in the environment of a caller | criu gets PATH and `LANG=C`, and nothing else; `/etc/criu/default.conf` is root's and counts | `security::criu_gets_nothing_of_the_environment` |
//! | a file of an attacker, or a link to another one, as the journal or the record of a timer | the runtime folder must belong to the user and be writable by nobody else, which is seen on its descriptor; files in it are made with `O_EXCL`, mode 0600, under a lock, and links are not followed ([`kernel::runtime_folder`](crate::kernel::runtime_folder)) | `timed::an_ordinary_user`, `security::a_runtime_folder_of_somebody_else_is_not_used` |
//! | make the folder `/dev/shm/cryoscope-UID` of a user without a runtime folder first, open it to all, or put a link there | a folder that is not that user's alone is passed over for the next place, links are not followed; where no place is left nothing is frozen ([`kernel::runtime_folder`](crate::kernel::runtime_folder)) | `timed::somebody_elses_folder_is_passed_over` |
//! | `--log` or the export of events to a link, a hard link, or a file of somebody else | a log is opened without following a link, and must be a plain file of somebody trusted with one name; an export is always a new file, mode 0600 | `security::a_log_of_somebody_else_is_not_written`, `log::a_log_that_cannot_be_is_an_error` |
//! | a config that gives keys another meaning | it must belong to somebody trusted, and not be writable by everybody | `config::file::tests` |
//! | a crate with a known hole, of an unknown source or licence | `cargo deny --config .deny.toml check` | by hand |
//!
//! Not covered: POSIX access lists and groups that may write to a folder (who is in a group of root's is root's choice); a
//! kernel or a criu with a hole; a debugger of the same user. There are no sockets and no service, so nothing listens.
