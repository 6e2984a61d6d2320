//! The role's own password, changed so that neither the server's log nor its statistics hold anything one could sign in with.

use crate::target::fault::StatementError;
use crate::target::link::{Link, field};
use secrecy::{ExposeSecret as _, SecretString};

/// What a careful session switches off for itself before it sends even the verifier: parameter, value.
const SILENCE: &[(&str, &str)] = &[
    ("log_statement", "none"),
    ("log_min_duration_statement", "-1"),
    ("log_min_duration_sample", "-1"),
    ("log_transaction_sample_rate", "0"),
    ("log_min_error_statement", "panic"),
    ("pg_stat_statements.track_utility", "off"),
];

/// Gives the role that signed in another password. Only a SCRAM-SHA-256 verifier is sent: it proves a password and does not hold it, and the
/// password behind it is 256 random bits, so it cannot be guessed either.
///
/// # Errors
/// What the server, or the connection, said; after a broken connection nobody knows whether it was done.
pub async fn set_own(link: &Link, password: &SecretString) -> Result<(), StatementError> {
    // The session may act as another role by a setting of its own; the password belongs to the one that signed in.
    link.execute("SET ROLE NONE").await?;
    silence(link).await?;
    let verifier = postgres_protocol::password::scram_sha_256(password.expose_secret().as_bytes());
    // A malformed verifier would be taken for a password in clear text, and lock everybody out.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '$' | ':' | '-');
    if !verifier.starts_with("SCRAM-SHA-256$4096:") || !verifier.chars().all(is_plain) {
        return Err(StatementError::not_understood("the verifier made here"));
    }
    link.execute(&format!("ALTER ROLE SESSION_USER PASSWORD '{verifier}'")).await?;
    Ok(())
}

/// Keeps the statement out of log and statistics as far as the role may say so; where it may not, the verifier is harmless all the same.
async fn silence(link: &Link) -> Result<(), StatementError> {
    let grantable: bool = field(&link.row("SELECT current_setting('server_version_num')::int >= 150000", &[]).await?, 0)?;
    for (parameter, value) in SILENCE {
        // Asked before: a refused SET would be a line in the server's log.
        let may: bool = if grantable {
            field(&link.row("SELECT has_parameter_privilege(session_user, $1, 'SET')", &[parameter]).await?, 0)?
        } else {
            field(
                &link
                    .row("SELECT coalesce((SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = session_user), false)", &[])
                    .await?,
                0,
            )?
        };
        if may {
            link.execute(&format!("SET {parameter} = '{value}'")).await?;
        }
    }
    Ok(())
}
