//! Registered databases and their stakeholders.

use super::{Stamp, stamp};
use crate::error::{Error, Result};
use domain::ids::{PersonId, TargetId, TeamId};
use domain::target::{Environment, Place, Registration, TargetState, Tls};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::PgConnection;

/// A registered database, whole.
#[derive(Debug, Clone)]
pub struct Target {
    /// Identity.
    pub id: TargetId,
    /// Owner team.
    pub team: TeamId,
    /// What was registered.
    pub registration: Registration,
    /// Why a superuser's role was accepted, where one was.
    pub superuser_reason: Option<String>,
    /// Where the registration stands.
    pub state: TargetState,
    /// Identity evidence of the last passed test.
    pub identity: Option<Value>,
    /// Report of the last test that reached the database.
    pub report: Option<Value>,
    /// When that was.
    pub verified_at: Option<Timestamp>,
    /// Rises with every edit.
    pub revision: i32,
}

struct Row {
    id: uuid::Uuid,
    team_id: uuid::Uuid,
    short_name: String,
    name: String,
    host: String,
    port: i32,
    database: String,
    username: String,
    tls: String,
    tls_acknowledged_reason: Option<String>,
    superuser_acknowledged_reason: Option<String>,
    ca_pem: Option<String>,
    environment: String,
    zone: String,
    on_call: String,
    trial_copy: bool,
    state: String,
    identity: Option<Value>,
    report: Option<Value>,
    verified_at: Option<Stamp>,
    revision: i32,
}

/// Turns a stored word into its meaning; a check constraint keeps others out.
pub(super) fn meaning<T>(read: Option<T>, word: &str) -> Result<T> {
    read.ok_or_else(|| Error::internal(format!("the stored word \"{word}\" is unknown to this program")))
}

impl Row {
    fn read(self) -> Result<Target> {
        let place = Place {
            host: self.host,
            port: u16::try_from(self.port).map_err(Error::internal)?,
            database: self.database,
            username: self.username,
            tls: meaning(Tls::from_word(&self.tls), &self.tls)?,
            ca_pem: self.ca_pem,
        };
        let registration = Registration {
            name: self.name,
            short_name: self.short_name,
            place,
            tls_reason: self.tls_acknowledged_reason,
            environment: meaning(Environment::from_word(&self.environment), &self.environment)?,
            zone: self.zone,
            on_call: self.on_call,
            trial_copy: self.trial_copy,
        };
        Ok(Target {
            id: TargetId(self.id),
            team: TeamId(self.team_id),
            registration,
            superuser_reason: self.superuser_acknowledged_reason,
            state: meaning(TargetState::from_word(&self.state), &self.state)?,
            identity: self.identity,
            report: self.report,
            verified_at: self.verified_at.map(Stamp::to_jiff),
            revision: self.revision,
        })
    }
}

/// The database, if it exists.
pub async fn find(db: &mut PgConnection, id: TargetId) -> Result<Option<Target>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT t.id, t.team_id, t.short_name, t.name, t.host, t.port, t.database, t.username, t.tls, t.tls_acknowledged_reason,
                  t.superuser_acknowledged_reason, t.ca_pem, t.environment, t.zone, t.on_call, t.trial_copy, t.state, t.identity, t.report,
                  t.verified_at, t.revision
           FROM drydock.target t WHERE t.id = $1"#,
        id.0
    )
    .fetch_optional(db)
    .await?;
    row.map(Row::read).transpose()
}

/// Holds the database's row until the transaction ends, so that two people do not edit or ask at once.
pub async fn lock(db: &mut PgConnection, id: TargetId) -> Result<()> {
    sqlx::query!("SELECT t.id FROM drydock.target t WHERE t.id = $1 FOR NO KEY UPDATE", id.0).fetch_optional(db).await?;
    Ok(())
}

