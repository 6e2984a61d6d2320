//! Writes what the outbox owes: each mail from what is true when it leaves.

use super::Notifier;
use super::transport::Route;
use crate::actions::audience;
use crate::error::{Error, Result};
use crate::paper::{
    self, AccountMaterial, AddressMaterial, AskedSeries, Away, Bulletin, FactorNews, Frame, Mail, Material, News, OwnerChange, Silence,
    StuckSeries, VotedSeries,
};
use crate::store::absences;
use crate::store::freezes::{self, Whose};
use crate::store::outbox::Claimed;
use crate::store::stand_ins::{self, Counting};
use crate::store::{account_links, comments, delegations, glass, groups, letters, new_addresses, pauses, series_digests, vote_codes};
use crate::transaction;
use domain::approval::Standing;
use domain::factor::Happened;
use domain::ids::{AbsenceId, PersonId, RunId, VoteId, WindowId};
use domain::notice::NoticeKind;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::PgConnection;

impl Notifier {
    /// Writes the mail from what is true now.
    pub(super) async fn write(&self, kind: NoticeKind, message: &Claimed, route: &Route) -> Result<Mail> {
        let secret = match &message.link_secret {
            None => None,
            Some(sealed) => {
                let open = self.context.keyring.open_small(sealed)?;
                Some(SecretString::from(std::str::from_utf8(open.expose_secret()).map_err(Error::internal)?.to_owned()))
            }
        };
        let from = match route {
            Route::Smtp(settings) => settings.from.to_string(),
            _ => "drydock@localhost".to_owned(),
        };
        let (message, now) = (message.clone(), self.context.clock.now());
        let base = self.context.config.public_url.as_str().trim_end_matches('/').to_owned();
        if kind.is_about_window() {
            return self.write_window(kind, message, secret, base, from).await;
        }
        let written = transaction::read(&self.context.pool, "write_message", move |db| {
            let (message, secret, base) = (message.clone(), secret.clone(), base.clone());
            Box::pin(async move {
                let mut frame = Frame {
                    kind,
                    now,
                    installation: letters::installation(db).await?,
                    base,
                    recipient: letters::recipient(db, message.about.person).await?,
                    head: letters::head(db).await?,
                    message_id: format!("<{}>", message.message_id),
                };
                if kind.is_bulletin() {
                    return Ok(Written::Bulletin(Bulletin { frame, news: news(db, kind, &message).await? }));
                }
                let link = link(db, &message, secret).await?;
                if kind.is_about_address() {
                    frame.recipient.email = message.address.ok_or_else(|| Error::internal("a message about an address names it"))?;
                    let said = |key: &str| message.payload.get(key).and_then(serde_json::Value::as_str).map(str::to_owned);
                    return Ok(Written::Address(AddressMaterial {
                        frame,
                        by: said("by"),
                        to: said("to").unwrap_or_default(),
                        at: message.owed_at,
                        link,
                        administrators: new_addresses::administrators(db).await?,
                    }));
                }
                let by = match message.about.link {
                    Some(link) => account_links::maker(db, link).await?,
                    None => None,
                };
                Ok(Written::Account(AccountMaterial {
                    frame,
                    by,
                    link,
                    at: message.owed_at,
                    factor: factor_news(&message.payload),
                    votes_paused: message.payload.get("votes_paused").is_some_and(|paused| paused == &serde_json::Value::Bool(true)),
                }))
            })
        })
        .await?;
        match written {
            Written::Bulletin(bulletin) => bulletin.write(),
            Written::Address(material) => paper::write_address(&material),
            Written::Account(material) => paper::write_account(&material),
        }
    }

