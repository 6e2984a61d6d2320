//! Whether this process lives, and whether it can work: for balancers and service managers, so no secret and no name of a machine.

use crate::web::Web;
use axum::Json;
use axum::extract::State;
use engine::vitals::{Readiness, readiness};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// Lives: answers without asking anybody.
pub async fn alive() -> Json<Value> {
    Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

/// Can work: the state database answers, its schema is the one this program knows, the trail has room for the months to come, and nobody
/// has asked this process to stop.
pub async fn ready(State(web): State<Web>) -> (StatusCode, Json<Value>) {
    let found = readiness(web.engine.pool()).await;
    let draining = web.draining.is_cancelled();
    let ready = found.is_ready() && !draining;
    if !ready && !draining {
        tracing::warn!(?found, "not ready");
    }
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(body(&found, draining)))
}

fn body(found: &Readiness, draining: bool) -> Value {
    let stopping = if draining { Err("this process was asked to stop".to_owned()) } else { Ok(()) };
    let looked = [("database", &found.database), ("schema", &found.schema), ("partitions", &found.partitions), ("not_draining", &stopping)];
    let checks: Map<String, Value> = looked
        .into_iter()
        .map(|(name, result)| {
            let check = match result {
                Ok(()) => json!({"status": "ok"}),
                Err(why) => json!({"status": "failed", "detail": why}),
            };
            (name.to_owned(), check)
        })
        .collect();
    let ready = looked.iter().all(|(_, result)| result.is_ok());
    json!({"status": if ready { "ready" } else { "not ready" }, "checks": checks})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_named_and_a_failed_one_says_why() {
        let found = Readiness { database: Ok(()), schema: Err("run `drydock migrate`".into()), partitions: Ok(()) };
        let said = body(&found, true);
        assert_eq!(said["status"], "not ready");
        assert_eq!(said["checks"]["database"]["status"], "ok");
        assert_eq!(said["checks"]["schema"]["detail"], "run `drydock migrate`");
        assert_eq!(said["checks"]["not_draining"]["status"], "failed");
    }
}
