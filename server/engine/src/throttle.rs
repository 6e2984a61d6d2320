//! Guessing is slow: for one account, from one network, and at the installation as a whole, over all web processes together.
//!
//! What is counted lies under hashes of what was typed, for known and unknown addresses alike: neither the work nor the answer tells
//! whether somebody has an address.

use crate::error::{Error, Result};
use crate::store;
use crate::store::throttle::Subject;
use domain::decision::Refusal;
use domain::ids::{LinkId, PersonId};
use domain::throttle::{Limit, wait};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sqlx::{PgConnection, PgPool};
use std::net::{IpAddr, Ipv6Addr};

/// A network: an address, or a /64 of IPv6, which is one household or office.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        IpAddr::V4(address) => format!("{address}/32"),
    }
}

fn subject(limit: Limit, of: &str) -> Subject {
    let mut hash = Sha256::new();
    hash.update(limit.word());
    hash.update([0]);
    hash.update(of);
    hash.finalize().into()
}

/// Somebody who tries to sign in, or to confirm that they are who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Guess {
    limit: Limit,
    who: String,
    network: String,
    paused: Option<Timestamp>,
    now: Option<Timestamp>,
}

impl Guess {
    /// A sign-in under an address as typed; refused after too many failures of its network, or of the installation.
    pub(crate) async fn sign_in(pool: &PgPool, typed: &str, address: IpAddr) -> Result<Self> {
        // Longer than any address, and enough to tell one text from another.
        let who: String = typed.trim().to_lowercase().chars().take(300).collect();
        Self::admitted(pool, Limit::Account, who, address).await
    }

    /// The password of somebody who is signed in. Strangers who fail to sign in under the address do not block it.
    pub(crate) async fn confirm(pool: &PgPool, person: PersonId, address: IpAddr) -> Result<Self> {
        let guess = Self::admitted(pool, Limit::Confirm, person.to_string(), address).await?;
        match guess.paused.zip(guess.now) {
            Some((until, now)) => Err(throttled("The password was typed wrong too often.", until, now)),
            None => Ok(guess),
        }
    }

    /// A code of the second factor, by somebody who knew the password.
    pub(crate) async fn factor(pool: &PgPool, person: PersonId, address: IpAddr) -> Result<Self> {
        let guess = Self::admitted(pool, Limit::Factor, person.to_string(), address).await?;
        match guess.paused.zip(guess.now) {
            Some((until, now)) => Err(throttled("Wrong codes were typed too often.", until, now)),
            None => Ok(guess),
        }
    }

    async fn admitted(pool: &PgPool, limit: Limit, who: String, address: IpAddr) -> Result<Self> {
        let network = network(address);
        let own = subject(limit, &who);
        let (from, total) = (subject(Limit::Network, &network), subject(Limit::Total, ""));
        let blocked = store::throttle::blocked(pool, &[own, from, total]).await?;
        let until = |wanted: &Subject| blocked.iter().find(|(subject, ..)| subject == wanted).map(|(_, until, now)| (*until, *now));
        if let Some((until, now)) = until(&from) {
            return Err(throttled("Too many failed sign-ins came from your network address.", until, now));
        }
        // Whoever attacks from everywhere does not lock out those who sign in from where they did before.
        if let Some((until, now)) = until(&total)
            && !store::sessions::knows_network(pool, &network).await?
        {
            return Err(throttled("Too many sign-ins failed here lately, from many networks.", until, now));
        }
        let paused = until(&own);
        Ok(Self { limit, who, network, paused: paused.map(|(until, _)| until), now: paused.map(|(_, now)| now) })
    }

    /// The account pauses: whatever is typed now fails.
    pub(crate) fn paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Counts a failure; true when it should become a fact. Failures during a pause do not prolong it.
    pub(crate) async fn failed(&self, db: &mut PgConnection) -> Result<bool> {
        count(db, self.limit, &self.who, i32::from(!self.paused())).await?;
        let tell = count(db, Limit::Fact, &self.told(), 1).await? == 1;
        count(db, Limit::Network, &self.network, 1).await?;
        if count(db, Limit::Total, "", 1).await? == 1 {
            store::throttle::sweep(db).await?;
        }
        Ok(tell)
    }

