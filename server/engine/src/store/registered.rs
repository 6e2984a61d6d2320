//! A sealed plan beside the databases as they are registered today.

use super::targets;
use crate::error::Result;
use domain::plan::PlanTarget;
use domain::target::TargetState;
use sqlx::PgConnection;

/// What was changed on the registered database since the plan was sealed.
pub async fn difference(db: &mut PgConnection, sealed: &PlanTarget) -> Result<Option<String>> {
    let Some(target) = targets::find(db, sealed.id).await? else {
        return Ok(Some("The database is no longer registered.".to_owned()));
    };
    let place = &target.registration.place;
    let moved = (place.host.as_str(), i32::from(place.port), place.database.as_str(), place.username.as_str())
        != (sealed.host.as_str(), sealed.port, sealed.database.as_str(), sealed.username.as_str());
    Ok(if target.state != TargetState::Ready {
        Some(format!("The database is “{}”: its connection test has to pass first.", target.state.label()))
    } else if moved {
        Some("The database's address was changed since the plan was approved.".to_owned())
    } else if target.registration.environment.word() != sealed.environment {
        Some(format!("The database was in the environment “{}” when the plan was approved, and is not now.", sealed.environment))
    } else if target.identity.as_ref() != Some(&sealed.identity) {
        Some("The connection test found another database than the plan was approved for.".to_owned())
    } else {
        None
    })
}
