//! Passwords of people: argon2id, never more at once than the machine can carry.
//!
//! m = 19 MiB, t = 2, p = 1: the first choice of OWASP's cheat sheet, 23 ms on a small server.

use crate::error::{Error, Result};
use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use domain::decision::{FieldError, Refusal};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Fewest characters (NIST SP 800-63B asks for 8, OWASP for 12 without a second factor).
const LEAST_CHARACTERS: usize = 12;
/// Most bytes: hashing must not be a way to keep us busy.
const MOST_BYTES: usize = 1024;
/// Requests that may wait for a turn; the next one is sent away.
const QUEUE: usize = 32;
/// Characters that the strength estimate looks at: its time grows with the square.
const ESTIMATED_CHARACTERS: usize = 100;
/// Bounds of stored parameters: a row that somebody wrote must not make us allocate gigabytes.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_ROUNDS: u32 = 8;
const MOST_LANES: u32 = 4;

/// One core stays free for everything else.
static TURNS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Arc::new(Semaphore::new(cores.saturating_sub(1).max(1)))
});
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// What is verified when there is nobody: the same work as for a real account.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let noise: String = crate::clock::random::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
    make(noise.as_bytes()).unwrap_or_default()
});

/// Memory of turns that are over, for the next ones: given back and asked for anew, blocks of 19 MiB would pile up in the allocator's
/// pieces, several for each thread that ever hashed.
static SPARE: Mutex<Vec<Vec<Block>>> = Mutex::new(Vec::new());

fn hasher() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).unwrap_or_default())
}

/// What a password with this salt comes to.
fn stretch(argon2: &Argon2<'_>, password: &[u8], salt: &Salt) -> Option<Output> {
    let spare = || SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut memory = spare().pop().unwrap_or_default();
    memory.resize(argon2.params().block_count(), Block::new());
    let mut room = [0; Output::MAX_LENGTH];
    let out = room.get_mut(..argon2.params().output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN))?;
    let done = argon2.hash_password_into_with_memory(password, salt, out, &mut memory);
    // Nothing of a password stays behind.
    memory.fill(Block::new());
    if memory.capacity() <= hasher().params().block_count() {
        spare().push(memory);
    }
    done.ok().and_then(|()| Output::new(out).ok())
}

/// A new hash, as it is stored.
fn make(password: &[u8]) -> Option<String> {
    let (hasher, salt) = (hasher(), Salt::new(&crate::clock::random::<16>()).ok()?);
    let hash = stretch(&hasher, password, &salt)?;
    let params = ParamsString::try_from(hasher.params()).ok()?;
    let whole = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params,
        salt: Some(salt),
        hash: Some(hash),
    };
    Some(whole.to_string())
}

/// Judges a new password of a person called `about` (name, address …): long enough, and not easily guessed.
pub fn judge(field: &'static str, password: &SecretString, about: &[&str]) -> std::result::Result<(), FieldError> {
    let typed = password.expose_secret();
    let length = typed.chars().count();
    let refuse = |why: String| Err(FieldError::new(field, why));
    if length < LEAST_CHARACTERS {
        return refuse(format!(
            "At least {LEAST_CHARACTERS} characters; this has {length}. Four or five unrelated words are easy to remember."
        ));
    }
    if typed.len() > MOST_BYTES {
        return refuse(format!("At most {MOST_BYTES} bytes; this has {}.", typed.len()));
    }
    let head: String = typed.chars().take(ESTIMATED_CHARACTERS).collect();
    if u8::from(zxcvbn::zxcvbn(&head, about).score()) < 3 {
        return refuse(
            "This is too easy to guess: it is a known password, a pattern, or close to your name. Four or five unrelated words are better."
                .into(),
        );
    }
    Ok(())
}

/// Hashes a password that [`judge`] accepted.
pub async fn hash(password: &SecretString) -> Result<String> {
    let password = password.clone();
    in_turn(move || make(password.expose_secret().as_bytes())).await?.ok_or_else(|| Error::internal("a password could not be hashed"))
}

/// True when `password` belongs to `stored`. Without a stored hash the same work is done, and the answer is no.
pub async fn verify(password: &SecretString, stored: Option<&str>) -> Result<bool> {
    if password.expose_secret().len() > MOST_BYTES {
        return Ok(false);
    }
    let (password, stored) = (password.clone(), stored.map(str::to_owned));
    in_turn(move || {
        // Made by whoever is first, known or not: its making is work, too.
        let nobody = NOBODY.as_str();
        let (hash, known) = stored.as_deref().map_or((nobody, false), |hash| (hash, true));
        matches(password.expose_secret(), hash) && known
    })
    .await
}

