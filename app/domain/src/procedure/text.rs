//! Numbers as people read them, in the sentences that selection and verification write.

/// A size with its binary unit: `768 kB`, `1.2 GB`; one decimal below ten of a unit, none above.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
    } else {
        format!("{} {}", tenths / 10, UNITS[unit])
    }
}

/// A count with thousands separated: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A share given in thousandths: `74.8 %`.
pub fn permille(share: u32) -> String {
    format!("{}.{} %", share / 10, share % 10)
}

/// A duration in its two largest units: `4 min 20 s`, `3 d 4 h`.
pub fn duration_ms(ms: u64) -> String {
    let s = ms / 1000;
    let pair = |big: u64, big_name: &str, small: u64, small_name: &str| {
        if small == 0 { format!("{big} {big_name}") } else { format!("{big} {big_name} {small} {small_name}") }
    };
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{s} s"),
        60..3600 => pair(s / 60, "min", s % 60, "s"),
        3600..86_400 => pair(s / 3600, "h", s % 3600 / 60, "min"),
        _ => pair(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

/// `1 s to 4 s`, or one of them where they read alike.
pub fn range_ms(low_ms: u64, high_ms: u64) -> String {
    let (low, high) = (duration_ms(low_ms), duration_ms(high_ms));
    if low == high { low } else { format!("{low} to {high}") }
}

/// `1 row`, `2 rows`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(8192), "8 kB");
        assert_eq!(size(268_435_456), "256 MB");
        assert_eq!(size(1_288_490_189), "1.2 GB");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(permille(748), "74.8 %");
        assert_eq!(duration_ms(260_000), "4 min 20 s");
        assert_eq!(duration_ms(3_600_000), "1 h");
        assert_eq!(duration_ms(900), "900 ms");
        assert_eq!((range_ms(1_000, 4_000), range_ms(1_000, 1_400)), ("1 s to 4 s".to_owned(), "1 s".to_owned()));
        assert_eq!(plural(1, "row", "rows"), "1 row");
    }
}