    /// Writes a mail about a window.
    async fn write_window(
        &self,
        kind: NoticeKind,
        message: Claimed,
        secret: Option<SecretString>,
        base: String,
        from: String,
    ) -> Result<Mail> {
        let now = self.context.clock.now();
        let material = transaction::read(&self.context.pool, "write_message", move |db| {
            let (message, secret, base, from) = (message.clone(), secret.clone(), base.clone(), from.clone());
            Box::pin(async move {
                let window = message.about.window.ok_or_else(|| Error::internal("a message about no window"))?;
                let subject = letters::subject(db, window, message.about.digest).await?;
                let votes = letters::votes(db, window, subject.digest).await?;
                let (absent, count) = tally(db, &subject, message.about.person).await?;
                let givers = delegations::givers(db, window, subject.digest).await?;
                let gave: Vec<PersonId> = absent.iter().copied().filter(|person| givers.contains(person)).collect();
                let delegate = delegations::of(db, window, subject.digest, message.about.person).await?;
                let seats = count.lines();
                let have = seats.iter().map(|rule| rule.have.len()).sum();
                let need = seats.iter().map(|rule| rule.need).sum();
                let link = link(db, &message, secret).await?;
                let comment = match message.about.comment {
                    Some(comment) => comments::find(db, comment).await?.map(|written| (written.author, written.text)),
                    None => None,
                };
                Ok(std::sync::Arc::new(Material {
                    kind,
                    reminder: message.payload.get(audience::REMINDER).is_some(),
                    now,
                    installation: letters::installation(db).await?,
                    base,
                    recipient: letters::recipient_of(db, message.about.person, window).await?,
                    votes,
                    standing: (have, need),
                    run: letters::run(db, window, run_of(&message.payload)).await?,
                    lanes: lanes(db, window, &subject).await?,
                    accepted: letters::accepted(db, window).await?,
                    link,
                    in_place_of: letters::active(db, &absent).await?.into_iter().map(|(_, name)| name).collect(),
                    given_by: letters::active(db, &gave).await?.into_iter().map(|(_, name)| name).collect(),
                    delegate: delegate.map(|found| (found.name, found.at)),
                    said: said(&message.payload),
                    head: letters::head(db).await?,
                    comment,
                    broken: glass::broken(db, window).await?,
                    moved_from: moved_from(&message.payload),
                    sequence: letters::sequence(db, window, message.fact_id).await?,
                    message_id: format!("<{}>", message.message_id),
                    from,
                    subject,
                }))
            })
        })
        .await?;
        paper::write(&material)
    }
}

/// What a mail about no window is written from.
enum Written {
    Bulletin(Bulletin),
    Address(AddressMaterial),
    Account(AccountMaterial),
}

/// The secret a message carries, of a link or a code, and until when it works.
async fn link(db: &mut PgConnection, message: &Claimed, secret: Option<SecretString>) -> Result<Option<(SecretString, Timestamp)>> {
    match (secret, message.about.link) {
        (Some(secret), Some(link)) => {
            let until = match message.about.code {
                // It may have died since it was claimed; then the mail says when it was good for.
                Some(code) => vote_codes::good_until(db, code).await?.unwrap_or(message.owed_at),
                None => letters::link(db, link).await?.expires_at,
            };
            Ok(Some((secret, until)))
        }
        _ => Ok(None),
    }
}

/// The run that a message is about, where it is about one.
fn run_of(payload: &serde_json::Value) -> Option<RunId> {
    payload.get("run").and_then(serde_json::Value::as_str)?.parse().ok()
}

/// What became of each database so far, where the plan has several.
async fn lanes(db: &mut PgConnection, window: WindowId, subject: &letters::Subject) -> Result<Vec<String>> {
    if !subject.plan.is_many() {
        return Ok(vec![]);
    }
    let rows = crate::store::lanes::of(db, window, subject.plan.revision).await?;
    Ok(rows.into_iter().map(|row| format!("{}: {}.", row.name, row.lane.state.label().to_lowercase())).collect())
}

/// What happened to a second factor, where a message tells of one.
fn factor_news(payload: &serde_json::Value) -> Option<FactorNews> {
    let said = |key: &str| payload.get(key).and_then(serde_json::Value::as_str);
    Some(FactorNews {
        what: Happened::from_word(said("what")?)?,
        by: said("by").zip(said("reason")).map(|(by, why)| (by.to_owned(), why.to_owned())),
        left: payload.get("left").and_then(serde_json::Value::as_i64).unwrap_or(0),
    })
}

/// The times a window had before the move that a message tells of.
fn moved_from(payload: &serde_json::Value) -> Option<(Timestamp, Timestamp)> {
    let at = |key: &str| payload.get(key).and_then(serde_json::Value::as_str).and_then(|text| text.parse().ok());
    at("moved_from").zip(at("moved_from_end"))
}

/// Sentences that a message was given along.
fn said(payload: &serde_json::Value) -> Vec<String> {
    let listed = payload.get("said").and_then(serde_json::Value::as_array);
    listed.into_iter().flatten().filter_map(serde_json::Value::as_str).map(str::to_owned).collect()
}

