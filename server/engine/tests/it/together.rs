//! Dates of a series approved together: whose votes count, for which windows, until when, and what asks by itself.

use crate::house::{House, code};
use crate::series::Yard;
use domain::absence::Form;
use domain::approval::Policy;
use domain::canonical::Digest;
use domain::ids::SeriesId;
use domain::notice::NoticeKind;
use domain::notice::table::{Part, cell};
use domain::permission::Actor;
use domain::proposal::ProposalForm;
use domain::series::digest::SeriesDigest;
use domain::series::form::SeriesForm;
use domain::view::series::{Approval, DigestCard, InPlace};
use domain::view::windows::Offer;
use domain::window::WindowState;
use engine::actions::Caller;
use engine::actions::amend_window::amend_window;
use engine::actions::approve_series::{self, approve_series};
use engine::actions::ask_series::{self, Together, ask_series};
use engine::actions::cast_vote::{self, cast_vote};
use engine::actions::create_freeze::create_freeze;
use engine::actions::edit_series::edit_series;
use engine::actions::end_series::{self, end_series};
use engine::actions::move_date::{self, move_date};
use engine::actions::say_absence::say_absence;
use engine::actions::skip_date::{self, skip_date};
use engine::actions::withdraw_series_vote::withdraw_series_vote;
use engine::actions::withdraw_vote::withdraw_vote;
use engine::queries;

impl Yard {
    /// Every day from tomorrow on, so many times; the first six are due at any hour.
    pub fn dates(&self, times: u32) -> SeriesForm {
        SeriesForm { lead_days: "7".into(), ..self.daily(1, times) }
    }

    pub async fn ask(&self, id: SeriesId, dates: u32) -> Together {
        self.asked_again(id, dates).await.expect("put together")
    }

    pub async fn asked_again(&self, id: SeriesId, dates: u32) -> engine::Result<Together> {
        ask_series(&self.house.engine, &self.house.engineer, id, &ask_series::Input { dates: dates.to_string() }).await
    }

    /// What the page of the newest dates sends.
    async fn ballot(&self, id: SeriesId) -> approve_series::Input {
        let digest: Vec<u8> =
            sqlx::query_scalar("SELECT digest FROM drydock.series_digest WHERE series_id = $1 ORDER BY asked_at DESC LIMIT 1")
                .bind(id.0)
                .fetch_one(&self.house.admin)
                .await
                .expect("put together");
        let digest = Digest::from_slice(&digest).expect("32 bytes").hex();
        approve_series::Input { digest, short_name: "prod-orders".into(), comment: String::new() }
    }

    pub async fn approve(&self, who: &Caller, id: SeriesId) -> engine::Result<Vec<i64>> {
        approve_series(&self.house.engine, who, id, &self.ballot(id).await).await
    }

    /// By stakeholder and lead: the policy wants both.
    async fn approved(&self, id: SeriesId) {
        for who in [&self.house.stakeholder, &self.house.lead] {
            self.approve(who, id).await.expect("a vote");
        }
    }

    async fn count(&self, sql: &'static str) -> i64 {
        self.house.count(sql).await
    }
}

/// What the page of a window says of its series.
async fn of_series(house: &House, number: i64) -> (bool, String) {
    let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
    let of = page.series.expect("born of one");
    (of.covered, of.alone.unwrap_or_default())
}

