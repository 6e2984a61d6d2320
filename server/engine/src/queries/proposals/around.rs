//! What else happens on the databases of a proposal: windows, freezes, and what shares a server or is linked.

use crate::error::Result;
use crate::queries::visible_teams;
use crate::store;
use crate::store::windows::{self, ProposalTarget};
use domain::freeze::Freeze;
use domain::ids::{TargetId, WindowId};
use domain::permission::Actor;
use domain::proposal::several::Several;
use domain::view::windows::Overlap;
use domain::view::windows::beside::Beside;
use jiff::Timestamp;
use sqlx::PgConnection;

/// What else there is on these databases between two instants.
#[derive(Default)]
pub(super) struct Around {
    pub(super) overlaps: Vec<Overlap>,
    pub(super) freezes: Vec<Freeze>,
    pub(super) beside: Vec<Beside>,
}

/// Each once, and with the database where there are several.
pub(super) async fn around(
    db: &mut PgConnection,
    actor: &Actor,
    targets: &[ProposalTarget],
    between: (Timestamp, Timestamp),
    window: Option<WindowId>,
) -> Result<Around> {
    let mut found = Around::default();
    for target in targets {
        let on = (targets.len() > 1).then(|| target.plan.short_name.clone());
        let here = overlaps(db, target.plan.id, between.0, between.1, window).await?;
        found.overlaps.extend(here.into_iter().map(|other| Overlap { on: on.clone(), ..other }));
        let over = store::freezes::over(db, target.plan.id, between.0, between.1, None).await?;
        found.freezes.extend(over.into_iter().filter(|freeze| found.freezes.iter().all(|known| known.id != freeze.id)).collect::<Vec<_>>());
        let near = beside(db, actor, target.plan.id, between, window).await?;
        found.beside.extend(near.into_iter().filter(|other| !found.beside.contains(other)).collect::<Vec<_>>());
    }
    // What takes one of the databases stands there already, also where another one shares its server.
    let there: Vec<i64> = found.overlaps.iter().map(|other| other.number).collect();
    found.beside.retain(|other| other.seen.as_ref().is_none_or(|seen| !there.contains(&seen.number)));
    Ok(found)
}

pub(in crate::queries) async fn overlaps(
    db: &mut PgConnection,
    target: TargetId,
    from: Timestamp,
    to: Timestamp,
    except: Option<WindowId>,
) -> Result<Vec<Overlap>> {
    let found = windows::neighbours(db, target, from, to, except).await?;
    Ok(found
        .into_iter()
        .map(|other| Overlap {
            number: other.number,
            title: other.title,
            state: other.state,
            start: other.start_at,
            end: other.end_at,
            on: None,
        })
        .collect())
}

/// Windows on other databases of the same server, as the reader may know of them.
pub(in crate::queries) async fn beside(
    db: &mut PgConnection,
    actor: &Actor,
    target: TargetId,
    between: (Timestamp, Timestamp),
    except: Option<WindowId>,
) -> Result<Vec<Beside>> {
    store::beside::between(db, target, between, except, visible_teams(actor).as_deref()).await
}

/// Databases of one wave that share a server, or that people linked: they would wait for the same disks, or for each other.
pub(super) async fn same_server(
    db: &mut PgConnection,
    targets: &[ProposalTarget],
    order: Option<&Several>,
) -> Result<Vec<(String, String)>> {
    let ids: Vec<TargetId> = targets.iter().map(|target| target.plan.id).collect();
    let linked = if order.is_some() { store::target_links::among(db, &ids).await? } else { vec![] };
    let are_linked = |one: TargetId, other: TargetId| linked.contains(&(one, other)) || linked.contains(&(other, one));
    let of = |name: &String| targets.iter().find(|target| target.plan.short_name == *name);
    let cluster = |target: &ProposalTarget| target.plan.identity.get("system_identifier").cloned();
    let mut found = Vec::new();
    for wave in order.iter().flat_map(|order| &order.waves) {
        let known: Vec<&ProposalTarget> = wave.iter().filter_map(of).collect();
        for (place, one) in known.iter().enumerate() {
            let shares = |other: &&&ProposalTarget| {
                other.plan.host == one.plan.host
                    || (cluster(one).is_some() && cluster(one) == cluster(other))
                    || are_linked(one.plan.id, other.plan.id)
            };
            found
                .extend(known[place + 1..].iter().filter(shares).map(|other| (one.plan.short_name.clone(), other.plan.short_name.clone())));
        }
    }
    Ok(found)
}
