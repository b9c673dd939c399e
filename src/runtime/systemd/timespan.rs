//! Spans of time as systemctl prints them: `1min 30s`, `4s`, `1.500s`, `infinity`. (systemd.time(7), "Parsing Time Spans")

use std::time::Duration;

/// Each unit with its length in microseconds. A month is a twelfth of a year of 365.25 days.
const UNITS: [(&str, u64); 9] = [
    ("y", 31_557_600_000_000),
    ("month", 2_629_800_000_000),
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

/// Reads a span; `None` for `infinity`, for `0`, which switches a limit off, and for anything that is no span.
pub(super) fn limit(text: &str) -> Option<Duration> {
    let parts = text.split_whitespace().map(part).collect::<Option<Vec<_>>>()?;
    let span = parts.into_iter().try_fold(Duration::ZERO, Duration::checked_add)?;
    (!span.is_zero()).then_some(span)
}

fn part(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let (_, micros) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let seconds = number.parse::<f64>().ok()? * micros as f64 / 1e6;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_systemctl_prints_them() {
        let seconds = |text| limit(text).map(|span| span.as_secs_f64());
        assert_eq!(seconds("4s"), Some(4.0));
        assert_eq!(seconds("1min 30s"), Some(90.0));
        assert_eq!(seconds("1.500s"), Some(1.5));
        assert_eq!(seconds("500ms"), Some(0.5));
        assert_eq!(seconds("1d 2h"), Some(93_600.0));
        assert_eq!(seconds("1month 1w"), Some(2_629_800.0 + 604_800.0));
    }

    #[test]
    fn no_limit() {
        for text in ["infinity", "0", "", "5", "s", "4 s", "-4s", "4parsecs", "1e999y", "nan s"] {
            assert_eq!(limit(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text: String) {
            limit(&text);
        }
    }
}