#[tokio::test]
async fn windows_of_approved_dates_are_born_approved() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(3)).await);
    assert_eq!(yard.ask(id, 3).await, Together { dates: 3, asked: 3, left_out: vec![] });
    let mails = "SELECT count(*) FROM drydock.outbox WHERE kind = 'series_asked' AND link_id IS NULL";
    assert_eq!(yard.count(mails).await, 3, "stakeholder, lead and deputy, with no link that decides");
    let home = queries::home::home(&house.engine, &house.lead.actor).await.expect("the first page");
    let to = format!("/series/{id}/approval");
    assert!(home.attention.iter().any(|entry| entry.to == to && entry.why.contains("wait for your approval")), "{:?}", home.attention);
    yard.approved(id).await;
    let home = queries::home::home(&house.engine, &house.lead.actor).await.expect("the first page");
    assert!(home.attention.iter().all(|entry| entry.to != to), "{:?}", home.attention);
    let numbers = yard.look(id).await;
    assert_eq!(numbers.len(), 3);
    for number in &numbers {
        assert_eq!(house.state(*number).await, "approved");
        assert_eq!(of_series(house, *number).await, (true, String::new()));
    }
    assert_eq!(yard.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'approval_needed'").await, 0, "nobody is asked again");
    assert!(yard.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'approved'").await >= 3, "and everybody is told");
    for (action, wanted) in [("series.ask", 1), ("series.vote", 2), ("series.cover", 3), ("window.approve", 3)] {
        let found: i64 = sqlx::query_scalar("SELECT count(*) FROM drydock.fact WHERE action = $1")
            .bind(action)
            .fetch_one(&house.admin)
            .await
            .expect("a number");
        assert_eq!(found, wanted, "{action}");
    }
    let page = queries::windows::show(&house.engine, &house.engineer.actor, numbers[0], None).await.expect("a page");
    assert!(page.standing.approved && page.votes.len() == 2 && page.votes.iter().all(|vote| vote.with_series));
    assert!(page.head.state_reason.expect("why").starts_with("Approved with its series"));
    let shown = yard.page(id).await.together.expect("put together");
    assert_eq!((shown.dates.len(), shown.votes.len()), (3, 2));
    assert!(shown.dates.iter().all(|date| date.window.is_some() && date.alone.is_none()));
}

#[tokio::test]
async fn votes_given_after_a_window_was_born_count_for_it() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(2)).await);
    yard.ask(id, 2).await;
    yard.approve(&house.stakeholder, id).await.expect("a vote");
    let numbers = yard.look(id).await;
    assert_eq!(house.state(numbers[0]).await, "proposed", "one of two");
    let asked = "SELECT count(*) FROM drydock.outbox WHERE kind = 'approval_needed'";
    let of_sten = "SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'approval_needed' AND p.name = 'Sten'";
    assert!(yard.count(asked).await > 0 && yard.count(of_sten).await == 0, "the others are asked, who approved is not");
    // One window is decided by itself, the other with the series.
    let input = |digest: Digest| cast_vote::Input {
        decision: "approve".into(),
        digest: digest.hex(),
        short_name: "prod-orders".into(),
        ..cast_vote::Input::default()
    };
    cast_vote(&house.engine, &house.deputy, numbers[0], &input(house.digest(numbers[0]).await)).await.expect("a vote");
    assert_eq!(house.state(numbers[0]).await, "approved", "a vote of each kind");
    assert_eq!(yard.approve(&house.lead, id).await.expect("a vote"), [numbers[1]]);
    assert_eq!(house.state(numbers[1]).await, "approved");
}

#[tokio::test]
async fn four_eyes_hold_and_a_page_of_yesterday_decides_nothing() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(3)).await);
    let asks = ask_series::Input { dates: "2".into() };
    for (who, wanted) in [(&house.stakeholder, "not_permitted"), (&house.foreigner, "not_found")] {
        assert_eq!(code(ask_series(&house.engine, who, id, &asks).await), wanted);
    }
    for dates in ["", "0", "36", "two"] {
        assert_eq!(code(ask_series(&house.engine, &house.engineer, id, &ask_series::Input { dates: dates.into() }).await), "dates");
    }
    // The deputy asks, and does not vote on it; nor does the engineer, who wrote the series.
    ask_series(&house.engine, &house.deputy, id, &asks).await.expect("put together");
    assert_eq!(code(ask_series(&house.engine, &house.lead, id, &asks).await), "asked_already");
    for (who, wanted) in [(&house.deputy, "four_eyes"), (&house.engineer, "four_eyes"), (&house.foreigner, "not_found")] {
        assert_eq!(code(yard.approve(who, id).await), wanted, "{}", who.actor.name);
    }
    let ballot = yard.ballot(id).await;
    let wrong = approve_series::Input { short_name: "prod".into(), ..ballot.clone() };
    assert_eq!(code(approve_series(&house.engine, &house.lead, id, &wrong).await), "short_name");
    yard.approve(&house.lead, id).await.expect("a vote");
    assert_eq!(code(yard.approve(&house.lead, id).await), "already_voted");
    // Asked anew, with one date more: what was shown before is decided on no more.
    yard.ask(id, 3).await;
    assert_eq!(code(approve_series(&house.engine, &house.stakeholder, id, &ballot).await), "stale_plan");
    yard.approve(&house.deputy, id).await.expect("somebody else asked this time");
    assert_eq!(yard.count("SELECT count(*) FROM drydock.series_vote").await, 2);
}

