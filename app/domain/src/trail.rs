//! The sealed chain of facts: batch headers, RFC 6962 roots, and the verification that anyone can repeat offline.

pub mod verify;

use crate::canonical::{self, CanonicalError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The head before the first batch.
pub const GENESIS: [u8; 32] = [0; 32];

/// What the hash and the signature of a batch are taken of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHeader {
    /// Format, 1.
    pub version: u32,
    /// Position in the chain, from 1, without gaps.
    pub n: i64,
    /// Facts in the batch.
    pub count: i32,
    /// Smallest fact id in it.
    pub first_fact_id: i64,
    /// Largest fact id in it.
    pub last_fact_id: i64,
    /// RFC 6962 root over the leaves, hex.
    pub root: String,
    /// Hash of the batch before, hex.
    pub previous: String,
    /// Cluster in which it was sealed.
    pub system_identifier: String,
    /// Microseconds since 1970-01-01 UTC.
    pub sealed_at_us: i64,
}

impl BatchHeader {
    /// Canonical bytes and their hash: the head, once this batch is the newest.
    pub fn seal(&self) -> Result<(Vec<u8>, [u8; 32]), CanonicalError> {
        let bytes = canonical::bytes(self)?;
        let hash = canonical::digest("seal_batch", &bytes).0;
        Ok((bytes, hash))
    }
}

/// Merkle tree hash of RFC 6962, section 2.1, over leaves that are hashed already.
#[must_use]
pub fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            let mut hash = Sha256::new();
            hash.update([1]);
            hash.update(root(&leaves[..split]));
            hash.update(root(&leaves[split..]));
            hash.finalize().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::leaf;

    #[test]
    fn roots_match_the_published_vectors() {
        // Test vectors of the Certificate Transparency reference implementation (RFC 6962 trees of the first inputs).
        let inputs: [&[u8]; 4] = [b"", b"\x00", b"\x10", b"\x20\x21"];
        let leaves: Vec<[u8; 32]> = inputs.iter().map(|input| leaf(input)).collect();
        let expect = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        for (count, root_hex) in expect.iter().enumerate() {
            assert_eq!(hex::encode(root(&leaves[..=count])), *root_hex);
        }
    }
}
