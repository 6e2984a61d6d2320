//! Calendar files become freezes once: looked at before, by whoever chose them, and never twice.

use crate::house::{House, code, person};
use domain::freeze::import::Verdict;
use domain::people::GlobalRole;
use engine::actions::import_freezes::import_freezes;
use engine::actions::lift_freeze::lift_freeze;
use engine::actions::preview_freeze_import::{Input, preview_freeze_import};
use engine::queries;
use jiff::SignedDuration;

/// A file with whole days, so many days from now, by identity.
fn file(house: &House, days: &[(&str, i64)]) -> String {
    let day = |n: i64| (house.engine.clock().now() + SignedDuration::from_hours(24 * n)).strftime("%Y%m%d").to_string();
    let event = |(uid, n): &(&str, i64)| {
        format!("BEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:Holiday {uid}\r\nDTSTART;VALUE=DATE:{}\r\nEND:VEVENT\r\n", day(*n))
    };
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{}END:VCALENDAR\r\n", days.iter().map(event).collect::<String>())
}

fn input(covers: &str, ics: String) -> Input {
    Input { covers: covers.into(), database: "prod-orders".into(), zone: "Europe/Berlin".into(), file: String::new(), ics }
}

#[tokio::test]
async fn a_file_is_looked_at_first_and_the_same_file_twice_adds_nothing() {
    let house = House::new().await;
    let (engine, admin) = (&house.engine, person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await);
    let day = file(&house, &[("a@x", 3), ("b@x", 10), ("c@x", -9)]);
    house.proposed(3).await;
    assert_eq!(code(preview_freeze_import(engine, &house.engineer, &input("everything", day.clone())).await), "not_permitted");
    assert_eq!(code(preview_freeze_import(engine, &house.lead, &input("everything", day.clone())).await), "not_permitted");
    assert_eq!(code(preview_freeze_import(engine, &admin, &input("", "none".into())).await), "covers,ics");
    let look = preview_freeze_import(engine, &admin, &input("everything", day.clone())).await.expect("kept");
    assert_eq!(house.count("SELECT count(*) FROM drydock.freeze").await, 0, "looking freezes nothing");
    let page = queries::freezes::import(engine, &admin.actor, look).await.expect("its own page");
    assert_eq!(page.rows.iter().map(|row| row.verdict.clone()).collect::<Vec<_>>(), [Verdict::New, Verdict::New, Verdict::Over]);
    for other in [&house.lead, &house.auditor] {
        assert_eq!(code(queries::freezes::import(engine, &other.actor, look).await), "not_found");
        assert_eq!(code(import_freezes(engine, other, look).await), "not_found");
    }
    assert_eq!(import_freezes(engine, &admin, look).await.expect("imported"), 2);
    assert_eq!(code(import_freezes(engine, &admin, look).await), "not_found", "a file is imported once");
    assert_eq!(house.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'frozen'").await, 1, "the owner of the met window is told");

    // Again, with one moved, one lifted, and one more.
    let id = sqlx::query_scalar("SELECT id FROM drydock.freeze WHERE source_uid = 'b@x'").fetch_one(&house.admin).await.expect("a freeze");
    lift_freeze(engine, &admin, domain::ids::FreezeId(id), "no holiday here").await.expect("lifted");
    let again = file(&house, &[("a@x", 4), ("b@x", 10), ("d@x", 20), ("d@x", 21)]);
    let look = preview_freeze_import(engine, &admin, &input("everything", again)).await.expect("kept");
    let page = queries::freezes::import(engine, &admin.actor, look).await.expect("its own page");
    let verdicts: Vec<_> = page.rows.iter().map(|row| row.verdict.clone()).collect();
    assert!(matches!(&verdicts[1], Verdict::Lifted(before) if before.id == domain::ids::FreezeId(id)), "{:?}", verdicts[1]);
    let moved: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM drydock.freeze WHERE source_uid = 'a@x'").fetch_one(&house.admin).await.expect("one");
    assert!(matches!(&verdicts[0], Verdict::Moved(before) if before.id.0 == moved), "{:?}", verdicts[0]);
    assert_eq!(verdicts[2], Verdict::New);
    assert!(matches!(verdicts[3], Verdict::Refused(_)));
    assert_eq!(import_freezes(engine, &admin, look).await.expect("imported"), 1);
    let look = preview_freeze_import(engine, &admin, &input("everything", day.clone())).await.expect("kept");
    assert_eq!(code(import_freezes(engine, &admin, look).await), "nothing_new");
    // For another scope the same days are other freezes; a later file takes the place of the earlier one.
    let look = preview_freeze_import(engine, &house.lead, &input("database", day.clone())).await.expect("kept");
    let newer = preview_freeze_import(engine, &house.lead, &input("database", day)).await.expect("kept");
    assert_eq!(code(import_freezes(engine, &house.lead, look).await), "not_found");
    assert_eq!(import_freezes(engine, &house.lead, newer).await.expect("imported"), 2);
    assert_eq!(house.count("SELECT count(*) FROM drydock.freeze_import").await, 1, "only what was refused is still looked at");
    let facts = house.count("SELECT count(*) FROM drydock.fact WHERE action = 'freeze.create'").await;
    assert_eq!(facts, house.count("SELECT count(*) FROM drydock.freeze").await);
}

#[tokio::test]
async fn a_file_is_written_at_once_and_each_freeze_tells_the_owners_that_it_meets() {
    let house = House::new().await;
    let (engine, admin) = (&house.engine, person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await);
    for sql in [
        "CREATE TABLE public.written (freezes bigint)",
        "CREATE FUNCTION public.count_written() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
         $$ BEGIN INSERT INTO public.written SELECT count(*) FROM made; RETURN NULL; END $$",
        "CREATE TRIGGER written AFTER INSERT ON drydock.freeze REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION public.count_written()",
    ] {
        sqlx::query(sql).execute(&house.admin).await.expect(sql);
    }
    house.proposed(3).await;
    let lena = engine::actions::propose_window::propose_window(engine, &house.lead, &house.form(5), None).await.expect("a good proposal");
    assert!(lena.number > 0);
    let days: Vec<(String, i64)> = (0..40).map(|n| (format!("{n}@x"), n + 1)).collect();
    let days: Vec<(&str, i64)> = days.iter().map(|(uid, day)| (uid.as_str(), *day)).collect();
    let look = preview_freeze_import(engine, &admin, &input("everything", file(&house, &days))).await.expect("kept");
    assert_eq!(import_freezes(engine, &admin, look).await.expect("imported"), 40);
    let statements: Vec<i64> = sqlx::query_scalar("SELECT freezes FROM public.written").fetch_all(&house.admin).await.expect("counted");
    assert_eq!(statements, [40], "nothing starts while they are written, so they are written in one statement");
    let told: Vec<(String, String)> = sqlx::query_as(
        "SELECT f.source_uid, p.name FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id JOIN drydock.freeze f ON f.id::text = o.payload ->> 'freeze'
         WHERE o.kind = 'frozen' ORDER BY f.start_at",
    )
    .fetch_all(&house.admin)
    .await
    .expect("messages");
    let of = |uid: &str, name: &str| (uid.to_owned(), name.to_owned());
    assert_eq!(told, [of("2@x", "Egon"), of("4@x", "Lena")], "each of its own freeze");
    let facts = "SELECT count(*) FROM drydock.fact a JOIN drydock.freeze f ON f.id::text = a.object_id
                 WHERE a.action = 'freeze.create' AND convert_from(a.bytes, 'UTF8') LIKE '%\"' || f.source_uid || '\"%'";
    assert_eq!(house.count(facts).await, 40, "each fact tells of its own freeze");
}

#[tokio::test]
async fn two_imports_at_once_make_one_freeze() {
    let house = House::new().await;
    let engine = &house.engine;
    let (one, two) =
        (person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await, person(&house.admin, "Anton", None, &[GlobalRole::Admin]).await);
    let text = file(&house, &[("a@x", 3)]);
    let (first, second) = (
        preview_freeze_import(engine, &one, &input("everything", text.clone())).await.expect("kept"),
        preview_freeze_import(engine, &two, &input("everything", text)).await.expect("kept"),
    );
    let (first, second) = tokio::join!(import_freezes(engine, &one, first), import_freezes(engine, &two, second));
    let refused: Vec<String> = [first, second].into_iter().filter(Result::is_err).map(code).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(["moved_on", "nothing_new"].contains(&refused[0].as_str()), "{refused:?}");
    assert_eq!(house.count("SELECT count(*) FROM drydock.freeze").await, 1);
}
