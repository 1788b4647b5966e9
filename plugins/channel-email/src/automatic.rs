//! Mails that a machine wrote (RFC 3834 and the conventions before it): kept, never answered by a machine.
use crate::address::Mailbox;
use crate::fields::{Fields, Sign};
use crate::report;

/// What is known about a mail when it is judged.
pub struct Facts<'a> {
    /// Return path of the envelope.
    pub mail_from: &'a str,
    /// The author's address in its normal form, where there is one.
    pub author: Option<&'a str>,
    /// Subject as it came.
    pub subject: &'a str,
    /// Message-ID as it came.
    pub message_id: Option<&'a str>,
    /// Whether the mail is a report, and which.
    pub report: Option<report::Kind>,
}

/// Why a mail counts as automatic, the plainest reason first: words for `automatic-reason`. None: a person wrote it.
pub fn reason(facts: &Facts<'_>, fields: &Fields<'_>, own: &Mailbox) -> Option<String> {
    if let Some(kind) = facts.report {
        return Some(
            match kind {
                report::Kind::DeliveryStatus => "delivery-status",
                report::Kind::Disposition => "read-receipt",
                report::Kind::Complaint => "feedback-report",
            }
            .into(),
        );
    }
    if facts.author.is_some_and(|author| own.is_own(author)) {
        return Some("own-address".into());
    }
    if facts.message_id.is_some_and(|id| report::outgoing_id(id, &own.id_domain).is_some()) {
        return Some("own-message".into());
    }
    if fields.failed_recipients.is_some() {
        return Some("bounce".into());
    }
    if let Some(reason) = fields.machine.iter().find_map(sign) {
        return Some(reason);
    }
    if is_mailer(facts.author) {
        return Some("bounce".into());
    }
    if facts.mail_from.trim_matches(['<', '>', ' ']).is_empty() {
        return Some("null-return-path".into());
    }
    if facts.author.is_some_and(never_reads) {
        return Some("no-reply".into());
    }
    says_so(facts.subject).then(|| "subject".into())
}

fn sign(sign: &Sign<'_>) -> Option<String> {
    let lower = |value: &[u8]| String::from_utf8_lossy(value).trim().to_lowercase();
    match sign {
        Sign::AutoSubmitted(value) => {
            let value = lower(value);
            let word = value.split([';', ' ', '(']).next().unwrap_or_default();
            (!matches!(word, "no" | "")).then(|| "auto-submitted".into())
        }
        Sign::Precedence(value) => {
            let value = lower(value);
            matches!(value.as_str(), "bulk" | "list" | "junk" | "auto_reply" | "auto-reply")
                .then(|| "precedence".into())
        }
        Sign::Suppress(value) => {
            let value = lower(value);
            let words = value.split([',', ' ', ';']);
            words
                .into_iter()
                .any(|word| matches!(word, "all" | "oof" | "autoreply"))
                .then(|| "auto-response-suppress".into())
        }
        Sign::AutoReply => Some("auto-reply".into()),
        Sign::List => Some("list".into()),
        Sign::Loop => Some("loop".into()),
        Sign::Own(name) => Some(format!("header {name}")),
    }
}

/// Whether the author is a mail system.
pub fn is_mailer(author: Option<&str>) -> bool {
    let local = author.and_then(|author| author.split('@').next()).unwrap_or_default();
    ["mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon", "bounce", "bounces"]
        .iter()
        .any(|name| local.eq_ignore_ascii_case(name))
}

/// Whether nobody reads what is sent to the author.
fn never_reads(author: &str) -> bool {
    let local: String = author.split('@').next().unwrap_or_default().to_ascii_lowercase();
    let plain: String = local.chars().filter(|c| !matches!(c, '-' | '_' | '.')).collect();
    ["noreply", "donotreply", "dontreply", "nepasrepondre", "noresponder", "keineantwort"]
        .iter()
        .any(|name| plain.starts_with(name) || plain.ends_with(name))
}

/// Subjects that out-of-office programs without any header write.
fn says_so(subject: &str) -> bool {
    const BEGINNINGS: &[&str] = &[
        "自动回复",
        "自動回覆",
        "自动答复",
        "自動回信",
        "自动应答",
        "系统退信",
        "退信通知",
        "自動応答",
        "자동 회신",
        "부재중",
        "automatic reply",
        "auto reply",
        "auto-reply",
        "autoreply",
        "auto:",
        "out of office",
        "out-of-office",
        "away from the office",
        "vacation reply",
        "automatische antwort",
        "abwesenheitsnotiz",
        "réponse automatique",
        "absence du bureau",
        "respuesta automática",
        "resposta automática",
        "risposta automatica",
        "automatisch antwoord",
        "autosvar",
        "автоматический ответ",
        "autoodpowiedź",
        "undelivered mail returned",
        "mail delivery failed",
        "delivery status notification",
        "undeliverable:",
        "returned mail:",
        "failure notice",
        "mail delivery failure",
    ];
    let head: String = subject.chars().take(40).collect::<String>().trim_start().to_lowercase();
    !head.is_empty() && BEGINNINGS.iter().any(|beginning| head.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts<'a>() -> Facts<'a> {
        Facts { mail_from: "a@b.c", author: Some("a@b.c"), subject: "order", message_id: None, report: None }
    }

    #[test]
    fn reasons() {
        let own = Mailbox::read("support@shop.example", None).expect("a mailbox");
        let with =
            |facts: Facts<'_>, machine: Vec<Sign<'_>>| reason(&facts, &Fields { machine, ..Fields::default() }, &own);
        assert_eq!(with(facts(), vec![]), None);
        for (sign, expected) in [
            (Sign::AutoSubmitted(b" auto-replied (vacation)"), Some("auto-submitted")),
            (Sign::AutoSubmitted(b" no"), None),
            (Sign::Precedence(b" bulk\r\n"), Some("precedence")),
            (Sign::Precedence(b" first-class"), None),
            (Sign::Suppress(b"DR, OOF"), Some("auto-response-suppress")),
            (Sign::Suppress(b"DR"), None),
            (Sign::List, Some("list")),
            (Sign::AutoReply, Some("auto-reply")),
            (Sign::Own("x-robot".into()), Some("header x-robot")),
        ] {
            assert_eq!(with(facts(), vec![sign]).as_deref(), expected);
        }
        for (changed, expected) in [
            (Facts { mail_from: "<>", ..facts() }, "null-return-path"),
            (Facts { author: Some("MAILER-DAEMON@x"), ..facts() }, "bounce"),
            (Facts { author: Some("no-reply@x"), ..facts() }, "no-reply"),
            (Facts { author: Some("support+abc@shop.example"), ..facts() }, "own-address"),
            (Facts { subject: "自动回复: 订单", ..facts() }, "subject"),
            (Facts { message_id: Some("o.0123456789abcdef@shop.example"), ..facts() }, "own-message"),
            (Facts { report: Some(report::Kind::Complaint), ..facts() }, "feedback-report"),
        ] {
            assert_eq!(with(changed, vec![]).as_deref(), Some(expected));
        }
    }
}
