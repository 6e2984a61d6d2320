//! Canonical bytes: the one encoding that digests are taken of.
//!
//! JSON with keys sorted by code point, no white space, integers only. Two values that are equal give the same bytes on
//! every platform and in every later version, so people can approve a digest and the runner can demand it.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Why a value has no canonical bytes.
#[derive(Debug, thiserror::Error)]
pub enum CanonicalError {
    /// The value does not serialise to JSON.
    #[error("value cannot be serialised: {0}")]
    Serialise(#[from] serde_json::Error),
    /// Floating point has more than one spelling, so it never enters hashed bytes.
    #[error("floating-point number {0} in canonical data: use an integer with its unit in the name")]
    Float(String),
}

/// The canonical JSON bytes of `value`.
///
/// # Errors
/// [`CanonicalError::Float`] for any number that is not an integer.
pub fn bytes<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(1024);
    write(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Vec<u8>) -> Result<(), CanonicalError> {
    match value {
        Value::Number(number) if !(number.is_i64() || number.is_u64()) => {
            return Err(CanonicalError::Float(number.to_string()));
        }
        Value::Array(items) => {
            out.push(b'[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            // Sorted here rather than trusting the map: a dependency may switch serde_json to insertion order.
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push(b'{');
            for (position, key) in keys.into_iter().enumerate() {
                if position > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, key)?;
                out.push(b':');
                write(&map[key], out)?;
            }
            out.push(b'}');
        }
        scalar => serde_json::to_writer(&mut *out, scalar)?,
    }
    Ok(())
}

/// SHA-256 of `purpose`, a zero byte, and `data`. The purpose keeps a digest of one kind from passing as another.
#[must_use]
pub fn digest(purpose: &str, data: &[u8]) -> Digest {
    let mut hash = Sha256::new();
    hash.update(purpose.as_bytes());
    hash.update([0]);
    hash.update(data);
    Digest(hash.finalize().into())
}

/// A SHA-256 value, 32 bytes; shown short (first 12 hex digits) wherever people compare it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Reads 32 raw bytes; `None` for any other length.
    #[must_use]
    pub fn from_slice(raw: &[u8]) -> Option<Self> {
        raw.try_into().ok().map(Self)
    }
    /// Reads 64 hex digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut raw = [0; 32];
        hex::decode_to_slice(text, &mut raw).ok()?;
        Some(Self(raw))
    }
    /// All 64 hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        hex::encode(self.0)
    }
    /// The first 12 hex digits in groups of four: what the mail, the page and the run show side by side.
    #[must_use]
    pub fn short(&self) -> String {
        let hex = self.hex();
        format!("{}-{}-{}", &hex[0..4], &hex[4..8], &hex[8..12])
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.hex())
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("a digest is 64 hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": 1, "a": {"z": [1, {"y": 2, "x": 3}], "k": null}});
        assert_eq!(bytes(&value).expect("integers only"), br#"{"a":{"k":null,"z":[1,{"x":3,"y":2}]},"b":1}"#);
    }

    #[test]
    fn floats_are_refused() {
        assert!(matches!(bytes(&json!({"share": 0.5})), Err(CanonicalError::Float(_))));
    }

    #[test]
    fn purpose_separates_digests() {
        assert_ne!(digest("plan", b"x"), digest("work_list", b"x"));
    }

    #[test]
    fn short_form_is_grouped() {
        assert_eq!(Digest([0xab; 32]).short(), "abab-abab-abab");
    }
}
