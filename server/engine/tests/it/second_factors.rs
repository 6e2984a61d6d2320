//! Second factors on the real database: set up, asked for, used once, lost, taken away; and what votes are known by.

use crate::house::{House, code, person, with_account};
use crate::policies::Town;
use domain::factor::RECOVERY_CODES;
use domain::ids::PersonId;
use domain::people::{GlobalRole, TeamRole};
use domain::permission::Actor;
use domain::view::factors::FactorPage;
use domain::view::simulator::Asked;
use domain::view::windows::Offer;
use domain::window::WindowState;
use engine::actions::Caller;
use engine::actions::begin_factor::begin_factor;
use engine::actions::confirm_factor::{self, confirm_factor};
use engine::actions::create_admin::{self, create_admin};
use engine::actions::keep_session::{SessionKey, begin, wait_for_factor};
use engine::actions::pass_factor::{self, pass_factor};
use engine::actions::remove_factor::{self, remove_factor, take_factor_away};
use engine::actions::sign_in::{self, Entered, SignedIn, sign_in};
use engine::factor_key::FactorKey;
use engine::queries::{factors, simulator, windows};
use engine::second_factor::code_at;
use engine::store::sign_ins::Origin;
use engine::store::{sessions, trail};
use engine::{Engine, Error};
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;

const PASSWORD: &str = "harbour violet seven drumsticks";

fn from() -> IpAddr {
    "192.0.2.44".parse().expect("an address")
}

fn elevated(who: &Caller) -> Caller {
    Caller { actor: Actor { elevated: true, ..who.actor.clone() }, request: who.request.clone() }
}

