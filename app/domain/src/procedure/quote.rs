//! Quoting for PostgreSQL: the one place where a name or a value becomes SQL text.

/// Why something cannot be quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// The wire protocol ends strings with NUL, so text after one would be lost, or read as something else.
    #[error("the name contains a NUL character, which no PostgreSQL name can")]
    Nul,
    /// PostgreSQL refuses zero-length identifiers.
    #[error("the name is empty")]
    Empty,
}

/// `name` as a delimited identifier, always quoted: reserved words differ between server versions.
///
/// # Errors
/// [`QuoteError`] for NUL and for the empty name.
pub fn identifier(name: &str) -> Result<String, QuoteError> {
    if name.is_empty() {
        return Err(QuoteError::Empty);
    }
    if name.contains('\0') {
        return Err(QuoteError::Nul);
    }
    Ok(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// `value` as a string constant that reads the same whatever `standard_conforming_strings` says.
///
/// # Errors
/// [`QuoteError::Nul`].
pub fn literal(value: &str) -> Result<String, QuoteError> {
    if value.contains('\0') {
        return Err(QuoteError::Nul);
    }
    let doubled = value.replace('\'', "''");
    // A backslash is ordinary only with standard_conforming_strings on; the E form says so itself.
    Ok(if doubled.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") })
}

/// `name` as people write it: bare when it is a simple lower-case word, else quoted. For pages and mails, never for SQL.
pub fn for_people(name: &str) -> String {
    let simple = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$');
    if simple { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_names_stay_one_token() {
        assert_eq!(identifier(r#"Mixed "Q" Tab"#).as_deref(), Ok(r#""Mixed ""Q"" Tab""#));
        assert_eq!(literal(r"a'b\").as_deref(), Ok(r"E'a''b\\'"));
        assert_eq!(identifier("a\0b"), Err(QuoteError::Nul));
        assert_eq!(identifier(""), Err(QuoteError::Empty));
        assert_eq!(for_people("orders"), "orders");
        assert_eq!(for_people("Odd Name"), "\"Odd Name\"");
    }

    /// Reads a delimited identifier back by the rules of the server's lexer.
    fn read_identifier(text: &str) -> Option<String> {
        let inner = text.strip_prefix('"')?.strip_suffix('"')?;
        let mut out = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            if c == '"' && chars.next() != Some('"') {
                return None;
            }
            out.push(c);
        }
        Some(out)
    }

    proptest! {
        #[test]
        fn identifiers_come_back(name in "[^\0]{1,80}") {
            prop_assert_eq!(read_identifier(&identifier(&name).expect("no NUL, not empty")), Some(name));
        }

        #[test]
        fn literals_have_no_lone_quote(value in "[^\0]{0,80}") {
            let text = literal(&value).expect("no NUL");
            let inner = text.trim_start_matches('E').strip_prefix('\'').and_then(|t| t.strip_suffix('\'')).expect("delimited");
            prop_assert!(!inner.replace("''", "").contains('\''));
            prop_assert_eq!(inner.matches('\\').count() % 2, 0);
        }
    }
}
