//! Commits that wait for the disk together. A server answers a commit when it is on its disk, and with synchronous replicas when it is on
//! theirs: for many small statements that is most of the time they take. A session may be answered before; what it committed is then waited for
//! once, before anybody calls it done.

use super::fault::StatementError;
use super::link::{Link, field};

/// From now on this session's commits do not wait, if its login may wait for them later. Until [`wait`] was answered nothing is proven to outlive
/// a crash of the server.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn later(link: &Link) -> Result<bool, StatementError> {
    let row = link
        .row(
            "SELECT pg_catalog.count(pg_catalog.set_config('synchronous_commit', 'off', false)) > 0
               FROM (SELECT FROM pg_catalog.pg_proc p
                      WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND p.proname = 'pg_logical_emit_message'
                        AND p.prorettype = 'pg_catalog.pg_lsn'::pg_catalog.regtype AND p.proargtypes[2] = 'pg_catalog.text'::pg_catalog.regtype
                        AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') LIMIT 1) AS may",
            &[],
        )
        .await?;
    field(&row, 0)
}

/// Waits for all that other sessions of this server had committed before. `link` is one whose own commits wait: a commit is on the disk when all
/// before it are. The message is empty, and there because a commit that wrote nothing waits for nothing.
///
/// # Errors
/// What the server, or the connection, said; nothing is proven then.
pub async fn wait(link: &Link) -> Result<(), StatementError> {
    link.row("SELECT pg_catalog.pg_logical_emit_message(true, 'drydock', ''::pg_catalog.text)::pg_catalog.text", &[]).await?;
    Ok(())
}
