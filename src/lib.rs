//! See, freeze, thaw and checkpoint Linux cgroups from the terminal.
//!
//! # The screen
//!
//! ```text
//!  cryoscope · web-1   v2 unified                          5 groups  1 frozen  watch 5    header
//! ┌ Groups ─────────────────────────────────┐┌ 1 Processes [2 Freeze] 3 Files  4 Events ┐
//! │ ▾ /               ◐ 1 frozen below    3 ││ worker is frozen by its own request.     │
//! │   ▾ shop          ◐ 1 frozen below    0 ││                                          │
//! │       mail                            1 ││ Own request   yes                        │
//! │       web                             1 ││ Inherited     no                         │
//! │>      worker      ❄ frozen 3s         3 ││ State         frozen for 3s              │
//! │ tree              state          count  ││ panel                                    │
//! └─────────────────────────────────────────┘└──────────────────────────────────────────┘
//!  worker: frozen by its own request                                                      message
//!  t thaw  C checkpoint  / search  ? help  q quit                                         footer
//! ```
//!
//! - The **header** has the host, the hierarchies (the one that is shown is selected), and how many groups there are, are frozen,
//!   and are watched. (`tui::view::header`)
//! - The **tree** is that of [`model::tree`]: a line a group, with its own **state** or that of what is below, and how many
//!   **processes** it counts. Only the rows that can be seen are drawn. (`tui::rows`, `tui::view::tree`)
//! - The **panel** is one of four about the selected group: processes, the story of its freeze in words, the contents of its control
//!   files, and what happened to it and below. (`tui::processes`, `tui::story`, `tui::files`, `tui::events`)
//! - The **message** says what was done, what failed and why, or else why the selected group is in its state.
//! - The **footer** has the keys that fit the selected row. It is made from the same table as the help, the palette and the man page.
//!   (`tui::keymap`)
//! - A **dialog** lies over the tree before anything changes. It shows the exact write or command, starts on Cancel, and keeps the
//!   group that it was opened for, by its inode. (`tui::dialog`, `tui::checkpoint`)
//!
//! # Layers
//!
//! Imports run one way: `main → cli → lab → tui → checkpoint, timer → runtime, watch → kernel → model`.
//!
//! | layer | what it is |
//! |---|---|
//! | [`model`] | what the kernel says, as values: no file, no clock, no terminal |
//! | [`kernel`] | the only place that opens cgroup file systems and `/proc` |
//! | [`watch`] | the kernel's announcements as hints; the truth is read again |
//! | [`checkpoint`] | preflight, plan, run, verify, report, rescue: calling criu so that it cannot hang |
//! | [`timer`] | a freeze with an end: a process of its own thaws at the deadline |
//! | [`runtime`] | who made a group: units of systemd, containers; what their commands would do |
//! | [`tui`] | the screen: events in, commands out |
//! | [`lab`] | the lessons: each makes groups and counters of its own, and sees itself that its steps happen |
//! | [`cli`] | one file a verb |
//!
//! In [`tui`] only the edge (its loop and its world) knows the layers below; update and view know the model alone.
//!
//! # Invariants
//!
//! - A group is identified by device and inode, never by its path alone between a look and a write, and it is written to through its
//!   directory's descriptor.
//! - Own request, inherited request and effective state are three facts, never one flag.
//! - What has vanished is `None`, not an error. A list that was cut short is never shown as the truth.
//! - An announcement of the kernel is a hint: the group is read again. Losing or doubling one corrupts nothing.
//! - Whatever changes the screen is one closed event; `update` is plain code that answers with commands, and `view` writes no state.
//! - What a dialog shows, what `--dry-run` prints, what the journal keeps and what runs is the same [`checkpoint::Plan`].
//! - Before a checkpoint's first change, the freeze flags that it found are on disk, and each comes back so. Each criu is
//!   written down before it starts, and each write of a flag before it is made: a rescue writes what the plan has changed, and
//!   leaves what somebody else has.
//! - No process is ended before its images are proved: criu asks ([`checkpoint::hook`]), and lets it go where they are not.
//! - A copy that is being made ends with the program that makes it; one that is kept ends with its last process, and its groups do.
//!   The groups that a killed keeper leaves are on disk, by inode, and a rescue removes them.
//! - criu is never killed while anything is in its hold: what it hangs on is thawed.
//! - What this program froze for a time is thawed by a process of its own; what others froze is never thawed unasked.
//! - Untrusted bytes reach the terminal only through [`model::printable()`].
//!
//! What others on the host could try, and what stands against it: [`threats`].

pub mod checkpoint;
pub mod cli;
pub mod kernel;
pub mod lab;
pub mod model;
pub mod runtime;
pub mod threats;
pub mod timer;
pub mod tui;
pub mod watch;
