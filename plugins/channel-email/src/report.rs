//! What mail systems report about mails this channel sent: delivery status (RFC 3464), disposition (RFC 8098) and
//! complaints (RFC 5965).
use mail_parser::HeaderName;
use tributary_sdk::types::{Delivery, DeliveryState};

use crate::address::Mailbox;
use crate::fields::Fields;
use crate::header;
use crate::mime::Mail;

/// What kind of report a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A mail came back, or went on.
    DeliveryStatus,
    /// Somebody opened or deleted it.
    Disposition,
    /// Somebody complained about it.
    Complaint,
}

/// The report a mail is; none for any other mail.
pub fn kind(mail: &Mail<'_>, media_type: &str) -> Option<Kind> {
    match media_type {
        "multipart/report" => {}
        // Some gateways send the status without its cover.
        "message/delivery-status" => return Some(Kind::DeliveryStatus),
        _ => return None,
    }
    match mail.type_parameter("report-type").map(str::to_ascii_lowercase).as_deref() {
        Some("delivery-status") => Some(Kind::DeliveryStatus),
        Some("disposition-notification") => Some(Kind::Disposition),
        Some("feedback-report") => Some(Kind::Complaint),
        // The parameter gets lost on the way; the part says it as well.
        _ if mail.file_of("message", "delivery-status").is_some() => Some(Kind::DeliveryStatus),
        _ if mail.file_of("message", "disposition-notification").is_some() => Some(Kind::Disposition),
        _ if mail.file_of("message", "feedback-report").is_some() => Some(Kind::Complaint),
        _ => None,
    }
}

/// What a report tells about a mail of ours. None where it is about somebody else's, or tells nothing new.
pub fn delivery(mail: &Mail<'_>, fields: &Fields<'_>, kind: Kind, domain: &str) -> Option<Delivery> {
    let (state, detail, stated) = match kind {
        Kind::DeliveryStatus => {
            let status = mail.file_of("message", "delivery-status").unwrap_or_else(|| mail.body().into());
            let (state, detail) = worst(&status)?;
            (state, detail, line_value(&status, "x-original-message-id"))
        }
        Kind::Disposition => {
            let note = mail.file_of("message", "disposition-notification")?;
            let disposition = line_value(&note, "disposition")?.to_lowercase();
            if !disposition.contains("displayed") {
                return None;
            }
            (DeliveryState::Read, disposition, line_value(&note, "original-message-id"))
        }
        Kind::Complaint => return None,
    };
    let returned = returned_id(mail);
    let thread = [fields.in_reply_to, fields.references].into_iter().flatten().flat_map(header::ids);
    let candidates =
        returned.into_iter().chain(stated.map(|id| id.trim_matches(['<', '>', ' ']).to_owned())).chain(thread);
    let (id, outgoing) = candidates.filter_map(|id| outgoing_id(&id, domain).map(|own| (id, own))).next()?;
    Some(Delivery { outgoing_id: Some(outgoing), external_id: Some(id), state, detail: Some(detail) })
}

/// What a bounce of a system that knows no reports tells about a mail of ours.
pub fn plain_bounce(mail: &Mail<'_>, fields: &Fields<'_>, domain: &str) -> Option<Delivery> {
    let thread = [fields.in_reply_to, fields.references].into_iter().flatten().flat_map(header::ids);
    let (id, outgoing) =
        thread.chain(returned_id(mail)).find_map(|id| outgoing_id(&id, domain).map(|own| (id, own)))?;
    let subject = Some(fields.raw_subject()).filter(|subject| !subject.is_empty());
    Some(Delivery {
        outgoing_id: Some(outgoing),
        external_id: Some(id),
        state: DeliveryState::Bounced,
        detail: subject,
    })
}

