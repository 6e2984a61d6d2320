//! Second factors and recovery codes. What they are is sealed; what stands here is who has one, and which codes were used.

use super::Stamp;
use domain::factor::SET_UP_MIN;
use domain::ids::PersonId;
use jiff::Timestamp;
use sqlx::PgConnection;

/// A factor as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Factor {
    /// Which key sealed it.
    pub(crate) key_id: Vec<u8>,
    /// The secret, sealed.
    pub(crate) sealed: Vec<u8>,
    /// Since when it is asked for; `None` while it is being set up.
    pub(crate) since: Option<Timestamp>,
    /// Until when it may be set up.
    pub(crate) until: Timestamp,
    /// What time it is.
    pub(crate) now: Timestamp,
}

/// The person's factor, if there is one or one is being set up.
pub(crate) async fn of(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Option<Factor>> {
    let row = sqlx::query!(
        r#"SELECT f.key_id, f.sealed, f.confirmed_at AS "confirmed_at: Stamp", f.made_at + make_interval(mins => $2) AS "until!: Stamp", clock_timestamp() AS "now!: Stamp"
           FROM drydock.factor f WHERE f.person_id = $1"#,
        person.0,
        i32::try_from(SET_UP_MIN).unwrap_or(i32::MAX)
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Factor {
        key_id: row.key_id,
        sealed: row.sealed,
        since: row.confirmed_at.map(Stamp::to_jiff),
        until: row.until.to_jiff(),
        now: row.now.to_jiff(),
    }))
}

/// Since when a person has a factor that is asked for.
pub(crate) async fn since(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Option<Timestamp>> {
    let since = sqlx::query_scalar!(
        r#"SELECT f.confirmed_at AS "confirmed_at!: Stamp" FROM drydock.factor f WHERE f.person_id = $1 AND f.confirmed_at IS NOT NULL"#,
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(since.map(Stamp::to_jiff))
}

/// Begins to set a factor up; one that was begun before is forgotten. False when there is one already.
pub(crate) async fn begin(db: &mut PgConnection, person: PersonId, key_id: [u8; 8], sealed: &[u8]) -> sqlx::Result<bool> {
    sqlx::query!("DELETE FROM drydock.factor AS f WHERE f.person_id = $1 AND f.confirmed_at IS NULL", person.0).execute(&mut *db).await?;
    let made = sqlx::query!(
        "INSERT INTO drydock.factor (person_id, key_id, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        person.0,
        key_id.as_slice(),
        sealed
    )
    .execute(db)
    .await?;
    Ok(made.rows_affected() == 1)
}

/// From now on the factor is asked for, if it is still the one whose code was typed: `sealed` is what was compared. False when it was set up
/// already, was begun anew meanwhile, or took too long.
pub(crate) async fn confirm(db: &mut PgConnection, person: PersonId, sealed: &[u8], step: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.factor AS f SET confirmed_at = clock_timestamp(), last_step = $2
         WHERE f.person_id = $1 AND f.confirmed_at IS NULL AND f.made_at > clock_timestamp() - make_interval(mins => $3) AND f.sealed = $4",
        person.0,
        step,
        i32::try_from(SET_UP_MIN).unwrap_or(i32::MAX),
        sealed
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the code of a step, once. False when it, or a later one, was taken before.
pub(crate) async fn take_step(db: &mut PgConnection, person: PersonId, step: i64) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.factor AS f SET last_step = $2 WHERE f.person_id = $1 AND f.confirmed_at IS NOT NULL AND f.last_step < $2",
        person.0,
        step
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps recovery codes.
pub(crate) async fn add_recovery_codes(db: &mut PgConnection, person: PersonId, macs: &[Vec<u8>]) -> sqlx::Result<()> {
    sqlx::query!("INSERT INTO drydock.recovery_code (person_id, mac) SELECT $1, m FROM unnest($2::bytea[]) m", person.0, macs)
        .execute(db)
        .await
        .map(drop)
}

/// Takes a recovery code, once.
pub(crate) async fn take_recovery_code(db: &mut PgConnection, person: PersonId, mac: &[u8; 32]) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.recovery_code AS r SET used_at = clock_timestamp() WHERE r.person_id = $1 AND r.mac = $2 AND r.used_at IS NULL",
        person.0,
        mac.as_slice()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many recovery codes are left.
pub(crate) async fn recovery_codes_left(db: &mut PgConnection, person: PersonId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM drydock.recovery_code r WHERE r.person_id = $1 AND r.used_at IS NULL"#, person.0)
        .fetch_one(db)
        .await
}

/// Forgets a factor and its recovery codes. False when there was none that was asked for.
pub(crate) async fn remove(db: &mut PgConnection, person: PersonId) -> sqlx::Result<bool> {
    let was = sqlx::query_scalar!(
        r#"DELETE FROM drydock.factor AS f WHERE f.person_id = $1 RETURNING f.confirmed_at IS NOT NULL AS "was!""#,
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(was == Some(true))
}