#[tokio::test]
async fn what_is_not_the_same_asks_by_itself_and_says_why() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(3)).await);
    yard.ask(id, 1).await;
    yard.approved(id).await;
    // A stakeholder more since: other people would have to be asked.
    yard.run("INSERT INTO drydock.target_stakeholder (target_id, person_id) SELECT t.id, p.id FROM drydock.target t, drydock.person p WHERE p.name = 'Audra'").await;
    let numbers = yard.look(id).await;
    for number in &numbers {
        assert_eq!(house.state(*number).await, "proposed");
    }
    let (covered, why) = of_series(house, numbers[0]).await;
    assert!(!covered && why.contains("It differs from what was approved with the series: eligible"), "{why}");
    let (_, why) = of_series(house, numbers[1]).await;
    assert!(why.contains("Its start is none of those"), "{why}");
    assert_eq!(yard.count("SELECT count(*) FROM drydock.series_cover").await, 0);
    assert!(yard.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'approval_needed'").await > 0, "everybody is asked as always");
}

#[tokio::test]
async fn another_policy_is_not_covered() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(1)).await);
    yard.ask(id, 1).await;
    yard.approved(id).await;
    // The same rules, of another policy: people read the other one.
    house.ruled_by("Night", "production", &Policy::standard()).await;
    let number = yard.look(id).await[0];
    assert_eq!(house.state(number).await, "proposed");
    let (covered, why) = of_series(house, number).await;
    assert!(!covered && why.contains("policy."), "{why}");
}

#[tokio::test]
async fn a_series_that_was_saved_anew_or_a_date_that_was_moved_is_not_covered() {
    let yard = Yard::new().await;
    let (house, form) = (&yard.house, yard.dates(2));
    let id = yard.made(&form).await;
    yard.ask(id, 2).await;
    yard.approved(id).await;
    let later =
        move_date::Input { day: yard.day(1).to_string(), date: yard.day(1).to_string(), time: "02:30".into(), reason: String::new() };
    move_date(&house.engine, &house.deputy, id, &later).await.expect("moved");
    let numbers = yard.look(id).await;
    let states = [house.state(numbers[0]).await, house.state(numbers[1]).await];
    assert_eq!(states, ["proposed", "approved"], "the moved one asks by itself");
    assert!(of_series(house, numbers[0]).await.1.contains("Its start is none of those"));

    let second = yard.made(&daily_at(&form, "05:00")).await;
    yard.ask(second, 2).await;
    yard.approved(second).await;
    let seen = daily_at(&form, "05:00")
        .parse(&domain::procedure::Shelf::default(), &engine::change::read_typed)
        .expect("good")
        .seen("Europe/Berlin");
    edit_series(&house.engine, &house.engineer, second, 1, &daily_at(&form, "05:00"), &seen).await.expect("saved");
    assert_eq!(code(yard.approve(&house.deputy, second).await), "moved_on");
    let number = yard.look(second).await[0];
    assert_eq!(house.state(number).await, "proposed");
    assert!(of_series(house, number).await.1.contains("saved anew"));
}

fn daily_at(form: &SeriesForm, time: &str) -> SeriesForm {
    let proposal = ProposalForm { time: time.into(), ..form.proposal.clone() };
    SeriesForm { proposal, ..form.clone() }
}

#[tokio::test]
async fn an_edited_window_asks_by_itself() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(1)).await);
    yard.ask(id, 1).await;
    yard.approved(id).await;
    let number = yard.look(id).await[0];
    assert_eq!(house.state(number).await, "approved");
    let form = ProposalForm { reason: "something else".into(), ..house.form(1) };
    amend_window(&house.engine, &house.engineer, number, 1, &form, None).await.expect("edited");
    assert_eq!(house.state(number).await, "proposed");
    let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
    assert!(!page.standing.approved && page.standing.voters().is_empty(), "no vote of the dates counts for it");
    assert!(of_series(house, number).await.1.contains("It was edited"));
    assert_eq!(code(withdraw_vote(&house.engine, &house.lead, number).await), "no_vote");
}

