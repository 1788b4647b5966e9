//! The scene of a QR code or of a link: a word that the shop chose, which the platform hands back with whoever comes by it.
//!
//! A shop that shows a code with a conversation's reply token as its scene brings the person into that conversation.

/// How long a scene is that may be a reply token: the platforms allow 64 signs and more.
const TOKEN: std::ops::RangeInclusive<usize> = 16..=64;

/// Whether the host may have made it: small letters and digits, too many to be a name. What it is, the host decides.
pub fn may_be_token(scene: &str) -> bool {
    let plain = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit();
    TOKEN.contains(&scene.len()) && scene.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_of_campaigns_are_no_tokens() {
        assert!(super::may_be_token("k3j5h2k3j4h5kj2h3k4j5h2k34"));
        for scene in ["", "123", "spring-sale-2026-front-door", "SHOPWINDOWNUMBERSEVENTEEN", "你好你好你好你好"]
        {
            assert!(!super::may_be_token(scene), "{scene}");
        }
    }
}
