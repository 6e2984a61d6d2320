//! The people of a demo, one for each role, with random sign-ins.

use crate::actions::{Caller, add_person, say_absence, set_up};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::store::demo::NewPerson;
use crate::{clock, keyfile, passwords, queries, store, transaction};
use domain::absence::Form;
use domain::fact::NewFact;
use domain::ids::{PersonId, TeamId};
use domain::people::{GlobalRole, TeamRole};
use domain::permission::Permit;
use jiff::SignedDuration;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use zeroize::Zeroizing;

/// Addresses by which the rest of the demo names its people.
pub(super) const ADMIN: &str = "ada@shop.example";
pub(super) const LEAD: &str = "lena@shop.example";
pub(super) const DEPUTY: &str = "dario@shop.example";
pub(super) const ENGINEER: &str = "egon@shop.example";
pub(super) const STAKEHOLDER: &str = "sten@shop.example";
pub(super) const CONTACT: &str = "mara@shop.example";
pub(super) const DELEGATE: &str = "milo@shop.example";

/// (role as people say it, name, address, place in the team, right everywhere)
type Row = (&'static str, &'static str, &'static str, Option<(TeamRole, bool)>, Option<GlobalRole>);
const PEOPLE: [Row; 5] = [
    ("lead", "Lena Lindqvist", LEAD, Some((TeamRole::Lead, false)), None),
    ("deputy", "Dario Duarte", DEPUTY, Some((TeamRole::Engineer, true)), None),
    ("engineer", "Egon Eriksen", ENGINEER, Some((TeamRole::Engineer, false)), None),
    ("stakeholder", "Sten Sommer", STAKEHOLDER, Some((TeamRole::Stakeholder, false)), None),
    ("auditor", "Audra Aydın", "audra@shop.example", None, Some(GlobalRole::Auditor)),
];

/// One way to sign in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// admin, lead, deputy, engineer, stakeholder, auditor.
    pub role: String,
    /// What to type.
    pub email: String,
    /// Random, made for this folder.
    pub password: SecretString,
}

/// Passwords by address, as kept in the folder.
#[derive(Serialize, Deserialize)]
pub(super) struct Secrets(BTreeMap<String, String>);

impl Secrets {
    pub(super) fn load_or_make(folder: &Path) -> Result<Self> {
        let fresh = || {
            let all: BTreeMap<&str, String> = std::iter::once(ADMIN)
                .chain(PEOPLE.iter().map(|row| row.2))
                .map(|email| (email, passwords::one_time().expose_secret().to_owned()))
                .collect();
            Zeroizing::new(serde_json::to_vec_pretty(&all).unwrap_or_default())
        };
        Ok(serde_json::from_slice(&keyfile::read_or_create(&folder.join("demo.json"), fresh)?)?)
    }
    fn of(&self, email: &str) -> Result<SecretString> {
        self.0
            .get(email)
            .map(|password| SecretString::from(password.clone()))
            .ok_or_else(|| Error::internal(format!("demo.json has no sign-in for {email}: remove the demo's folder and start again")))
    }
}

pub(super) fn sign_ins(secrets: &Secrets) -> Vec<SignIn> {
    std::iter::once(("admin", ADMIN))
        .chain(PEOPLE.iter().map(|row| (row.0, row.2)))
        .filter_map(|(role, email)| Some(SignIn { role: role.to_owned(), email: email.to_owned(), password: secrets.of(email).ok()? }))
        .collect()
}

/// The installation with its administrator, the team, and everybody in it.
pub(super) async fn make(engine: &Engine, public_url: &str, secrets: &Secrets) -> Result<()> {
    let password = secrets.of(ADMIN)?;
    let input = set_up::Input {
        installation: "Drydock demo".into(),
        zone: "Europe/Berlin".into(),
        name: "Ada Andersen".into(),
        email: ADMIN.into(),
        password: password.clone(),
        password_again: password,
    };
    match set_up::set_up(engine, "demo", public_url, true, &input).await {
        Ok(_) => {}
        Err(Error::Refused(refusal)) if refusal.code == "set_up" => {}
        Err(error) => return Err(error),
    }
    let mut people = Vec::new();
    for (_, name, email, place, global) in PEOPLE {
        let hash = passwords::hash(&secrets.of(email)?).await?;
        people.push(NewPerson {
            id: clock::new_person(),
            name: name.into(),
            email: email.into(),
            zone: "Europe/Berlin".into(),
            password_hash: Some(hash),
            place,
            global,
        });
    }
    transaction::run(engine.pool(), "demo_people", move |db| {
        let people = people.clone();
        Box::pin(async move {
            let permit = Permit::system();
            let mut ledger = Ledger::open(db, &permit, "demo");
            let team: TeamId = clock::new_id();
            store::demo::add_team(ledger.db(), team, "shop", "Shop").await?;
            ledger.fact(NewFact::done("team.create", "team", team).of_team(team).with("short_name", "shop")).await?;
            for person in &people {
                store::demo::add_person(ledger.db(), team, person).await?;
                ledger.fact(NewFact::done("person.create", "person", person.id).of_team(team)).await?;
            }
            Ok(())
        })
    })
    .await
}

/// One stakeholder is away this week, and somebody else from the market votes meanwhile.
pub(super) async fn absence(engine: &Engine) -> Result<()> {
    let admin = caller(engine, ADMIN).await?;
    let (absent, delegate) = (person(engine, CONTACT).await?.ok_or(Error::NotFound)?, person(engine, DELEGATE).await?);
    if !queries::absences::page(engine, &admin.actor, absent).await?.rows.is_empty() {
        return Ok(());
    }
    if delegate.is_none() {
        let zone = "Europe/Berlin".into();
        let milo = add_person::Input { name: "Milo Market".into(), email: DELEGATE.into(), zone, ..add_person::Input::default() };
        add_person::add_person(engine, &admin, &milo).await?;
    }
    let day = |days: i64| (engine.clock().now() + SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
    let form = Form { first_day: day(0), last_day: day(6), delegate: DELEGATE.into() };
    say_absence::say_absence(engine, &admin, absent, &form).await.map(drop)
}

/// The person behind an address.
async fn person(engine: &Engine, email: &'static str) -> Result<Option<PersonId>> {
    transaction::read(engine.pool(), "demo_person", move |db| Box::pin(async move { Ok(store::demo::person_by_email(db, email).await?) }))
        .await
}

/// The caller behind an address, with today's rights.
pub(super) async fn caller(engine: &Engine, email: &'static str) -> Result<Caller> {
    transaction::read(engine.pool(), "demo_caller", move |db| {
        Box::pin(async move {
            let person = store::demo::person_by_email(db, email).await?.ok_or(Error::NotFound)?;
            let actor = store::people::actor(db, person, true).await?.ok_or(Error::NotFound)?;
            Ok(Caller { actor, request: "demo".into() })
        })
    })
    .await
}
