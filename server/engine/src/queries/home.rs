//! The first page: what happens now, what waits for the reader, what comes, what needs a look.

use super::{series_together, visible_teams};
use crate::engine::Engine;
use crate::error::Result;
use crate::store::home::{self, Wanted};
use crate::store::series_pages;
use crate::{store, transaction};
use domain::permission::{Actor, Verb, authorize, holds};
use domain::procedure::text::plural;
use domain::view::people::{Attention, HomePage, Lines};
use domain::window::WindowState as W;
use jiff::SignedDuration;
use uuid::Uuid;

/// The first page of a person.
pub async fn home(engine: &Engine, actor: &Actor) -> Result<HomePage> {
    authorize(actor, Verb::SeeOwn, None)?;
    let (actor, now) = (actor.clone(), engine.clock().now());
    transaction::read(engine.pool(), "home", move |db| {
        let actor = actor.clone();
        Box::pin(async move {
            let teams: Option<Vec<Uuid>> = visible_teams(&actor).map(|teams| teams.into_iter().map(|team| team.0).collect());
            let teams = teams.as_deref();
            let live = Wanted { teams, states: &[W::Running, W::Hold, W::Validating, W::RollingBack], before: None };
            let soon = Wanted { teams, states: &[W::Proposed, W::Approved], before: Some(now + SignedDuration::from_hours(7 * 24)) };
            let short = store::quorum_shorts::in_need(db, teams, actor.person).await?;
            let mut attention = first(short, "windows that cannot be approved in time", "/windows?state=proposed");
            let mut waiting = store::glass::to_review(db, actor.person).await?;
            waiting.extend(home::waiting(db, actor.person).await?);
            attention.extend(first(store::glass::overdue(db, teams).await?, "reviews that are overdue", "/windows"));
            attention.extend(first(home::windows_in_need(db, teams).await?, "windows that need a look", "/windows"));
            attention.extend(first(series_pages::in_need(db, teams).await?, "series that wait for a person", "/series"));
            let unsure = "databases without a proven connection or a backup of this week";
            attention.extend(first(home::databases_in_need(db, teams).await?, unsure, "/databases"));
            attention.extend(first(home::databases_due(db, teams).await?, "databases whose maintenance is due", "/databases"));
            attention
                .splice(0..0, first(home::databases_aging(db, teams).await?, "databases whose transaction ids grow old", "/databases"));
            if holds(&actor, Verb::ManageOutbox, None) {
                attention.splice(0..0, mail(home::hanging_messages(db).await?));
            }
            let asked = store::policy_changes::waiting_for(db, actor.person).await?.into_iter().map(|name| Attention {
                what: "Policies".into(),
                why: format!("A change of the policy “{name}” waits for your agreement."),
                to: "/policies".into(),
            });
            attention.splice(0..0, asked);
            if holds(&actor, Verb::ManageProcedures, None) {
                let waiting = store::own_procedures::waiting_for(db, actor.person).await?.into_iter().map(|(key, name)| Attention {
                    what: "Procedures".into(),
                    why: format!("A version of “{name}” waits for a second person."),
                    to: format!("/procedures/{key}"),
                });
                attention.splice(0..0, waiting);
            }
            attention.splice(0..0, series_together::waiting(db, &actor).await?);
            let (databases, all_teams) = home::counts(db, teams).await?;
            Ok(HomePage {
                now,
                happening: Lines::first(home::windows(db, &live).await?, home::ROOM),
                waiting: Lines::first(waiting, home::ROOM),
                soon: Lines::first(home::windows(db, &soon).await?, home::ROOM),
                attention,
                databases,
                teams: all_teams,
                works: actor.teams.iter().any(|member| holds(&actor, Verb::ProposeWindow, Some(member.team))),
                manages: holds(&actor, Verb::ManagePeople, None),
            })
        })
    })
    .await
}

/// What hangs on its way out.
fn mail((parked, waiting): (i64, i64)) -> impl Iterator<Item = Attention> {
    let message = |n: i64| plural(n.unsigned_abs(), "message", "messages");
    let parked = (parked > 0).then(|| format!("{} could not be delivered.", message(parked)));
    let waiting = (waiting > 0).then(|| format!("{} did not go out yet: the mail server does not take them.", message(waiting)));
    parked.into_iter().chain(waiting).map(|why| Attention { what: "Mail".into(), why, to: "/admin/outbox".into() })
}

/// As many as the page has room for. Where there are more, a last line says so and leads to all of them.
fn first(mut found: Vec<Attention>, which: &str, to: &str) -> Vec<Attention> {
    if found.len() > home::ROOM {
        found.truncate(home::ROOM);
        let why = format!("These are the first {} {which}: the list has all of them.", home::ROOM);
        found.push(Attention { what: "And more".into(), why, to: to.into() });
    }
    found
}
