//! Whether the terminal's ground is dark or light.

/// The terminal's ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Text on it is light.
    Dark,
    /// Text on it is dark.
    Light,
}

impl Ground {
    /// The ground as far as the environment tells: by `COLORFGBG`, or by the `TERM` of the kernel's own console.
    pub fn of_environment(term: Option<&str>, colorfgbg: Option<&str>) -> Option<Self> {
        colorfgbg.and_then(Self::of_colorfgbg).or_else(|| (term == Some("linux")).then_some(Self::Dark))
    }

    /// What `COLORFGBG` says: the numbers of two of the sixteen colours, the ground's behind the last semicolon. (rxvt(1))
    fn of_colorfgbg(text: &str) -> Option<Self> {
        match text.rsplit(';').next()?.parse().ok()? {
            0..=6 | 8 => Some(Self::Dark),
            7 | 9..=15 => Some(Self::Light),
            _ => None,
        }
    }

    /// Which of the two a colour is; each part from 0 to 1.
    pub(crate) fn of_colour(rgb: [f64; 3]) -> Self {
        // Half as light as white to the eye. (CIE 1976 L*)
        const MIDDLE: f64 = 0.184;
        if luminance(rgb) > MIDDLE { Self::Light } else { Self::Dark }
    }
}

/// How light a colour is: relative luminance as WCAG 2 defines it, from 0 to 1.
pub(crate) fn luminance(rgb: [f64; 3]) -> f64 {
    let linear = |part: f64| {
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    };
    let [r, g, b] = rgb.map(linear);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_the_ground_last() {
        assert_eq!(Ground::of_colorfgbg("15;0"), Some(Ground::Dark));
        assert_eq!(Ground::of_colorfgbg("0;default;15"), Some(Ground::Light));
        assert_eq!(Ground::of_colorfgbg("7;8"), Some(Ground::Dark));
        assert_eq!(Ground::of_colorfgbg("0;default"), None);
        assert_eq!(Ground::of_colorfgbg("0;99"), None);
        assert_eq!(Ground::of_colorfgbg(""), None);
    }

    #[test]
    fn well_known_grounds_are_told_apart() {
        let of = |hex: u32| Ground::of_colour([16, 8, 0].map(|at| f64::from(hex >> at & 0xff) / 255.0));
        // xterm, Solarized, Nord, Dracula; and their light sisters.
        for dark in [0x00_0000, 0x00_2b36, 0x2e_3440, 0x28_2a36] {
            assert_eq!(of(dark), Ground::Dark, "{dark:06x}");
        }
        for light in [0xff_ffff, 0xfd_f6e3, 0xec_eff4, 0xee_e8d5] {
            assert_eq!(of(light), Ground::Light, "{light:06x}");
        }
    }
}