#[tokio::test]
async fn an_approval_that_is_taken_back_counts_for_no_window_that_has_not_started() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(3)).await);
    yard.ask(id, 3).await;
    assert_eq!(code(withdraw_series_vote(&house.engine, &house.lead, id).await), "no_vote");
    yard.approved(id).await;
    let numbers = yard.look(id).await;
    let window: uuid::Uuid = sqlx::query_scalar("SELECT id FROM drydock.window WHERE number = $1")
        .bind(numbers[0])
        .fetch_one(&house.admin)
        .await
        .expect("a window");
    house.put(domain::ids::WindowId(window), 1, WindowState::Running).await;
    assert_eq!(code(withdraw_vote(&house.engine, &house.lead, numbers[1]).await), "with_series", "not window by window");
    let lost = withdraw_series_vote(&house.engine, &house.lead, id).await.expect("taken back");
    assert_eq!(lost, numbers[1..], "what has started goes on");
    let states = [house.state(numbers[0]).await, house.state(numbers[1]).await, house.state(numbers[2]).await];
    assert_eq!(states, ["running", "proposed", "proposed"]);
    let of_lena = "SELECT count(*) FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id WHERE o.kind = 'approval_needed' AND p.name = 'Lena'";
    assert!(yard.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'approval_needed'").await > 0 && yard.count(of_lena).await == 0);
    assert_eq!(yard.count("SELECT count(*) FROM drydock.fact WHERE action = 'series.withdraw_vote'").await, 1);
    // Given again, it counts again.
    assert_eq!(yard.approve(&house.lead, id).await.expect("a vote"), numbers[1..]);
}

#[tokio::test]
async fn a_no_to_one_window_is_heard_from_whoever_approved_all_dates() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(2)).await);
    yard.ask(id, 2).await;
    yard.approve(&house.stakeholder, id).await.expect("a vote");
    let numbers = yard.look(id).await;
    let page = queries::windows::show(&house.engine, &house.stakeholder.actor, numbers[0], None).await.expect("a page");
    assert!(matches!(page.offers.vote, Offer::No(ref refusal) if refusal.code == "already_voted"));
    let no = cast_vote::Input {
        decision: "reject".into(),
        digest: house.digest(numbers[0]).await.hex(),
        comment: "not that night".into(),
        ..cast_vote::Input::default()
    };
    cast_vote(&house.engine, &house.stakeholder, numbers[0], &no).await.expect("heard");
    assert_eq!([house.state(numbers[0]).await, house.state(numbers[1]).await], ["rejected", "proposed"]);
}

#[tokio::test]
async fn an_approval_with_the_series_counts_again_when_the_no_to_one_window_is_taken_back() {
    let yard = Yard::new().await;
    let house = &yard.house;
    // One rejection alone ends nothing here.
    house.ruled_by("Patient", "production", &Policy { deny_threshold: 2, ..Policy::standard() }).await;
    let id = yard.made(&yard.dates(1)).await;
    yard.ask(id, 1).await;
    yard.approve(&house.lead, id).await.expect("a vote");
    let number = yard.look(id).await[0];
    let digest = house.digest(number).await.hex();
    let vote = |decision: &str| cast_vote::Input {
        decision: decision.into(),
        digest: digest.clone(),
        short_name: "prod-orders".into(),
        comment: "that night is taken".into(),
        ..cast_vote::Input::default()
    };
    // Whoever approved all dates decides on one of them by itself.
    assert_eq!(cast_vote(&house.engine, &house.lead, number, &vote("reject")).await.expect("heard").state, WindowState::Proposed);
    assert_eq!(cast_vote(&house.engine, &house.stakeholder, number, &vote("approve")).await.expect("heard").state, WindowState::Proposed);
    assert_eq!(withdraw_vote(&house.engine, &house.lead, number).await.expect("taken back"), WindowState::Approved);
    let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
    assert!(
        page.standing.approved
            && page.head.state_reason.is_some_and(|why| why.starts_with("A vote was taken back, and the others suffice."))
    );
    assert!(yard.count("SELECT count(*) FROM drydock.outbox WHERE kind = 'approved'").await >= 3, "everybody is told");
}

#[tokio::test]
async fn a_frozen_date_gets_past_neither_the_freeze_nor_the_question() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(3)).await);
    yard.ask(id, 3).await;
    yard.approved(id).await;
    create_freeze(&house.engine, &house.lead, &crate::freezes::form(house, "database", 24 * 6)).await.expect("a freeze");
    assert_eq!(yard.look(id).await, [] as [i64; 0], "approved dates are kept like any other");
    assert!(yard.page(id).await.next[0].stuck.is_some());
    let refused = ask_series(&house.engine, &house.engineer, id, &ask_series::Input { dates: "3".into() }).await;
    let Err(engine::Error::Refused(refusal)) = refused else { panic!("{refused:?}") };
    assert!(refusal.code == "no_dates" && refusal.message.contains("None of its dates can be planned now"), "{refusal:?}");
}

