//! What people write about a window: who may, who is told and who is not, and what taking it back leaves.

use crate::house::{House, code, person};
use crate::notifier::{all, with_server};
use crate::voices::account;
use domain::conversation::{MOST_COMMENTS, commitment};
use domain::ids::{CommentId, PersonId};
use domain::notice::topics::Topic;
use domain::people::{GlobalRole, TeamRole};
use domain::view::windows::conversation::{ACTIONS, Conversation, LEFT_OUT, PAGE_ENTRIES, Said};
use engine::Error;
use engine::actions::edit_notices::{Input as Notices, edit_notices};
use engine::actions::retract_comment::retract_comment;
use engine::actions::watch::{self, Thing, watch};
use engine::actions::write_comment::{Input, write_comment};
use engine::actions::{Caller, withdraw_vote};
use engine::queries::conversations;
use engine::store::outbox::DeliveryResult;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

async fn write(house: &House, who: &Caller, number: i64, text: &str) -> engine::Result<usize> {
    write_comment(&house.engine, who, number, &Input { text: text.to_owned() }).await
}

/// Who is owed a message about a comment, by name.
async fn told(house: &House) -> BTreeMap<String, String> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT p.name, o.kind FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind IN ('commented', 'mentioned')",
    )
    .fetch_all(&house.admin)
    .await
    .expect("rows");
    let told: BTreeMap<_, _> = rows.iter().cloned().collect();
    assert_eq!(told.len(), rows.len(), "once each: {rows:?}");
    told
}

async fn forget(house: &House) {
    sqlx::query("UPDATE drydock.outbox SET state = 'superseded', link_secret = NULL").execute(&house.admin).await.expect("put away");
    sqlx::query("DELETE FROM drydock.outbox").execute(&house.admin).await.expect("gone");
}

async fn newest(house: &House) -> CommentId {
    let id: uuid::Uuid = sqlx::query_scalar("SELECT id FROM drydock.comment ORDER BY fact_id DESC LIMIT 1")
        .fetch_one(&house.admin)
        .await
        .expect("a comment");
    CommentId(id)
}

fn pairs(expected: &[(&str, &str)]) -> BTreeMap<String, String> {
    expected.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
}

async fn page(house: &House, who: &Caller, number: i64, before: Option<i64>) -> Conversation {
    conversations::show(&house.engine, &who.actor, number, before).await.expect("readable")
}

#[tokio::test]
async fn who_sees_the_window_may_write_and_the_others_find_nothing() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    let admin = person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await;
    for who in [&house.lead, &house.deputy, &house.engineer, &house.stakeholder, &admin] {
        write(&house, who, window, "why so late?").await.expect("written");
    }
    assert_eq!(code(write(&house, &house.auditor, window, "hm").await), "not_permitted", "auditors change nothing");
    for who in [&house.foreigner, &person(&house.admin, "Rolf", None, &[]).await] {
        assert!(matches!(write(&house, who, window, "hm").await, Err(Error::Hidden)));
        assert!(matches!(conversations::show(&house.engine, &who.actor, window, None).await, Err(Error::Hidden)));
    }
    assert!(matches!(write(&house, &house.lead, 999, "hm").await, Err(Error::NotFound)));
    for (typed, says) in [("  \n", "Type something here."), (&"x".repeat(4_001), "Shorten it by 1.")] {
        let Err(Error::Invalid(errors)) = write(&house, &house.lead, window, typed).await else { panic!("taken") };
        assert!(errors[0].field == "text" && errors[0].message.contains(says), "{errors:?}");
    }
    assert_eq!(house.count("SELECT count(*) FROM drydock.comment").await, 5);
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action = 'comment.write' AND result = 'done'").await, 5);
}

