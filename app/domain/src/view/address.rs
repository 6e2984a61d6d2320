//! Addresses of our own pages.

use std::fmt::Write as _;

/// Percent-encodes a value for a query: what is not plainly part of a value or of a path becomes `%XX`, byte by byte.
#[must_use]
pub fn escaped(value: &str) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_place_in_a_query() {
        assert_eq!(escaped("/windows/7?tab=plan&x=1#a"), "/windows/7%3Ftab%3Dplan%26x%3D1%23a");
        assert_eq!(escaped("größer + 100%\n\""), "gr%C3%B6%C3%9Fer%20%2B%20100%25%0A%22");
        assert_eq!(escaped("prod-orders_2.eu~"), "prod-orders_2.eu~");
    }
}
