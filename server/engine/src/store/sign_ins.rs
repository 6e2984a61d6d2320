//! Whose a session is: begun at a sign-in, carried over to a new key, ended. Each of these takes the person's account first, so that they
//! happen one after another: what was ended before stays ended, whatever was under way.

use super::Stamp;
use domain::factor::BETWEEN_MIN;
use domain::ids::{PersonId, SessionId};
use domain::view::sessions::SessionRow;
use sqlx::PgConnection;

/// Where a sign-in came from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Client address.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// Somebody who proved who they are: a session of theirs may begin in this epoch.
#[derive(Debug, Clone, Copy)]
pub struct SignedIn {
    /// Who.
    pub person: PersonId,
    /// What [`begin`] compares: sessions ended since then end this one before it begins.
    pub epoch: i64,
    /// They showed their second factor.
    pub factor: bool,
}

/// What a session has more of under its new key.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gain {
    /// Some minutes of control.
    pub control: bool,
    /// The second factor was shown in it.
    pub factor: bool,
}

/// Makes a fresh session the person's, unless all their sessions were ended since the epoch was read. Control comes with it.
pub(crate) async fn begin(db: &mut PgConnection, key: &[u8; 32], signed_in: SignedIn, origin: &Origin) -> sqlx::Result<bool> {
    let SignedIn { person, epoch, factor } = signed_in;
    let current = sqlx::query_scalar!(
        "SELECT a.epoch FROM drydock.account a JOIN drydock.person p ON p.id = a.person_id WHERE a.person_id = $1 AND a.epoch = $2 AND p.active FOR UPDATE OF a",
        person.0,
        epoch
    )
    .fetch_optional(&mut *db)
    .await?;
    if current.is_none() {
        return Ok(false);
    }
    let done = sqlx::query!(
        "UPDATE drydock.session AS s SET person_id = $2, address = $3, agent = left($4, 300), elevated_until = clock_timestamp() + interval '5 minutes',
             absolute_end_at = clock_timestamp() + interval '12 hours', factor = $5, half_person_id = NULL, half_epoch = NULL, half_until = NULL
         WHERE s.key = $1 AND s.person_id IS NULL",
        key.as_slice(),
        person.0,
        origin.address,
        origin.agent,
        factor
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Remembers in a session of nobody whose password was typed, for as long as the second factor is waited for.
pub(crate) async fn wait_for_factor(db: &mut PgConnection, key: &[u8; 32], person: PersonId, epoch: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.session AS s SET half_person_id = $2, half_epoch = $3, half_until = clock_timestamp() + make_interval(mins => $4)
         WHERE s.key = $1 AND s.person_id IS NULL",
        key.as_slice(),
        person.0,
        epoch,
        i32::try_from(BETWEEN_MIN).unwrap_or(i32::MAX)
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whose password was typed in this session, and in which epoch, while there is time for the second factor.
pub(crate) async fn half(db: &mut PgConnection, key: &[u8; 32]) -> sqlx::Result<Option<(PersonId, i64)>> {
    let row = sqlx::query!(
        r#"SELECT s.half_person_id AS "person!", s.half_epoch AS "epoch!" FROM drydock.session s
           WHERE s.key = $1 AND s.half_until > clock_timestamp() AND s.expires_at > clock_timestamp()"#,
        key.as_slice()
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| (PersonId(row.person), row.epoch)))
}

/// Takes a living session of the person away from its key, which opens nothing from then on. False when the session was ended.
pub(crate) async fn park(db: &mut PgConnection, key: &[u8; 32], parked: &[u8; 32], person: PersonId) -> sqlx::Result<bool> {
    take(db, person).await?;
    let done = sqlx::query!(
        "UPDATE drydock.session AS s SET key = $2 WHERE s.key = $1 AND s.person_id = $3 AND s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp()",
        key.as_slice(),
        parked.as_slice(),
        person.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives the parked session to a fresh key, its name, origin and end with it, and what it gains. False when it was ended meanwhile.
pub(crate) async fn unpark(db: &mut PgConnection, parked: &[u8; 32], key: &[u8; 32], person: PersonId, gain: Gain) -> sqlx::Result<bool> {
    take(db, person).await?;
    let Some(old) = sqlx::query!(
        r#"DELETE FROM drydock.session AS s WHERE s.key = $1 AND s.person_id = $2
         RETURNING s.id, s.created_at, s.absolute_end_at, greatest(s.elevated_until, 'epoch') AS "elevated_until!: Stamp", s.address, s.agent, s.factor"#,
        parked.as_slice(),
        person.0
    )
    .fetch_optional(&mut *db)
    .await?
    else {
        return Ok(false);
    };
    let done = sqlx::query!(
        "UPDATE drydock.session AS s SET id = $2, person_id = $3, created_at = $4, absolute_end_at = $5, address = $6, agent = $7,
             elevated_until = CASE WHEN $8 THEN clock_timestamp() + interval '5 minutes' ELSE $9 END, factor = $10 WHERE s.key = $1 AND s.person_id IS NULL",
        key.as_slice(),
        old.id,
        person.0,
        old.created_at as Stamp,
        old.absolute_end_at as Stamp,
        old.address,
        old.agent,
        gain.control,
        old.elevated_until as Stamp,
        old.factor || gain.factor
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a session of the person has not ended.
pub(crate) async fn lives(db: &mut PgConnection, person: PersonId, session: SessionId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.session s WHERE s.id = $2 AND s.person_id = $1
                          AND s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp()) AS "lives!""#,
        person.0,
        session.0
    )
    .fetch_one(db)
    .await
}

/// Ends one session of the person, whatever key it has by now; false when there is none.
pub(crate) async fn end(db: &mut PgConnection, person: PersonId, session: SessionId) -> sqlx::Result<bool> {
    take(db, person).await?;
    let gone =
        sqlx::query!("DELETE FROM drydock.session AS s WHERE s.id = $2 AND s.person_id = $1", person.0, session.0).execute(db).await?;
    Ok(gone.rows_affected() == 1)
}

/// Ends every session of the person but one, and every sign-in that is under way. Gives their number.
pub(crate) async fn end_others(db: &mut PgConnection, person: PersonId, keep: SessionId) -> sqlx::Result<u64> {
    next_epoch(db, person).await?;
    let gone = sqlx::query!("DELETE FROM drydock.session AS s WHERE s.person_id = $1 AND s.id <> $2", person.0, keep.0).execute(db).await?;
    Ok(gone.rows_affected())
}

/// Ends every session of the person, and every sign-in that is under way. Gives the epoch in which a session may begin.
pub(crate) async fn end_all(db: &mut PgConnection, person: PersonId) -> sqlx::Result<i64> {
    let epoch = next_epoch(db, person).await?;
    sqlx::query!("DELETE FROM drydock.session AS s WHERE s.person_id = $1", person.0).execute(db).await?;
    Ok(epoch)
}

/// Living sessions of the person, the one last used first.
pub(crate) async fn list(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<SessionRow>> {
    let rows = sqlx::query!(
        "SELECT s.id, s.created_at, s.last_seen_at, s.address, s.agent FROM drydock.session s
         WHERE s.person_id = $1 AND s.expires_at > clock_timestamp() AND s.absolute_end_at > clock_timestamp() ORDER BY s.last_seen_at DESC, s.id LIMIT 200",
        person.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| SessionRow {
            id: SessionId(row.id),
            made: row.created_at.to_jiff(),
            last_seen: row.last_seen_at.to_jiff(),
            address: row.address,
            browser: domain::view::sessions::browser(&row.agent),
        })
        .collect())
}

/// Takes the account until the transaction ends.
async fn take(db: &mut PgConnection, person: PersonId) -> sqlx::Result<()> {
    sqlx::query_scalar!("SELECT a.epoch FROM drydock.account a WHERE a.person_id = $1 FOR UPDATE", person.0)
        .fetch_optional(db)
        .await
        .map(drop)
}

/// Begins the next epoch; people without account have no session, and stay in none.
async fn next_epoch(db: &mut PgConnection, person: PersonId) -> sqlx::Result<i64> {
    let epoch =
        sqlx::query_scalar!("UPDATE drydock.account AS a SET epoch = a.epoch + 1 WHERE a.person_id = $1 RETURNING a.epoch", person.0)
            .fetch_optional(db)
            .await?;
    Ok(epoch.unwrap_or(0))
}