#[tokio::test]
async fn owner_and_watchers_hear_of_it_and_whoever_is_named_hears_that() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    account(&house, house.foreigner.actor.person).await;
    watch(&house.engine, &house.auditor, Thing::Window(window), &watch::Input::default()).await.expect("watches");
    let mailbox = watch::Input { email: "dba@example.org".into(), name: "Database people".into() };
    watch(&house.engine, &house.engineer, Thing::Target(house.target), &mailbox).await.expect("a contact watches");
    let other = watch::Input { email: "fritz@example.org".into(), ..watch::Input::default() };
    watch(&house.engine, &house.engineer, Thing::Window(window), &other).await.expect("of another team");
    forget(&house).await;

    let told_now = write(&house, &house.stakeholder, window, "Not on payday. @Lena, @dario@example.org and @fritz: @egon knows.").await;
    assert_eq!(told_now.expect("written"), 5);
    let expected = [
        ("Lena", "mentioned"),
        ("Dario", "mentioned"),
        // He owns it and is named: one message.
        ("Egon", "mentioned"),
        ("Audra", "commented"),
        ("Database people", "commented"),
    ];
    assert_eq!(told(&house).await, pairs(&expected), "Sten wrote it; Fritz is named, watches it, and may not see it");
    assert_eq!(house.count("SELECT count(*) FROM drydock.mention").await, 3);
    let named = "SELECT count(*) FROM drydock.mention m JOIN drydock.person p ON p.id = m.person_id WHERE p.name = 'Fritz'";
    assert_eq!(house.count(named).await, 0);

    forget(&house).await;
    write(&house, &house.engineer, window, "Moved it. @Egon @Sten").await.expect("written");
    assert_eq!(told(&house).await, pairs(&[("Sten", "mentioned"), ("Audra", "commented"), ("Database people", "commented")]));
}

#[tokio::test]
async fn what_somebody_switched_off_stays_away() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    let only = |who: &Caller, off: &'static [Topic]| {
        let words = |off: &[Topic]| Topic::ALL.iter().filter(|topic| !off.contains(topic)).map(|topic| topic.word().to_owned()).collect();
        let input = Notices { mail: words(off), page: words(&[]) };
        let (engine, who) = (house.engine.clone(), who.clone());
        async move { edit_notices(&engine, &who, &input).await.expect("kept") }
    };
    for who in [&house.auditor, &house.deputy, &house.engineer, &house.lead] {
        account(&house, who.actor.person).await;
    }
    watch(&house.engine, &house.auditor, Thing::Window(window), &watch::Input::default()).await.expect("watches");
    watch(&house.engine, &house.deputy, Thing::Window(window), &watch::Input::default()).await.expect("watches");
    forget(&house).await;
    only(&house.auditor, &[Topic::Watching]).await;
    only(&house.deputy, &[Topic::Conversation]).await;
    only(&house.engineer, &[Topic::Mentioned]).await;
    only(&house.lead, &[Topic::Mentioned]).await;
    write(&house, &house.stakeholder, window, "@Egon @Lena @Dario?").await.expect("written");
    // Egon owns it: he does not want to hear that he is named, and does want to hear of comments.
    assert_eq!(told(&house).await, pairs(&[("Egon", "commented"), ("Dario", "mentioned")]));
    let on_page: Vec<(String, String)> =
        sqlx::query_as("SELECT p.name, m.kind FROM drydock.message m JOIN drydock.person p ON p.id = m.person_id WHERE m.kind IN ('commented', 'mentioned') ORDER BY 2, 1")
            .fetch_all(&house.admin)
            .await
            .expect("rows");
    let expected = [("Audra", "commented"), ("Dario", "mentioned"), ("Egon", "mentioned"), ("Lena", "mentioned")];
    assert_eq!(
        on_page.into_iter().collect::<BTreeMap<_, _>>(),
        pairs(&expected),
        "what they switched off was mail alone, and nothing comes twice by one way"
    );
}

#[tokio::test]
async fn two_of_one_name_are_asked_for_and_what_was_typed_is_not_written() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    let second = person(&house.admin, "Zwo", Some((house.team, TeamRole::Engineer, false)), &[]).await;
    sqlx::query("UPDATE drydock.person SET name = 'Lena Zwo' WHERE id = $1")
        .bind(second.actor.person.0)
        .execute(&house.admin)
        .await
        .expect("another name");
    let Err(Error::Invalid(errors)) = write(&house, &house.stakeholder, window, "thanks @lena").await else { panic!("guessed") };
    assert!(errors[0].message.contains("Write the whole address of the one you mean"), "{errors:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.comment").await, 0);
    write(&house, &house.stakeholder, window, "thanks @lena@example.org").await.expect("written");
}

