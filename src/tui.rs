//! The screen: events in, commands out, and a view that writes nothing.
//!
//! Every reason to change is one closed [`Event`]. [`update()`] takes it into the [`App`] and answers with [`Command`]s
//! for the world; it opens no file and reads no clock. [`view::draw`] shows the state. So a session is keys in, screens
//! and commands out, and is tested as such.
//!
//! ```text
//!  cryoscope · host   v2 unified │ v1 freezer    groups, frozen, freezing   watches     view::header
//! ┌ Groups ───────────────────┐┌ [1 Processes] 2 Freeze  3 Files  4 Events ┐
//! │ view::tree, over rows     ││ view::processes; view::freeze with story;  │         view::dialog and view::help
//! │                           ││ view::files, files_panel; events_panel     │         lie over all of it
//! └───────────────────────────┘└────────────────────────────────────────────┘
//!  the selected group in one line, a message, or the search                             view::footer
//!  the keys, from the table in keymap
//! ```
//!
//! What comes from the terminal is read in a thread of its own and cut into keys, pasted text and answers by `input`. What opens a
//! file, asks a program or writes to a group is a job of a worker of its own (`world`): the screen's thread takes events in, and
//! writes to nothing but the terminal. A key, a signal or an answer never waits behind what the observers tell (`run`).
//!
//! Invariants: text that came from the system is shown through [`printable()`](crate::model::printable()) only; a dialog acts on the
//! group that it was opened for, by identity; nothing but an explicit choice in a dialog changes a group.

mod action;
mod app;
mod asked;
mod availability;
mod batch;
mod checkpoint;
pub(crate) mod columns;
mod command;
mod copy;
mod dialog;
mod event;
mod events;
mod events_panel;
mod files;
mod files_panel;
mod filter;
mod held;
mod hold;
pub(crate) mod input;
pub mod keymap;
mod layout;
mod left;
mod order;
mod palette;
mod panel;
mod preferences;
mod processes;
mod prompt;
mod rows;
mod run;
mod screen;
mod search;
mod settings;
mod signal;
mod signals;
mod sort;
mod story;
mod tabs;
mod target;
pub mod theme;
mod under_way;
mod unread;
mod update;
pub mod view;
mod world;

pub use action::Action;
pub use app::App;
pub use checkpoint::Look;
pub use command::Command;
pub use event::{CheckpointTold, Event, FreezeAction};
pub use keymap::{Binding, Bound, Keymap, TABLE};
pub use panel::Panel;
pub use preferences::Preferences;
pub use run::run;
pub use screen::on_screen;
pub use settings::Settings;
pub use signal::Signal;
pub use sort::Sort;
pub use target::Target;
pub use update::update;

#[cfg(test)]
mod tests;
