//! Calendar feeds: the own ones, and what a calendar program gets.

use super::visible_teams;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::store::feeds::{self, FeedEvent};
use crate::store::{people, window_list};
use crate::transaction;
use domain::ids::FeedId;
use domain::permission::{Actor, Verb, authorize, holds};
use domain::view::feeds::{About, FeedsPage};
use secrecy::{ExposeSecret as _, SecretString};

/// What a feed gives.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Which, to mark it as used.
    pub id: FeedId,
    /// Of what.
    pub about: About,
    /// Name of this installation.
    pub installation: String,
    /// Its windows, by their start.
    pub events: Vec<FeedEvent>,
}

/// The page about the reader's feeds.
pub async fn own(engine: &Engine, actor: &Actor) -> Result<FeedsPage> {
    authorize(actor, Verb::SeeOwn, None)?;
    let actor = actor.clone();
    transaction::read(engine.pool(), "own_feeds", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let teams = visible_teams(&actor);
            let mut rows = Vec::new();
            for (mut row, of) in feeds::list(db, actor.person).await? {
                row.barred = !may_see(&actor, of);
                rows.push(row);
            }
            Ok(FeedsPage {
                rows,
                teams: window_list::teams(db, teams.as_deref()).await?,
                databases: window_list::databases(db, teams.as_deref()).await?,
            })
        })
    })
    .await
}

fn may_see(actor: &Actor, of: feeds::Of) -> bool {
    of.team().is_none_or(|team| holds(actor, Verb::SeeTeam, Some(team)))
}

/// What the feed behind a secret gives now, by today's rights of its person.
///
/// [`Error::NotFound`] for every secret that opens nothing, whatever the reason: unknown, revoked, of somebody who was deactivated, of a
/// team that its person may not see any more.
pub async fn feed(engine: &Engine, secret: &str) -> Result<Feed> {
    let (secret, now) = (SecretString::from(secret.to_owned()), engine.clock().now());
    transaction::read(engine.pool(), "feed", move |db| {
        let secret = secret.clone();
        Box::pin(async move {
            let feed = feeds::living(db, secret.expose_secret()).await?.ok_or(Error::NotFound)?;
            let actor = people::actor(db, feed.person, false).await?.filter(|actor| actor.active).ok_or(Error::NotFound)?;
            if !may_see(&actor, feed.of) {
                return Err(Error::NotFound);
            }
            let teams = visible_teams(&actor);
            let installation = people::installation(db).await?.map_or_else(|| "Drydock".to_owned(), |installation| installation.name);
            Ok(Feed { id: feed.id, events: feeds::events(db, &feed, teams.as_deref(), now).await?, about: feed.about, installation })
        })
    })
    .await
}

/// Notes that a feed was asked: the only thing a GET of it writes.
pub async fn mark_used(engine: &Engine, feed: FeedId) -> Result<()> {
    let mut db = engine.pool().acquire().await?;
    Ok(feeds::mark_used(&mut db, feed).await?)
}
