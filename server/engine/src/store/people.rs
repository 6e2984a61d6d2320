//! People, their accounts and rights, and what this installation is.

use domain::ids::{PersonId, TeamId};
use domain::people::{GlobalRole, TeamRole};
use domain::permission::{Actor, Member};
use domain::voice::Changed;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What this installation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Shown in titles and mails.
    pub name: String,
    /// Base of every link: scheme, host, port; no path.
    pub public_url: String,
    /// IANA zone for people without one.
    pub zone: String,
    /// A demo: other people's servers refuse it.
    pub demo: bool,
}

/// The installation's row; `None` before the first run.
pub async fn installation(db: &mut PgConnection) -> sqlx::Result<Option<Installation>> {
    sqlx::query_as!(Installation, "SELECT i.name, i.public_url, i.zone, i.demo FROM drydock.installation i").fetch_optional(db).await
}

/// A person with today's rights; `None` for people without an account.
pub async fn actor(db: &mut PgConnection, person: PersonId, elevated: bool) -> sqlx::Result<Option<Actor>> {
    Ok(actors(db, &[person]).await?.pop().map(|actor| Actor { elevated, ..actor }))
}

/// Several people with today's rights, none of them elevated, in one statement; those without account are left out.
pub async fn actors(db: &mut PgConnection, persons: &[PersonId]) -> sqlx::Result<Vec<Actor>> {
    let ids: Vec<Uuid> = persons.iter().map(|person| person.0).collect();
    let rows = sqlx::query!(
        r#"SELECT p.id, p.name, p.zone, p.active,
                  ARRAY(SELECT g.role FROM drydock.global_role g WHERE g.person_id = p.id ORDER BY g.role) AS "global!: Vec<String>",
                  ARRAY(SELECT m.team_id FROM drydock.membership m WHERE m.person_id = p.id ORDER BY m.team_id) AS "teams!: Vec<Uuid>",
                  ARRAY(SELECT m.role FROM drydock.membership m WHERE m.person_id = p.id ORDER BY m.team_id) AS "roles!: Vec<String>",
                  ARRAY(SELECT m.deputy FROM drydock.membership m WHERE m.person_id = p.id ORDER BY m.team_id) AS "deputies!: Vec<bool>",
                  ARRAY(SELECT DISTINCT t.team_id FROM drydock.target_stakeholder s JOIN drydock.target t ON t.id = s.target_id WHERE s.person_id = p.id) AS "stakeholder!: Vec<Uuid>"
           FROM drydock.person p JOIN drydock.account a ON a.person_id = p.id WHERE p.id = ANY($1)"#,
        &ids
    )
    .fetch_all(db)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Actor {
            person: PersonId(row.id),
            name: row.name,
            zone: row.zone,
            active: row.active,
            global: row.global.iter().filter_map(|role| GlobalRole::from_word(role)).collect(),
            teams: row
                .teams
                .iter()
                .zip(&row.roles)
                .zip(&row.deputies)
                .filter_map(|((team, role), deputy)| {
                    Some(Member { team: TeamId(*team), role: TeamRole::from_word(role)?, deputy: *deputy })
                })
                .collect(),
            stakeholder_of_teams: row.stakeholder.into_iter().map(TeamId).collect(),
            elevated: false,
            factor: false,
        })
        .collect())
}

/// True once somebody can administer this installation.
pub async fn has_admin(db: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.global_role g JOIN drydock.account a ON a.person_id = g.person_id JOIN drydock.person p ON p.id = g.person_id
                          WHERE g.role = 'admin' AND p.active) AS "known!""#
    )
    .fetch_one(db)
    .await
}

/// Makes first runs happen one after another; released with the transaction.
pub(crate) async fn lock_first_run(db: &mut PgConnection) -> sqlx::Result<()> {
    // "drydock" in ASCII: a key of our own in the database's one space of advisory locks.
    sqlx::query!("SELECT pg_advisory_xact_lock(28264001133538155) IS NULL AS locked").fetch_one(db).await.map(drop)
}

