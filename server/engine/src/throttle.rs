//! How many failed sign-ins one network address may cause. Kept by each web process for itself: it slows guessing across accounts,
//! while the pause of a single account is in the database.

use crate::error::{Error, Result};
use domain::decision::Refusal;
use domain::ids::PersonId;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures of one address within [`WITHIN`] before it has to wait.
const MOST_FAILURES: u32 = 30;
const WITHIN: Duration = Duration::from_secs(600);
/// One fact a minute for each address and account.
const FACT_EVERY: Duration = Duration::from_secs(60);
/// Addresses remembered; beyond it the oldest are forgotten.
const MOST_ADDRESSES: usize = 10_000;

#[derive(Debug)]
struct Seen {
    since: Instant,
    failures: u32,
    told: HashMap<Option<PersonId>, Instant>,
}

static SEEN: LazyLock<Mutex<Failures>> = LazyLock::new(Mutex::default);

/// What each network address failed at. Moments are arguments, so that tests need not wait.
#[derive(Debug, Default)]
struct Failures(HashMap<IpAddr, Seen>);

/// A household or office has a /64 of IPv6: counted as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

/// Refused after too many failures from this address.
pub(crate) fn admit(address: IpAddr) -> Result<()> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).admit(address, Instant::now())
}

/// Counts a failure; true when it should become a fact.
pub(crate) fn failed(address: IpAddr, person: Option<PersonId>) -> bool {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).failed(address, person, Instant::now())
}

impl Failures {
    fn admit(&self, address: IpAddr, now: Instant) -> Result<()> {
        let Some(seen) = self.0.get(&network(address)).filter(|seen| seen.failures >= MOST_FAILURES) else { return Ok(()) };
        let left = WITHIN.saturating_sub(now.duration_since(seen.since));
        if left.is_zero() {
            return Ok(());
        }
        let minutes = left.as_secs().div_ceil(60).max(1);
        Err(Error::Refused(Refusal::new(
            "throttled",
            "Too many failed sign-ins came from your network address.",
            format!("Wait {minutes} minutes, then try again."),
        )))
    }

    fn failed(&mut self, address: IpAddr, person: Option<PersonId>, now: Instant) -> bool {
        let all = &mut self.0;
        if all.len() >= MOST_ADDRESSES {
            all.retain(|_, seen| now.duration_since(seen.since) < WITHIN);
            if all.len() >= MOST_ADDRESSES {
                all.clear();
            }
        }
        let seen = all.entry(network(address)).or_insert_with(|| Seen { since: now, failures: 0, told: HashMap::new() });
        if now.duration_since(seen.since) >= WITHIN {
            *seen = Seen { since: now, failures: 0, told: HashMap::new() };
        }
        seen.failures += 1;
        let tell = seen.told.get(&person).is_none_or(|last| now.duration_since(*last) >= FACT_EVERY);
        if tell {
            seen.told.insert(person, now);
        }
        tell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_waits_after_thirty_failures_and_only_so_long() {
        let (mut all, now) = (Failures::default(), Instant::now());
        let address: IpAddr = "2001:db8:1:2::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8:1:2::ffff".parse().expect("an address");
        for _ in 0..MOST_FAILURES {
            all.admit(address, now).expect("not yet");
            all.failed(address, None, now);
        }
        let refused = all.admit(neighbour, now).expect_err("the same network");
        assert!(refused.to_string().contains("Wait 10 minutes"), "{refused}");
        assert!(all.admit("2001:db8:1:3::1".parse().expect("an address"), now).is_ok());
        assert!(all.admit(address, now + WITHIN).is_ok());
    }

    #[test]
    fn one_fact_a_minute() {
        let (mut all, now) = (Failures::default(), Instant::now());
        let address: IpAddr = "192.0.2.44".parse().expect("an address");
        assert!(all.failed(address, None, now));
        assert!(!all.failed(address, None, now));
        assert!(all.failed(address, Some(crate::clock::new_person()), now));
        assert!(all.failed(address, None, now + FACT_EVERY));
    }
}
