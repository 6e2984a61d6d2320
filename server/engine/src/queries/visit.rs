//! Who is asking, and of which installation: read once for each request.

use crate::engine::Engine;
use crate::error::Result;
use crate::store::{people, service_states, sessions};
use domain::permission::Actor;

pub use crate::store::people::Installation;

/// What is known about the person behind a request.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// The signed-in person with today's rights.
    pub actor: Option<Actor>,
    /// What pages call the session.
    pub session: Option<domain::ids::SessionId>,
    /// The person of a session that ended: what they typed is kept for them alone.
    pub former: Option<domain::ids::PersonId>,
}

/// The person of a session's key. Deactivated people and people without account are nobody.
pub async fn visitor(engine: &Engine, session_key: &[u8; 32]) -> Result<Visitor> {
    let Some(holder) = sessions::holder(engine.pool(), session_key).await? else { return Ok(Visitor::default()) };
    let Some(person) = holder.person else { return Ok(Visitor::default()) };
    if !holder.alive {
        return Ok(Visitor { former: Some(person), ..Visitor::default() });
    }
    let mut db = engine.pool().acquire().await?;
    let actor = people::actor(&mut db, person, holder.elevated).await?.map(|actor| Actor { factor: holder.factor, ..actor });
    Ok(Visitor { actor: actor.filter(|actor| actor.active), session: Some(holder.id), former: None })
}

/// The installation, `None` until the first run is done and somebody can administer it; and what workers that are stopping say about it.
pub async fn installation(engine: &Engine) -> Result<(Option<Installation>, Option<String>)> {
    let mut db = engine.pool().acquire().await?;
    if !people::has_admin(&mut db).await? {
        return Ok((None, None));
    }
    let said = service_states::draining(&mut db).await?;
    Ok((people::installation(&mut db).await?, (!said.is_empty()).then(|| said.join(" "))))
}