/// A house whose lead has a password, and a web process with a key.
struct Desk {
    house: House,
    engine: Engine,
    lead: Caller,
    _keys: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        Self::of(House::new().await).await
    }

    async fn of(house: House) -> Self {
        let keys = tempfile::tempdir().expect("a folder");
        let engine = house.engine.clone().with_factor_key(FactorKey::open(keys.path()).expect("a key"));
        let hash = engine::passwords::hash(&PASSWORD.into()).await.expect("hashed");
        sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, $2)")
            .bind(house.lead.actor.person.0)
            .bind(hash)
            .execute(&house.admin)
            .await
            .expect("an account");
        sqlx::query("INSERT INTO drydock.installation (id, public_url) VALUES (gen_random_uuid(), 'https://drydock.example')")
            .execute(&house.admin)
            .await
            .expect("an installation");
        let lead = elevated(&house.lead);
        Self { house, engine, lead, _keys: keys }
    }

    /// A session of nobody.
    async fn fresh(&self) -> SessionKey {
        let key = engine::clock::random::<32>();
        assert!(sessions::create(self.engine.pool(), &key, &serde_json::json!({})).await.expect("made"));
        key
    }

    async fn session(&self, signed_in: SignedIn) -> engine::Result<SessionKey> {
        let key = self.fresh().await;
        begin(&self.engine, key, signed_in, Origin { address: "192.0.2.44".into(), agent: "test".into() }).await.map(|()| key)
    }

    async fn own(&self) -> FactorPage {
        factors::own(&self.engine, &self.lead.actor).await.expect("the page")
    }

    /// Begins, and gives what the app is told.
    async fn begun(&self) -> String {
        begin_factor(&self.engine, &self.lead).await.expect("begun");
        match self.own().await {
            FactorPage::Pending { secret, address, .. } => {
                assert!(address.starts_with("otpauth://totp/Drydock:lena%40example.org?secret="), "{address}");
                secret.replace(' ', "")
            }
            other => panic!("{other:?}"),
        }
    }

    /// Sets it up in the session; gives the secret and the recovery codes.
    async fn set_up(&self, key: SessionKey) -> (String, Vec<SecretString>) {
        let (secret, codes, _) = self.set_up_by(key).await;
        (secret, codes)
    }

    /// The same with the code that turned it on.
    async fn set_up_by(&self, key: SessionKey) -> (String, Vec<SecretString>, String) {
        let secret = self.begun().await;
        let session = sessions::holder(self.engine.pool(), &key).await.expect("readable").map(|holder| holder.id);
        let input = confirm_factor::Input { code: self.code(&secret, 0).into() };
        let codes = confirm_factor(&self.engine, &self.lead, session, &input, from()).await.expect("a good code");
        (secret, codes, input.code.expose_secret().to_owned())
    }

    /// What the app shows so many steps from now.
    fn code(&self, secret: &str, steps: i64) -> String {
        code_at(secret, self.engine.clock().now() + SignedDuration::from_secs(30 * steps))
    }

    async fn enter(&self) -> Entered {
        let input = sign_in::Input { email: "lena@example.org".into(), password: PASSWORD.into() };
        sign_in(&self.engine, "r", &input, from()).await.expect("the password")
    }

    /// A sign-in that waits for the second factor.
    async fn half(&self) -> SessionKey {
        let Entered::Half(person, epoch) = self.enter().await else { panic!("nobody asked for the second factor") };
        let key = self.fresh().await;
        wait_for_factor(&self.engine, key, person, epoch).await.expect("waits");
        key
    }

    async fn pass(&self, key: SessionKey, typed: &str) -> engine::Result<SignedIn> {
        pass_factor(&self.engine, "r", Some(key), &pass_factor::Input { code: typed.into() }, from()).await
    }

    async fn whole(&self) -> SignedIn {
        match self.enter().await {
            Entered::In(signed_in) => signed_in,
            Entered::Half(..) => panic!("asked for a second factor"),
        }
    }

    /// Until something here waits for a row that somebody else holds.
    async fn until_one_waits(&self) {
        let late = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while self.house.count(waits).await == 0 {
            assert!(tokio::time::Instant::now() < late, "nobody waits");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    async fn mails(&self, what: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM drydock.outbox WHERE kind = 'factor_changed' AND payload ->> 'what' = $1")
            .bind(what)
            .fetch_one(&self.house.admin)
            .await
            .expect("a number")
    }

    async fn facts(&self, action: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM drydock.fact WHERE action = $1")
            .bind(action)
            .fetch_one(&self.house.admin)
            .await
            .expect("a number")
    }
}

fn another(digits: &str) -> String {
    format!("{:06}", (digits.parse::<u32>().expect("digits") + 1) % 1_000_000)
}

#[tokio::test]
async fn a_factor_is_set_up_behind_the_password_by_its_first_code() {
    let desk = Desk::new().await;
    let (here, elsewhere) = (desk.session(desk.whole().await).await.expect("in"), desk.session(desk.whole().await).await.expect("in"));
    assert_eq!(code(begin_factor(&desk.engine, &desk.house.lead).await), "elevate");
    let first = desk.begun().await;
    let secret = desk.begun().await;
    assert_ne!(first, secret, "begun anew, with another secret");
    assert!(
        matches!(factors::own(&desk.engine, &desk.house.lead.actor).await, Ok(FactorPage::None)),
        "the secret is shown behind the password alone"
    );
    assert!(matches!(desk.enter().await, Entered::In(_)), "nothing asks for it yet");
    let session = sessions::holder(desk.engine.pool(), &here).await.expect("readable").map(|holder| holder.id);
    let confirm = async |typed: String| {
        confirm_factor(&desk.engine, &desk.lead, session, &confirm_factor::Input { code: typed.into() }, from()).await
    };
    let now = desk.code(&secret, 0);
    assert_eq!(code(confirm(another(&now)).await), "code");
    assert_eq!(code(confirm("12345".into()).await), "code");
    assert_eq!(code(confirm(desk.code(&first, 0)).await), "code");
    let codes = confirm(now).await.expect("the code");
    assert_eq!(codes.len(), RECOVERY_CODES);
    assert!(matches!(desk.own().await, FactorPage::Set { codes_left: 10, .. }));
    assert_eq!(code(begin_factor(&desk.engine, &desk.lead).await), "factor_there");
    let alive = async |key| sessions::holder(desk.engine.pool(), &key).await.expect("readable").is_some();
    assert_eq!((alive(here).await, alive(elsewhere).await), (true, false), "the other session never showed it");
    assert_eq!((desk.mails("set").await, desk.facts("factor.set").await), (1, 1));
    let stored: String = sqlx::query_scalar(
        "SELECT string_agg(t::text, ' ') FROM (SELECT to_jsonb(f) AS t FROM drydock.factor f UNION ALL SELECT to_jsonb(r) FROM drydock.recovery_code r
         UNION ALL SELECT to_jsonb(convert_from(x.bytes, 'UTF8')) FROM drydock.fact x UNION ALL SELECT o.payload FROM drydock.outbox o) s",
    )
    .fetch_one(&desk.house.admin)
    .await
    .expect("rows");
    assert!(
        !stored.contains(&secret) && codes.iter().all(|code| !stored.contains(code.expose_secret())),
        "nothing of it is stored in the open"
    );
}