/// Writes the installation's row, or renews what the first run says about it.
pub(crate) async fn put_installation(
    db: &mut PgConnection,
    id: Uuid,
    name: &str,
    public_url: &str,
    zone: &str,
    demo: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.installation (id, demo, name, public_url, zone) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (singleton) DO UPDATE SET name = EXCLUDED.name, public_url = EXCLUDED.public_url, zone = EXCLUDED.zone",
        id,
        demo,
        name,
        public_url,
        zone
    )
    .execute(db)
    .await
    .map(drop)
}

/// Links begin with this address from now on; true when it was another one.
pub(crate) async fn set_public_url(db: &mut PgConnection, public_url: &str) -> sqlx::Result<bool> {
    let changed =
        sqlx::query!("UPDATE drydock.installation AS i SET public_url = $1 WHERE i.public_url <> $1", public_url).execute(db).await?;
    Ok(changed.rows_affected() > 0)
}

/// Adds a person without account or rights.
pub(crate) async fn insert(
    db: &mut PgConnection,
    id: PersonId,
    name: &str,
    email: &str,
    zone: &str,
    shared_address: bool,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.person (id, name, email, zone, shared_address) VALUES ($1, $2, $3, $4, $5)",
        id.0,
        name,
        email,
        zone,
        shared_address
    )
    .execute(db)
    .await
    .map(drop)
}

/// The person with this address.
pub(crate) async fn by_email(db: &mut PgConnection, email: &str) -> sqlx::Result<Option<PersonId>> {
    Ok(sqlx::query_scalar!("SELECT p.id FROM drydock.person p WHERE p.email = $1", email).fetch_optional(db).await?.map(PersonId))
}

/// Gives an account, or the existing one a new password.
pub(crate) async fn put_account(db: &mut PgConnection, person: PersonId, hash: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2)
         ON CONFLICT (person_id) DO UPDATE SET password_hash = EXCLUDED.password_hash, password_changed_at = clock_timestamp()",
        person.0,
        hash
    )
    .execute(db)
    .await
    .map(drop)
}

/// What a sign-in is checked against.
#[derive(Debug, Clone)]
pub(crate) struct SignIn {
    pub(crate) person: PersonId,
    pub(crate) hash: String,
    pub(crate) active: bool,
}

/// The account with this address.
pub(crate) async fn sign_in_of(pool: &PgPool, email: &str) -> sqlx::Result<Option<SignIn>> {
    let row = sqlx::query!(
        "SELECT p.id, a.password_hash, p.active FROM drydock.person p JOIN drydock.account a ON a.person_id = p.id WHERE p.email = $1",
        email
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| SignIn { person: PersonId(row.id), hash: row.password_hash, active: row.active }))
}

/// The epoch under which a session may begin, while the password is still `hash` and the person may act.
pub(crate) async fn epoch(db: &mut PgConnection, person: PersonId, hash: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT a.epoch FROM drydock.account a JOIN drydock.person p ON p.id = a.person_id WHERE a.person_id = $1 AND a.password_hash = $2 AND p.active FOR UPDATE OF a",
        person.0,
        hash
    )
    .fetch_optional(db)
    .await
}

/// Makes these the person's only rights everywhere.
pub(crate) async fn put_global_roles(db: &mut PgConnection, person: PersonId, roles: &[GlobalRole]) -> sqlx::Result<()> {
    let words: Vec<String> = roles.iter().map(|role| role.word().to_owned()).collect();
    sqlx::query!("DELETE FROM drydock.global_role AS g WHERE g.person_id = $1 AND g.role <> ALL ($2)", person.0, &words)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "INSERT INTO drydock.global_role (person_id, role) SELECT $1, r FROM unnest($2::text[]) r ON CONFLICT DO NOTHING",
        person.0,
        &words
    )
    .execute(db)
    .await
    .map(drop)
}

/// Lets a person act or ends every right at once.
pub(crate) async fn set_active(db: &mut PgConnection, person: PersonId, active: bool) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.person AS p SET active = $2 WHERE p.id = $1", person.0, active).execute(db).await.map(drop)
}

/// What an edit compares with.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) zone: String,
    pub(crate) shared: bool,
    pub(crate) active: bool,
    pub(crate) global: Vec<GlobalRole>,
}

