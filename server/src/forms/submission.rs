//! The same form sent twice is done once; the second sending is answered like the first.

use super::Done;
use crate::session;
use engine::Engine;
use engine::store::sessions::{self, SubmissionKey};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use tower_sessions::Session;

/// How long a second sending waits for the answer of the first: longer than any action takes (statement timeout 15 s).
const WAIT: Duration = Duration::from_secs(16);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The first sending of a form, known by a hash over session, token, path and body: the same token with another text is another form.
#[derive(Debug)]
pub(super) struct Submission {
    engine: Engine,
    key: SubmissionKey,
}

/// Whether a sending is the first.
pub(super) enum Claim {
    /// It is, or nobody can know: there is no session or no token.
    First(Option<Submission>),
    /// It is not, and the first was answered so.
    Again(Done),
    /// It is not, and the first is still worked on.
    Busy,
}

/// Takes the submission, or waits for the answer of the one that did.
pub(super) async fn claim(engine: &Engine, session: &Session, token: Option<&str>, path: &str, body: &[u8]) -> engine::Result<Claim> {
    let (Some(id), Some(token)) = (session.id(), token) else { return Ok(Claim::First(None)) };
    let session_key = session::key(&id);
    let mut hash = Sha256::new();
    for part in [session_key.as_slice(), token.as_bytes(), path.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let key: SubmissionKey = hash.finalize().into();
    let pool = engine.pool();
    let until = tokio::time::Instant::now() + WAIT;
    loop {
        if sessions::claim_submission(pool, &key, &session_key).await? {
            return Ok(Claim::First(Some(Submission { engine: engine.clone(), key })));
        }
        match sessions::submission(pool, &key).await? {
            Some(Some(answer)) => return Ok(Claim::Again(serde_json::from_value(answer)?)),
            Some(None) if tokio::time::Instant::now() >= until => return Ok(Claim::Busy),
            Some(None) => tokio::time::sleep(LOOK_EVERY).await,
            // Not claimed and not there: the session is gone, or the first changed nothing and gave it back meanwhile.
            None if sessions::load(pool, &session_key).await?.is_none() => return Ok(Claim::First(None)),
            None => {}
        }
    }
}

impl Submission {
    /// Remembers the answer for a second sending.
    pub(super) async fn answered(&self, done: &Done) {
        let kept = match serde_json::to_value(done) {
            Ok(answer) => sessions::answer_submission(self.engine.pool(), &self.key, &answer).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = kept {
            tracing::warn!(error, "the answer of a form is not remembered");
        }
    }
    /// Gives it back: nothing was changed.
    pub(super) async fn release(&self) {
        if let Err(error) = sessions::release_submission(self.engine.pool(), &self.key).await {
            tracing::warn!(%error, "a form's token stays taken");
        }
    }
}
