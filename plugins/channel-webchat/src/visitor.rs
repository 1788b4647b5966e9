//! Who a visitor is: what the token says, and what is written into the message box.
use crate::message::NewMessage;
use crate::refusal::Refusal;
use crate::token::Claims;
use tributary_sdk::types::{Handle, HandleKind, Profile};

/// The longest name that is shown, in characters.
const LONGEST_NAME: usize = 80;

/// The longest UnionID that is one, in bytes; today's have 28.
const LONGEST_ID: usize = 128;

/// The way to recognise a visitor. Both kinds of token prove it.
pub fn handle(sub: &str) -> Handle {
    Handle::verified(HandleKind::Visitor, sub)
}

/// What a token says of its visitor: the visitor's id first.
pub fn handles(claims: &Claims, country_code: &str) -> Vec<Handle> {
    let mut handles = vec![handle(&claims.sub)];
    let mut add = |kind, value: Option<String>, verified| {
        handles.extend(value.map(|value| Handle { kind, value, verified }));
    };
    add(HandleKind::Email, claims.email.as_deref().and_then(email), claims.email_verified);
    add(HandleKind::Phone, claims.phone.as_deref().and_then(|it| phone(it, country_code)), claims.phone_verified);
    let is_id = |id: &String| (1..=LONGEST_ID).contains(&id.len());
    add(HandleKind::WechatUnionid, claims.wechat_unionid.clone().filter(is_id), true);
    handles
}

/// The handles of a message: those of the token, then those that were written into the box, which prove nothing.
///
/// # Errors
/// [`Refusal::Address`] where what was written is neither address nor number.
pub fn with_contact(claims: &Claims, message: &NewMessage, country_code: &str) -> Result<Vec<Handle>, Refusal> {
    let mut handles = handles(claims, country_code);
    let given = [
        (HandleKind::Email, &message.contact.email, Refusal::Address("email")),
        (HandleKind::Phone, &message.contact.phone, Refusal::Address("phone")),
    ];
    for (kind, text, refusal) in given {
        let Some(text) = text.as_deref().map(str::trim).filter(|text| !text.is_empty()) else { continue };
        let value = if kind == HandleKind::Email { email(text) } else { phone(text, country_code) }.ok_or(refusal)?;
        if !handles.iter().any(|handle| handle.kind == kind && handle.value == value) {
            handles.push(Handle::claimed(kind, value));
        }
    }
    Ok(handles)
}

/// There is a way to answer a visitor who has left.
pub fn can_be_reached(handles: &[Handle]) -> bool {
    handles.iter().any(|handle| matches!(handle.kind, HandleKind::Email | HandleKind::Phone))
}

/// What the shop knows of a customer who is signed in; none where the token says nothing that a message does not.
pub fn profile(claims: &Claims, country_code: &str) -> Option<Profile> {
    let tags: Vec<String> = claims.tier.clone().filter(|tier| !tier.is_empty()).into_iter().collect();
    let handles = handles(claims, country_code);
    if tags.is_empty() && handles.len() < 2 {
        return None;
    }
    Some(Profile { handles, display_name: claims.name.as_deref().and_then(name), tags, attributes: Vec::new() })
}

/// A name in one line; none where there are no letters.
pub fn name(text: &str) -> Option<String> {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_NAME).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A mail address with its domain in lower case, where it could be one (RFC 5321, 4.1.2, without quoted local parts).
pub fn email(text: &str) -> Option<String> {
    let (local, domain) = text.trim().rsplit_once('@')?;
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"()<>[]:;@\\,\"".contains(c);
    let labels = || domain.split('.');
    let label = |label: &str| {
        !label.is_empty() && !label.starts_with('-') && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let good = !local.is_empty()
        && local.len() <= 64
        && domain.len() <= 255
        && local.chars().all(plain)
        && !local.starts_with('.')
        && labels().count() > 1
        && labels().all(label);
    good.then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// A number in the form of E.164; `country_code` is put before one that is written without, its trunk 0 taken away.
pub fn phone(text: &str, country_code: &str) -> Option<String> {
    let text: String = text.chars().filter(|c| !" -./()\u{a0}".contains(*c)).collect();
    let number = match (text.strip_prefix('+'), text.strip_prefix("00")) {
        (Some(rest), _) | (None, Some(rest)) => format!("+{rest}"),
        (None, None) => format!("{country_code}{}", text.strip_prefix('0').unwrap_or(&text)),
    };
    let digits = number.strip_prefix('+')?;
    let good = (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0');
    good.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unionid_is_no_longer_than_one_can_be() {
        for (length, taken) in [(0, false), (1, true), (128, true), (129, false)] {
            let claims = Claims { sub: "a".into(), wechat_unionid: Some("o".repeat(length)), ..Claims::default() };
            assert_eq!(handles(&claims, "+86").len(), 1 + usize::from(taken), "{length}");
        }
    }

    #[test]
    fn addresses_have_one_form() {
        for (text, form) in [
            ("Ann@Mail.Example", Some("Ann@mail.example")),
            (" li.wei+shop@qq.com ", Some("li.wei+shop@qq.com")),
            ("用户@例子.中国", Some("用户@例子.中国")),
            ("ann@mail", None),
            ("ann mail@mail.example", None),
            ("a@b@mail.example", None),
            ("<ann@mail.example>", None),
            ("ann@.example", None),
            ("@mail.example", None),
            ("ann@mail.example\r\nBcc: b@mail.example", None),
        ] {
            assert_eq!(email(text).as_deref(), form, "{text}");
        }
    }

    #[test]
    fn numbers_have_one_form() {
        for (text, form) in [
            ("138 0013 8000", Some("+8613800138000")),
            ("+86-138-0013-8000", Some("+8613800138000")),
            ("0086 13800138000", Some("+8613800138000")),
            ("(010) 6552 9988", Some("+861065529988")),
            ("+44 20 7946 0018", Some("+442079460018")),
            ("12345", Some("+8612345")),
            ("1234", None),
            ("call me", None),
            ("+0123456789", None),
            ("1234567890123456", None),
        ] {
            assert_eq!(phone(text, "+86").as_deref(), form, "{text}");
        }
    }
}
