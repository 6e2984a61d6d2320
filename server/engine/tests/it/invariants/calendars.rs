//! What calendars and their feeds rely on.

use super::yard::By::{Owner, Replica, Web};
use super::yard::Yard;

/// So many feeds of the engineer, the first `revoked` of them revoked.
fn feeds(yard: &Yard, count: i32, revoked: i32) -> String {
    format!(
        "INSERT INTO drydock.calendar_feed (id, secret_hash, person_id, about, revoked_at)
         SELECT gen_random_uuid(), sha256(n::text::bytea), '{}', 'person', CASE WHEN n <= {revoked} THEN now() END FROM generate_series(1, {count}) n",
        yard.house.engineer.actor.person
    )
}

#[tokio::test]
async fn nobody_has_more_feeds_than_twenty() {
    let yard = Yard::new().await;
    yard.allows(Owner, &feeds(&yard, 20, 0)).await;
    yard.allows(Owner, &feeds(&yard, 25, 5)).await;
    for by in [Owner, Replica] {
        yard.refuses(&[(by, feeds(&yard, 21, 0), "calendar_feed_limit"), (by, feeds(&yard, 26, 5), "calendar_feed_limit")]).await;
    }
}

#[tokio::test]
async fn feeds_end_with_the_password() {
    let yard = Yard::new().await;
    yard.set(&format!(
        "INSERT INTO drydock.account (person_id, password_hash) VALUES ('{}', '$argon2id$x')",
        yard.house.engineer.actor.person
    ))
    .await;
    let living = "DO $$ BEGIN IF EXISTS (SELECT FROM drydock.calendar_feed f WHERE f.revoked_at IS NULL) THEN RAISE EXCEPTION 'a feed lives'; END IF; END $$";
    for by in [Web, Owner] {
        let insert = feeds(&yard, 2, 0).replace(", revoked_at)", ")").replace(", CASE WHEN n <= 0 THEN now() END", "");
        yard.allows(by, &format!("{insert}; UPDATE drydock.account SET password_hash = '$argon2id$y'; {living}")).await;
        // The same hash again is no new password.
        let same = format!("{insert}; UPDATE drydock.account SET password_hash = '$argon2id$x'; {living}");
        yard.refuses(&[(by, same, "a feed lives")]).await;
    }
    let by_a_replica = format!("{}; UPDATE drydock.account SET password_hash = '$argon2id$y'; {living}", feeds(&yard, 2, 0));
    yard.allows(Replica, &by_a_replica).await;
}

#[tokio::test]
async fn no_window_is_longer_than_a_day() {
    let yard = Yard::new().await;
    let longer = |by: &str| {
        format!(
            "INSERT INTO drydock.revision (window_id, number, title, form, start_at, latest_start_at, cut_off_at, end_at, decide_by_at, policy_id, policy_version, created_by)
             SELECT r.window_id, 3, r.title, r.form, r.start_at, r.latest_start_at, r.cut_off_at, r.start_at + interval '24 hours' + interval '{by}', r.decide_by_at,
                    r.policy_id, r.policy_version, r.created_by FROM drydock.revision r WHERE r.window_id = {} AND r.number = 2",
            yard.window
        )
    };
    yard.allows(Owner, &longer("0 s")).await;
    yard.refuses(&[(Owner, longer("1 s"), "revision_length"), (Replica, longer("1 s"), "revision_length")]).await;
}