#[tokio::test]
async fn a_set_up_that_takes_too_long_begins_again() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let session = sessions::holder(desk.engine.pool(), &key).await.expect("readable").map(|holder| holder.id);
    let secret = desk.begun().await;
    for sql in [
        "ALTER TABLE drydock.factor DISABLE TRIGGER factor_guard",
        "UPDATE drydock.factor SET made_at = made_at - interval '16 minutes'",
        "ALTER TABLE drydock.factor ENABLE ALWAYS TRIGGER factor_guard",
    ] {
        sqlx::query(sql).execute(&desk.house.admin).await.expect("time passes");
    }
    let input = confirm_factor::Input { code: desk.code(&secret, 0).into() };
    assert_eq!(code(confirm_factor(&desk.engine, &desk.lead, session, &input, from()).await), "set_up_too_late");
    assert!(matches!(desk.own().await, FactorPage::None));
    desk.begun().await;
}

#[tokio::test]
async fn a_sign_in_waits_for_the_code_and_each_code_works_once() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let (secret, _, first) = desk.set_up_by(key).await;
    let half = desk.half().await;
    let holder = sessions::holder(desk.engine.pool(), &half).await.expect("readable").expect("there");
    assert!(holder.person.is_none(), "nobody is signed in between the two");
    assert_eq!(code(desk.pass(half, &first).await), "code", "this code turned it on");
    assert_eq!(code(desk.pass(desk.fresh().await, &desk.code(&secret, 1)).await), "sign_in_again", "without the password");
    assert_eq!(code(desk.pass(half, &desk.code(&secret, 7)).await), "code", "of another time");
    let next = desk.code(&secret, 1);
    let (one, two) = (desk.half().await, desk.half().await);
    let (first, second) = tokio::join!(desk.pass(one, &next), desk.pass(two, &next));
    let signed_in = match (first, second) {
        (Ok(signed_in), lost) | (lost, Ok(signed_in)) => {
            assert_eq!(code(lost), "code", "the same code at once");
            signed_in
        }
        neither => panic!("{neither:?}"),
    };
    let key = desk.session(signed_in).await.expect("in");
    assert!(sessions::holder(desk.engine.pool(), &key).await.expect("readable").expect("there").factor);
    assert_eq!(desk.facts("session.password").await, 3);
    let bare = SignedIn { factor: false, ..signed_in };
    assert_eq!(code(desk.session(bare).await), "sign_in_again", "the database lets nobody in by the password alone");
}

#[tokio::test]
async fn a_session_that_was_ended_between_the_two_ends_the_sign_in() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let (secret, _) = desk.set_up(key).await;
    let half = desk.half().await;
    let signed_in = desk.pass(half, &desk.code(&secret, 1)).await.expect("the code");
    sqlx::query("UPDATE drydock.account SET epoch = epoch + 1").execute(&desk.house.admin).await.expect("everything was ended");
    assert_eq!(code(desk.session(signed_in).await), "signed_out");
    sqlx::query("UPDATE drydock.session SET half_until = now() - interval '1 s' WHERE half_person_id IS NOT NULL")
        .execute(&desk.house.admin)
        .await
        .expect("time passes");
    assert_eq!(code(desk.pass(half, "123456").await), "sign_in_again");
}

#[tokio::test]
async fn a_recovery_code_stands_in_once_and_is_told() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let (_, codes) = desk.set_up(key).await;
    let typed = codes[3].expose_secret().to_uppercase();
    assert!(desk.pass(desk.half().await, &typed).await.expect("a recovery code").factor);
    assert_eq!(code(desk.pass(desk.half().await, &typed).await), "code", "used");
    assert!(matches!(desk.own().await, FactorPage::Set { codes_left: 9, .. }));
    assert_eq!(desk.mails("recovered").await, 1);
    let left: i64 = sqlx::query_scalar("SELECT (payload ->> 'left')::bigint FROM drydock.outbox WHERE payload ->> 'what' = 'recovered'")
        .fetch_one(&desk.house.admin)
        .await
        .expect("a mail");
    assert_eq!(left, 9);
    let said: i64 = desk
        .house
        .count("SELECT count(*) FROM drydock.fact WHERE action = 'session.start' AND convert_from(bytes, 'UTF8') LIKE '%recovery_code%'")
        .await;
    assert_eq!(said, 1);
}

