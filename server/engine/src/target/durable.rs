//! Commits that wait for the disk together. A server answers a commit when it is on its disk, and with synchronous replicas when it is on
//! theirs: for many small statements that is most of the time they take. A session may be answered before; what it committed is then waited for
//! once, before anybody calls it done.

use super::fault::StatementError;
use super::link::{Link, Notice, field};

/// Whether this login may wait for what others committed.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn may_wait(link: &Link) -> Result<bool, StatementError> {
    let row = link
        .row(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_proc p
                             WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND p.proname = 'pg_logical_emit_message'
                               AND p.proargtypes[2] = 'pg_catalog.text'::pg_catalog.regtype AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE'))",
            &[],
        )
        .await?;
    field(&row, 0)
}

/// From now on this session's commits do not wait, if its login may wait for them later. Until [`wait`] was answered nothing is proven to outlive
/// a crash of the server.
///
/// # Errors
/// What the server, or the connection, said.
pub async fn later(link: &Link) -> Result<bool, StatementError> {
    let may = may_wait(link).await?;
    if may {
        link.execute("SET synchronous_commit = off").await?;
    }
    Ok(may)
}

/// Waits for all that any session of this server had committed before: a commit is on the disk, and on the synchronous standbys, when all before
/// it are. The message is empty, and there because a commit that wrote nothing waits for nothing. No timer of the server ends this: where a
/// standby is gone it waits for ever, so whoever calls it has a timer of his own.
///
/// # Errors
/// What the server, or the connection, said; nothing is proven then. Also where the server says yes with a warning: a wait for standbys that
/// somebody cancels ends so.
pub async fn wait(link: &Link) -> Result<(), StatementError> {
    link.execute("RESET synchronous_commit").await?;
    link.take_notices();
    link.row("SELECT pg_catalog.pg_logical_emit_message(true, 'drydock', ''::pg_catalog.text)::pg_catalog.text", &[]).await?;
    match link.take_notices().iter().find(|notice| notice.is_warning()) {
        Some(Notice { message, .. }) => Err(StatementError::not_durable(message)),
        None => Ok(()),
    }
}
