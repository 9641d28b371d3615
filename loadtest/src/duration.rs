//! Times as people write them.

use std::time::Duration;

/// `90s`, `1500ms`, `10m`, `2h`.
///
/// # Errors
/// What is wrong, for people.
pub fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("`{text}` is no time: write 90s, 1500ms, 10m or 2h"))?;
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        other => return Err(format!("`{other}` is no unit of time: write ms, s, m or h")),
    };
    let limit = Duration::from_secs(31 * 24 * 3_600);
    let time = Duration::from_millis(number.saturating_mul(unit));
    if time > limit {
        return Err(format!("`{text}` is longer than a month"));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(parse("1500ms").unwrap(), Duration::from_millis(1500));
        assert_eq!(parse("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(parse("10m").unwrap(), Duration::from_secs(600));
        assert!(parse("90").unwrap_err().contains("unit"));
        assert!(parse("soon").unwrap_err().contains("90s"));
        assert!(parse("99999999h").unwrap_err().contains("month"));
    }
}
