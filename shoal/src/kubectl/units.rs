//! Times and rates for people.

use std::time::Duration;

/// A time as kubectl writes ages: the two greatest units, and only one where the second says little.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 if !seconds.is_multiple_of(60) => format!("{minutes}m{}s", seconds % 60),
        120..7_200 => format!("{minutes}m"),
        7_200..36_000 if !minutes.is_multiple_of(60) => format!("{hours}h{}m", minutes % 60),
        7_200..172_800 => format!("{hours}h"),
        _ => format!("{days}d"),
    }
}

/// Bytes per second: `12 kB/s`, `1.2 MB/s`.
pub(super) fn rate(bytes_per_second: f64) -> String {
    format!("{}B/s", scaled(bytes_per_second))
}

/// `950`, `12 k`, `1.2 M`: at most three digits, and one behind the point where it says something.
fn scaled(number: f64) -> String {
    let mut number = number;
    for unit in ["", "k", "M", "G"] {
        if number < 999.5 || unit == "G" {
            return match unit {
                "" => format!("{number:.0} "),
                _ if number < 9.95 => format!("{number:.1} {unit}"),
                _ => format!("{number:.0} {unit}"),
            };
        }
        number /= 1000.0;
    }
    unreachable!("invariant: the last unit takes every number")
}

/// Stress as a percentage: 1 is 100 %.
pub(super) fn percent(stress: f64) -> String {
    format!("{:.0}%", stress * 100.0)
}

/// `1 participant`, `3 participants`.
pub(super) fn counted(count: u64, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_kubectl_writes_ages() {
        for (seconds, text) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (600, "10m"),
            (3_700, "61m"),
            (7_260, "2h1m"),
            (36_060, "10h"),
            (200_000, "2d"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn numbers_are_short() {
        for (bytes, text) in [
            (0.0, "0 B/s"),
            (999.0, "999 B/s"),
            (999.9, "1.0 kB/s"),
            (12_345.0, "12 kB/s"),
            (1_234_567.0, "1.2 MB/s"),
            (5e12, "5000 GB/s"),
        ] {
            assert_eq!(rate(bytes), text);
        }
        assert_eq!(percent(0.256), "26%");
        assert_eq!(counted(1, "bridge"), "1 bridge");
        assert_eq!(counted(0, "bridge"), "0 bridges");
    }
}
