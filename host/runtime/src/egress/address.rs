//! Which addresses a plugin may be connected to. A name leads to public unicast addresses only; what an operator wrote as
//! an address leads there, inside or not, but never to where a machine keeps its credentials.
//!
//! The registries: RFC 6890 and its updates (IPv4 and IPv6 special-purpose addresses), RFC 4291, RFC 6052, RFC 3056.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block of IPv4 addresses: network, length of its prefix.
type Four = ([u8; 4], u8);
/// A block of IPv6 addresses: its first 32 bits, length of its prefix (32 at most).
type Six = (u32, u8);

/// IPv4 blocks that are not public unicast.
const NOT_PUBLIC_4: [Four; 15] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// Blocks inside 2000::/3, the public unicast addresses of IPv6, that are not: protocol assignments (among them Teredo,
/// which hides an IPv4 address), documentation.
const NOT_PUBLIC_6: [Six; 3] = [(0x2001_0000, 23), (0x2001_0db8, 32), (0x3fff_0000, 20)];

/// Where clouds answer with a machine's credentials, besides 169.254.169.254, which is link-local.
const METADATA: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];

/// Whether an address that a name resolved to is public unicast. An IPv4 address inside an IPv6 one (v4-mapped, NAT64,
/// 6to4) is judged by itself, because that is where the packets go.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !METADATA.contains(&address.into()) && !within_four(address, &NOT_PUBLIC_4),
        IpAddr::V6(address) => match four_inside(address) {
            Some(inside) => is_public(inside.into()),
            None => {
                let first = first(address);
                first >> 29 == 1 && !NOT_PUBLIC_6.iter().any(|(block, bits)| (first ^ block) >> (32 - bits) == 0)
            }
        },
    }
}

/// Whether an address may be reached where the operator's grant spells it: not a group, not everybody, not nobody (which
/// some systems take for themselves), nothing link-local, no metadata.
pub(super) fn may_be_spelled(address: IpAddr) -> bool {
    if METADATA.contains(&address) {
        return false;
    }
    match address {
        IpAddr::V4(address) => !within_four(
            address,
            &[([0, 0, 0, 0], 8), ([169, 254, 0, 0], 16), ([224, 0, 0, 0], 4), ([240, 0, 0, 0], 4)],
        ),
        IpAddr::V6(address) => {
            let link_local = first(address) >> 22 == 0xfe80_0000 >> 22;
            four_inside(address).is_none()
                && !address.is_unspecified()
                && !address.is_multicast()
                && !link_local
                && (address.is_loopback() || address.segments()[..6] != [0; 6])
        }
    }
}

fn within_four(address: Ipv4Addr, blocks: &[Four]) -> bool {
    let bits = address.to_bits();
    blocks.iter().any(|(block, length)| (bits ^ u32::from_be_bytes(*block)) >> (32 - length) == 0)
}

fn first(address: Ipv6Addr) -> u32 {
    (address.to_bits() >> 96) as u32
}

/// The IPv4 address that packets to this IPv6 address end up at: v4-mapped ::ffff:0:0/96, NAT64 64:ff9b::/96, 6to4
/// 2002::/16.
fn four_inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = address.to_bits();
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(Ipv4Addr::from_bits(bits as u32)),
        [0x2002, ..] => Some(Ipv4Addr::from_bits((bits >> 80) as u32)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_name_leads_to_public_addresses_only() {
        for inside in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a9fe:a9fe::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(address(inside)), "{inside}");
        }
        for public in [
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "2a00::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
        ] {
            assert!(is_public(address(public)), "{public}");
        }
    }

    #[test]
    fn what_an_operator_spells_is_reached_but_never_the_metadata() {
        for meant in ["127.0.0.1", "10.0.0.5", "192.168.1.1", "100.64.0.1", "8.8.8.8", "::1", "fd00::5", "2a00::1"] {
            assert!(may_be_spelled(address(meant)), "{meant}");
        }
        for never in [
            "0.0.0.0",
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "2002:7f00:1::1",
        ] {
            assert!(!may_be_spelled(address(never)), "{never}");
        }
    }

    proptest! {
        /// However an IPv4 address is dressed, it is judged by itself.
        #[test]
        fn dressed_addresses_are_seen_through(bits: u32, rest: u64) {
            let public = is_public(Ipv4Addr::from_bits(bits).into());
            let four = u128::from(bits);
            for dressed in [0xffff << 32 | four, 0x64_ff9b << 96 | four, 0x2002 << 112 | four << 80 | u128::from(rest)] {
                prop_assert_eq!(is_public(Ipv6Addr::from_bits(dressed).into()), public);
            }
            prop_assert!(!is_public(Ipv6Addr::from_bits(four).into()), "v4-compatible");
        }

        /// The standard library agrees wherever it has a word for it.
        #[test]
        fn the_blocks_are_those_of_the_registries(bits: u32) {
            let four = Ipv4Addr::from_bits(bits);
            if four.is_private() || four.is_loopback() || four.is_link_local() || four.is_documentation()
                || four.is_multicast() || four.is_broadcast() || four.is_unspecified() {
                prop_assert!(!is_public(four.into()));
            }
        }
    }
}