#[tokio::test]
async fn guessing_codes_is_slow() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let (secret, codes) = desk.set_up(key).await;
    let half = desk.half().await;
    for _ in 0..5 {
        assert_eq!(code(desk.pass(half, &desk.code(&secret, 9)).await), "code");
    }
    assert_eq!(code(desk.pass(half, codes[0].expose_secret()).await), "throttled", "a good one, too");
    let from_here = trail::Search { address: Some(from().to_string()), ..trail::Search::default() };
    let mut db = desk.house.admin.acquire().await.expect("connects");
    let found = trail::search(&mut db, &from_here, i64::MAX, 100).await.expect("facts");
    let actions: Vec<&str> = found.iter().map(|row| row.fact.action.as_str()).collect();
    assert_eq!(
        actions,
        ["session.factor", "session.password", "session.start"],
        "the half sign-in and the wrong code are found by address"
    );
    assert_eq!(desk.facts("session.factor").await, 1, "a fact a minute");
}

#[tokio::test]
async fn what_was_begun_anew_meanwhile_is_not_turned_on_by_a_code_of_before() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let session = sessions::holder(desk.engine.pool(), &key).await.expect("readable").map(|holder| holder.id);
    let secret = desk.begun().await;
    let mut held = desk.house.admin.begin().await.expect("begins");
    sqlx::query("SELECT FROM drydock.account FOR NO KEY UPDATE").execute(&mut *held).await.expect("held");
    let input = confirm_factor::Input { code: desk.code(&secret, 0).into() };
    let (done, anew) = tokio::join!(confirm_factor(&desk.engine, &desk.lead, session, &input, from()), async {
        // The code was compared with the first secret, and nothing is written yet.
        desk.until_one_waits().await;
        let anew = desk.begun().await;
        held.commit().await.expect("let go");
        anew
    });
    assert_ne!(anew, secret);
    assert_eq!(code(done), "set_up_too_late");
    assert!(matches!(desk.own().await, FactorPage::Pending { .. }), "no code of it was typed");
}

#[tokio::test]
async fn a_pause_that_began_meanwhile_holds_for_removing_and_turning_on_too() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let session = sessions::holder(desk.engine.pool(), &key).await.expect("readable").map(|holder| holder.id);
    let secret = desk.begun().await;
    let confirm = async |typed: String| {
        confirm_factor(&desk.engine, &desk.lead, session, &confirm_factor::Input { code: typed.into() }, from()).await
    };
    // The good code was admitted before the wrong ones were counted, and comes to its end after them.
    let mut held = desk.house.admin.begin().await.expect("begins");
    sqlx::query("SELECT FROM drydock.account FOR NO KEY UPDATE").execute(&mut *held).await.expect("held");
    let good = desk.code(&secret, 0);
    let (done, ()) = tokio::join!(confirm(good.clone()), async {
        desk.until_one_waits().await;
        for _ in 0..5 {
            assert_eq!(code(confirm(another(&good)).await), "code");
        }
        held.commit().await.expect("let go");
    });
    assert_eq!(code(done), "code");
    assert!(matches!(desk.own().await, FactorPage::Pending { .. }), "nothing was turned on");
    assert_eq!(desk.facts("session.factor").await, 1, "a fact a minute");

    sqlx::query("DELETE FROM drydock.throttle").execute(&desk.house.admin).await.expect("the pause is over");
    let codes = confirm(good).await.expect("after the pause");
    let mut held = desk.house.admin.begin().await.expect("begins");
    sqlx::query("SELECT FROM drydock.factor FOR NO KEY UPDATE").execute(&mut *held).await.expect("held");
    let half = desk.half().await;
    let input = remove_factor::Input { password: PASSWORD.into(), code: desk.code(&secret, 1).into() };
    let (done, ()) = tokio::join!(remove_factor(&desk.engine, &desk.lead, &input, from()), async {
        desk.until_one_waits().await;
        for _ in 0..5 {
            assert_eq!(code(desk.pass(half, &desk.code(&secret, 9)).await), "code");
        }
        held.commit().await.expect("let go");
    });
    assert_eq!(code(done), "code");
    assert!(matches!(desk.own().await, FactorPage::Set { codes_left: 10, .. }), "nothing was removed");
    assert_eq!(codes.len(), RECOVERY_CODES);
}

