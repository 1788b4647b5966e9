//! What an `errcode` means for a message that was to be sent.
//!
//! Official accounts: developers.weixin.qq.com, "全局返回码"; customer service: developer.work.weixin.qq.com, "全局错误码".
use tributary_sdk::types::SendError;

/// Whose codes they are: some numbers mean another thing on the other platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// 公众号.
    Official,
    /// 微信客服 of WeCom.
    Service,
}

/// What follows from a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The customer has to write again first.
    Window,
    /// The operator has to act.
    Unauthorised,
    /// It will never work.
    Permanent,
    /// It may work after so many seconds.
    Temporary(u32),
}

/// The access token is not, or no longer, valid: fetch another.
pub const TOKEN: [i64; 3] = [40001, 40014, 42001];

/// An id of a file that is not, or no longer, valid.
pub const MEDIA: i64 = 40007;

/// The account may not use the interface.
pub const RIGHT: i64 = 48001;

/// The token of a bell is not, or no longer, valid.
pub const BELL: i64 = 95007;

type Row = (i64, Class, &'static str);

/// The same on both platforms.
const BOTH: &[Row] = &[
    (-1, Class::Temporary(10), "the platform is busy"),
    (40001, Class::Unauthorised, "the app secret is wrong"),
    (40003, Class::Permanent, "the platform does not know this customer"),
    (40004, Class::Permanent, "the platform does not take files of this type"),
    (40005, Class::Permanent, "the platform does not take files of this type"),
    (40006, Class::Permanent, "the file is too large for the platform"),
    (MEDIA, Class::Permanent, "the file is not there any more"),
    (40013, Class::Unauthorised, "the app id or corp id is wrong"),
    (40014, Class::Unauthorised, "the access token is not accepted"),
    (40058, Class::Permanent, "the platform did not understand the message"),
    (41001, Class::Unauthorised, "the access token is missing"),
    (42001, Class::Temporary(10), "the access token ran out"),
    (44001, Class::Permanent, "the file is empty"),
    (44002, Class::Permanent, "the message is empty"),
    (44004, Class::Permanent, "the text is empty"),
    (45001, Class::Permanent, "the file is too large for the platform"),
    (45002, Class::Permanent, "the text is too long for the platform"),
    (RIGHT, Class::Unauthorised, "this account may not use the interface"),
];

/// Of official accounts.
const OFFICIAL: &[Row] = &[
    (40009, Class::Permanent, "the picture is too large for the platform"),
    (40010, Class::Permanent, "the recording is too large for the platform"),
    (40011, Class::Permanent, "the film is too large for the platform"),
    (40125, Class::Unauthorised, "the app secret is wrong"),
    (40164, Class::Unauthorised, "this server's address is not on the platform's list of allowed addresses"),
    (40243, Class::Unauthorised, "the app secret is frozen"),
    (41002, Class::Unauthorised, "the app id is missing"),
    (41004, Class::Unauthorised, "the app secret is missing"),
    (43004, Class::Permanent, "the customer does not follow the account"),
    (43019, Class::Permanent, "the customer is on the account's black list"),
    (45009, Class::Temporary(3600), "the account's daily quota of calls is used up"),
    (45011, Class::Temporary(60), "too many calls within a minute"),
    (45015, Class::Window, "the customer has not written within the reply window"),
    (45047, Class::Window, "the number of answers to the customer's last message is used up"),
    (48002, Class::Permanent, "the customer refuses messages of the account"),
    (48004, Class::Unauthorised, "the platform has banned the interface for this account"),
    (50001, Class::Unauthorised, "this account may not use the interface"),
    (50002, Class::Permanent, "the customer's account is restricted"),
    (50005, Class::Permanent, "the customer does not follow the account"),
    (61450, Class::Temporary(10), "the platform is busy"),
    (61451, Class::Permanent, "the platform did not understand the message"),
    (65400, Class::Unauthorised, "the account has not enabled customer service"),
    (65401, Class::Unauthorised, "`kf-account` names no member of the account's customer service"),
];

/// Of customer service.
const SERVICE: &[Row] = &[
    (45009, Class::Temporary(60), "too many calls for now"),
    (48002, Class::Unauthorised, "this app may not use the interface"),
    (60020, Class::Unauthorised, "this server's address is not on the platform's list of allowed addresses"),
    (95000, Class::Permanent, "the customer service account (open_kfid) is wrong"),
    (95001, Class::Window, "the number of answers to the customer's last message is used up"),
    (95002, Class::Window, "the customer has not written within the reply window"),
    (95004, Class::Permanent, "the customer service account (open_kfid) does not exist"),
    (BELL, Class::Temporary(10), "the token of the bell is not accepted"),
    (95012, Class::Unauthorised, "the company has not enabled customer service"),
    (95013, Class::Window, "the session has ended"),
    (95017, Class::Unauthorised, "the interface of customer service is switched off"),
    (95018, Class::Window, "the session is with a person in WeCom or has ended"),
];

/// What a code means; one that is not known will not work a second time either.
pub fn class(platform: Platform, code: i64) -> (Class, &'static str) {
    let own = match platform {
        Platform::Official => OFFICIAL,
        Platform::Service => SERVICE,
    };
    let row = own.iter().chain(BOTH).find(|row| row.0 == code);
    row.map_or((Class::Permanent, "the platform refused"), |row| (row.1, row.2))
}

/// What a code means, as the contract says it: our words, the number, and the platform's own words.
pub fn error(platform: Platform, code: i64, words: &str) -> SendError {
    let (class, meaning) = class(platform, code);
    let words: String = words.chars().filter(|sign| !sign.is_control()).take(200).collect();
    let words = format!("{meaning} (errcode {code}: {words})");
    match class {
        Class::Window => SendError::WindowClosed(words),
        Class::Unauthorised => SendError::Unauthorised(words),
        Class::Permanent => SendError::Permanent(words),
        Class::Temporary(seconds) => SendError::temporary_after(words, seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_stands_twice() {
        for own in [OFFICIAL, SERVICE] {
            let mut codes: Vec<i64> = own.iter().chain(BOTH).map(|row| row.0).collect();
            codes.sort_unstable();
            assert!(codes.windows(2).all(|pair| pair[0] != pair[1]), "{codes:?}");
        }
    }

    #[test]
    fn one_number_two_meanings() {
        assert!(matches!(error(Platform::Official, 48002, ""), SendError::Permanent(_)));
        assert!(matches!(error(Platform::Service, 48002, ""), SendError::Unauthorised(_)));
        assert!(matches!(error(Platform::Official, 45015, ""), SendError::WindowClosed(_)));
        assert!(matches!(error(Platform::Service, 95018, ""), SendError::WindowClosed(_)));
        assert!(
            matches!(error(Platform::Official, 123, "new"), SendError::Permanent(words) if words.contains("123: new"))
        );
    }
}
