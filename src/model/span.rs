//! Spans of time and amounts of memory, as people write and read them.

use std::time::Duration;

/// A span in its largest unit, rounded down: `3s`, `12m`, `5h`, `2d`.
pub fn short(span: Duration) -> String {
    match span.as_secs() {
        s @ 0..60 => format!("{s}s"),
        s @ 60..3_600 => format!("{}m", s / 60),
        s @ 3_600..86_400 => format!("{}h", s / 3_600),
        s => format!("{}d", s / 86_400),
    }
}

/// What is left of a span, rounded up, in its largest unit and the one below: `30s`, `1m 30s`, `5m`, `1h`, `6d 23h`.
pub fn left(span: Duration) -> String {
    let seconds = u64::try_from(span.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
    let two = |whole: u64, large: &str, of: u64, small: &str| match (whole / of, whole % of) {
        (large_ones, 0) => format!("{large_ones}{large}"),
        (large_ones, small_ones) => format!("{large_ones}{large} {small_ones}{small}"),
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => two(seconds, "m", 60, "s"),
        3_600..86_400 => two(seconds.div_ceil(60), "h", 60, "m"),
        _ => two(seconds.div_ceil(3_600), "d", 24, "h"),
    }
}

/// Reads a span: a number with `ms`, `s`, `m` or `h`; without a unit it is seconds.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.starts_with('-') {
        return Err(format!("{text:?} is not a duration: write it as 30s or 5m"));
    }
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3_600.0,
        _ => return Err(format!("{unit:?} is not a unit of time: use ms, s, m or h, as in 30s")),
    };
    let seconds =
        number.parse::<f64>().map_err(|_| format!("{text:?} is not a duration: write it as 30s or 5m"))?;
    Duration::try_from_secs_f64(seconds * scale).map_err(|_| format!("{text:?} is too long"))
}

/// A number of things, in words: `1 process`, `3 processes`.
pub fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// What follows the name of the first of several things: ` and 2 more`; nothing where it is the only one.
pub fn and_more(all: usize) -> String {
    if all > 1 { format!(" and {} more", all - 1) } else { String::new() }
}

/// The shortest and the longest time for which a group is frozen.
const FOR_A_TIME: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(7 * 86_400));

/// Reads a span for which a group is to be frozen: from a second to a week.
///
/// # Errors
/// A sentence for the person who typed it.
pub fn for_a_time(text: &str) -> Result<Duration, String> {
    let span = parse(text)?;
    let (shortest, longest) = FOR_A_TIME;
    if (shortest..=longest).contains(&span) {
        return Ok(span);
    }
    Err(format!(
        "{:?} is not between 1 second and 1 week (168h); omit it to freeze without a time limit",
        text.trim()
    ))
}

/// An amount of memory with a binary unit: `824 B`, `24 MiB`, `1.5 GiB`.
pub fn bytes(amount: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if amount < 1024 {
        return format!("{amount} B");
    }
    let mut value = amount as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(value < 10.0 && unit > 0);
    format!("{value:.digits$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_unit() {
        let shown = [0, 59, 60, 3_599, 7_200, 200_000].map(|s| short(Duration::from_secs(s)));
        assert_eq!(shown, ["0s", "59s", "1m", "59m", "2h", "2d"]);
    }

    #[test]
    fn what_is_left_is_rounded_up() {
        let shown = [0, 1, 29_990, 61_000, 299_990, 3_600_000, 3_660_001, 86_399_999, 604_799_000];
        let shown = shown.map(Duration::from_millis).map(left);
        assert_eq!(shown, ["0s", "1s", "30s", "1m 1s", "5m", "1h", "1h 2m", "1d", "7d"]);
    }

    #[test]
    fn spans_are_read() {
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("10"), Ok(Duration::from_secs(10)));
        assert!(
            parse("ten").is_err()
                && parse("-1").is_err_and(|why| why.contains("not a duration"))
                && parse("3 weeks").is_err()
                && parse("").is_err()
                && parse("1e400").is_err()
        );
    }

    #[test]
    fn numbers_of_things() {
        assert_eq!(count(1, "process", "processes"), "1 process");
        assert_eq!(count(0, "process", "processes"), "0 processes");
    }

    #[test]
    fn a_time_to_be_frozen() {
        assert_eq!(for_a_time("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(for_a_time("168h"), Ok(Duration::from_secs(604_800)));
        for absurd in ["0s", "0", "999ms", "169h", "1e9", "-1", "", "x", "99999999999999999999h"] {
            assert!(for_a_time(absurd).is_err(), "{absurd}");
        }
    }

    #[test]
    fn memory() {
        let shown = [0, 1023, 4096, 24 << 20, 1536 << 20, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 B", "1023 B", "4 KiB", "24 MiB", "1.5 GiB", "16384 PiB"]);
    }
}