/// Adds a registration, not verified yet.
pub async fn insert(db: &mut PgConnection, id: TargetId, team: TeamId, new: &Registration, by: PersonId) -> Result<()> {
    let place = &new.place;
    sqlx::query!(
        "INSERT INTO drydock.target (id, team_id, short_name, name, dbms, host, port, database, username, tls, tls_acknowledged_reason, ca_pem, environment, zone, on_call, created_by, trial_copy)
         VALUES ($1, $2, $3, $4, 'postgresql', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        id.0,
        team.0,
        new.short_name,
        new.name,
        place.host,
        i32::from(place.port),
        place.database,
        place.username,
        place.tls.word(),
        new.tls_reason,
        place.ca_pem,
        new.environment.word(),
        new.zone,
        new.on_call,
        by.0,
        new.trial_copy
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Replaces a registration if nobody else did meanwhile; false otherwise. With `forget` what the last test found is forgotten: it was
/// found at another address, or judged for another environment.
pub async fn update(db: &mut PgConnection, id: TargetId, revision: i32, new: &Registration, forget: bool) -> Result<bool> {
    let place = &new.place;
    let done = sqlx::query!(
        "UPDATE drydock.target SET short_name = $3, name = $4, host = $5, port = $6, database = $7, username = $8, tls = $9, tls_acknowledged_reason = $10,
                ca_pem = $11, environment = $12, zone = $13, on_call = $14, trial_copy = $16, revision = revision + 1,
                state = CASE WHEN $15 THEN 'unverified' ELSE state END,
                former_identity = CASE WHEN $15 THEN coalesce(identity, former_identity) ELSE former_identity END,
                identity = CASE WHEN $15 THEN NULL ELSE identity END,
                report = CASE WHEN $15 THEN NULL ELSE report END,
                verified_at = CASE WHEN $15 THEN NULL ELSE verified_at END,
                superuser_acknowledged_reason = CASE WHEN $15 THEN NULL ELSE superuser_acknowledged_reason END
         WHERE id = $1 AND revision = $2 AND state IN ('unverified', 'ready')",
        id.0,
        revision,
        new.short_name,
        new.name,
        place.host,
        i32::from(place.port),
        place.database,
        place.username,
        place.tls.word(),
        new.tls_reason,
        place.ca_pem,
        new.environment.word(),
        new.zone,
        new.on_call,
        forget,
        new.trial_copy
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Records why a superuser's role is accepted.
pub async fn acknowledge_superuser(db: &mut PgConnection, id: TargetId, reason: &str) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.target SET superuser_acknowledged_reason = $2, revision = revision + 1
         WHERE id = $1 AND state IN ('unverified', 'ready') AND environment <> 'production'",
        id.0,
        reason
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a registration away; false if it was already.
pub async fn retire(db: &mut PgConnection, id: TargetId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.target SET state = 'retired', revision = revision + 1 WHERE id = $1 AND state IN ('unverified', 'ready')",
        id.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes a retired registration back: not verified, and its identity is only what it was before.
pub async fn reinstate(db: &mut PgConnection, id: TargetId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.target SET state = 'unverified', revision = revision + 1, former_identity = coalesce(identity, former_identity), identity = NULL, verified_at = NULL
         WHERE id = $1 AND state = 'retired'",
        id.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Deletes a retired registration: its row stays for the history, without whom to call.
pub async fn delete(db: &mut PgConnection, id: TargetId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.target SET state = 'deleted', revision = revision + 1, on_call = '(deleted)', report = NULL WHERE id = $1 AND state = 'retired'",
        id.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives a registration to another team; false when it is not the expected owner's any more.
pub async fn transfer(db: &mut PgConnection, id: TargetId, from: TeamId, to: TeamId) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.target SET team_id = $3, revision = revision + 1 WHERE id = $1 AND team_id = $2 AND state IN ('unverified', 'ready')",
        id.0,
        from.0,
        to.0
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Identity before the address was changed or the registration taken back.
pub async fn former_identity(db: &mut PgConnection, id: TargetId) -> Result<Option<Value>> {
    let found = sqlx::query_scalar!("SELECT t.former_identity FROM drydock.target t WHERE t.id = $1", id.0).fetch_optional(db).await?;
    Ok(found.flatten())
}

/// What a test found, if the registration is still the one that was tested. `identity` is `None` when the test was not passed.
pub async fn set_report(
    db: &mut PgConnection,
    id: TargetId,
    revision: i32,
    state: TargetState,
    identity: Option<&Value>,
    report: &Value,
    at: Timestamp,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE drydock.target SET state = $3, identity = $4, report = $5, verified_at = $6 WHERE id = $1 AND revision = $2 AND state IN ('unverified', 'ready')",
        id.0,
        revision,
        state.word(),
        identity,
        report,
        stamp(at) as Stamp
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Another registration with this identity evidence: its short name.
pub async fn same_identity(db: &mut PgConnection, id: TargetId, system_identifier: &str, database_oid: &str) -> Result<Option<String>> {
    let found = sqlx::query_scalar!(
        "SELECT t.short_name FROM drydock.target t
         WHERE t.identity IS NOT NULL AND t.state IN ('unverified', 'ready') AND t.id <> $1 AND t.identity ->> 'system_identifier' = $2 AND t.identity ->> 'database_oid' = $3",
        id.0,
        system_identifier,
        database_oid
    )
    .fetch_optional(db)
    .await?;
    Ok(found)
}

/// Windows that still want the database: number and state, at most ten.
pub async fn open_windows(db: &mut PgConnection, id: TargetId) -> Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        "SELECT w.number, w.state FROM drydock.window w
         WHERE w.state IN ('draft', 'proposed', 'approved', 'running', 'hold', 'validating', 'rolling_back')
           AND EXISTS (SELECT FROM drydock.window_target wt WHERE wt.window_id = w.id AND wt.revision = w.revision AND wt.target_id = $1)
         ORDER BY w.number LIMIT 10",
        id.0
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(|row| (row.number, row.state)).collect())
}

/// True while a run on the database is not over: waiting, leased or held.
pub async fn has_open_run(db: &mut PgConnection, id: TargetId) -> Result<bool> {
    let open =
        sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM drydock.run r WHERE r.target_id = $1 AND r.state <> 'ended') AS "open!""#, id.0)
            .fetch_one(db)
            .await?;
    Ok(open)
}

/// The person with this address, if known: identity and whether still active.
pub async fn person_by_email(db: &mut PgConnection, email: &str) -> Result<Option<(PersonId, bool)>> {
    let row = sqlx::query!("SELECT p.id, p.active FROM drydock.person p WHERE p.email = $1", email).fetch_optional(db).await?;
    Ok(row.map(|row| (PersonId(row.id), row.active)))
}

/// Adds a contact without account. Who made it is kept: an address somebody invented does not vote on that one's windows unnoticed.
pub async fn insert_contact(
    db: &mut PgConnection,
    id: PersonId,
    name: &str,
    email: &str,
    zone: &str,
    shared: bool,
    by: PersonId,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.person (id, name, email, zone, shared_address, changed_by) VALUES ($1, $2, $3, $4, $5, $6)",
        id.0,
        name,
        email,
        zone,
        shared,
        by.0
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Who must be told and may be asked, by name.
pub async fn stakeholders(db: &mut PgConnection, id: TargetId) -> Result<Vec<PersonId>> {
    let ids = sqlx::query_scalar!("SELECT s.person_id FROM drydock.target_stakeholder s WHERE s.target_id = $1 ORDER BY s.person_id", id.0)
        .fetch_all(db)
        .await?;
    Ok(ids.into_iter().map(PersonId).collect())
}

/// Makes `people` the stakeholders, no more and no less.
pub async fn replace_stakeholders(db: &mut PgConnection, id: TargetId, people: &[PersonId]) -> Result<()> {
    let people: Vec<uuid::Uuid> = people.iter().map(|person| person.0).collect();
    sqlx::query!("DELETE FROM drydock.target_stakeholder s WHERE s.target_id = $1 AND s.person_id <> ALL ($2)", id.0, &people)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "INSERT INTO drydock.target_stakeholder (target_id, person_id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING",
        id.0,
        &people
    )
    .execute(db)
    .await?;
    Ok(())
}
