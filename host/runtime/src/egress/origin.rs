//! Scheme, host and port of a grant or a request, in the one form in which they are compared (RFC 6454 4).
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Bytes of a host name at most (RFC 1035 2.3.4).
const NAME: usize = 253;
/// Bytes of one label at most.
const LABEL: usize = 63;

/// How a connection is protected.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Scheme {
    /// Not at all.
    Http,
    /// TLS with a certificate that this machine trusts.
    Https,
}

impl Scheme {
    /// The word in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where a URL names none.
    pub fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The host of an [`Origin`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Host {
    /// Lower case, without a dot at its end.
    Name(String),
    /// Written as an address.
    Address(IpAddr),
}

/// Scheme, host and port. Two that mean the same are equal: letters are lower case, a dot at the end of a name and a
/// scheme's own port are gone, an address stands in its short form. Its text is what an operator writes:
/// `https://api.example`, `http://10.0.0.5:8080`.
///
/// Only four decimal numbers and an IPv6 address in brackets are addresses. Other spellings that some resolvers take for
/// one (`2130706433`, `0x7f.1`, `127.1`, `010.0.0.1`) are no origin at all, and neither is an IPv4 address dressed as IPv6.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
}

/// Not scheme, host and port: why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAnOrigin {
    /// Neither `http://` nor `https://`.
    #[error("it begins with neither `https://` nor `http://`")]
    Scheme,
    /// Something comes after the port: a path, a query, a fragment.
    #[error("it goes on after host and port")]
    Path,
    /// A user or a password before the host.
    #[error("it carries a user name")]
    User,
    /// Not a host name in ASCII (an international name is written in its `xn--` form), nor an address in its usual form.
    #[error("its host is neither a name in ASCII nor an address in its usual form")]
    Host,
    /// Not 1 to 65535.
    #[error("its port is not a number from 1 to 65535")]
    Port,
}

impl Origin {
    /// How the connection is protected.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Host name, or address without brackets.
    pub fn host(&self) -> String {
        match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(address) => address.to_string(),
        }
    }

    /// The port, a scheme's own included.
    pub fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn target(&self) -> &Host {
        &self.host
    }

    /// What the `Host` field says (RFC 9110 7.2): no port where it is the scheme's own.
    pub fn authority(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => name.clone(),
            Host::Address(IpAddr::V4(address)) => address.to_string(),
            Host::Address(IpAddr::V6(address)) => format!("[{address}]"),
        };
        if self.port == self.scheme.port() { host } else { format!("{host}:{}", self.port) }
    }

    /// Reads the origin of an absolute URL. The second part is the rest of it, from the first `/`, `?` or `#` on.
    pub(super) fn of_url(url: &str) -> Result<(Self, &str), NotAnOrigin> {
        let (scheme, rest) = url.split_once("://").ok_or(NotAnOrigin::Scheme)?;
        let scheme = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => Scheme::Https,
            _ if scheme.eq_ignore_ascii_case("http") => Scheme::Http,
            _ => return Err(NotAnOrigin::Scheme),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if authority.contains('@') {
            return Err(NotAnOrigin::User);
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (address, port) = bracketed.split_once(']').ok_or(NotAnOrigin::Host)?;
                let address: Ipv6Addr = address.parse().map_err(|_| NotAnOrigin::Host)?;
                let port = match port {
                    "" => None,
                    port => Some(port.strip_prefix(':').ok_or(NotAnOrigin::Host)?),
                };
                (six(address)?, port)
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (name_or_four(host)?, Some(port)),
                None => (name_or_four(authority)?, None),
            },
        };
        let port = match port {
            // RFC 3986 3.2.3: a colon with nothing behind it is the scheme's own port.
            None | Some("") => scheme.port(),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().ok().filter(|port| *port != 0).ok_or(NotAnOrigin::Port)?
            }
            Some(_) => return Err(NotAnOrigin::Port),
        };
        Ok((Self { scheme, host, port }, rest))
    }
}

/// An IPv6 address that is no dressed-up IPv4 address: whoever means that writes it as it is.
fn six(address: Ipv6Addr) -> Result<Host, NotAnOrigin> {
    if address.to_ipv4_mapped().is_some() {
        return Err(NotAnOrigin::Host);
    }
    Ok(Host::Address(IpAddr::V6(address)))
}

fn name_or_four(text: &str) -> Result<Host, NotAnOrigin> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let last = name.rsplit('.').next().unwrap_or_default();
    // A name whose last label is a number in any notation is read as an address by many a resolver.
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if number {
        // Four decimal numbers without leading zeros: what the standard library reads, and nothing else.
        return name.parse::<Ipv4Addr>().map(|address| Host::Address(address.into())).map_err(|_| NotAnOrigin::Host);
    }
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    let label = |label: &str| !label.is_empty() && label.len() <= LABEL && label.bytes().all(plain);
    if name.len() > NAME || !name.split('.').all(label) {
        return Err(NotAnOrigin::Host);
    }
    Ok(Host::Name(name))
}

