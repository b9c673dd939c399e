//! Which systemd runs, and what follows from that.

/// A release of systemd: the major version, and the one of its stable branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u32,
    minor: u32,
}

impl Release {
    /// Reads the line `Version=257.13-1~deb13u1` of `systemctl show`.
    pub(in crate::runtime) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?.trim().strip_prefix("Version=")?;
        let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (major, rest) = text.split_at(digits(text));
        let minor = rest.strip_prefix('.').map(|minor| &minor[..digits(minor)]);
        let minor = minor.and_then(|minor| minor.parse().ok()).unwrap_or(0);
        Some(Self { major: major.parse().ok()?, minor })
    }

    /// Whether a freeze through systemd stops the watchdog of the unit. Measured: 257.13 does, 252 does not, and kills the
    /// unit while it calls it frozen. 258 has the change from its first release on. (systemd/systemd#38528)
    pub fn freeze_stops_watchdog(self) -> bool {
        self >= Self { major: 257, minor: 13 }
    }

    /// Whether a unit whose processes ended while systemd held it frozen is not started any more. Measured: 257.13 refuses, 252
    /// starts it.
    pub fn keeps_ended_frozen(self) -> bool {
        self.major >= 256
    }

    /// Whether a thaw of a unit thaws the slices above it as well, whoever froze them. Measured: 252 does, 257 does not. What
    /// is frozen below another is a state of its own from 256 on.
    pub fn thaw_reaches_above(self) -> bool {
        self.major < 256
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn release(text: &str) -> Option<(u32, u32)> {
        Release::parse(text.as_bytes()).map(|release| (release.major, release.minor))
    }

    #[test]
    fn as_managers_say_it() {
        assert_eq!(release("Version=257.13-1~deb13u1\n"), Some((257, 13)));
        assert_eq!(release("Version=252.39-1~deb12u2\n"), Some((252, 39)));
        assert_eq!(release("Version=258~rc2-3.fc43\n"), Some((258, 0)));
        assert_eq!(release("Version=v257\n"), None);
        assert_eq!(release("Version=249 (v249.11-0ubuntu3)\n"), Some((249, 0)));
        assert_eq!(release(""), None);
    }

    #[test]
    fn what_each_does() {
        let of = |text: &str| Release::parse(format!("Version={text}").as_bytes()).unwrap();
        for (text, stops, above) in [
            ("252.39-1~deb12u2", false, true),
            ("255.4-1ubuntu8", false, true),
            ("256.1", false, false),
            ("257.7", false, false),
            ("257.13-1~deb13u1", true, false),
            ("258", true, false),
            ("260.2", true, false),
        ] {
            assert_eq!(of(text).freeze_stops_watchdog(), stops, "{text}");
            assert_eq!(of(text).thaw_reaches_above(), above, "{text}");
            assert_eq!(of(text).keeps_ended_frozen(), !above, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(text: Vec<u8>) {
            Release::parse(&text);
            Release::parse(&[b"Version=".to_vec(), text].concat());
        }
    }
}
