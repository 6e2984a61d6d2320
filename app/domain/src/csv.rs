//! Comma-separated values that no spreadsheet executes, and in which nothing hides.

use crate::reveal::visible;

/// One line of fields, RFC 4180: every field quoted, quotes doubled, ended by CR LF.
///
/// A field that begins like a formula gets a leading apostrophe, which spreadsheets show as text, and hidden characters become visible; the
/// whole truth is in the JSON Lines.
pub fn line<'f>(fields: impl IntoIterator<Item = &'f str>) -> String {
    let mut out = String::new();
    for (position, field) in fields.into_iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        out.push('"');
        if begins_like_a_formula(field) {
            out.push('\'');
        }
        out.push_str(&visible(field).replace('"', "\"\""));
        out.push('"');
    }
    out.push_str("\r\n");
    out
}

/// Spreadsheets skip white space and control characters before the sign that begins a formula, and some read full-width signs.
fn begins_like_a_formula(field: &str) -> bool {
    let first = field.chars().next().is_some_and(char::is_control);
    let sign = field.trim_start_matches(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}').chars().next();
    first || sign.is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '|' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An independent reading of RFC 4180 for one line.
    fn read(line: &str) -> Vec<String> {
        let mut fields = vec![];
        let mut rest = line.strip_suffix("\r\n").expect("a line end");
        loop {
            rest = rest.strip_prefix('"').expect("quoted");
            let mut field = String::new();
            loop {
                let quote = rest.find('"').expect("closed");
                field.push_str(&rest[..quote]);
                rest = &rest[quote + 1..];
                match rest.strip_prefix('"') {
                    Some(more) => {
                        field.push('"');
                        rest = more;
                    }
                    None => break,
                }
            }
            fields.push(field);
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => {
                    assert_eq!(rest, "");
                    return fields;
                }
            }
        }
    }

    #[test]
    fn formulas_become_text() {
        for hostile in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1", " =1", "\u{feff}=1", "|cmd", "＝1+1"] {
            let fields = read(&line([hostile]));
            assert!(fields[0].starts_with('\''), "{hostile:?} became {:?}", fields[0]);
        }
        assert_eq!(line(["plain", "a,b", "say \"hi\"", "two\nlines", ""]), "\"plain\",\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\",\"\"\r\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        #[test]
        fn any_text_comes_back_visible_and_none_is_executed(fields in proptest::collection::vec(any::<String>(), 1..6)) {
            let back = read(&line(fields.iter().map(String::as_str)));
            prop_assert_eq!(back.len(), fields.len());
            for (field, back) in fields.iter().zip(&back) {
                let expected = visible(field);
                prop_assert_eq!(back.strip_prefix('\'').filter(|_| begins_like_a_formula(field)).unwrap_or(back), expected.as_str());
                prop_assert!(!back.starts_with(['=', '+', '-', '@', '|', '\t', '\n', '\r']));
                prop_assert!(back.chars().all(|c| matches!(c, '\n' | '\t' | '\r') || !crate::reveal::is_hidden(c)));
            }
        }
    }
}
