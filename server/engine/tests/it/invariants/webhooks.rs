//! What receivers are owed stays owed, and what they were sent stays in the log.

use super::yard::By::{Auditor, Owner, Replica, Web, Worker};
use super::yard::{DENIED, FIXED, Yard};

#[tokio::test]
async fn what_is_owed_to_a_receiver_is_never_moved_or_removed() {
    let yard = Yard::new().await;
    let person = yard.house.lead.actor.person;
    let receiver = format!(
        "INSERT INTO drydock.webhook (id, name, origin, url, format, created_by) VALUES (gen_random_uuid(), 'a', 'https://x.example', '\\x01', 'slack', '{person}'),
                                                                                      (gen_random_uuid(), 'b', 'https://x.example', '\\x01', 'slack', '{person}')"
    );
    let event = format!(
        "INSERT INTO drydock.webhook_event (id, event, window_id, happening, fact_id, fact_at) VALUES (gen_random_uuid(), 'approved', {}, '{{}}', {})",
        yard.window, yard.fact
    );
    let owed = "INSERT INTO drydock.webhook_delivery (id, webhook_id, event_id) SELECT gen_random_uuid(), h.id, e.id FROM drydock.webhook h, drydock.webhook_event e WHERE h.name = 'a'";
    let tried = "INSERT INTO drydock.webhook_try (delivery_id, number, taken, took_ms, detail, excerpt) SELECT d.id, 1, false, 1, 'x', '' FROM drydock.webhook_delivery d";
    let all = format!("{receiver}; {event}; {owed}");
    yard.allows(Web, &format!("{all}; UPDATE drydock.webhook_delivery SET state = 'waiting', attempts = 0")).await;
    yard.allows(Owner, &format!("{all}; {tried}; UPDATE drydock.webhook SET state = 'deleted', url = ''")).await;
    let mut tries = vec![
        (Worker, receiver.clone(), DENIED),
        (Auditor, receiver.clone(), DENIED),
        (Web, format!("{all}; {tried}"), DENIED),
        (Web, format!("{all}; UPDATE drydock.webhook_delivery SET webhook_id = event_id"), DENIED),
        (Web, format!("{all}; DELETE FROM drydock.webhook_delivery"), DENIED),
        (Owner, format!("{all}; {owed}"), "webhook_delivery_once"),
        (Owner, format!("{all}; UPDATE drydock.webhook_delivery SET state = 'taken'"), "webhook_delivery_taken"),
        (Owner, format!("{receiver}; UPDATE drydock.webhook SET state = 'deleted'"), "webhook_address_destroyed"),
        (Owner, format!("{receiver}; UPDATE drydock.webhook SET state = 'paused'"), "webhook_paused_why"),
        (Owner, "TRUNCATE drydock.webhook_try".into(), FIXED),
        (Owner, "TRUNCATE drydock.webhook_event CASCADE".into(), FIXED),
    ];
    let moved = "UPDATE drydock.webhook_delivery SET webhook_id = (SELECT h.id FROM drydock.webhook h WHERE h.name = 'b')";
    for by in [Owner, Replica] {
        tries.extend([
            (by, format!("{all}; {moved}"), "webhook_delivery_fixed"),
            (by, format!("{all}; DELETE FROM drydock.webhook_delivery"), "webhook_delivery_fixed"),
            (by, format!("{all}; {tried}; UPDATE drydock.webhook_try SET taken = true"), FIXED),
            (by, format!("{all}; {tried}; DELETE FROM drydock.webhook_try"), FIXED),
            (by, format!("{event}; UPDATE drydock.webhook_event SET happening = '[]'"), FIXED),
        ]);
    }
    yard.refuses(&tries).await;
}