#[tokio::test]
async fn a_wrong_code_is_a_fact_of_its_own_beside_a_wrong_password() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let (secret, _) = desk.set_up(key).await;
    let remove = async |password: &str, typed: String| {
        remove_factor(&desk.engine, &desk.lead, &remove_factor::Input { password: password.into(), code: typed.into() }, from()).await
    };
    let refused = |action: &'static str| {
        let desk = &desk;
        async move {
            sqlx::query_scalar::<_, i64>("SELECT count(*) FROM drydock.fact WHERE action = $1 AND result = 'refused'")
                .bind(action)
                .fetch_one(&desk.house.admin)
                .await
                .expect("a number")
        }
    };
    assert_eq!(code(remove("not it", desk.code(&secret, 1)).await), "password");
    assert_eq!(code(remove(PASSWORD, desk.code(&secret, 9)).await), "code");
    assert_eq!(code(remove(PASSWORD, desk.code(&secret, 9)).await), "code");
    assert_eq!((refused("session.confirm").await, refused("session.factor").await), (1, 1), "each kind once a minute");
}

#[tokio::test]
async fn it_is_removed_by_password_and_code_and_taken_away_by_an_administrator() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let (secret, codes) = desk.set_up(key).await;
    let remove = async |password: &str, typed: String| {
        remove_factor(&desk.engine, &desk.lead, &remove_factor::Input { password: password.into(), code: typed.into() }, from()).await
    };
    assert_eq!(code(remove("not it", desk.code(&secret, 1)).await), "password");
    assert_eq!(code(remove(PASSWORD, desk.code(&secret, 9)).await), "code");
    remove(PASSWORD, desk.code(&secret, 1)).await.expect("both");
    assert!(matches!(desk.own().await, FactorPage::None));
    assert_eq!((desk.mails("removed").await, desk.facts("factor.remove").await), (1, 1));
    assert!(!sessions::holder(desk.engine.pool(), &key).await.expect("readable").expect("there").factor);
    assert_eq!(code(remove(PASSWORD, codes[0].expose_secret().into()).await), "code", "there is none");

    let key = desk.session(desk.whole().await).await.expect("in");
    desk.set_up(key).await;
    let ada = elevated(&person(&desk.house.admin, "Ada", None, &[GlobalRole::Admin]).await);
    let lena = desk.lead.actor.person;
    let take = async |by: &Caller, whose: PersonId, reason: &str| {
        take_factor_away(&desk.engine, by, whose, &remove_factor::Reason { reason: reason.into() }).await
    };
    assert_eq!(code(take(&desk.lead, ada.actor.person, "why not").await), "not_permitted");
    assert_eq!(code(take(&Caller { actor: Actor { elevated: false, ..ada.actor.clone() }, ..ada.clone() }, lena, "lost").await), "elevate");
    assert_eq!(code(take(&ada, ada.actor.person, "lost").await), "own_factor");
    assert_eq!(code(take(&ada, lena, " ").await), "reason");
    take(&ada, lena, "lost the phone").await.expect("taken away");
    assert_eq!(code(take(&ada, lena, "again").await), "no_factor");
    assert_eq!((desk.mails("taken_away").await, desk.facts("factor.take_away").await), (1, 1));
    assert!(sessions::holder(desk.engine.pool(), &key).await.expect("readable").is_none(), "signed out everywhere");
    assert!(matches!(desk.enter().await, Entered::In(_)));
    assert_eq!(desk.house.count("SELECT count(*) FROM drydock.identity_change WHERE what = 'factor' AND changed_by IS NOT NULL").await, 1);
    assert_eq!(
        desk.house.count("SELECT count(*) FROM drydock.person WHERE name = 'Lena' AND may_vote_from > now() + interval '23 hours'").await,
        1
    );
}

#[tokio::test]
async fn another_key_opens_nothing_and_says_so_and_the_shell_is_a_way_back() {
    let desk = Desk::new().await;
    let key = desk.session(desk.whole().await).await.expect("in");
    let (secret, codes) = desk.set_up(key).await;
    let keys = tempfile::tempdir().expect("a folder");
    let other = desk.house.engine.clone().with_factor_key(FactorKey::open(keys.path()).expect("a key"));
    let half = desk.half().await;
    for typed in [desk.code(&secret, 1), codes[0].expose_secret().to_owned()] {
        let input = pass_factor::Input { code: typed.into() };
        assert_eq!(code(pass_factor(&other, "r", Some(half), &input, from()).await), "other_factor_key");
    }
    assert_eq!(desk.facts("session.factor").await, 0, "no wrong try");
    let shell = create_admin::Input {
        operator: "root".into(),
        email: "lena@example.org".into(),
        name: "Lena".into(),
        password: Some(PASSWORD.into()),
        public_url: "https://drydock.example".into(),
        zone: None,
        demo: false,
    };
    create_admin(&desk.engine, &shell).await.expect("the way back");
    assert!(matches!(desk.enter().await, Entered::In(_)));
    let told: (String, String) = sqlx::query_as(
        "SELECT payload ->> 'by', payload ->> 'reason' FROM drydock.outbox WHERE kind = 'factor_changed' AND payload ->> 'what' = 'taken_away'",
    )
    .fetch_one(&desk.house.admin)
    .await
    .expect("a mail");
    assert_eq!(told, ("root, at the server's shell,".into(), "Made an administrator anew, with another password.".into()));
    let said =
        "SELECT count(*) FROM drydock.fact WHERE action = 'person.restore_admin' AND convert_from(bytes, 'UTF8') LIKE '%factor_removed%'";
    assert_eq!(desk.house.count(said).await, 1);
    create_admin(&desk.engine, &shell).await.expect("once more");
    assert_eq!((desk.house.count(said).await, desk.mails("taken_away").await), (1, 1), "there was none any more");
}

