//! The page of the own second factor.

use jiff::Timestamp;

/// How the reader's second factor stands.
#[derive(Clone)]
pub enum FactorPage {
    /// There is none.
    None,
    /// It is being set up: what the app is told.
    Pending {
        /// The secret in groups, to be typed.
        secret: String,
        /// The address that opens an app.
        address: String,
        /// It has to be finished by then.
        until: Timestamp,
    },
    /// It is asked for at every sign-in.
    Set {
        /// Since when.
        since: Timestamp,
        /// Recovery codes that are left.
        codes_left: i64,
    },
}

/// Names how it stands and never the secret.
impl std::fmt::Debug for FactorPage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Pending { .. } => "Pending",
            Self::Set { .. } => "Set",
        })
    }
}
