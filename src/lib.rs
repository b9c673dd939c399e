//! See, freeze, thaw and checkpoint Linux cgroups from the terminal.
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
//! - A group is identified by device and inode, and written to through its directory's descriptor.
//! - Own request, inherited request and effective state are three facts, never one flag.
//! - What has vanished is `None`, not an error.
//! - Untrusted bytes reach the terminal only through [`model::printable()`].

pub mod checkpoint;
pub mod cli;
pub mod kernel;
pub mod lab;
pub mod model;
pub mod runtime;
pub mod timer;
pub mod tui;
pub mod watch;
