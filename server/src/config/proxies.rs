//! Which peers may say whom they speak for.

use std::{net::IpAddr, str::FromStr};

/// Networks of reverse proxies whose `X-Forwarded-For` is believed; empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<(IpAddr, u8)>);

impl TrustedProxies {
    /// Whether `peer` is one of them.
    pub fn contains(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|(network, bits)| match (network, peer) {
            (IpAddr::V4(n), IpAddr::V4(p)) => {
                u32::from(*n).checked_shr(32 - u32::from(*bits)) == u32::from(p).checked_shr(32 - u32::from(*bits))
            }
            (IpAddr::V6(n), IpAddr::V6(p)) => {
                u128::from(*n).checked_shr(128 - u32::from(*bits)) == u128::from(p).checked_shr(128 - u32::from(*bits))
            }
            _ => false,
        })
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    /// `10.0.0.7, 192.168.0.0/24, fd00::/8`
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(network).collect::<Result<_, _>>().map(Self)
    }
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = || format!("holds {text:?}, not an address or a network such as 10.0.0.0/8");
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
    if bits <= most { Ok((address, bits)) } else { Err(wrong()) }
}
