//! Do dates of series that were approved together, the votes on them and the windows they cover still say what their facts say?

use super::objects::{read, short, text};
use super::verify::Stop;
use crate::store::trail_check::{self, StoredSeries};
use domain::canonical::digest;
use domain::fact::FactBytes;
use domain::trail::verify::Flaw;
use sqlx::PgConnection;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Series looked at together.
const PAGE: i64 = 20;
const ASK: &str = "series.ask";
const CAST: &str = "series.vote";
const WITHDRAW: &str = "series.withdraw_vote";
const COVER: &str = "series.cover";

/// Compares everything; returns how many digests, votes and covered windows there are.
pub(super) async fn check(db: &mut PgConnection) -> Result<u64, Stop> {
    let actions: Vec<String> = [ASK, CAST, WITHDRAW, COVER].map(str::to_owned).to_vec();
    let (mut after, mut things) = (Uuid::nil(), 0);
    loop {
        let series = trail_check::series(db, after, PAGE).await?;
        let Some(last) = series.last() else { break };
        after = *last;
        for id in series {
            let stored = trail_check::stored_series(db, id).await?;
            let facts = read(&trail_check::facts_of_series(db, id, &actions).await?)?;
            things += (stored.digests.len() + stored.votes.len()) as u64;
            digests(id, &stored, &facts)?;
            votes(id, &stored, &facts)?;
        }
    }
    if let Some((window, plan, series)) = trail_check::covers_without_fact(db).await? {
        let says = format!(
            "window {window} counts votes on dates {} for its plan {}, and no fact says so",
            short(&hex::encode(series)),
            short(&hex::encode(plan))
        );
        return Err(Flaw::new("cover_unsealed", None, None, says).into());
    }
    if let Some((fact, window)) = trail_check::fact_without_cover(db).await? {
        let says = format!("fact {fact} says that window {window} is covered by dates of its series, and that is gone");
        return Err(Flaw::new("cover_missing", None, None, says).into());
    }
    Ok(things + trail_check::covers(db).await?)
}

/// Every digest is of its bytes and has a fact that asked, and whatever was asked is still there.
fn digests(series: Uuid, stored: &StoredSeries, facts: &[FactBytes]) -> Result<(), Flaw> {
    let asked: BTreeSet<&str> = facts.iter().filter(|fact| fact.action == ASK).map(|fact| text(fact, "digest")).collect();
    let mut there = BTreeSet::new();
    for (sealed, bytes) in &stored.digests {
        let (hex, found) = (hex::encode(sealed), digest("series", bytes).hex());
        if hex != found {
            let says = format!("the dates {} of series {series} were edited: their bytes have another digest", short(&hex));
            return Err(Flaw::new("series_digest", None, None, says));
        }
        if !asked.contains(hex.as_str()) {
            let says = format!("nobody asked for the dates {} of series {series}: they were inserted or exchanged", short(&hex));
            return Err(Flaw::new("series_unsealed", None, None, says));
        }
        there.insert(hex);
    }
    match asked.iter().find(|hex| !there.contains(**hex)) {
        Some(hex) => {
            let says = format!("the dates {} of series {series} are gone or were exchanged", short(hex));
            Err(Flaw::new("series_missing", None, None, says))
        }
        None => Ok(()),
    }
}

/// Votes and facts pair off, one to one; a vote is taken back exactly when a fact says so.
fn votes(series: Uuid, stored: &StoredSeries, facts: &[FactBytes]) -> Result<(), Flaw> {
    let mut cast: Vec<&FactBytes> = facts.iter().filter(|fact| fact.action == CAST).collect();
    for vote in &stored.votes {
        let says = |fact: &&FactBytes| {
            text(fact, "digest") == hex::encode(&vote.digest)
                && text(fact, "voter") == vote.person.to_string()
                && text(fact, "assurance") == vote.assurance
                && text(fact, "comment") == vote.comment
        };
        let Some(position) = cast.iter().position(says) else {
            let says = format!("the vote {} on dates of series {series} says what no fact says: it was inserted or edited", vote.id);
            return Err(Flaw::new("series_vote_unsealed", None, None, says));
        };
        cast.remove(position);
        let withdrawn = facts.iter().any(|fact| fact.action == WITHDRAW && text(fact, "vote") == vote.id.to_string());
        if withdrawn != vote.withdrawn {
            let what = if withdrawn { "was taken back, and counts again" } else { "is marked as taken back, and no fact says so" };
            return Err(Flaw::new("series_vote_edited", None, None, format!("the vote {} on dates of series {series} {what}", vote.id)));
        }
    }
    match cast.first() {
        Some(fact) => {
            let says = format!("the vote recorded by fact {} on dates of series {series} is gone or was edited", fact.id);
            Err(Flaw::new("series_vote_missing", None, None, says))
        }
        None => Ok(()),
    }
}
