//! Which addresses a call to the outside may reach: public ones, and the internal networks that somebody let in by name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network, such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits }
    }
    const fn v6(head: [u16; 4], bits: u8) -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::new(head[0], head[1], head[2], head[3], 0, 0, 0, 0)), bits }
    }
    /// Whether the address lies in it; an address of the other family never does.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => leading(u32::from(own).into(), u32::from(other).into(), 32, self.bits),
            (IpAddr::V6(own), IpAddr::V6(other)) => leading(own.into(), other.into(), 128, self.bits),
            _ => false,
        }
    }
}

/// Whether the first `bits` of two numbers of `width` bits are the same.
fn leading(one: u128, other: u128, width: u32, bits: u8) -> bool {
    bits == 0 || (one ^ other) >> (width - u32::from(bits)) == 0
}

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no network such as 10.0.0.0/8 or fd00::/8");
        let (address, bits) = text.trim().split_once('/').map_or((text.trim(), None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.map_or(Ok(most), str::parse).map_err(|_| wrong())?;
        if bits <= most { Ok(Self { address, bits }) } else { Err(wrong()) }
    }
}

/// IPv4 networks that are not the public internet (the IANA special-purpose registry; relays and multicast beside it).
const INTERNAL_V4: &[Network] = &[
    Network::v4(0, 0, 0, 0, 8),
    Network::v4(10, 0, 0, 0, 8),
    Network::v4(100, 64, 0, 0, 10),
    Network::v4(127, 0, 0, 0, 8),
    // Here lie the metadata services of clouds.
    Network::v4(169, 254, 0, 0, 16),
    Network::v4(172, 16, 0, 0, 12),
    Network::v4(192, 0, 0, 0, 24),
    Network::v4(192, 0, 2, 0, 24),
    Network::v4(192, 88, 99, 0, 24),
    Network::v4(192, 168, 0, 0, 16),
    Network::v4(198, 18, 0, 0, 15),
    Network::v4(198, 51, 100, 0, 24),
    Network::v4(203, 0, 113, 0, 24),
    Network::v4(224, 0, 0, 0, 4),
    Network::v4(240, 0, 0, 0, 4),
];

/// Of IPv6 only global unicast is public, and these parts of it are not.
const GLOBAL_V6: Network = Network::v6([0x2000, 0, 0, 0], 3);
const INTERNAL_V6: &[Network] = &[
    // Protocol assignments, Teredo among them: it carries an IPv4 address.
    Network::v6([0x2001, 0, 0, 0], 23),
    Network::v6([0x2001, 0xdb8, 0, 0], 32),
    // 6to4 carries an IPv4 address.
    Network::v6([0x2002, 0, 0, 0], 16),
    Network::v6([0x3fff, 0, 0, 0], 20),
];

/// Whether a call may go to this address. An address that carries an IPv4 address (6to4, NAT64 …) is no public one whatever it carries;
/// a mapped one counts as the one it carries.
#[must_use]
pub fn may_call(address: IpAddr, allowed: &[Network]) -> bool {
    let address = address.to_canonical();
    let public = match address {
        IpAddr::V4(_) => !INTERNAL_V4.iter().any(|network| network.contains(address)),
        IpAddr::V6(_) => GLOBAL_V6.contains(address) && !INTERNAL_V6.iter().any(|network| network.contains(address)),
    };
    public || allowed.iter().any(|network| network.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn called(text: &str, allowed: &[&str]) -> bool {
        let allowed: Vec<Network> = allowed.iter().map(|network| network.parse().expect("a network")).collect();
        may_call(text.parse().expect("an address"), &allowed)
    }

    #[test]
    fn the_public_internet_is_called() {
        for address in
            ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1"]
        {
            assert!(called(address, &[]), "{address}");
        }
    }

    #[test]
    fn nothing_internal_is_called_in_whatever_form_it_comes() {
        let inside = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.254",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
        ];
        for address in inside {
            let v4: Ipv4Addr = address.parse().expect("an address");
            let [a, b, c, d] = v4.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let forms = [
                address.to_owned(),
                format!("::ffff:{address}"),
                format!("::{address}"),
                format!("64:ff9b::{address}"),
                format!("64:ff9b:1::{address}"),
                format!("2002:{high:x}:{low:x}::1"),
                format!("2001:0:{high:x}:{low:x}::1"),
                format!("::ffff:0:{address}"),
                format!("fe80::5efe:{address}"),
            ];
            for form in forms {
                assert!(!called(&form, &[]), "{form}");
            }
        }
        for address in [
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "ff02::1",
            "100::1",
            "2001:db8::1",
            "2001:20::1",
            "3fff::1",
            "5f00::1",
        ] {
            assert!(!called(address, &[]), "{address}");
        }
    }

    #[test]
    fn networks_are_let_in_by_name_and_nothing_beside_them() {
        assert!(called("10.1.2.3", &["10.1.0.0/16"]) && called("::ffff:10.1.2.3", &["10.1.0.0/16"]));
        assert!(!called("10.2.0.1", &["10.1.0.0/16"]) && !called("2002:a01:203::1", &["10.1.0.0/16"]));
        assert!(called("fd00::7", &["192.0.2.0/24", "fd00::/8"]) && !called("fe80::7", &["fd00::/8"]));
        assert!(called("127.0.0.1", &["127.0.0.1"]) && !called("127.0.0.2", &["127.0.0.1"]));
        assert!(called("169.254.169.254", &["0.0.0.0/0"]));
        for wrong in ["", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "ten", "10.0.0.0/8/9", "10.0.0/8"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    proptest! {
        /// Whatever carries a private address in one of the known ways is not called.
        #[test]
        fn no_form_of_a_private_address_is_called(b in 0_u8.., c in 0_u8.., d in 0_u8.., head in prop::sample::select(vec![10_u8, 127, 0, 224, 240, 255])) {
            let v4 = Ipv4Addr::new(head, b, c, d);
            let [high, low] = [u16::from_be_bytes([head, b]), u16::from_be_bytes([c, d])];
            for address in [IpAddr::V4(v4), IpAddr::V6(v4.to_ipv6_mapped()), IpAddr::V6(v4.to_ipv6_compatible()),
                            IpAddr::V6(Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1)), IpAddr::V6(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low))] {
                prop_assert!(!may_call(address, &[]), "{address}");
            }
        }
    }
}