#[tokio::test]
async fn a_freeze_keeps_an_approved_window_from_starting() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(1)).await);
    yard.ask(id, 1).await;
    yard.approved(id).await;
    let number = yard.look(id).await[0];
    create_freeze(&house.engine, &house.lead, &crate::freezes::form(house, "database", 48)).await.expect("a freeze");
    let page = queries::windows::show(&house.engine, &house.engineer.actor, number, None).await.expect("a page");
    assert!(page.head.state.word() == "approved" && page.freezes.iter().any(|over| over.passed.is_none()), "{:?}", page.freezes);
}

#[tokio::test]
async fn dates_left_out_or_ended_are_not_asked_about() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(40)).await);
    let out = skip_date::Input { day: yard.day(2).to_string(), reason: String::new() };
    skip_date(&house.engine, &house.engineer, id, &out).await.expect("left out");
    let asked = yard.ask(id, 35).await;
    assert!(asked.dates >= 33 && asked.left_out.is_empty(), "as far as 35 days reach: {asked:?}");
    let bytes: Vec<u8> = sqlx::query_scalar("SELECT bytes FROM drydock.series_digest").fetch_one(&house.admin).await.expect("bytes");
    let digest: SeriesDigest = serde_json::from_slice(&bytes).expect("readable");
    assert!(digest.dates.iter().all(|date| date.day != yard.day(2)));
    let ahead = "SELECT count(*) FROM drydock.series_digest WHERE last_start_at <= asked_at + interval '35 days'";
    assert_eq!(yard.count(ahead).await, 1);
    end_series(&house.engine, &house.engineer, id, &end_series::Input::default()).await.expect("ended");
    assert_eq!(code(yard.approve(&house.lead, id).await), "moved_on");
    assert_eq!(code(ask_series(&house.engine, &house.engineer, id, &ask_series::Input { dates: "1".into() }).await), "series_over");
}

#[tokio::test]
async fn each_approval_is_confirmed_to_its_voter_and_to_nobody_else() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(3)).await);
    yard.ask(id, 3).await;
    yard.approved(id).await;
    let told: Vec<(String, String)> = sqlx::query_as(
        "SELECT p.name, v.comment FROM drydock.outbox o JOIN drydock.person p ON p.id = o.person_id
         JOIN drydock.series_vote v ON v.id = (o.payload ->> 'series_vote')::uuid AND v.person_id = o.person_id WHERE o.kind = 'series_voted' ORDER BY 1",
    )
    .fetch_all(&house.admin)
    .await
    .expect("messages");
    assert_eq!(told.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Lena", "Sten"]);
    let parts = |kind: NoticeKind| Part::ALL.iter().filter(move |part| cell(kind, **part).is_ok()).copied().collect::<Vec<_>>();
    assert_eq!((parts(NoticeKind::SeriesVoted), parts(NoticeKind::SeriesAsked)), (vec![Part::Voters], vec![Part::Asked]));
}

#[tokio::test]
async fn whoever_left_the_team_takes_their_own_approval_back() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(2)).await);
    let apart = house.proposed(9).await.number;
    let digest = house.digest(apart).await.hex();
    let vote = cast_vote::Input { decision: "approve".into(), digest, short_name: "prod-orders".into(), ..cast_vote::Input::default() };
    cast_vote(&house.engine, &house.lead, apart, &vote).await.expect("a vote on one window");
    yard.ask(id, 2).await;
    yard.approved(id).await;
    let gone = Caller { actor: Actor { teams: vec![], ..house.lead.actor.clone() }, ..house.lead.clone() };
    sqlx::query("DELETE FROM drydock.membership WHERE person_id = $1").bind(gone.actor.person.0).execute(&house.admin).await.expect("left");
    let page = queries::series_together::approval(&house.engine, &gone.actor, id).await.expect("what they approved");
    let Approval::Left(left) = page else { panic!("they see nothing else of the team: {page:?}") };
    assert_eq!((left.database.as_str(), left.votes.len()), ("prod-orders", 1));
    withdraw_series_vote(&house.engine, &gone, id).await.expect("their own");
    withdraw_vote(&house.engine, &gone, apart).await.expect("their own");
    assert_eq!(yard.count("SELECT count(*) FROM drydock.series_vote WHERE withdrawn_at IS NULL").await, 1);
    assert_eq!(yard.count("SELECT count(*) FROM drydock.vote WHERE withdrawn_at IS NULL").await, 0);
    // With nothing left to take back there is nothing to see; and for strangers there never was.
    for who in [&gone, &house.foreigner] {
        assert_eq!(code(queries::series_together::approval(&house.engine, &who.actor, id).await), "not_found");
        assert_eq!(code(withdraw_series_vote(&house.engine, who, id).await), "not_found");
        assert_eq!(code(withdraw_vote(&house.engine, who, apart).await), "not_found");
    }
    assert_eq!(code(withdraw_series_vote(&house.engine, &house.deputy, id).await), "no_vote");
}

