//! The envelope of a mail that lies in a mailbox. The real one is gone; what delivery wrote into the header is left of it:
//! Return-Path (RFC 5321 4.4), Delivered-To and X-Original-To.

/// The return path where no header has it. The empty one would say that a machine sent the mail.
const NO_RETURN_PATH: &str = "unknown";

/// A mail of more headers than this is looked at no further.
const MOST_LINES: usize = 2_000;

/// Sender and recipients of a mail. `ours` says whether an address leads to the channel; `otherwise` are the recipients of a
/// mail that shows none of these.
pub fn envelope(mail: &[u8], ours: impl Fn(&str) -> bool, otherwise: &[String]) -> (String, Vec<String>) {
    let mut mail_from = None;
    let mut rcpt_to: Vec<String> = Vec::new();
    for line in mail.split(|&byte| byte == b'\n').take(MOST_LINES) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|&byte| byte == b':') else { continue };
        let (name, value) = (line[..colon].trim_ascii(), &line[colon + 1..]);
        if name.eq_ignore_ascii_case(b"return-path") {
            // The uppermost is the last one written: the others are the sender's own.
            mail_from = mail_from.or_else(|| return_path(value));
        } else if name.eq_ignore_ascii_case(b"delivered-to") || name.eq_ignore_ascii_case(b"x-original-to") {
            let Ok(address) = std::str::from_utf8(value) else { continue };
            let address = address.trim().trim_matches(['<', '>']);
            if !rcpt_to.iter().any(|known| known == address) && ours(address) {
                rcpt_to.push(address.to_owned());
            }
        }
    }
    if rcpt_to.is_empty() {
        rcpt_to = otherwise.to_vec();
    }
    (mail_from.unwrap_or_else(|| NO_RETURN_PATH.to_owned()), rcpt_to)
}

/// `<a@b.example>`, or `<>` for the null path of bounces, which is the empty text.
fn return_path(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let path = match text.split_once('<') {
        Some((_, path)) => path.split_once('>')?.0.trim(),
        None if text.is_empty() => return None,
        None => text,
    };
    let plain =
        path.is_empty() || (path.contains('@') && !path.contains(|c: char| c.is_whitespace() || c.is_control()));
    plain.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(mail: &str) -> (String, Vec<String>) {
        let ours = |address: &str| address.ends_with("@shop.example");
        envelope(mail.as_bytes(), ours, &["support@shop.example".to_owned()])
    }

    #[test]
    fn what_delivery_wrote_is_the_envelope() {
        let fallback = vec!["support@shop.example".to_owned()];
        assert_eq!(
            of("Return-Path: <w@x.cn>\r\nReturn-Path: <forged@x.cn>\r\nDelivered-To: help+T7@shop.example\r\n\r\n"),
            ("w@x.cn".into(), vec!["help+T7@shop.example".into()])
        );
        for (mail, from) in [
            ("return-path: <>\r\n\r\n", ""),
            ("Return-Path: w@x.cn\nSubject: a\n\n", "w@x.cn"),
            ("Subject: a\r\n\r\nReturn-Path: <body@x.cn>\r\n", "unknown"),
            ("Return-Path: nonsense\r\n\r\n", "unknown"),
            ("Return-Path: <a@b\r\n\r\n", "unknown"),
            ("Delivered-To: somebody@else.example\r\n\r\n", "unknown"),
            ("Delivered-To: \u{fffd}\r\n\r\n", "unknown"),
            ("", "unknown"),
            ("no header at all", "unknown"),
        ] {
            assert_eq!(of(mail), (from.to_owned(), fallback.clone()), "{mail:?}");
        }
        let both =
            "Delivered-To: a@shop.example\r\nX-Original-To: <b@shop.example>\r\nDelivered-To: a@shop.example\r\n\r\n";
        assert_eq!(of(both).1, ["a@shop.example", "b@shop.example"]);
    }
}
