//! Who made a group, and what they think its state is.

pub mod systemd;
