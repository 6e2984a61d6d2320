//! The outbox page's query and button, and the mailbox of a demo.

use crate::house::{House, person};
use domain::people::GlobalRole;
use domain::view::mail::Shown;
use engine::Error;
use engine::actions::resend_notice::{resend_notice, resend_parked};
use engine::actions::send_test_mail::send_test_mail;
use engine::queries::{mailbox, outbox};
use engine::store::outbox::claim;

async fn park(house: &House) {
    sqlx::query("UPDATE drydock.outbox SET state = 'parked', last_error = 'The mail server refused the message: “550 no”', attempts = 3")
        .execute(&house.admin)
        .await
        .expect("parked");
}

#[tokio::test]
async fn parked_messages_are_shown_with_their_reason_and_sent_again_by_administrators_only() {
    let house = House::new().await;
    let admin = person(&house.admin, "Adam", None, &[GlobalRole::Admin]).await;
    house.proposed(3).await;
    park(&house).await;
    let page = outbox::list(&house.engine, &admin, Shown::Open, None).await.expect("an administrator");
    assert_eq!((page.rows.len(), page.waiting, page.parked), (3, 0, 3));
    assert!(
        page.rows
            .iter()
            .all(|row| row.last_error.as_deref() == Some("The mail server refused the message: “550 no”") && row.window.is_some())
    );
    for other in [&house.lead, &house.auditor, &house.foreigner] {
        assert!(matches!(outbox::list(&house.engine, other, Shown::Open, None).await, Err(Error::Refused(_))));
        assert!(matches!(resend_parked(&house.engine, other).await, Err(Error::Refused(_))));
        assert!(matches!(resend_notice(&house.engine, other, page.rows[0].id).await, Err(Error::Refused(_))));
    }
    resend_notice(&house.engine, &admin, page.rows[0].id).await.expect("one of them");
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE state = 'waiting' AND attempts = 0 AND next_at <= now()").await, 1);
    assert_eq!(resend_parked(&house.engine, &admin).await.expect("the others"), 2);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'notice.resend'").await, 2);
    sqlx::query("UPDATE drydock.outbox SET state = 'sent', sent_at = now(), link_secret = NULL")
        .execute(&house.admin)
        .await
        .expect("delivered");
    let refused = resend_notice(&house.engine, &admin, page.rows[0].id).await;
    assert!(matches!(refused, Err(Error::Refused(refusal)) if refusal.message.contains("delivered meanwhile")));
    assert_eq!(outbox::list(&house.engine, &admin, Shown::Sent, None).await.expect("listed").rows.len(), 3);
}

#[tokio::test]
async fn what_is_sent_anew_leaves_in_the_order_in_which_it_was_owed() {
    let house = House::new().await;
    let admin = person(&house.admin, "Adam", None, &[GlobalRole::Admin]).await;
    for days in [3, 4, 5] {
        house.proposed(days).await;
    }
    park(&house).await;
    // The newest lies first in the table.
    let owed: Vec<(uuid::Uuid, i64)> = sqlx::query_as("SELECT id, fact_id FROM drydock.outbox ORDER BY fact_id DESC, id DESC")
        .fetch_all(&house.admin)
        .await
        .expect("messages");
    for (id, _) in &owed {
        sqlx::query("UPDATE drydock.outbox SET attempts = 4 WHERE id = $1").bind(id).execute(&house.admin).await.expect("tried once more");
    }
    assert_eq!(resend_parked(&house.engine, &admin).await.expect("an administrator"), 9);
    let mut db = house.admin.acquire().await.expect("connects");
    let mut left = Vec::new();
    while let Some(claimed) = claim(&mut db, "worker", 60.0).await.expect("claimed") {
        left.push((claimed.id.0, claimed.fact_id));
    }
    assert_eq!(left, owed.into_iter().rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_test_mail_goes_to_the_administrator_who_asks_one_at_a_time() {
    let house = House::new().await;
    let admin = person(&house.admin, "Adam", None, &[GlobalRole::Admin]).await;
    for other in [&house.lead, &house.auditor, &house.foreigner] {
        assert!(matches!(send_test_mail(&house.engine, other).await, Err(Error::Refused(_))));
    }
    let address = send_test_mail(&house.engine, &admin).await.expect("sent");
    let page = outbox::list(&house.engine, &admin, Shown::Open, None).await.expect("an administrator");
    assert_eq!((page.rows.len(), page.rows[0].email.as_str(), page.rows[0].window), (1, address.as_str(), None));
    let twice = send_test_mail(&house.engine, &admin).await;
    assert!(matches!(twice, Err(Error::Refused(refusal)) if refusal.message.contains("has not left yet")));
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'notice.test'").await, 1);
    sqlx::query("UPDATE drydock.outbox SET state = 'sent', sent_at = now()").execute(&house.admin).await.expect("delivered");
    send_test_mail(&house.engine, &admin).await.expect("the next one");
}

#[tokio::test]
async fn only_a_demo_has_a_mailbox() {
    let house = House::new().await;
    assert!(matches!(mailbox::list(&house.engine, &house.lead, "", None).await, Err(Error::NotFound)));
    sqlx::query("INSERT INTO drydock.installation (id, demo, public_url) VALUES (gen_random_uuid(), true, 'http://127.0.0.1:8080')")
        .execute(&house.admin)
        .await
        .expect("a demo");
    for (to, subject) in [("sten@example.org", "one"), ("lena@example.org", "two"), ("sten@example.org", "three")] {
        sqlx::query("INSERT INTO drydock.mailbox (outbox_id, recipient, subject, text_body, html_body, raw) VALUES (gen_random_uuid(), $1, $2, 'text', '<p>text</p>', '')")
            .bind(to)
            .bind(subject)
            .execute(&house.admin)
            .await
            .expect("a mail");
    }
    let page = mailbox::list(&house.engine, &house.lead, "Sten@example.org ", None).await.expect("a demo");
    assert_eq!(page.rows.iter().map(|row| row.subject.as_str()).collect::<Vec<_>>(), ["three", "one"]);
    assert_eq!(page.people, [("lena@example.org".to_owned(), 1), ("sten@example.org".to_owned(), 2)]);
    assert_eq!(mailbox::newest(&house.engine, &house.lead, "").await.expect("a demo").len(), 3);
    assert!(matches!(mailbox::show(&house.engine, &house.lead, 999).await, Err(Error::NotFound)));
}