    /// What is told once a minute: each kind of failure for itself, or one would swallow the other's fact.
    fn told(&self) -> String {
        format!("{}\0{}\0{}", self.limit.word(), self.who, self.network)
    }

    /// Forgets the failures after a good password; false when the account began to pause meanwhile.
    pub(crate) async fn succeeded(&self, db: &mut PgConnection) -> Result<bool> {
        Ok(store::throttle::forget_unless_blocked(db, &subject(self.limit, &self.who)).await?)
    }
}

/// Counts somebody who asks for a reset of an address as typed; true when it should become a fact of its own even if nobody is known there.
pub(crate) async fn asked(db: &mut PgConnection, typed: &str, address: IpAddr) -> Result<bool> {
    let network = network(address);
    let tell = count(db, Limit::Fact, &format!("ask\0{typed}\0{network}"), 1).await? == 1;
    count(db, Limit::AskNetwork, &network, 1).await?;
    count(db, Limit::AskTotal, "", 1).await?;
    Ok(tell)
}

/// Refused after too many resets were asked for from this network, or at all.
pub(crate) async fn admit_asking(pool: &PgPool, address: IpAddr) -> Result<()> {
    let (from, total) = (subject(Limit::AskNetwork, &network(address)), subject(Limit::AskTotal, ""));
    match store::throttle::blocked(pool, &[from, total]).await?.into_iter().max_by_key(|(_, until, _)| *until) {
        Some((_, until, now)) => Err(throttled("Too many links were asked for lately.", until, now)),
        None => Ok(()),
    }
}

/// Counts a code that is about to be mailed; refused after too many for this link, or for this person. A refusal takes the count back with it.
pub(crate) async fn mail_code(db: &mut PgConnection, link: LinkId, person: PersonId) -> Result<()> {
    for (limit, of) in [(Limit::CodeLink, link.to_string()), (Limit::CodePerson, person.to_string())] {
        let count = store::throttle::count(db, &subject(limit, &of), limit.within(), 1).await?;
        if let Some(until) = limit.blocked_until(count.failures - 1, count.since, count.now) {
            return Err(throttled("Too many codes were mailed lately.", until, count.now));
        }
    }
    Ok(())
}

/// Somebody proved who they are in another way: their password is asked at once, whoever guessed it meanwhile. A pause of codes stays: knowing the
/// password anew proves nothing about the second factor.
pub(crate) async fn pardon(db: &mut PgConnection, email: &str, person: PersonId) -> Result<()> {
    store::throttle::forget(db, &subject(Limit::Account, email)).await?;
    store::throttle::forget(db, &subject(Limit::Confirm, &person.to_string())).await?;
    Ok(())
}

async fn count(db: &mut PgConnection, limit: Limit, of: &str, step: i32) -> Result<i32> {
    let subject = subject(limit, of);
    let count = store::throttle::count(db, &subject, limit.within(), step).await?;
    if step > 0
        && let Some(until) = limit.blocked_until(count.failures, count.since, count.now)
    {
        store::throttle::block(db, &subject, until).await?;
    }
    Ok(count.failures)
}

fn throttled(why: &str, until: Timestamp, now: Timestamp) -> Error {
    Error::Refused(Refusal::new("throttled", why, format!("Wait {}, then try again.", wait(until, now))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> String {
        network(address.parse().expect("an address"))
    }

    #[test]
    fn a_household_is_one_network() {
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.44"), "192.0.2.44/32");
    }

    #[test]
    fn no_two_limits_share_a_count() {
        assert_ne!(subject(Limit::Account, "a"), subject(Limit::Confirm, "a"));
        assert_ne!(subject(Limit::Network, ""), subject(Limit::Total, ""));
    }
}
