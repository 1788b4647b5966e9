//! `[channel.imap]`: the mailbox that a channel's mails are read from.
use super::reader::Section;
use super::{HOUR, SECOND};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use tributary_fleet::PlaceEntry;
use tributary_gateway::imap::config::LONGEST_IDLE;
use tributary_gateway::imap::{After, Config, Login, Security, certificates};
use tributary_model::ChannelName;
use tributary_model::error::chain;

/// Reads the section, if it is there.
pub(super) fn mailbox(dir: &Path, section: Section<'_, '_>) -> Option<Config> {
    if !section.present() {
        return None;
    }
    let host = section.needed_text("host");
    let words = [("implicit", Security::Implicit), ("starttls", Security::StartTls), ("none", Security::None)];
    let security = section.word("tls", &words).unwrap_or(Security::Implicit);
    let plaintext = section.flag("allow-plaintext").unwrap_or(false);
    if security == Security::None && !plaintext && host.as_deref().is_some_and(|host| !is_loopback(host)) {
        section.fault(
            "tls",
            "is \"none\", which shows mails and password to the network; allow-plaintext = true allows it",
        );
    }
    let user = section.needed_text("user");
    let login = login(&section);
    // Where one of these is missing, the other keys are looked at all the same.
    let is_whole = host.is_some() && user.is_some() && login.is_some();
    let login = login.unwrap_or_else(|| Login::Password(String::new()));
    let mut config = Config::new(host.unwrap_or_default(), security, user.unwrap_or_default(), login);
    if let Some(port) = section.number("port", 1, 65_535).and_then(|port| u16::try_from(port).ok()) {
        config.port = port;
    }
    if let Some(folder) = section.text("folder") {
        if folder.is_empty() {
            section.fault("folder", "is empty; the name of a folder such as \"INBOX\" was expected");
        }
        config.folder = folder;
    }
    if let Some(text) = section.text("after") {
        match After::parse(&text) {
            Some(After::Move(folder)) if folder == config.folder => {
                section.fault("after", format!("moves mails from {folder:?} to itself"));
            }
            Some(after) => config.after = after,
            None => section.fault(
                "after",
                format!("is {text:?}, one of \"seen\", \"leave\", \"delete\", \"move:FOLDER\" was expected"),
            ),
        }
    }
    let times: [(&'static str, &mut Duration, Duration, Duration); 5] = [
        ("every", &mut config.every, SECOND, 24 * HOUR),
        ("idle", &mut config.idle, SECOND, LONGEST_IDLE),
        ("timeout", &mut config.timeout, SECOND, HOUR),
        ("retry-most", &mut config.retry_most, SECOND, 24 * HOUR),
        ("refused-most", &mut config.refused_most, SECOND, 24 * HOUR),
    ];
    for (key, time, least, most) in times {
        *time = section.duration(key, least, most).unwrap_or(*time);
    }
    if let Some(days) = section.number("since-days", 0, 36_500).and_then(|days| u32::try_from(days).ok()) {
        config.since_days = days;
    }
    if let Some(size) = section.size("max-message-size", 64 << 10, 1 << 30).and_then(|size| usize::try_from(size).ok())
    {
        config.max_message_bytes = size;
    }
    for file in section.texts("authorities").unwrap_or_default() {
        match certificates(&dir.join(&file)) {
            Ok(found) => config.authorities.extend(found),
            Err(error) => section.fault("authorities", format!("{file}: {}", chain(&error))),
        }
    }
    section.finish();
    is_whole.then_some(config)
}

fn login(section: &Section<'_, '_>) -> Option<Login> {
    match (section.text("password-secret"), section.text("token-secret")) {
        (Some(_), Some(_)) => {
            section.fault("token-secret", "and password-secret are both there; one of them was expected");
            None
        }
        (Some(name), None) => is_file(section, "password-secret", &name).then_some(Login::Password(name)),
        (None, Some(name)) => is_file(section, "token-secret", &name).then_some(Login::Bearer(name)),
        (None, None) => {
            section.fault("password-secret", "is missing: the name of a file in secrets/ was expected");
            None
        }
    }
}

fn is_file(section: &Section<'_, '_>, key: &str, name: &str) -> bool {
    let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
    if !plain {
        section.fault(key, format!("{name:?} is not the name of a file in secrets/"));
    }
    plain
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The mailbox with what it needs to know of its channel: a mail that does not show whom it was for is for the addresses
/// that the channel names, and where it names none, for the mailbox's user.
pub(super) fn of_channel(channel: &PlaceEntry, mut mailbox: Config) -> (ChannelName, Config) {
    let named = channel.addresses.iter().map(|address| address.as_str()).filter(|address| !address.starts_with('*'));
    mailbox.addresses = named.map(str::to_owned).collect();
    if mailbox.addresses.is_empty() && mailbox.user.contains('@') {
        mailbox.addresses.push(mailbox.user.clone());
    }
    (channel.place.name().into(), mailbox)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config as Whole;
    use crate::config::reader::Fault;

    fn read(imap: &str) -> Result<Vec<(ChannelName, Config)>, Vec<Fault>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("none.pem"), "").unwrap();
        let channel =
            "[[channel]]\nname = \"mail\"\nplugin = \"channel-email\"\naddresses = [\"*\", \"help@shop.example\"]\n";
        std::fs::write(dir.path().join("tributary.toml"), format!("{channel}{imap}")).unwrap();
        Whole::read(dir.path()).map(|config| config.mailboxes)
    }

    const LEAST: &str = "[channel.imap]\nhost = \"imap.shop.example\"\nuser = \"desk@shop.example\"\n";

    #[test]
    fn without_a_word_there_is_no_mailbox_and_with_the_least_it_is_at_its_defaults() {
        assert!(read("").is_ok_and(|mailboxes| mailboxes.is_empty()));
        let mailboxes =
            read(&format!("{LEAST}password-secret = \"imap\"")).unwrap_or_else(|faults| panic!("{faults:?}"));
        let [(channel, config)] = &mailboxes[..] else { panic!("{mailboxes:?}") };
        assert_eq!((channel.as_str(), config.port, config.folder.as_str()), ("mail", 993, "INBOX"));
        assert_eq!((config.security, &config.after, config.since_days), (Security::Implicit, &After::Seen, 7));
        assert_eq!(config.addresses, ["help@shop.example"]);
    }

    #[test]
    fn every_key_is_read() {
        let text = r#"
            [channel.imap]
            host = "localhost"
            port = 1143
            tls = "none"
            user = "desk"
            token-secret = "token"
            folder = "客户来信"
            after = "move:已处理"
            every = "30 s"
            idle = "5 min"
            since-days = 0
            max-message-size = "1 MiB"
            timeout = 20
            retry-most = "1 min"
            refused-most = "2 h"
            "#;
        let mailboxes = read(text).unwrap_or_else(|faults| panic!("{faults:?}"));
        let config = &mailboxes[0].1;
        assert_eq!((config.host.as_str(), config.port, config.security), ("localhost", 1143, Security::None));
        assert_eq!((&config.login, config.folder.as_str()), (&Login::Bearer("token".into()), "客户来信"));
        assert_eq!((&config.after, config.since_days), (&After::Move("已处理".into()), 0));
        assert_eq!(config.max_message_bytes, 1 << 20);
        let times = [config.every, config.idle, config.timeout, config.retry_most, config.refused_most];
        assert_eq!(times.map(|time| time.as_secs()), [30, 300, 20, 60, 7_200]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_key() {
        let good = format!("{LEAST}password-secret = \"imap\"\n");
        for (text, key, what) in [
            ("[channel.imap]\nuser = \"u\"\npassword-secret = \"p\"".to_owned(), "host", "is missing"),
            (LEAST.to_owned(), "password-secret", "a file in secrets/"),
            (format!("{good}token-secret = \"t\""), "token-secret", "one of them"),
            (format!("{LEAST}password-secret = \"../p\""), "password-secret", "not the name of a file"),
            (format!("{good}tls = \"none\""), "tls", "allow-plaintext"),
            (format!("{good}tls = \"ssl\""), "tls", "\"implicit\", \"starttls\", \"none\""),
            (format!("{good}port = 0"), "port", "from 1 to 65535"),
            (format!("{good}after = \"archive\""), "after", "\"move:FOLDER\""),
            (format!("{good}after = \"move:INBOX\""), "after", "to itself"),
            (format!("{good}folder = \"\""), "folder", "is empty"),
            (format!("{good}idle = \"30 min\""), "idle", "a time such as"),
            (format!("{good}since-days = -1"), "since-days", "from 0 to 36500"),
            (format!("{good}max-message-size = 1"), "max-message-size", "a size such as"),
            (format!("{good}authorities = [\"none.pem\"]"), "authorities", "no certificate"),
            (format!("{good}authorities = [\"absent.pem\"]"), "authorities", "cannot read"),
            (format!("{good}ever = 3"), "ever", "did you mean `every`?"),
        ] {
            let faults = read(&text).err().unwrap_or_default();
            let key = format!("channel[0].imap.{key}");
            let told = faults.iter().any(|fault| fault.key == key && fault.what.contains(what));
            assert!(told && faults.len() == 1, "{text}\n{faults:?}");
        }
        assert!(read(&format!("{good}tls = \"none\"\nallow-plaintext = true")).is_ok());
    }
}