/// What a message about no window tells.
async fn news(db: &mut PgConnection, kind: NoticeKind, message: &Claimed) -> Result<News> {
    if kind == NoticeKind::TestMail {
        return Ok(News::Test(message.owed_at));
    }
    let payload = &message.payload;
    let named = |key: &str| payload.get(key).and_then(serde_json::Value::as_str);
    let team = |key: &str| named(key).and_then(|id| id.parse().ok());
    if let (Some(target), Some(from), Some(to)) = (named("target").and_then(|id| id.parse().ok()), team("from"), team("to")) {
        let told = letters::database(db, target).await?;
        return Ok(News::Owner(OwnerChange {
            target,
            short_name: told.0,
            name: told.1,
            from: letters::team(db, from).await?,
            to: letters::team(db, to).await?,
            reason: named("reason").unwrap_or_default().to_owned(),
        }));
    }
    if let Some(freeze) = named("freeze").and_then(|id| id.parse().ok()) {
        let row = freezes::find(db, freeze).await?.ok_or_else(|| Error::internal("a message about a freeze that is not there"))?;
        let windows = freezes::met(db, freeze, Whose::Owner(message.about.person)).await?;
        let passing = payload.get("passing").cloned().map(serde_json::from_value).transpose().map_err(Error::internal)?;
        return Ok(News::Freeze(Box::new(row), windows, passing));
    }
    if let Some(webhook) = named("webhook").and_then(|id| id.parse().ok()) {
        let said = |key: &str| named(key).unwrap_or_default().to_owned();
        return Ok(News::Webhook(Silence { webhook, name: said("name"), origin: said("origin"), reason: said("reason") }));
    }
    if let Some(id) = named("absence").and_then(|id| id.parse().ok()) {
        return Ok(News::Absence(absence(db, id).await?));
    }
    if let Some(id) = named("together").and_then(|id| id.parse().ok()) {
        let told = letters::series(db, id).await?;
        let starts = payload.get("starts").cloned().map(serde_json::from_value).transpose().map_err(Error::internal)?.unwrap_or_default();
        return Ok(News::Together(AskedSeries {
            id,
            title: told.0,
            database: told.1,
            by: named("by").unwrap_or_default().to_owned(),
            starts,
        }));
    }
    if let Some(vote) = named("series_vote").and_then(|id| id.parse().ok()) {
        return voted_series(db, vote).await.map(News::Voted);
    }
    if let Some(id) = named("series").and_then(|id| id.parse().ok()) {
        let told = letters::series(db, id).await?;
        let start = named("start").and_then(|start| start.parse().ok());
        return Ok(News::Series(StuckSeries {
            id,
            title: told.0,
            database: told.1,
            start,
            said: named("said").unwrap_or_default().to_owned(),
        }));
    }
    let pause = named("pause").and_then(|id| id.parse().ok()).ok_or_else(|| Error::internal("a message about nothing that is known"))?;
    Ok(News::Pause(pauses::told(db, pause).await?))
}

/// An approval of dates of a series, as it stands.
async fn voted_series(db: &mut PgConnection, vote: VoteId) -> Result<VotedSeries> {
    let (id, asked, vote) =
        series_digests::vote(db, vote).await?.ok_or_else(|| Error::internal("a message about a vote that is not there"))?;
    let (title, database) = letters::series(db, id).await?;
    Ok(VotedSeries {
        id,
        title,
        database,
        digest: asked.digest,
        starts: asked.open()?.dates.iter().map(|date| date.times.start).collect(),
        known: vote.vote.assurance,
        at: vote.vote.at,
        comment: vote.comment,
        withdrawn: vote.withdrawn.is_some(),
    })
}

/// An absence as it stands, with its people.
async fn absence(db: &mut PgConnection, id: AbsenceId) -> Result<Away> {
    let absence = absences::find(db, id).await?.ok_or_else(|| Error::internal("a message about an absence that is not there"))?;
    let delegate = match absence.delegate {
        Some(delegate) => Some(letters::recipient(db, delegate).await?.name),
        None => None,
    };
    let (name, by) = (letters::recipient(db, absence.person).await?.name, letters::recipient(db, absence.said_by).await?.name);
    Ok(Away { absence, name, delegate, by })
}

/// Counts the votes on the plan with today's groups, as the vote itself does; and in whose places this person votes on it.
async fn tally(db: &mut PgConnection, subject: &letters::Subject, person: PersonId) -> Result<(Vec<PersonId>, Standing)> {
    let plan = &subject.plan;
    let today = groups::of_plan(db, plan, None).await?;
    let voters = plan.voters();
    let counting = Counting { window: subject.id, digest: subject.digest, team: plan.target().team, voters: &voters };
    let stand_ins = stand_ins::of(db, &counting).await?;
    let votes: Vec<_> = crate::store::votes::standing(db, subject.id, subject.digest).await?.into_iter().map(|(_, vote)| vote).collect();
    let polls = plan.today(&today, &subject.escalated).with_stand_ins(&stand_ins);
    Ok((polls.in_place_of(person).into_iter().collect(), polls.count(&votes)))
}