impl FromStr for Origin {
    type Err = NotAnOrigin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Self::of_url(text)? {
            (origin, "") => Ok(origin),
            _ => Err(NotAnOrigin::Path),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn origins_that_mean_the_same_are_the_same() {
        for (text, normal) in [
            ("HTTPS://API.Example", "https://api.example"),
            ("https://api.example:443", "https://api.example"),
            ("https://api.example.:443", "https://api.example"),
            ("https://api.example:", "https://api.example"),
            ("http://api.example:0080", "http://api.example"),
            ("http://api.example:443", "http://api.example:443"),
            ("https://xn--bcher-KVA.example", "https://xn--bcher-kva.example"),
            ("http://10.0.0.5:8080", "http://10.0.0.5:8080"),
            ("http://10.0.0.5.", "http://10.0.0.5"),
            ("https://[2001:0DB8:0:0::1]:443", "https://[2001:db8::1]"),
            ("http://my_service:9000", "http://my_service:9000"),
            ("http://0x7f.example", "http://0x7f.example"),
        ] {
            let origin: Origin = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(origin.to_string(), normal);
            assert_eq!(normal.parse(), Ok(origin), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_says_why() {
        use NotAnOrigin::{Host, Path, Port, Scheme, User};
        for (text, why) in [
            ("api.example", Scheme),
            ("ftp://api.example", Scheme),
            (" https://api.example", Scheme),
            ("https:/api.example", Scheme),
            ("https://api.example/", Path),
            ("https://api.example?x", Path),
            ("https://api.example#x", Path),
            ("https://user@api.example", User),
            ("https://api.example@evil.example", User),
            ("https://", Host),
            ("https://.", Host),
            ("https://api..example", Host),
            ("https://api.example..", Host),
            ("https://*.example", Host),
            ("https://bücher.example", Host),
            ("https://api%2eexample", Host),
            ("https://api.example\\@evil.example", User),
            ("https://api.example\\.evil.example", Host),
            ("https://api .example", Host),
            ("https://api.exa\r\nmple", Host),
            ("http://2130706433", Host),
            ("http://0x7f000001", Host),
            ("http://0X7F.1", Host),
            ("http://0x", Host),
            ("http://127.1", Host),
            ("http://127.0.0.0x1", Host),
            ("http://0177.0.0.1", Host),
            ("http://127.0.0.01", Host),
            ("http://1.2.3.4.5", Host),
            ("http://256.0.0.1", Host),
            ("http://::1", Host),
            ("http://[::1", Host),
            ("http://[::1]x", Host),
            ("http://[fe80::1%25eth0]", Host),
            ("http://[::ffff:127.0.0.1]", Host),
            ("http://[127.0.0.1]", Host),
            ("http://api.example:0", Port),
            ("http://api.example:65536", Port),
            ("http://api.example:+80", Port),
            ("http://api.example:80:80", Port),
            ("http://api.example:８０", Port),
        ] {
            assert_eq!(text.parse::<Origin>(), Err(why), "{text}");
        }
        assert_eq!(format!("https://{}.example", "a".repeat(64)).parse::<Origin>(), Err(Host));
        assert_eq!(format!("https://{}example", "a.".repeat(130)).parse::<Origin>(), Err(Host));
    }

    proptest! {
        /// The normal form is one: what is written out is read as the same, and written out the same.
        #[test]
        fn the_normal_form_is_stable(text in "(?i)https?://[a-z0-9.\\-:\\[\\]x]{1,24}") {
            if let Ok(origin) = text.parse::<Origin>() {
                let normal = origin.to_string();
                prop_assert_eq!(normal.to_ascii_lowercase(), normal.clone());
                prop_assert_eq!(normal.parse::<Origin>(), Ok(origin));
            }
        }

        /// No spelling of an IPv4 address but the usual one is read at all.
        #[test]
        fn odd_spellings_of_addresses_are_none(address: u32) {
            let [a, b, c, d] = address.to_be_bytes();
            for odd in [
                format!("{address}"), format!("{address:#x}"), format!("0{address:o}"), format!("{a}.{}", address & 0xff_ffff),
                format!("{a}.{b}.{}", address & 0xffff), format!("{a:#x}.{b}.{c}.{d}"), format!("0{a:o}.{b}.{c}.{d}"),
                format!("{a}.{b}.{c}.{d:#x}"), format!("{a}.{b}.{c}.0{d}"), format!("[::ffff:{a}.{b}.{c}.{d}]"),
            ] {
                prop_assert_eq!(format!("http://{odd}").parse::<Origin>(), Err(NotAnOrigin::Host), "{}", odd);
            }
            let plain = format!("http://{a}.{b}.{c}.{d}");
            prop_assert!(plain.parse::<Origin>().is_ok(), "{}", plain);
        }
    }
}
