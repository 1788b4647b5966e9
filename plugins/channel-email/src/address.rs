//! Addresses: the shop's own mailbox, and the normal form of everybody's.
use sha2::{Digest, Sha256};

use crate::{header, transfer};

/// The shop's mailbox.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// The name people see.
    pub name: Option<String>,
    /// Before the at sign.
    pub local: String,
    /// After it, lower case.
    pub domain: String,
    /// Domain of Message-IDs.
    pub id_domain: String,
}

impl Mailbox {
    /// Length of the digest in a Message-ID.
    pub const DIGEST: usize = 16;

    /// The mailbox of `Shop <support@shop.example>`. None where that is no mailbox.
    pub fn read(from: &str, id_domain: Option<&str>) -> Option<Self> {
        let (name, address) = header::addresses(from.as_bytes(), None).into_iter().next()?;
        let address = normal(&address)?;
        let (local, domain) = address.rsplit_once('@')?;
        let id_domain = id_domain.unwrap_or(domain).to_ascii_lowercase();
        let sound = !id_domain.is_empty()
            && id_domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
        sound.then(|| Self { name, local: local.into(), domain: domain.into(), id_domain })
    }

    /// `support@shop.example`.
    pub fn address(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }

    /// `support+TOKEN@shop.example`; without a token the plain address.
    pub fn with_token(&self, token: &str) -> String {
        let usable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if usable { format!("{}+{token}@{}", self.local, self.domain) } else { self.address() }
    }

    /// The Message-ID of an outgoing message, without brackets: the same for every attempt, and not to be guessed, because
    /// it depends on the reply token.
    pub fn message_id(&self, outgoing: &str, token: &str) -> String {
        let digest = Sha256::new().chain_update(token).chain_update(b"\0").chain_update(outgoing).finalize();
        let digest = transfer::to_hex(&digest[..Self::DIGEST / 2]);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let sound = !outgoing.is_empty() && outgoing.len() <= 128 && outgoing.bytes().all(plain);
        if sound {
            format!("{outgoing}.{digest}@{}", self.id_domain)
        } else {
            // An id that may not stand in a Message-ID is told from no bounce, and sends all the same.
            let id = transfer::to_hex(&Sha256::digest(outgoing)[..16]);
            format!("{id}.{digest}@{}", self.id_domain)
        }
    }

    /// Whether an address is the shop's own, with or without a token.
    pub fn is_own(&self, address: &str) -> bool {
        let Some((local, domain)) = address.rsplit_once('@') else { return false };
        let local = local.split_once('+').map_or(local, |(local, _)| local);
        domain.eq_ignore_ascii_case(&self.domain) && local.eq_ignore_ascii_case(&self.local)
    }
}

/// An address in its normal form: domain in lower case. None where it is no address that mail could go to.
pub fn normal(address: &str) -> Option<String> {
    let address = address.trim().trim_matches(['<', '>', '\'']).trim_end_matches('.');
    let (local, domain) = address.rsplit_once('@')?;
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '(' | ')');
    let quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let sound = !local.is_empty()
        && !domain.is_empty()
        && address.len() <= 320
        && !domain.contains(bad)
        && !domain.contains('@')
        && (quoted && !local.contains(char::is_control) || !local.contains(bad))
        && !domain.starts_with(['.', '-'])
        && !domain.contains("..");
    sound.then(|| format!("{local}@{}", domain.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        for (given, read) in [
            ("Zhang@Example.CN", Some("Zhang@example.cn")),
            ("<a@b>", Some("a@b")),
            ("用户@例子.中国", Some("用户@例子.中国")),
            ("\"a b\"@c.d", Some("\"a b\"@c.d")),
            ("a b@c.d", None),
            ("a@b\r\nBcc: x@y", None),
            ("nobody", None),
            ("@c.d", None),
            ("a@", None),
            ("a@b,c@d", None),
        ] {
            assert_eq!(normal(given).as_deref(), read, "{given}");
        }
    }

    #[test]
    fn the_shops_mailbox() {
        let shop = Mailbox::read("Shop <Support@Shop.Example>", None).expect("a mailbox");
        assert_eq!((shop.name.as_deref(), shop.address().as_str()), (Some("Shop"), "Support@shop.example"));
        assert_eq!(shop.with_token("abcdefgh01234567"), "Support+abcdefgh01234567@shop.example");
        assert!(shop.is_own("support+x@shop.example") && !shop.is_own("support@other.example"));
        assert_eq!(shop.message_id("o-1", "t"), shop.message_id("o-1", "t"));
        assert_ne!(shop.message_id("o-1", "t"), shop.message_id("o-1", "u"));
        assert!(Mailbox::read("nobody", None).is_none());
        assert!(Mailbox::read("a@b.c", Some("x y")).is_none());
    }
}
