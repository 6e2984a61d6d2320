//! Series: one window a date, never for the past, by those who wrote it; what was written stays.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

const SERIES: &str = "'00000000-0000-7000-8000-000000000001'::uuid";

/// A series by the engineer, who wrote the yard's window.
fn a_series(yard: &Yard) -> String {
    let (team, target, by) = (yard.house.team, yard.house.target, yard.house.engineer.actor.person);
    format!(
        "INSERT INTO drydock.series (id, team_id, target_id, author_id, title, form, rule, starts_at, zone, lead_days)
         VALUES ({SERIES}, '{team}', '{target}', '{by}', 'Weekly', '{{}}', 'FREQ=WEEKLY', '2026-11-29 02:00', 'Europe/Berlin', 7);
         INSERT INTO drydock.series_author (series_id, person_id) VALUES ({SERIES}, '{by}')"
    )
}

fn a_birth(yard: &Yard, day: &str, start: &str) -> String {
    format!(
        "INSERT INTO drydock.series_birth (series_id, day, team_id, window_id, start_at) VALUES ({SERIES}, '{day}', '{}', {}, now() + interval '{start}')",
        yard.house.team, yard.window
    )
}

fn a_change(yard: &Yard, day: &str, to: &str) -> String {
    format!(
        "INSERT INTO drydock.series_change (series_id, day, moved_to, reason, changed_by) VALUES ({SERIES}, '{day}', {to}, '', '{}')",
        yard.house.engineer.actor.person
    )
}

#[tokio::test]
async fn a_date_has_one_window_and_a_window_one_date() {
    let yard = Yard::new().await;
    yard.set(&a_series(&yard)).await;
    let birth = a_birth(&yard, "2026-11-29", "1 day");
    yard.allows(Worker, &birth).await;
    for by in [Owner, Replica] {
        yard.refuses(&[
            (by, format!("{birth}; {birth}"), "series_birth_pkey"),
            (by, format!("{birth}; {}", a_birth(&yard, "2026-12-06", "1 day")), "series_birth_window"),
            (by, a_birth(&yard, "2026-11-29", "-1 second"), "series_birth_past"),
            (by, format!("{}; {birth}", a_change(&yard, "2026-11-29", "NULL")), "series_birth_skipped"),
            (by, format!("{birth}; {}", a_change(&yard, "2026-11-29", "NULL")), "series_change_born"),
            (by, format!("{birth}; UPDATE drydock.series_birth SET day = '2026-12-06'"), FIXED),
            (by, format!("{birth}; DELETE FROM drydock.series_birth"), FIXED),
            (by, "TRUNCATE drydock.series_birth".into(), FIXED),
        ])
        .await;
    }
    yard.refuses(&[(Web, birth.clone(), DENIED), (Auditor, birth.clone(), DENIED)]).await;
    // A date that was moved is proposed like any other.
    yard.allows(Owner, &format!("{}; {birth}", a_change(&yard, "2026-11-29", "'2026-11-29 03:00'"))).await;
}

#[tokio::test]
async fn whoever_wrote_a_series_contributes_to_its_windows() {
    let yard = Yard::new().await;
    yard.set(&a_series(&yard)).await;
    let lead = yard.house.lead.actor.person;
    let birth = a_birth(&yard, "2026-11-29", "1 day");
    let wrote = format!("INSERT INTO drydock.series_author (series_id, person_id) VALUES ({SERIES}, '{lead}')");
    let moved = format!(
        "INSERT INTO drydock.series_change (series_id, day, moved_to, reason, changed_by) VALUES ({SERIES}, '2026-11-29', '2026-11-29 03:00', '', '{lead}')"
    );
    for by in [Owner, Replica] {
        yard.refuses(&[
            (by, format!("{wrote}; {birth}"), "series_birth_contributors"),
            (by, format!("{moved}; {birth}"), "series_birth_contributors"),
        ])
        .await;
    }
    let contributes = format!("INSERT INTO drydock.contributor (window_id, person_id) VALUES ({}, '{lead}')", yard.window);
    yard.allows(Owner, &format!("{wrote}; {contributes}; {birth}")).await;
    yard.refuses(&[
        (Owner, "DELETE FROM drydock.series_author".into(), FIXED),
        (Replica, format!("UPDATE drydock.series_author SET person_id = '{lead}'"), FIXED),
        (Worker, wrote, DENIED),
    ])
    .await;
}