#[tokio::test]
async fn where_a_factor_is_asked_for_only_sessions_that_showed_it_approve() {
    let town = Town::new().await;
    let with_factor = [("rule1_who", "lead"), ("rule2_who", ""), ("rule1_known", "account_factor")];
    let Err(Error::Refused(refusal)) = town.propose(1, &with_factor).await else { panic!("nobody has one") };
    assert!(refusal.code == "policy_unsatisfiable" && refusal.message.contains("with a second factor"), "{}", refusal.message);
    let Town { house, ada, bert } = town;
    let desk = Desk::of(house).await;
    let key = desk.session(desk.whole().await).await.expect("in");
    desk.set_up(key).await;
    // Dario, the other lead, has one too: for each proposer somebody else is left.
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) VALUES ($1, '$argon2id$x')")
        .bind(desk.house.deputy.actor.person.0)
        .execute(&desk.house.admin)
        .await
        .expect("an account");
    sqlx::query("INSERT INTO drydock.factor (person_id, key_id, sealed, confirmed_at, last_step) SELECT $1, key_id, sealed, now(), 1 FROM drydock.factor")
        .bind(desk.house.deputy.actor.person.0)
        .execute(&desk.house.admin)
        .await
        .expect("a factor");
    let town = Town { house: desk.house, ada, bert };
    assert!(town.propose(1, &with_factor).await.expect("now two have").needed > 0);
    town.agree_all().await;
    let window = town.house.proposed(3).await;
    let asked = Asked { database: "prod-orders".into(), proposer: town.house.engineer.actor.person.to_string(), ..Asked::default() };
    let answer = simulator::show(&town.house.engine, &town.house.lead, &asked).await.expect("the page").answer.expect("an answer");
    assert_eq!((answer.rules[0].there.clone(), answer.rules[0].lack), (vec!["Dario".to_owned(), "Lena".to_owned()], "no second factor"));
    assert_eq!(code(town.vote(&town.house.lead, window.number, "approve").await), "factor_needed");
    let lola = person(&town.house.admin, "Lola", Some((town.house.team, TeamRole::Lead, false)), &[]).await;
    with_account(&town.house, &lola).await;
    let offers = async |who: &Caller| windows::show(&town.house.engine, &who.actor, window.number, None).await.expect("the page").offers;
    let why = |offer: &Offer| offer.why_not().map(|refusal| refusal.code.clone()).unwrap_or_default();
    let lena = offers(&town.house.lead).await;
    assert_eq!((lena.vote.is_open(), why(&lena.approve)), (true, "factor_needed".into()), "she may still say no");
    assert_eq!(why(&offers(&lola).await.vote), "factor_needed", "who has none is told what is missing");
    let shown = Caller { actor: Actor { factor: true, ..town.house.lead.actor.clone() }, ..town.house.lead.clone() };
    assert!(offers(&shown).await.approve.is_open());
    // Dario's goes in the moment in which he decides with it.
    let dario = Caller { actor: Actor { factor: true, ..town.house.deputy.actor.clone() }, ..town.house.deputy.clone() };
    sqlx::query("DELETE FROM drydock.factor WHERE person_id = $1")
        .bind(dario.actor.person.0)
        .execute(&town.house.admin)
        .await
        .expect("removed");
    assert_eq!(code(town.vote(&dario, window.number, "reject").await), "sign_in_again");
    assert_eq!(town.vote(&shown, window.number, "approve").await.expect("with it").state, WindowState::Approved);
    assert_eq!(town.house.count("SELECT count(*) FROM drydock.vote WHERE assurance = 'account_factor'").await, 1);
}
