//! Accounts that are kept out, as the database keeps them: on record by whoever works on the run, let in once, and never by two runs at once.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

#[tokio::test]
async fn an_account_is_on_record_before_it_is_shut_and_let_in_once() {
    let yard = Yard::new().await;
    let keeps = |number: u32, oid: u32| {
        format!(
            "INSERT INTO drydock.kept_out (run_id, number, account_oid, account, server, could_sign_in) VALUES ({}, {number}, {oid}, 'shop_app', '7', true); ",
            yard.run
        )
    };
    let lets_in = "UPDATE drydock.kept_out SET let_in_at = clock_timestamp(), said = 'let in'; ".to_owned();
    yard.refuses(&[
        (Worker, keeps(1, 5), "kept_out_asked"),
        (Owner, keeps(1, 5), "kept_out_asked"),
        (Replica, keeps(1, 5), "kept_out_asked"),
    ])
    .await;
    yard.set(&yard.run_to("leased", ", owner = 'w', lease_until = now() + interval '1 minute', epoch = 1")).await;
    yard.allows(Worker, &(keeps(1, 5) + &lets_in + &keeps(2, 5))).await;
    yard.refuses(&[
        (Web, keeps(1, 5), DENIED),
        (Auditor, keeps(1, 5), DENIED),
        (Worker, keeps(1, 5) + &keeps(2, 5), "kept_out_once"),
        (Owner, keeps(1, 5) + &keeps(2, 5), "kept_out_once"),
        (Owner, keeps(0, 5), "kept_out_number_check"),
        (Owner, keeps(1, 0), "kept_out_account_oid_check"),
        (Owner, keeps(1, 5) + "UPDATE drydock.kept_out SET let_in_at = now()", "kept_out_over"),
        (Owner, keeps(1, 5) + &lets_in + &lets_in, "kept_out_fixed"),
        (Replica, keeps(1, 5) + &lets_in + &lets_in, "kept_out_fixed"),
    ])
    .await;
    yard.set(&keeps(1, 5)).await;
    yard.refuses(&[
        (Web, lets_in.clone(), DENIED),
        (Worker, "UPDATE drydock.kept_out SET could_sign_in = false".into(), DENIED),
        (Owner, "UPDATE drydock.kept_out SET could_sign_in = false".into(), "kept_out_fixed"),
        (Owner, "UPDATE drydock.kept_out SET account_oid = 6".into(), "kept_out_fixed"),
        (Owner, "UPDATE drydock.kept_out SET server = '8'".into(), "kept_out_fixed"),
        (Worker, "DELETE FROM drydock.kept_out".into(), DENIED),
        (Owner, "DELETE FROM drydock.kept_out".into(), FIXED),
        (Owner, "TRUNCATE drydock.kept_out".into(), FIXED),
    ])
    .await;
    // Whoever comes later lets it in, also when nobody works on the run.
    let held = yard.run_to("held", ", owner = NULL, lease_until = NULL, hold_reason = 'so', hold_verbs = '{continue}'");
    yard.set(&held.replace(&yard.fresh[0], &yard.fresh[1])).await;
    yard.refuses(&[(Worker, keeps(2, 6), "kept_out_asked")]).await;
    yard.allows(Worker, &lets_in).await;
}