#[tokio::test]
async fn only_the_author_takes_a_comment_back_and_the_fact_stays() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    let other = house.proposed(9).await.number;
    write(&house, &house.stakeholder, window, "the password is hunter2").await.expect("written");
    let id = newest(&house).await;
    let sealed: String = sqlx::query_scalar(
        "SELECT convert_from(bytes, 'UTF8')::jsonb #>> '{payload,text_sha256}' FROM drydock.fact WHERE action = 'comment.write'",
    )
    .fetch_one(&house.admin)
    .await
    .expect("a fact");
    assert_eq!(sealed, commitment(id, "the password is hunter2").hex());
    let leaked = "SELECT count(*) FROM drydock.fact WHERE position('hunter2'::bytea IN bytes) > 0";
    let salted = "SELECT count(*) FROM drydock.fact f, drydock.comment c WHERE position(convert_to(c.id::text, 'UTF8') IN f.bytes) > 0";
    assert_eq!(house.count(salted).await, 0, "nor what salts its digest");
    assert_eq!(house.count(leaked).await, 0, "the trail proves the text and does not hold it");

    assert_eq!(code(retract_comment(&house.engine, &house.lead, window, id).await), "not_author");
    assert_eq!(code(retract_comment(&house.engine, &house.auditor, window, id).await), "not_permitted");
    assert!(matches!(retract_comment(&house.engine, &house.foreigner, window, id).await, Err(Error::Hidden)));
    assert!(matches!(retract_comment(&house.engine, &house.stakeholder, other, id).await, Err(Error::NotFound)));
    retract_comment(&house.engine, &house.stakeholder, window, id).await.expect("his own");
    assert_eq!(code(retract_comment(&house.engine, &house.stakeholder, window, id).await), "moved_on");

    let said = page(&house, &house.lead, window, None).await;
    let Said::Comment(comment) = &said.entries.last().expect("entries").said else { panic!("{said:?}") };
    assert!(comment.text.is_none() && comment.retracted_at.is_some() && !comment.own);
    assert!(!format!("{said:?}").contains("hunter2"));
    assert_eq!(house.count("SELECT count(*) FROM drydock.fact WHERE action IN ('comment.write', 'comment.retract')").await, 2);
}

#[tokio::test]
async fn a_mail_quotes_what_still_stands_and_goes_to_who_may_still_read_it() {
    let house = House::new().await;
    let (sink, mut notifier) = with_server(&house).await;
    let window = house.proposed(5).await.number;
    forget(&house).await;
    write(&house, &house.stakeholder, window, "look at orders_archive first, @Dario").await.expect("written");
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted; 2]);
    let mails = sink.mails();
    assert!(mails.iter().all(|mail| mail.contains("look at orders_archive first, @Dario")), "{mails:?}");
    assert!(mails.iter().any(|mail| mail.contains("[You were mentioned] #")) && mails.iter().any(|mail| mail.contains("[Comment] #")));

    write(&house, &house.stakeholder, window, "never mind, @Dario").await.expect("written");
    retract_comment(&house.engine, &house.stakeholder, window, newest(&house).await).await.expect("taken back");
    write(&house, &house.stakeholder, window, "only for the team, @Dario").await.expect("written");
    let dario: PersonId = house.deputy.actor.person;
    sqlx::query("DELETE FROM drydock.membership WHERE person_id = $1").bind(dario.0).execute(&house.admin).await.expect("left");
    assert_eq!(all(&mut notifier).await, [DeliveryResult::Accepted], "Egon owns the window, and reads the one that stands");
    let why = "SELECT count(*) FROM drydock.outbox WHERE state = 'superseded' AND kind IN ('commented', 'mentioned')";
    assert_eq!(house.count(why).await, 3);
}

