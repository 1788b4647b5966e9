//! What an entry of `asks.egress` has to be. The host reads the same text with a parser of its own; `tests` holds the two
//! against each other.
use std::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of a host name at most (RFC 1035 2.3.4).
const NAME: usize = 253;
/// Bytes of one label at most.
const LABEL: usize = 63;

/// Whether a text is scheme, host and perhaps a port, and nothing else. A host is a name in ASCII (an international one in
/// its `xn--` form), four decimal numbers, or an IPv6 address in brackets; other spellings of addresses are none.
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return false };
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return false;
    }
    match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').is_some_and(|(address, port)| {
            let six = address.parse::<Ipv6Addr>();
            // An IPv4 address that is dressed as IPv6 is written as it is.
            six.is_ok_and(|address| address.to_ipv4_mapped().is_none())
                && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
        }),
        None => {
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            is_host(host) && is_port(port)
        }
    }
}

/// Nothing is the scheme's own port (RFC 3986 3.2.3).
fn is_port(text: &str) -> bool {
    text.is_empty() || (text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse().is_ok_and(|port: u16| port != 0))
}

fn is_host(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    // A name whose last label is a number in any notation is read as an address by many a resolver.
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if number {
        return name.parse::<Ipv4Addr>().is_ok();
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let label = |label: &str| !label.is_empty() && label.len() <= LABEL && label.bytes().all(plain);
    name.len() <= NAME && name.split('.').all(label)
}
