//! Buyers' messages that a marketplace relays as mails: whose message it is, which order it is about, and which words are the
//! buyer's. The rules are configuration.
use tributary_sdk::types::{Handle, HandleKind};

use crate::config::Marketplace;
use crate::mime::Mail;

/// Where the order's id stands in a pattern.
const PLACE: &str = "{order}";
/// No order's id is longer.
const LONGEST: usize = 64;

/// A mail that a marketplace relayed.
pub struct Relayed<'a> {
    rule: &'a Marketplace,
    alias: String,
}

impl<'a> Relayed<'a> {
    /// The first rule for an author's address in its normal form; none: an ordinary mail.
    pub fn find(rules: &'a [Marketplace], author: &str) -> Option<Self> {
        let (local, domain) = author.rsplit_once('@')?;
        let agrees = |pattern: &String| match pattern.strip_prefix('*') {
            Some(below) => domain.len() > below.len() && domain.ends_with(below),
            None => domain == pattern,
        };
        let rule = rules.iter().find(|rule| rule.senders.iter().any(agrees))?;
        // Behind a plus stands what changes from message to message.
        let alias = local.split('+').next().unwrap_or_default().to_lowercase();
        (!alias.is_empty()).then_some(Self { rule, alias })
    }

    /// The marketplace's name.
    pub fn marketplace(&self) -> &str {
        &self.rule.name
    }

    /// How the marketplace knows the buyer. `proven`: the mail is the marketplace's.
    pub fn buyer(&self, proven: bool) -> Handle {
        let value = format!("{}/{}", self.rule.name, self.alias);
        Handle { kind: HandleKind::MarketplaceBuyer, value, verified: proven }
    }

    /// The order that the mail names.
    pub fn order_id(&self, mail: &Mail<'_>, subject: &str) -> Option<String> {
        let named = |name: &String| {
            let header = mail.headers().iter().find(|header| header.name.as_str().eq_ignore_ascii_case(name))?;
            let value = String::from_utf8_lossy(mail.value(header)).trim().to_owned();
            (self.id_at(&value) == Some(value.as_str())).then_some(value)
        };
        let in_subject = |pattern: &String| {
            let (before, after) = pattern.split_once(PLACE)?;
            starts(subject, before).find_map(|start| {
                let id = self.id_at(&subject[start..])?;
                let rest = &subject[start + id.len()..];
                rest.get(..after.len()).is_some_and(|found| found.eq_ignore_ascii_case(after)).then(|| id.to_owned())
            })
        };
        self.rule.order_headers.iter().find_map(named).or_else(|| self.rule.order_subjects.iter().find_map(in_subject))
    }

    /// The id that a text begins with.
    fn id_at<'t>(&self, text: &'t str) -> Option<&'t str> {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let end = text.find(|c| !word(c)).unwrap_or(text.len());
        let id = text[..end].trim_end_matches('-');
        let fits = match &self.rule.order_form {
            Some(form) => {
                let same = |(form, c): (u8, u8)| if form == b'#' { c.is_ascii_digit() } else { form == c };
                form.len() == id.len() && form.bytes().zip(id.bytes()).all(same)
            }
            None => id.len() <= LONGEST && id.contains(|c: char| c.is_ascii_digit()),
        };
        (fits && !id.is_empty()).then_some(id)
    }

    /// What the buyer wrote, and what the relay wrote around it. None where it is not certain: each of the two lines has to be
    /// there once.
    pub fn message<'t>(&self, text: &'t str) -> Option<(&'t str, String)> {
        self.rule.message_between.iter().find_map(|[begin, end]| {
            let (begin, end) = (lone_line(text, begin)?, lone_line(text, end)?);
            let message = text.get(begin.end..end.start).filter(|message| !message.trim().is_empty())?;
            let around = [text[..begin.start].trim(), text[end.end..].trim()];
            Some((message.trim(), around.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")))
        })
    }
}

/// Where a line stands that is there once. How wide its blanks are does not count.
fn lone_line(text: &str, line: &str) -> Option<std::ops::Range<usize>> {
    let mut at = 0;
    let mut found = None;
    for candidate in text.split_inclusive('\n') {
        if candidate.split_whitespace().eq(line.split_whitespace()) {
            if found.is_some() {
                return None;
            }
            found = Some(at..at + candidate.len());
        }
        at += candidate.len();
    }
    found
}

/// Every place behind `before` where an id may begin: not within a word.
fn starts<'t>(text: &'t str, before: &str) -> impl Iterator<Item = usize> + 't {
    let before = before.to_owned();
    text.char_indices().map(|(at, _)| at).chain([text.len()]).filter(move |at| {
        let head = &text[..*at];
        let inside = before.is_empty() && head.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '-');
        let behind = head.len().checked_sub(before.len()).and_then(|start| head.get(start..));
        !inside && behind.is_some_and(|found| found.eq_ignore_ascii_case(&before))
    })
}

