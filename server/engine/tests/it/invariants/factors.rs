//! Second factors: each code once, nobody signed in without one who has it, and no vote that says more than was shown.

use super::yard::By::{Owner, Replica, Web, Worker};
use super::yard::{DENIED, Yard};

#[tokio::test]
async fn a_second_factor_steps_forward_and_sessions_and_votes_say_no_more_than_was_shown() {
    let yard = Yard::new().await;
    let auditor = yard.house.auditor.actor.person;
    let factor = |confirmed: &str| {
        format!(
            "INSERT INTO drydock.factor (person_id, key_id, sealed, confirmed_at, last_step) VALUES ('{auditor}', '\\x0102030405060708', '\\x01'::bytea || decode(repeat('ab', 60), 'hex'), {confirmed})"
        )
    };
    let lead = yard.house.lead.actor.person;
    let handed = format!("UPDATE drydock.session SET person_id = '{lead}'; UPDATE drydock.session SET person_id = '{auditor}'");
    let whole = format!(
        "INSERT INTO drydock.session (key, data, expires_at, absolute_end_at, person_id) VALUES (sha256('w'), '{{}}', now() + interval '1 hour', now() + interval '1 hour', '{auditor}')"
    );
    let session = "INSERT INTO drydock.session (key, data, expires_at, absolute_end_at) VALUES (sha256('k'), '{}', now() + interval '1 hour', now() + interval '1 hour')";
    let account = format!("INSERT INTO drydock.account (person_id, password_hash) VALUES ('{auditor}', '$argon2id$x')");
    yard.set(&format!("{account}; {session}")).await;
    yard.allows(Web, &factor("NULL, NULL")).await;
    let set = factor("now(), 7");
    let vote = format!(
        "INSERT INTO drydock.vote (id, window_id, digest, person_id, decision, assurance) VALUES (gen_random_uuid(), {}, {}, '{auditor}', 'approve', 'account_factor')",
        yard.window, yard.plan
    );
    let code = "INSERT INTO drydock.recovery_code (person_id, mac) SELECT person_id, sha256('c') FROM drydock.factor";
    let used = "UPDATE drydock.recovery_code SET used_at = now()";
    let begins = format!("UPDATE drydock.session SET person_id = '{auditor}'");
    yard.allows(Web, &format!("{set}; {code}; {used}; {vote}; UPDATE drydock.factor SET last_step = 8; {begins}, factor = true")).await;
    yard.allows(Web, &format!("{}; {begins}", factor("NULL, NULL"))).await;
    yard.allows(
        Owner,
        &format!(
            "{set}; {}",
            whole.replace("person_id)", "person_id, factor)").replace(&format!("'{auditor}')"), &format!("'{auditor}', true)"))
        ),
    )
    .await;
    yard.refuses(&[
        (Web, format!("{set}; UPDATE drydock.factor SET last_step = 7"), "factor_steps_forward"),
        (Owner, format!("{set}; UPDATE drydock.factor SET last_step = 6"), "factor_steps_forward"),
        (
            Owner,
            format!("{set}; UPDATE drydock.factor SET sealed = sealed || ''::bytea, key_id = '\\x0000000000000000', last_step = 8"),
            "factor_steps_forward",
        ),
        (Owner, format!("{set}; UPDATE drydock.factor SET confirmed_at = NULL, last_step = NULL"), "factor_steps_forward"),
        (Web, format!("{set}; UPDATE drydock.factor SET sealed = '\\x01'"), DENIED),
        (Owner, factor("now(), NULL"), "factor_confirmed_by_code"),
        (
            Owner,
            factor("NULL, NULL").replace("'\\x01'::bytea || decode(repeat('ab', 60), 'hex')", "'JBSWY3DPEHPK3PXP'"),
            "factor_sealed_check",
        ),
        (Web, format!("{set}; {code}; {used}; {used}"), "recovery_code_once"),
        (Owner, format!("{set}; {code}; {used}; UPDATE drydock.recovery_code SET used_at = NULL"), "recovery_code_once"),
        (Web, vote.clone(), "vote_with_factor"),
        (Replica, vote.clone(), "vote_with_factor"),
        (Web, format!("{}; {vote}", factor("NULL, NULL")), "vote_with_factor"),
        (Web, format!("{set}; {begins}"), "session_with_factor"),
        (Replica, format!("{set}; {begins}"), "session_with_factor"),
        (Web, format!("{set}; {handed}"), "session_with_factor"),
        (Owner, format!("{set}; {whole}"), "session_with_factor"),
        (Replica, format!("{set}; {whole}"), "session_with_factor"),
        (Web, "UPDATE drydock.session SET factor = true".into(), "session_factor_is_somebodys"),
        (Web, format!("{begins}, half_person_id = '{auditor}', half_epoch = 0, half_until = now()"), "session_half_is_nobodys"),
        (Web, format!("UPDATE drydock.session SET half_person_id = '{auditor}'"), "session_half"),
        (Worker, "SELECT sealed FROM drydock.factor".into(), DENIED),
        (Worker, "SELECT mac FROM drydock.recovery_code".into(), DENIED),
    ])
    .await;
    yard.allows(Worker, "SELECT person_id, confirmed_at FROM drydock.factor").await;
}