/// The host's id in a Message-ID that this channel gave out: `ID.DIGEST@DOMAIN`, see `send`. None for any other.
pub fn outgoing_id(message_id: &str, domain: &str) -> Option<String> {
    let (left, host) = message_id.rsplit_once('@')?;
    let (id, digest) = left.rsplit_once('.')?;
    let fits = host.eq_ignore_ascii_case(domain)
        && digest.len() == Mailbox::DIGEST
        && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        && !id.is_empty();
    fits.then(|| id.to_owned())
}

/// The Message-ID of the mail that came back, whole or its fields alone.
fn returned_id(mail: &Mail<'_>) -> Option<String> {
    let returned = mail
        .file_of("message", "rfc822")
        .or_else(|| mail.file_of("text", "rfc822-headers"))
        .or_else(|| mail.file_of("message", "global"))
        .or_else(|| mail.file_of("message", "global-headers"))?;
    let head = returned.get(..64 * 1024).unwrap_or(&returned);
    let message = mail_parser::MessageParser::new().header_id(HeaderName::MessageId).default_header_ignore();
    // A last field without its line end would not be read.
    let head = [head, b"\r\n\r\n"].concat();
    let message = message.parse_headers(&head)?;
    message.message_id().map(|id| header::one_line(id).trim_matches(['<', '>']).to_owned())
}

/// The gravest thing a status says about any recipient, and the system's own words. None where it went well or waits.
fn worst(status: &[u8]) -> Option<(DeliveryState, String)> {
    let text = String::from_utf8_lossy(status.get(..64 * 1024).unwrap_or(status));
    let mut found: Option<(u8, DeliveryState, String)> = None;
    for block in text.replace('\r', "").split("\n\n") {
        let Some(action) = line_value(block.as_bytes(), "action") else { continue };
        let (rank, state) = match action.trim().to_ascii_lowercase().as_str() {
            "failed" => (3, DeliveryState::Bounced),
            "relayed" | "expanded" => (1, DeliveryState::Accepted),
            "delivered" => (2, DeliveryState::Delivered),
            // Delayed: the next report says what became of it.
            _ => continue,
        };
        if found.as_ref().is_none_or(|(present, ..)| rank > *present) {
            let words = ["status", "diagnostic-code"].iter().filter_map(|name| line_value(block.as_bytes(), name));
            let mut detail: String = words.collect::<Vec<_>>().join(" ").chars().take(500).collect();
            if detail.is_empty() {
                detail = action;
            }
            found = Some((rank, state, detail));
        }
    }
    found.map(|(_, state, detail)| (state, detail))
}

/// The value of a line `Name: value`, folded lines joined. `name` in lower case.
fn line_value(bytes: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes.get(..64 * 1024).unwrap_or(bytes));
    let mut lines = text
        .lines()
        .skip_while(|line| line.split_once(':').is_none_or(|(found, _)| !found.trim().eq_ignore_ascii_case(name)));
    let mut value = lines.next()?.split_once(':')?.1.trim().to_owned();
    for more in lines.take_while(|line| line.starts_with([' ', '\t'])).take(20) {
        value.push(' ');
        value.push_str(more.trim());
    }
    Some(header::one_line(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_action_counts() {
        let status = b"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822;a@b\nAction: delivered\nStatus: 2.0.0\n\nFinal-Recipient: rfc822;c@d\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550\n no such user\n";
        assert_eq!(worst(status), Some((DeliveryState::Bounced, "5.1.1 smtp; 550 no such user".into())));
        assert_eq!(worst(b"Action: delayed\n"), None);
        assert_eq!(worst(b"nothing"), None);
    }

    #[test]
    fn only_our_own_ids_count() {
        for (id, own) in [
            ("0192-a.0123456789abcdef@shop.example", Some("0192-a")),
            ("a.b.0123456789abcdef@SHOP.example", Some("a.b")),
            ("0192-a.0123456789abcdef@other.example", None),
            ("0192-a.short@shop.example", None),
            ("0192@shop.example", None),
            ("", None),
        ] {
            assert_eq!(outgoing_id(id, "shop.example").as_deref(), own, "{id}");
        }
    }
}
