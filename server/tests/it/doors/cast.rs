//! Who tries the doors: one person for every part somebody can have, and somebody for none.

use crate::browser::Browser;
use crate::house::{House, person};
use domain::ids::TeamId;
use domain::people::{GlobalRole, TeamRole};
use domain::permission::Actor;
use engine::actions::Caller;
use server::session;
use tower_sessions::session::Id;

/// Somebody at a door.
pub struct Part {
    /// As failures name them.
    pub who: &'static str,
    /// Whose rights they have; `None` for those who are nobody to the product.
    pub actor: Option<Actor>,
    /// Their browser, signed in where they can be.
    pub browser: Browser,
    /// What their session lies under.
    pub key: Option<[u8; 32]>,
}

/// Everybody, in the order they try: those with the fewest rights first.
pub struct Cast {
    pub parts: Vec<Part>,
    /// A person of the owner team whom administrators change.
    pub changed: Caller,
    /// The same, deactivated before.
    pub gone: Caller,
    /// An engineer of the other team, who proposes there.
    pub other_engineer: Caller,
    /// Who votes there, by mail.
    pub other_stakeholder: Caller,
}

impl Cast {
    pub async fn assemble(house: &House, other: TeamId, nobody: &Browser) -> Self {
        let admin = person(&house.admin, "Adele", None, &[GlobalRole::Admin]).await;
        let roleless = person(&house.admin, "Rolf", None, &[]).await;
        let gone = person(&house.admin, "Doris", Some((house.team, TeamRole::Lead, false)), &[GlobalRole::Admin]).await;
        let changed = person(&house.admin, "Paula", Some((house.team, TeamRole::Engineer, false)), &[]).await;
        let other_engineer = person(&house.admin, "Bea", Some((other, TeamRole::Engineer, false)), &[]).await;
        let other_stakeholder = person(&house.admin, "Bruno", None, &[]).await;
        // Of one database, and in no team.
        let mut of_database = person(&house.admin, "Dita", None, &[]).await;
        of_database.actor.stakeholder_of_teams = vec![house.team];
        accounts(house).await;
        let signed_in = [
            ("a person without a role", &roleless),
            ("a lead of another team", &house.foreigner),
            ("the auditor", &house.auditor),
            ("a stakeholder of the database", &of_database),
            ("a stakeholder of the team", &house.stakeholder),
            ("an administrator", &admin),
            ("an engineer", &house.engineer),
            ("the deputy", &house.deputy),
            ("the lead", &house.lead),
        ];
        let mut parts = vec![Part { who: "nobody", actor: None, browser: nobody.clone(), key: None }];
        let (browser, key) = sign_in(house, nobody, &gone).await;
        parts.push(Part { who: "a deactivated lead and administrator", actor: None, browser, key: Some(key) });
        for (who, caller) in signed_in {
            let (browser, key) = sign_in(house, nobody, caller).await;
            parts.push(Part { who, actor: Some(caller.actor.clone()), browser, key: Some(key) });
        }
        for sql in [
            // Her session is older than her end: only the row says that she is nobody.
            "UPDATE drydock.person SET active = false WHERE name = 'Doris'",
            "INSERT INTO drydock.installation (id, public_url) VALUES (gen_random_uuid(), 'https://drydock.example') ON CONFLICT DO NOTHING",
        ] {
            sqlx::query(sql).execute(&house.admin).await.expect(sql);
        }
        sqlx::query("INSERT INTO drydock.target_stakeholder (target_id, person_id) VALUES ($1, $2)")
            .bind(house.target.0)
            .bind(of_database.actor.person.0)
            .execute(&house.admin)
            .await
            .expect("a stakeholder");
        Self { parts, changed, gone, other_engineer, other_stakeholder }
    }

    pub fn part(&self, who: &str) -> &Part {
        self.parts.iter().find(|part| part.who == who).expect("one of the cast")
    }
}

/// Everybody can sign in, with the one password of the tests.
async fn accounts(house: &House) {
    let hash = engine::passwords::hash(&crate::browser::PASSWORD.to_owned().into()).await.expect("a hash");
    sqlx::query("INSERT INTO drydock.account (person_id, password_hash) SELECT id, $1 FROM drydock.person ON CONFLICT DO NOTHING")
        .bind(&hash)
        .execute(&house.admin)
        .await
        .expect("accounts");
}

/// A session as the sign-in makes it, without its costly part; with control, so that rights alone decide.
async fn sign_in(house: &House, nobody: &Browser, who: &Caller) -> (Browser, [u8; 32]) {
    let id = Id::default();
    let key = session::key(&id);
    sqlx::query(
        "INSERT INTO drydock.session (key, data, person_id, expires_at, absolute_end_at, elevated_until)
         SELECT $1, '{}', $2, now() + interval '30 minutes', now() + interval '12 hours', now() + interval '30 minutes'",
    )
    .bind(key.as_slice())
    .bind(who.actor.person.0)
    .execute(&house.admin)
    .await
    .expect("a session");
    let mut browser = nobody.clone();
    browser.cookies.insert("__Host-drydock".into(), id.to_string());
    (browser, key)
}