#[tokio::test]
async fn decisions_stand_in_line_and_long_conversations_have_pages() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    write(&house, &house.lead, window, "one").await.expect("written");
    let digest = house.digest(window).await.hex();
    let vote = engine::actions::cast_vote::Input {
        decision: "approve".into(),
        digest,
        short_name: "prod-orders".into(),
        comment: "go ahead".into(),
        ..engine::actions::cast_vote::Input::default()
    };
    engine::actions::cast_vote::cast_vote(&house.engine, &house.stakeholder, window, &vote).await.expect("a vote");
    withdraw_vote::withdraw_vote(&house.engine, &house.stakeholder, window).await.expect("taken back");
    let said = page(&house, &house.lead, window, None).await;
    let words: Vec<String> = said
        .entries
        .iter()
        .map(|entry| match &entry.said {
            Said::Comment(comment) => format!("{}: {}", entry.who, comment.text.clone().unwrap_or_default()),
            Said::Vote(decision, why) => format!("{}: {} {why}", entry.who, decision.label()),
            Said::Change(what, _) => format!("{}: {what}", entry.who),
        })
        .collect();
    assert_eq!(words, ["Egon: Asked for approval.", "Lena: one", "Sten: Approved go ahead", "Sten: Took the vote back."]);
    assert!(said.may_comment && said.older.is_none() && !page(&house, &house.auditor, window, None).await.may_comment);

    for n in 0..PAGE_ENTRIES {
        write(&house, &house.engineer, window, &format!("line {n}")).await.expect("written");
    }
    let newest = page(&house, &house.lead, window, None).await;
    assert_eq!(newest.entries.len(), PAGE_ENTRIES);
    let older = page(&house, &house.lead, window, newest.older).await;
    assert_eq!((older.entries.len(), older.older, older.past), (4, None, true));
    assert!(older.entries.last().expect("four").fact < newest.entries[0].fact);
}

#[tokio::test]
async fn a_window_takes_so_many_comments_and_no_more() {
    let house = House::new().await;
    let window = house.proposed(5).await.number;
    write(&house, &house.lead, window, "the first").await.expect("written");
    // Written as the first was; each needs a fact of its own.
    sqlx::query(
        "WITH f AS (INSERT INTO drydock.fact (system_identifier, actor_kind, action, object_kind, object_id, result, bytes, leaf)
                    SELECT 'test', 'system', 'thing.happen', 'thing', n::text, 'done', '\\x00', sha256('\\x0000'::bytea) FROM generate_series(2, $1) n RETURNING id, at)
         INSERT INTO drydock.comment (id, window_id, revision, person_id, text, fact_id, fact_at)
         SELECT gen_random_uuid(), c.window_id, 1, c.person_id, 'x', f.id, f.at FROM f, drydock.comment c",
    )
    .bind(MOST_COMMENTS)
    .execute(&house.admin)
    .await
    .expect("full");
    assert_eq!(code(write(&house, &house.lead, window, "one more").await), "too_many");
}

/// Whoever adds a fact about a window decides whether people read it there: none is forgotten.
#[test]
fn every_fact_about_a_window_is_shown_or_left_out_for_a_reason() {
    let is_action = |text: &str| {
        let part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        text.split_once('.').is_some_and(|(kind, what)| part(kind) && part(what))
    };
    let of_a_window = |text: &str| text.split_once('.').is_some_and(|(kind, _)| ["window", "vote", "run", "check"].contains(&kind));
    let named = |text: &str| {
        let words = || text.split('"').filter(|word| is_action(word)).map(str::to_owned);
        // What is of a window by its name, and what is said to be of one where it is put together.
        let facts = text.split("NewFact::").skip(1).filter_map(|rest| rest.split(';').next()).filter(|fact| fact.contains(".of_window("));
        let said = facts.filter_map(|fact| fact.split('"').nth(1)).filter(|word| is_action(word)).map(str::to_owned);
        words().filter(|word| of_a_window(word)).chain(said).collect::<Vec<_>>()
    };
    let mut places = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let (mut found, mut everything) = (BTreeSet::new(), Vec::new());
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(fs::read_dir(&place).expect("readable").flatten().map(|entry| entry.path()));
        } else if place.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&place).expect("readable");
            found.extend(named(&text));
            everything.push(text);
        }
    }
    assert!(found.len() > 40, "{found:?}");
    let known = |action: &String| ACTIONS.contains(&action.as_str()) || LEFT_OUT.iter().any(|(other, _)| other == action);
    let forgotten: Vec<&String> = found.iter().filter(|action| !known(action)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
    let everything = everything.concat();
    let gone: Vec<_> = LEFT_OUT.iter().filter(|(action, _)| !everything.contains(&format!("\"{action}\""))).collect();
    assert!(gone.is_empty(), "{gone:?}");
}