fn matches(password: &str, stored: &str) -> bool {
    let known = PasswordHash::new(stored).ok().and_then(|hash| {
        let version = hash.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
        let argon2 = Argon2::new(Algorithm::try_from(hash.algorithm.as_str()).ok()?, version, Params::try_from(&hash).ok()?);
        Some((argon2, hash.salt?, hash.hash?))
    });
    known.is_some_and(|(argon2, salt, expected)| {
        let params = argon2.params();
        let bounded = params.m_cost() <= MOST_MEMORY_KIB && params.t_cost() <= MOST_ROUNDS && params.p_cost() <= MOST_LANES;
        // Outputs are compared in constant time.
        bounded && stretch(&argon2, password.as_bytes(), &salt).is_some_and(|output| output == expected)
    })
}

/// What somebody is told who finds the queue full.
#[must_use]
pub fn busy() -> Refusal {
    Refusal::new("busy", "Too many people are signing in at this moment.", "Try again in a few seconds.")
}

/// Runs `work` on a blocking thread when it is its turn. The turn goes into the thread: a client that leaves does not free it early.
async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let place = Place::take().ok_or_else(busy)?;
    let turn: OwnedSemaphorePermit = TURNS.clone().acquire_owned().await.map_err(Error::internal)?;
    drop(place);
    tokio::task::spawn_blocking(move || {
        let done = work();
        drop(turn);
        done
    })
    .await
    .map_err(Error::internal)
}

/// Takes every turn until it is dropped, so that a test sees who waits for one.
#[cfg(feature = "test-support")]
pub async fn hold_turns() -> Result<OwnedSemaphorePermit> {
    let all = u32::try_from(TURNS.available_permits()).map_err(Error::internal)?;
    TURNS.clone().acquire_many_owned(all).await.map_err(Error::internal)
}

/// How many wait for a turn.
#[cfg(feature = "test-support")]
pub fn waiting() -> usize {
    WAITING.load(Ordering::Relaxed)
}

/// A place in the queue, given back when the turn comes or the client leaves.
struct Place;

impl Place {
    fn take() -> Option<Self> {
        let before = WAITING.fetch_add(1, Ordering::Relaxed);
        let place = Self;
        (before < QUEUE).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A password for somebody who will change it: five groups of five letters and digits that are not mistaken for each other (123 bits).
#[must_use]
pub fn one_time() -> SecretString {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let random = crate::clock::random::<25>();
    let letters: Vec<u8> = random.iter().map(|byte| LETTERS[usize::from(byte & 31)]).collect();
    let groups: Vec<String> = letters.chunks(5).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    SecretString::from(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(password: &str) -> std::result::Result<(), FieldError> {
        judge("password", &SecretString::from(password.to_owned()), &["Ana Silva", "ana@example.org"])
    }

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        for weak in ["short", "passwordpassword", "ana silva ana", "aaaaaaaaaaaaaaaa", "qwertyuiop123"] {
            assert!(judged(weak).is_err(), "{weak}");
        }
        assert!(judged("harbour violet seven drumsticks").is_ok());
        assert!(judged(&"schöner Götterfunken ".repeat(4)).is_ok(), "64 characters and more");
        assert!(judged(&"x9 ü".repeat(400)).is_err_and(|error| error.message.contains("1024 bytes")));
        assert!(judged(one_time().expose_secret()).is_ok());
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_person_verifies() {
        let right = SecretString::from("harbour violet seven drumsticks".to_owned());
        let stored = hash(&right).await.expect("hashed");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(verify(&right, Some(&stored)).await.expect("verified"));
        assert!(!verify(&SecretString::from("Harbour violet seven drumsticks".to_owned()), Some(&stored)).await.expect("verified"));
        assert!(!verify(&right, None).await.expect("verified"));
        let greedy = stored.replace("m=19456", "m=4000000");
        assert!(!verify(&right, Some(&greedy)).await.expect("refused without allocating"));
    }

    #[test]
    fn a_place_in_the_queue_is_given_back() {
        let places: Vec<_> = (0..QUEUE).map_while(|_| Place::take()).collect();
        assert!(places.len() >= QUEUE - 4, "other tests may hold a few");
        drop(places);
        assert!(Place::take().is_some());
    }
}