/// What is wrong with a rule: the key, and what was expected.
pub fn problem(rule: &Marketplace) -> Option<(&'static str, &'static str)> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if rule.name.is_empty() || !rule.name.bytes().all(plain) {
        return Some(("name", "expected lower-case letters, digits and dashes"));
    }
    let domain = |sender: &String| {
        let name = sender.strip_prefix("*.").unwrap_or(sender);
        name.contains('.') && !name.contains(['*', '@', ' ']) && *name == name.to_lowercase()
    };
    if rule.senders.is_empty() || !rule.senders.iter().all(domain) {
        return Some(("senders", "expected domains in lower case, such as `relay.example` or `*.relay.example`"));
    }
    if rule.order_subjects.iter().any(|pattern| pattern.matches(PLACE).count() != 1) {
        return Some(("order-subjects", "expected `{order}` once in each"));
    }
    if rule.message_between.iter().flatten().any(|line| line.trim().is_empty()) {
        return Some(("message-between", "expected pairs of lines"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> Marketplace {
        Marketplace {
            name: "amazon".into(),
            senders: vec!["marketplace.amazon.de".into(), "*.relay.example".into()],
            order_headers: vec![],
            order_subjects: vec!["order {order}!".into(), "{order}".into()],
            order_form: Some("###-##".into()),
            message_between: vec![["-- Begin --".into(), "-- End --".into()]],
        }
    }

    #[test]
    fn senders_and_orders() {
        let rules = [rule()];
        for (author, alias) in [
            ("Ab12+x-9@marketplace.amazon.de", Some("amazon/ab12")),
            ("a@eu.relay.example", Some("amazon/a")),
            ("a@relay.example", None),
            ("a@marketplace.amazon.de.evil.example", None),
            ("a@evilmarketplace.amazon.de", None),
            ("+x@marketplace.amazon.de", None),
        ] {
            let found = Relayed::find(&rules, author).map(|relayed| relayed.buyer(false).value);
            assert_eq!(found.as_deref(), alias, "{author}");
        }
        let relayed = Relayed::find(&rules, "a@marketplace.amazon.de").expect("relayed");
        let parser = crate::mime::parser();
        let mail = Mail::parse(&parser, b"From: a@b\r\n\r\n").expect("a mail");
        for (subject, order) in [
            ("Question (Order: 123-45)", Some("123-45")),
            ("ORDER 123-45! and 999-99", Some("123-45")),
            ("Bestellung 123-45", Some("123-45")),
            ("1123-45 123-456 x123-45", None),
            ("订单123-45", Some("123-45")),
            ("", None),
        ] {
            assert_eq!(relayed.order_id(&mail, subject).as_deref(), order, "{subject}");
        }
    }

    #[test]
    fn only_what_is_certain_is_cut() {
        let rules = [rule()];
        let relayed = Relayed::find(&rules, "a@marketplace.amazon.de").expect("relayed");
        let message = "Hello,\r\n-- Begin --\r\n\r\nwhere is it?\r\n-- End --\r\nrules apply\r\n";
        assert_eq!(relayed.message(message), Some(("where is it?", "Hello,\n\nrules apply".into())));
        for uncertain in [
            "-- Begin --\nx",
            "-- End --\nx\n-- Begin --\n",
            "-- Begin --\nx\n-- End --\n-- End --\n",
            "-- Begin --\n\n-- End --\n",
            "> -- Begin --\nx\n-- End --\n",
        ] {
            assert_eq!(relayed.message(uncertain), None, "{uncertain}");
        }
    }

    #[test]
    fn faults_of_a_rule_are_named() {
        assert_eq!(problem(&rule()), None);
        let broken = |change: fn(&mut Marketplace)| {
            let mut rule = rule();
            change(&mut rule);
            problem(&rule).map(|(key, _)| key)
        };
        assert_eq!(broken(|rule| rule.name = "A/b".into()), Some("name"));
        assert_eq!(broken(|rule| rule.senders = vec!["marketplace.amazon.*".into()]), Some("senders"));
        assert_eq!(broken(|rule| rule.order_subjects = vec!["order".into()]), Some("order-subjects"));
        assert_eq!(broken(|rule| rule.message_between = vec![["".into(), "x".into()]]), Some("message-between"));
    }
}
