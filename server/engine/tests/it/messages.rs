//! The page of messages: who finds what there, what was read, and what it says later.

use crate::house::{House, code};
use crate::voices::account;
use domain::notice::NoticeKind;
use domain::notice::topics::{Channel, Topic};
use domain::pause::PauseForm;
use domain::view::messages::{About, MessagesPage};
use domain::window::WindowState;
use engine::actions::Caller;
use engine::actions::edit_notices::{Input, edit_notices};
use engine::actions::end_window::cancel_window;
use engine::actions::pause_all::pause_all;
use engine::actions::read_messages::{self, follow_message, read_all, see_window};
use engine::queries;

async fn page(house: &House, who: &Caller) -> MessagesPage {
    queries::messages::list(&house.engine, who, false, None).await.expect("their own page")
}

/// All of these can sign in.
async fn staffed() -> House {
    let house = House::new().await;
    for who in [&house.lead, &house.deputy, &house.engineer, &house.stakeholder] {
        account(&house, who.actor.person).await;
    }
    house
}

/// Only these topics by mail, and only those on the page.
async fn only(house: &House, who: &Caller, mail: &[Topic], page: &[Topic]) {
    let words = |topics: &[Topic]| topics.iter().map(|topic| topic.word().to_owned()).collect();
    edit_notices(&house.engine, who, &Input { mail: words(mail), page: words(page) }).await.expect("kept");
}

async fn mails(house: &House, who: &Caller) -> Vec<String> {
    sqlx::query_scalar("SELECT kind FROM drydock.outbox WHERE person_id = $1 ORDER BY created_at, kind")
        .bind(who.actor.person.0)
        .fetch_all(&house.admin)
        .await
        .expect("rows")
}

#[tokio::test]
async fn each_way_carries_what_was_left_on_for_it_and_links_go_by_mail_alone() {
    let house = staffed().await;
    only(&house, &house.deputy, &[], Topic::ALL).await;
    only(&house, &house.lead, Topic::ALL, &[]).await;
    let number = house.proposed(5).await.number;
    assert!(mails(&house, &house.deputy).await.is_empty());
    let shown = page(&house, &house.deputy).await;
    assert_eq!(shown.rows.iter().map(|row| (row.kind, row.unread)).collect::<Vec<_>>(), [(NoticeKind::ApprovalNeeded, true)]);
    assert_eq!(shown.rows[0].about, About::Window { number, state: Some(WindowState::Proposed) });
    assert!(!shown.rows[0].title.is_empty());
    assert_eq!(mails(&house, &house.lead).await, ["approval_needed"]);
    assert!(page(&house, &house.lead).await.rows.is_empty());
    let links = "SELECT count(*) FROM drydock.link l JOIN drydock.person p ON p.id = l.person_id WHERE p.name = 'Dario'";
    assert_eq!(house.count(links).await, 0, "who gets no mail gets no link");
    let off = queries::people::notices_off(&house.engine, &house.deputy.actor).await.expect("read");
    assert!(off.iter().all(|(channel, _)| *channel == Channel::Mail) && off.len() == Topic::ALL.len());
}

#[tokio::test]
async fn whoever_cannot_sign_in_has_no_page() {
    let house = House::new().await;
    account(&house, house.lead.actor.person).await;
    house.proposed(5).await;
    assert_eq!(page(&house, &house.lead).await.rows.len(), 1);
    assert_eq!(mails(&house, &house.stakeholder).await, ["approval_needed"]);
    assert_eq!(
        house.count("SELECT count(*) FROM drydock.message m JOIN drydock.person p ON p.id = m.person_id WHERE p.name = 'Sten'").await,
        0
    );
}

#[tokio::test]
async fn what_somebody_looks_at_is_read_and_nothing_of_anybody_else() {
    let house = staffed().await;
    let (first, second) = (house.proposed(5).await.number, house.proposed(9).await.number);
    let unread = async |who: &Caller| queries::messages::unread(&house.engine, who.actor.person, None).await.expect("counted");
    assert_eq!((unread(&house.lead).await, unread(&house.deputy).await), (2, 2));

    assert_eq!(queries::messages::unread(&house.engine, house.lead.actor.person, Some(first)).await.expect("counted"), 1);
    see_window(&house.engine, &house.lead, first).await.expect("looked at");
    assert_eq!((unread(&house.lead).await, unread(&house.deputy).await), (1, 2));
    let shown = page(&house, &house.lead).await;
    assert_eq!(shown.rows.iter().map(|row| row.unread).collect::<Vec<_>>(), [true, false], "newest first");
    let narrowed = queries::messages::list(&house.engine, &house.lead, true, None).await.expect("a page");
    assert_eq!(narrowed.rows.len(), 1);

    let message = shown.rows[0].id;
    assert_eq!(code(follow_message(&house.engine, &house.deputy, message).await), "not_found", "it is another's");
    assert_eq!(follow_message(&house.engine, &house.lead, message).await.expect("his own"), format!("/windows/{second}"));
    assert_eq!((unread(&house.lead).await, unread(&house.deputy).await), (0, 2));

    let older = page(&house, &house.deputy).await.rows[1].id;
    read_all(&house.engine, &house.deputy, &read_messages::Input { up_to: older.to_string() }).await.expect("read");
    assert_eq!(unread(&house.deputy).await, 1, "what came after the page was made stays unread");
    assert_eq!(code(read_all(&house.engine, &house.deputy, &read_messages::Input { up_to: "all".into() }).await), "not_found");
}

#[tokio::test]
async fn a_message_says_what_it_said_and_how_things_stand_now_to_whoever_may_see_that() {
    let house = staffed().await;
    let number = house.proposed(5).await.number;
    cancel_window(&house.engine, &house.engineer, number, "not this week").await.expect("called off");
    let newest = |page: MessagesPage| page.rows.into_iter().next().expect("a message");
    let told = newest(page(&house, &house.deputy).await);
    assert_eq!((told.kind, &told.about), (NoticeKind::Cancelled, &About::Window { number, state: Some(WindowState::Withdrawn) }));
    sqlx::query("DELETE FROM drydock.membership WHERE person_id = $1")
        .bind(house.deputy.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("he left the team");
    let later = newest(page(&house, &house.deputy).await);
    assert_eq!(
        (later.title, later.about),
        (told.title, About::Window { number, state: None }),
        "what he was told stays, and no more is shown"
    );
}

#[tokio::test]
async fn what_concerns_no_window_leads_to_its_own_page() {
    let house = staffed().await;
    pause_all(&house.engine, &house.lead, &PauseForm { level: "start_nothing".into(), reason: "storage is being moved".into() })
        .await
        .expect("paused");
    let shown = page(&house, &house.deputy).await;
    assert_eq!((shown.rows[0].kind, &shown.rows[0].about), (NoticeKind::Paused, &About::Pause));
    assert_eq!(follow_message(&house.engine, &house.deputy, shown.rows[0].id).await.expect("his own"), "/pause");
}