#[tokio::test]
async fn the_evidence_of_a_window_has_the_facts_about_the_dates_it_was_approved_with() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(4)).await);
    yard.ask(id, 2).await;
    yard.approve(&house.deputy, id).await.expect("a vote on other dates");
    yard.ask(id, 3).await;
    yard.approved(id).await;
    let number = yard.look(id).await[0];
    withdraw_series_vote(&house.engine, &house.lead, id).await.expect("taken back");
    let evidence = queries::evidence::show(&house.engine, &house.lead, number).await.expect("evidence");
    let together = evidence.together.as_ref().expect("it is covered");
    let said: Vec<(&str, &str)> = together.facts.iter().map(|fact| (fact.line.action.as_str(), fact.line.actor.as_str())).collect();
    assert_eq!(
        said,
        [("series.ask", "Egon"), ("series.vote", "Sten"), ("series.vote", "Lena"), ("series.withdraw_vote", "Lena"),],
        "not those about the dates that were put together before"
    );
    let file = engine::paper::evidence::evidence(&evidence);
    let part = &file["approved_with_series"];
    let bytes = part["digest_bytes"].as_str().expect("text").as_bytes();
    assert_eq!(part["digest"], domain::canonical::digest("series", bytes).hex());
    assert!(SeriesDigest::open(bytes, together.digest).is_ok());
    for fact in part["facts"].as_array().expect("facts") {
        let bytes = fact["bytes"].as_str().expect("text").as_bytes();
        assert_eq!(fact["leaf"], Digest(domain::fact::leaf(bytes)).hex());
    }
    assert!(evidence.facts.iter().all(|fact| fact.line.action != "series.vote"), "they are the series' own");
    let alone = house.proposed(9).await.number;
    assert_eq!(queries::evidence::show(&house.engine, &house.lead, alone).await.expect("evidence").together, None);
}

/// A voice in somebody's place ends with the absence, and dates reach beyond it: the delegate is asked about windows alone, and the page says so.
#[tokio::test]
async fn a_delegate_is_asked_about_each_window_and_not_about_dates_together() {
    let yard = Yard::new().await;
    let (house, id) = (&yard.house, yard.made(&yard.dates(2)).await);
    yard.ask(id, 2).await;
    let day = |days: i64| (house.engine.clock().now() + jiff::SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
    let form = Form { first_day: day(0), last_day: day(5), delegate: "fritz@example.org".into() };
    say_absence(&house.engine, &house.lead, house.lead.actor.person, &form).await.expect("a good absence");
    let away = |card: Option<DigestCard>| {
        let rules = card.expect("put together").rules;
        let leads = rules.into_iter().find(|rule| rule.waiting_for.iter().any(|name| name.starts_with("Lena")));
        leads.expect("she is still asked")
    };
    let Ok(Approval::Whole(page)) = queries::series_together::approval(&house.engine, &house.engineer.actor, id).await else {
        panic!("he sees the team's work")
    };
    let whole = queries::series::show(&house.engine, &house.engineer.actor, id, None).await.expect("a page");
    for rule in [away(page.card), away(whole.together)] {
        let [absent, other] = rule.waiting_for.as_slice() else { panic!("the lead and her deputy: {rule:?}") };
        let (absent, other) = if other.starts_with("Lena") { (other, absent) } else { (absent, other) };
        assert!(absent.starts_with("Lena (away until ") && other == "Dario", "{rule:?}");
        let said: Vec<String> = rule.in_place.iter().map(InPlace::said).collect();
        let said_so = "Fritz votes in the place of Lena until then, and is asked about each window by itself, not about these dates.";
        assert_eq!(said, [said_so]);
    }
    assert_eq!(code(yard.approve(&house.foreigner, id).await), "not_found", "and nothing counts that he would say to them");

    for number in yard.look(id).await {
        let page = queries::windows::decide(&house.engine, &house.foreigner.actor, number).await.expect("each window asks him");
        assert!(page.speaks_for == ["Lena"] && page.offers.approve.is_open(), "#{number}: {:?}", page.speaks_for);
    }
}
