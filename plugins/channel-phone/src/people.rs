//! Who is who: telephone numbers in E.164, mail addresses, and on which side of the call somebody is.
use tributary_sdk::types::{Handle, HandleKind};

use crate::call::Who;
use crate::config::Config;

/// The longest id of a call. The host takes none that is much longer.
const LONGEST_ID: usize = 512;

/// Whether a text can be the id of a call.
pub fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len())
}

/// E.164: country code and number have 15 digits at most; none is shorter than five.
const DIGITS: std::ops::RangeInclusive<usize> = 5..=15;

/// The E.164 form of a number as it is written (RFC 3966 `tel:` URLs, spaces, brackets, dashes, SIP user parts): `+` and
/// digits. None where it is withheld, or no number.
pub fn phone(written: &str, config: &Config) -> Option<String> {
    let bare = written.trim();
    let bare =
        ["tel:", "sip:", "sips:", "TEL:", "SIP:"].iter().find_map(|scheme| bare.strip_prefix(scheme)).unwrap_or(bare);
    let bare = bare.split([';', '@']).next().unwrap_or_default();
    let plus = bare.trim_start().starts_with(['+', '＋']);
    let mut digits = String::new();
    for character in bare.chars() {
        match character {
            '0'..='9' => digits.push(character),
            '+' | '＋' | ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{2010}'..='\u{2015}' => {}
            _ => return None,
        }
    }
    let abroad = (!plus && !config.international_prefix.is_empty())
        .then(|| digits.strip_prefix(config.international_prefix.as_str()))
        .flatten();
    let number = match (plus, abroad) {
        (true, _) => digits,
        (false, Some(rest)) => rest.to_owned(),
        (false, None) => {
            let national = digits.strip_prefix(config.trunk_prefix.as_str()).unwrap_or(&digits);
            if national.is_empty() {
                return None;
            }
            format!("{}{national}", config.default_country.trim_start_matches('+'))
        }
    };
    let number = format!("+{number}");
    (DIGITS.contains(&(number.len() - 1)) && !config.anonymous_numbers.contains(&number)).then_some(number)
}

/// The address in a `mailto:` URL (RFC 6068), a bare address, or `Name <address>`; its domain in lower case. None where it is
/// longer than an address can be (RFC 5321, 4.5.3.1).
pub fn email(written: &str) -> Option<String> {
    let bare = written.trim();
    let bare = bare.strip_prefix("mailto:").unwrap_or(bare).split('?').next().unwrap_or_default();
    let bare = match (bare.rfind('<'), bare.rfind('>')) {
        (Some(open), Some(close)) if open < close => &bare[open + 1..close],
        _ => bare,
    };
    let (local, domain) = bare.trim().rsplit_once('@')?;
    let sound = |part: &str, most| {
        (1..=most).contains(&part.len()) && !part.contains(|c: char| c.is_whitespace() || c.is_control())
    };
    (sound(local, 64) && sound(domain, 255)).then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// The side that a word for a speaker names: `Agent`, `AGENT`, `agent_1`, `Customer 2`, `客服`. The configuration's words are
/// in lower case.
pub fn side(word: &str, config: &Config) -> Who {
    let word = word.trim().to_lowercase();
    let bare = word.trim_end_matches(|c: char| c.is_ascii_digit() || [' ', '_', '-', '#'].contains(&c));
    let named = |words: &[String]| words.iter().any(|known| *known == word || known == bare);
    if named(&config.agent_speakers) {
        Who::Agent
    } else if named(&config.customer_speakers) {
        Who::Customer
    } else if named(&config.bot_speakers) {
        Who::Bot
    } else {
        Who::Unknown
    }
}

/// Whether one of these is the shop's own number or address.
pub fn is_own(handles: &[Handle], config: &Config) -> bool {
    handles.iter().any(|handle| match handle.kind {
        HandleKind::Phone => {
            config.own_numbers.contains(&handle.value) || config.sms_from.as_deref() == Some(handle.value.as_str())
        }
        HandleKind::Email => handle
            .value
            .rsplit_once('@')
            .is_some_and(|(_, domain)| config.own_domains.iter().any(|own| own.eq_ignore_ascii_case(domain))),
        _ => false,
    })
}

/// The handle of a caller whose number is not known: each call is somebody else.
pub fn nobody(call: &str) -> Handle {
    Handle::claimed(HandleKind::Other, format!("call/{call}"))
}

/// A phone handle; `verified` where the network vouches for it.
pub fn phone_handle(number: String, verified: bool) -> Handle {
    if verified { Handle::verified(HandleKind::Phone, number) } else { Handle::claimed(HandleKind::Phone, number) }
}
