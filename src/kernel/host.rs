//! The kernel itself: which release, and which boot of it.

use std::time::Duration;

use crate::model::printable;

/// The host's name, as uname(2) says it.
pub fn name() -> String {
    printable(rustix::system::uname().nodename().to_bytes()).into_owned()
}

/// The kernel's release, as uname(2) says it.
pub fn release() -> String {
    printable(rustix::system::uname().release().to_bytes()).into_owned()
}

/// How much memory a program may take without another being pushed out: `MemAvailable` of proc_meminfo(5), in bytes.
///
/// # Errors
/// What reading the file says, or that it does not say so.
pub fn available_memory() -> std::io::Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib: Option<u64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    kib.map(|kib| kib << 10).ok_or_else(|| std::io::Error::other("/proc/meminfo has no MemAvailable"))
}

/// A name for this boot that no other boot has: `/proc/sys/kernel/random/boot_id` (random(4)).
///
/// # Errors
/// What reading the file says.
pub fn boot_id() -> std::io::Result<String> {
    let text = std::fs::read("/proc/sys/kernel/random/boot_id")?;
    Ok(printable(text.trim_ascii()).into_owned())
}

/// The time since the boot, of this kernel and through every suspend: `CLOCK_BOOTTIME` (clock_gettime(2)).
pub fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    // The kernel's values are in range.
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}