#[tokio::test]
async fn what_a_series_is_about_and_its_end_stand() {
    let yard = Yard::new().await;
    yard.set(&a_series(&yard)).await;
    let end = format!("UPDATE drydock.series SET ended_at = now(), ended_by = '{}', ended_reason = ''", yard.house.lead.actor.person);
    yard.allows(Web, &end).await;
    yard.allows(Worker, "UPDATE drydock.series SET looked_at = now(), next_look_at = now() + interval '1 hour'").await;
    for by in [Owner, Replica] {
        yard.refuses(&[
            (by, format!("{end}; UPDATE drydock.series SET ended_at = NULL, ended_by = NULL, ended_reason = NULL"), "series_over"),
            (by, format!("{end}; {}", a_birth(&yard, "2026-11-29", "1 day")), "series_over"),
            (by, format!("{end}; {}", a_change(&yard, "2026-11-29", "NULL")), "series_over"),
            (by, "UPDATE drydock.series SET looked_at = looked_at - interval '1 hour'".into(), "series_fixed"),
            (by, "UPDATE drydock.series SET revision = 0".into(), "series_fixed"),
            (by, format!("UPDATE drydock.series SET team_id = '{}'", yard.house.foreigner.actor.teams[0].team), "series_fixed"),
            (by, "DELETE FROM drydock.series".into(), FIXED),
        ])
        .await;
    }
    yard.refuses(&[
        (Owner, "UPDATE drydock.series SET ended_at = now()".into(), "series_ended"),
        (Owner, "UPDATE drydock.series SET trouble = 'x'".into(), "series_trouble"),
        (Owner, "UPDATE drydock.series SET lead_days = 31".into(), "series_lead_days_check"),
        (Owner, "UPDATE drydock.series SET starts_at = '1999-12-31 23:59'".into(), "series_first_year"),
        (
            Owner,
            format!("UPDATE drydock.series SET author_id = '{}'; SET CONSTRAINTS ALL IMMEDIATE", yard.house.lead.actor.person),
            "series_author_wrote",
        ),
        (Worker, "UPDATE drydock.series SET form = '{}'".into(), DENIED),
        (Web, "UPDATE drydock.series SET looked_at = now()".into(), DENIED),
        (
            Owner,
            a_series(&yard)
                .replace(&yard.house.team.to_string(), &yard.house.foreigner.actor.teams[0].team.to_string())
                .replace("000001'", "000002'"),
            "series_target_owner",
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_worker_writes_windows_column_by_column() {
    let yard = Yard::new().await;
    yard.set(&a_series(&yard)).await;
    let (team, by) = (yard.house.team, yard.house.engineer.actor.person);
    let window = |columns: &str, values: &str| {
        format!(
            "INSERT INTO drydock.window (id, team_id, created_by, state_fact_id, state_fact_at{columns}) VALUES (gen_random_uuid(), '{team}', '{by}', {}{values})",
            yard.fresh[0]
        )
    };
    yard.allows(Worker, &window("", "")).await;
    yard.refuses(&[
        (Worker, window(", state", ", 'approved'"), DENIED),
        (Worker, window(", owner_id", &format!(", '{by}'")), DENIED),
        (
            Worker,
            format!("INSERT INTO drydock.contributor (window_id, person_id, since) VALUES ({}, '{by}', 'epoch')", yard.window),
            DENIED,
        ),
        (
            Worker,
            a_birth(&yard, "2026-11-29", "1 day")
                .replace("start_at)", "start_at, born_at)")
                .replace("interval '1 day')", "interval '1 day', now())"),
            DENIED,
        ),
        (Worker, "INSERT INTO drydock.vote DEFAULT VALUES".into(), DENIED),
    ])
    .await;
}