/// A person, taken for this transaction.
pub(crate) async fn lock(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Option<Known>> {
    let row = sqlx::query!(
        r#"SELECT p.name, p.email, p.zone, p.shared_address, p.active, ARRAY(SELECT g.role FROM drydock.global_role g WHERE g.person_id = p.id) AS "global!: Vec<String>"
           FROM drydock.person p WHERE p.id = $1 FOR UPDATE OF p"#,
        person.0
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(|row| Known {
        name: row.name,
        email: row.email,
        zone: row.zone,
        shared: row.shared_address,
        active: row.active,
        global: row.global.iter().filter_map(|word| GlobalRole::from_word(word)).collect(),
    }))
}

/// Changes what a person is called and where mail goes.
pub(crate) async fn update(db: &mut PgConnection, person: PersonId, name: &str, email: &str, zone: &str, shared: bool) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE drydock.person AS p SET name = $2, email = $3, zone = $4, shared_address = $5 WHERE p.id = $1",
        person.0,
        name,
        email,
        zone,
        shared
    )
    .execute(db)
    .await
    .map(drop)
}

/// No vote of this person counts for 24 hours, and never on windows of `by` that are there by then; `None` is an operator at the shell.
///
/// Comes before the change itself: the table takes a new address or a return only from somebody whose votes rest.
pub(crate) async fn pause_votes(
    db: &mut PgConnection,
    person: PersonId,
    what: Changed,
    by: impl Into<Option<PersonId>>,
) -> sqlx::Result<()> {
    let by: Option<PersonId> = by.into();
    sqlx::query!(
        "INSERT INTO drydock.identity_change (person_id, what, changed_by) VALUES ($1, $2, $3)",
        person.0,
        what.word(),
        by.map(|by| by.0)
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE drydock.person AS p SET may_vote_from = greatest(p.may_vote_from, clock_timestamp() + interval '24 hours'), changed_by = $2 WHERE p.id = $1",
        person.0,
        by.map(|by| by.0)
    )
    .execute(db)
    .await
    .map(drop)
}

/// Active administrators with an account, other than this person.
pub(crate) async fn other_admins(db: &mut PgConnection, person: PersonId) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM drydock.global_role g JOIN drydock.account a ON a.person_id = g.person_id JOIN drydock.person p ON p.id = g.person_id
           WHERE g.role = 'admin' AND p.active AND p.id <> $1"#,
        person.0
    )
    .fetch_one(db)
    .await
}

/// True when the person holds any role that could vote: a place in a team, or stakeholder of a database.
pub(crate) async fn has_voice(db: &mut PgConnection, person: PersonId) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM drydock.membership m WHERE m.person_id = $1) OR EXISTS (SELECT FROM drydock.target_stakeholder s WHERE s.person_id = $1) AS "voice!""#,
        person.0
    )
    .fetch_one(db)
    .await
}

/// Numbers of open windows on whose current plan this person's approval stands, or one in their place.
pub(crate) async fn windows_counting_on(db: &mut PgConnection, person: PersonId) -> sqlx::Result<Vec<i64>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT w.number FROM drydock.plan_vote v JOIN drydock.window w ON w.id = v.window_id JOIN drydock.plan p ON p.window_id = w.id AND p.revision = w.revision AND p.digest = v.digest
         WHERE (v.person_id = $1 OR v.in_place_of @> ARRAY[$1::uuid]) AND v.withdrawn_at IS NULL AND w.state IN ('proposed', 'approved') ORDER BY w.number",
        person.0
    )
    .fetch_all(db)
    .await
}

/// What a person chose about themselves.
pub(crate) async fn set_theme(db: &mut PgConnection, person: PersonId, theme: &str) -> sqlx::Result<()> {
    sqlx::query!("UPDATE drydock.account AS a SET theme = $2 WHERE a.person_id = $1", person.0, theme).execute(db).await.map(drop)
}

/// The stored password and colours of a person.
pub(crate) async fn account(pool: &PgPool, person: PersonId) -> sqlx::Result<Option<(String, String)>> {
    let row = sqlx::query!("SELECT a.password_hash, a.theme FROM drydock.account a WHERE a.person_id = $1", person.0)
        .fetch_optional(pool)
        .await?;
    Ok(row.map(|row| (row.password_hash, row.theme)))
}
