//! The kernel itself: which release, and which boot of it.

use crate::model::printable;

/// The host's name, as uname(2) says it.
pub fn name() -> String {
    printable(rustix::system::uname().nodename().to_bytes()).into_owned()
}

/// The kernel's release, as uname(2) says it.
pub fn release() -> String {
    printable(rustix::system::uname().release().to_bytes()).into_owned()
}

/// A name for this boot that no other boot has: `/proc/sys/kernel/random/boot_id` (random(4)).
///
/// # Errors
/// What reading the file says.
pub fn boot_id() -> std::io::Result<String> {
    let text = std::fs::read("/proc/sys/kernel/random/boot_id")?;
    Ok(printable(text.trim_ascii()).into_owned())
}
