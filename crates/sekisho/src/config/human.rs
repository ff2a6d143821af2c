//! Durations and sizes as people write them: `90s`, `4h`, `5d`, `25 MiB`.

use std::time::Duration;

/// Parses a whole number with a unit: `ms`, `s`, `m`, `h`, `d`; several may follow each other (`1h 30m`).
///
/// # Errors
/// What is wrong, in words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let expected =
        || format!("{text:?} is no duration: write a number and a unit (ms, s, m, h, d), as in \"90s\" or \"1h 30m\"");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(expected());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = split_number(rest).ok_or_else(expected)?;
        let unit_len = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let millis_per_unit = match &after[..unit_len] {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(expected()),
        };
        let millis = number.checked_mul(millis_per_unit).ok_or_else(expected)?;
        total = total.checked_add(Duration::from_millis(millis)).ok_or_else(expected)?;
        rest = after[unit_len..].trim_start();
    }
    Ok(total)
}

/// Parses a whole number of octets with a unit: `B`, `KiB`, `MiB`, `GiB`, `TiB`, or the decimal `KB`, `MB`, `GB`, `TB`.
///
/// # Errors
/// What is wrong, in words.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let expected =
        || format!("{text:?} is no size: write a number and a unit (B, KiB, MiB, GiB, TiB), as in \"25 MiB\"");
    let (number, unit) = split_number(text.trim()).ok_or_else(expected)?;
    let octets_per_unit: u64 = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return Err(expected()),
    };
    number.checked_mul(octets_per_unit).ok_or_else(expected)
}

/// A size as people read it, rounded to a tenth of its unit: `412 B`, `3.2 KiB`.
#[must_use]
pub fn size(octets: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if octets < 1024 {
        return format!("{octets} B");
    }
    let mut tenths = octets.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// A duration as people read it, its two largest units: `2h 5m`, `34s`, `3d 4h`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let secs = duration.as_secs();
    match secs {
        0 if duration.is_zero() => "0s".to_owned(),
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{secs}s"),
        60..3600 => two((secs / 60, "m"), (secs % 60, "s")),
        3600..86_400 => two((secs / 3600, "h"), (secs / 60 % 60, "m")),
        _ => two((secs / 86_400, "d"), (secs / 3600 % 24, "h")),
    }
}

fn two(large: (u64, &str), small: (u64, &str)) -> String {
    if small.0 == 0 {
        format!("{}{}", large.0, large.1)
    } else {
        format!("{}{} {}{}", large.0, large.1, small.0, small.1)
    }
}

/// Splits the leading digits off, and the blanks behind them.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..digits].parse().ok()?;
    Some((number, text[digits..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        for (text, secs) in [
            ("90s", 90),
            ("4h", 14_400),
            ("1h 30m", 5400),
            ("5d", 432_000),
            ("0s", 0),
            ("2 min", 120),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(secs)), "{text}");
        }
        for text in [
            "",
            "4",
            "h",
            "4 hours",
            "-1s",
            "1.5h",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, octets) in [
            ("25 MiB", 26_214_400),
            ("64KiB", 65_536),
            ("10 MB", 10_000_000),
            ("0 B", 0),
        ] {
            assert_eq!(parse_size(text), Ok(octets), "{text}");
        }
        for text in ["", "25", "MiB", "25 mib", "1.5 GiB", "99999999 TiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_short() {
        assert_eq!(size(412), "412 B");
        assert_eq!(size(3277), "3.2 KiB");
        assert_eq!(size(25 << 20), "25.0 MiB");
        assert_eq!(duration(Duration::from_secs(7500)), "2h 5m");
        assert_eq!(duration(Duration::from_secs(3600)), "1h");
        assert_eq!(duration(Duration::from_millis(12)), "12ms");
    }
}
