//! Versions of criu, and what each of them can do on which kernel.

/// The version in the output of `criu --version`: `Version: 4.1.1`.
pub fn version(text: &str) -> Option<String> {
    let rest = text.lines().find_map(|line| line.trim().strip_prefix("Version:"))?;
    let word = rest.split_whitespace().next()?;
    word.starts_with(|c: char| c.is_ascii_digit()).then(|| word.to_owned())
}

/// Major and minor of a version: `6.18.44-x` is (6, 18).
pub fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// The first criu that freezes through cgroup v2 (measured: 3.17.1 on Linux 6.1 passes all of it).
pub(in crate::checkpoint) const FIRST_WITH_CGROUP_V2: (u32, u32) = (3, 14);

/// Whether the vDSO of this kernel is unknown to criu before 4.1: on x86 from Linux 6.13 on (checkpoint-restore/criu#2532).
pub(super) fn has_new_vdso(kernel: (u32, u32)) -> bool {
    cfg!(any(target_arch = "x86", target_arch = "x86_64")) && kernel >= (6, 13)
}

/// Whether this criu cannot dump any inet or packet socket on this kernel: from Linux 6.16 on `SO_PASSCRED` and `SO_PASSSEC`
/// cannot be read of these, and criu before 4.2 gives up then (checkpoint-restore/criu#2705).
pub fn lacks_inet_sockets(criu: (u32, u32), kernel: (u32, u32)) -> bool {
    criu < (4, 2) && kernel >= (6, 16)
}

/// The oldest criu that works on a kernel of this release: `4.1`.
pub fn oldest(kernel: &str) -> &'static str {
    if has_new_vdso(numbers(kernel)) { "4.1" } else { "3.14" }
}

/// What to do where there is no criu that works, for a kernel of this release.
pub fn install(kernel: &str) -> String {
    format!("install criu {} or newer, or pass it with --criu", oldest(kernel))
}

/// What a criu that works does not do on a kernel of this release, a sentence each.
pub fn limits(criu: &str, kernel: &str) -> Vec<String> {
    let mut all = Vec::new();
    if numbers(criu) < FIRST_WITH_CGROUP_V2 {
        all.push("a freeze through cgroup v2 needs criu 3.14 or newer".to_owned());
    }
    if lacks_inet_sockets(numbers(criu), numbers(kernel)) {
        all.push("inet sockets need criu 4.2 or newer on Linux 6.16 or newer".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(version("Version: 4.1.1\nGitID: v4.1.1\n").as_deref(), Some("4.1.1"));
        assert_eq!(version("criu: not found"), None);
        assert_eq!(version("Version: "), None);
        assert_eq!(numbers("6.18.44-fc"), (6, 18));
        assert_eq!(numbers("4"), (4, 0));
        assert!(numbers("3.17.1") < (4, 1));
    }

    #[test]
    fn what_each_kernel_needs() {
        assert_eq!(oldest("6.1.0-30-amd64"), "3.14");
        assert_eq!(oldest("6.12.1"), "3.14");
        let x86 = cfg!(any(target_arch = "x86", target_arch = "x86_64"));
        assert_eq!(oldest("6.13"), if x86 { "4.1" } else { "3.14" });
        assert_eq!(limits("3.17.1", "6.1"), Vec::<String>::new());
        assert_eq!(limits("4.1.1", "6.15"), Vec::<String>::new());
        assert_eq!(limits("4.2", "6.18"), Vec::<String>::new());
        assert_eq!(limits("4.1.1", "6.16.3"), ["inet sockets need criu 4.2 or newer on Linux 6.16 or newer"]);
        assert!(limits("3.13", "5.4")[0].contains("cgroup v2"));
    }
}
