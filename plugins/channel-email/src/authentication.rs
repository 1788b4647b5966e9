//! Whether a mail's From is true, by the word of the operator's own mail server: Authentication-Results (RFC 8601).
//!
//! Anybody can write such a field. Only the topmost one that bears the server's own name is read, because the server puts its
//! field on top; whatever stands below came with the mail. The server has to take fields with its name out of mails that come
//! in (RFC 8601 section 5), which all that write the field do.
use mail_parser::HeaderName;

use crate::header;
use crate::mime::Mail;

/// Whether `server` says that the one address of From is `author`'s: DMARC passed for its domain, or, where the server does
/// not look at DMARC, a DKIM signature of its domain did.
pub fn proves(mail: &Mail<'_>, server: &str, author: &str) -> bool {
    let Some((_, domain)) = author.rsplit_once('@') else { return false };
    let is = |name: &HeaderName<'_>| name.as_str().eq_ignore_ascii_case("Authentication-Results");
    for header in mail.headers().iter().filter(|header| is(&header.name)) {
        match Results::read(mail.value(header)) {
            Some(results) if results.server.eq_ignore_ascii_case(server) => {
                return one_author(mail, author) && results.pass(domain);
            }
            Some(_) => {}
            // It may be the server's, so nothing below it is.
            None => return false,
        }
    }
    false
}

/// Whether there is one From with one address, which is the author's. Which of several a mail server looked at, nobody knows.
fn one_author(mail: &Mail<'_>, author: &str) -> bool {
    let mut fields = mail.headers().iter().filter(|header| header.name == HeaderName::From);
    let (Some(from), None) = (fields.next(), fields.next()) else { return false };
    let addresses = header::addresses(mail.value(from), None);
    matches!(&addresses[..], [(_, address)] if crate::address::normal(address).as_deref() == Some(author))
}

/// One field.
struct Results {
    server: String,
    methods: Vec<Method>,
}

/// What one method found.
struct Method {
    name: String,
    result: String,
    /// `header.d` and the like, lower case, with their values.
    properties: Vec<(String, String)>,
}

/// A piece of the field (RFC 8601 section 2.2), comments left out.
#[derive(PartialEq)]
enum Token {
    Word(String),
    Equals,
    Semicolon,
}

impl Results {
    /// Read a field's value. None where any of it is not as it should be; `none` stands for no results.
    fn read(raw: &[u8]) -> Option<Self> {
        let tokens = tokens(raw)?;
        let mut parts = tokens.split(|token| *token == Token::Semicolon);
        // A version may follow the name.
        let server = match parts.next()? {
            [Token::Word(server)] | [Token::Word(server), Token::Word(_)] => server.clone(),
            _ => return None,
        };
        let mut methods = Vec::new();
        for part in parts.filter(|part| !part.is_empty() && !matches!(part, [Token::Word(_)])) {
            methods.push(Method::read(part)?);
        }
        Some(Self { server, methods })
    }

    /// Whether the mail is of this domain.
    fn pass(&self, domain: &str) -> bool {
        let all = |name: &'static str| self.methods.iter().filter(move |method| method.name == name);
        if all("dmarc").next().is_some() {
            return all("dmarc").all(|dmarc| {
                let of = dmarc.property("header.from").map(domain_of);
                dmarc.result == "pass" && of.is_some_and(|of| of.eq_ignore_ascii_case(domain))
            });
        }
        all("dkim").any(|dkim| {
            let signer = dkim.property("header.d").or_else(|| dkim.property("header.i")).map(domain_of);
            dkim.result == "pass" && signer.is_some_and(|signer| is_below(domain, signer))
        })
    }
}

impl Method {
    /// `method[/version] = result`, and properties `type.property = value`.
    fn read(tokens: &[Token]) -> Option<Self> {
        let [Token::Word(name), Token::Equals, Token::Word(result), rest @ ..] = tokens else { return None };
        let name = name.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let mut method = Self { name, result: result.to_ascii_lowercase(), properties: Vec::new() };
        let mut rest = rest;
        while let [Token::Word(name), Token::Equals, Token::Word(value), tail @ ..] = rest {
            method.properties.push((name.to_ascii_lowercase(), value.clone()));
            rest = tail;
        }
        // What follows is no property: somebody wrote into the field what does not belong there.
        rest.is_empty().then_some(method)
    }

    /// The value of a property that is there once.
    fn property(&self, name: &str) -> Option<&str> {
        let mut values = self.properties.iter().filter(|(property, _)| property == name);
        match (values.next(), values.next()) {
            (Some((_, value)), None) => Some(value),
            _ => None,
        }
    }
}

/// The domain of an address, or of a bare domain.
fn domain_of(value: &str) -> &str {
    value.rsplit('@').next().unwrap_or(value)
}

/// Whether `domain` is `signer` or below it. Its owner speaks for what is below it, not for what is above it.
fn is_below(domain: &str, signer: &str) -> bool {
    let (domain, signer) = (domain.to_ascii_lowercase(), signer.to_ascii_lowercase());
    let whole = signer.contains('.') && !signer.starts_with('.');
    whole && (domain == signer || domain.strip_suffix(&signer).is_some_and(|below| below.ends_with('.')))
}

/// The pieces of a field. None where a comment or a quotation does not end.
fn tokens(raw: &[u8]) -> Option<Vec<Token>> {
    let text = String::from_utf8_lossy(raw.get(..16 * 1024).unwrap_or(raw));
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '(' => {
                let mut depth = 1;
                while depth > 0 {
                    match chars.next()? {
                        '\\' => drop(chars.next()),
                        '(' => depth += 1,
                        ')' => depth -= 1,
                        _ => {}
                    }
                }
                tokens.extend(word.take().map(Token::Word));
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\\' => word.extend(chars.next()),
                        '"' => break,
                        c => word.push(c),
                    }
                }
            }
            ';' | '=' => {
                tokens.extend(word.take().map(Token::Word));
                tokens.push(if c == ';' { Token::Semicolon } else { Token::Equals });
            }
            c if c.is_whitespace() => tokens.extend(word.take().map(Token::Word)),
            c => word.get_or_insert_default().push(c),
        }
    }
    tokens.extend(word.map(Token::Word));
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proven(fields: &str, from: &str) -> bool {
        let mail = format!("{fields}From: {from}\r\nSubject: x\r\n\r\nbody\r\n");
        let parser = crate::mime::parser();
        let mail = Mail::parse(&parser, mail.as_bytes()).expect("a mail");
        proves(&mail, "mx.shop.example", "a@good.example")
    }

    #[test]
    fn what_the_server_says_counts() {
        for (value, proves) in [
            ("mx.shop.example; dmarc=pass header.from=good.example", true),
            (
                "MX.shop.example 1;\r\n\tspf=fail smtp.mailfrom=x.example;\r\n\tdmarc=pass (p=none dis=none) header.from=Good.Example",
                true,
            ),
            (
                "mx.shop.example; dkim=pass (2048-bit key; dmarc=fail) header.d=good.example header.s=s header.b=\"ab/+cd\"",
                true,
            ),
            ("mx.shop.example; dkim=fail header.d=good.example; dkim/1 = pass header.i=@good.example", true),
            ("mx.shop.example; dmarc=fail header.from=good.example; dkim=pass header.d=good.example", false),
            ("mx.shop.example; dmarc=pass header.from=bad.example", false),
            ("mx.shop.example; dmarc=pass", false),
            ("mx.shop.example; dkim=pass header.d=mail.good.example", false),
            ("mx.shop.example; dkim=pass header.d=example", false),
            ("mx.shop.example; dkim=pass header.d=ood.example", false),
            ("mx.shop.example; spf=pass smtp.mailfrom=good.example", false),
            ("mx.shop.example; none", false),
            ("mx.shop.example; spf=pass smtp.mailfrom=\"x; dmarc=pass header.from=good.example\"", false),
            ("mx.shop.example; spf=pass (x) y); dmarc=pass header.from=good.example (", false),
            ("mx.evil.example; dmarc=pass header.from=good.example", false),
            ("(mx.shop.example) mx.evil.example; dmarc=pass header.from=good.example", false),
            ("", false),
        ] {
            assert_eq!(proven(&format!("Authentication-Results: {value}\r\n"), "a@good.example"), proves, "{value}");
        }
    }

    #[test]
    fn only_the_topmost_field_and_one_author_count() {
        let good = "Authentication-Results: mx.shop.example; dmarc=pass header.from=good.example\r\n";
        let bad = "Authentication-Results: mx.shop.example; dmarc=fail header.from=good.example\r\n";
        let other = "authentication-results: mx.evil.example; dmarc=fail header.from=good.example\r\n";
        assert!(proven(&format!("{other}{good}{bad}"), "A <a@good.example>"));
        assert!(!proven(&format!("{bad}{good}"), "a@good.example"));
        for unreadable in
            ["mx.shop.example; dmarc=fail (", "mx.shop.example; dmarc=fail \"", "mx.shop.example; dmarc", ""]
        {
            let unreadable = format!("Authentication-Results: {unreadable}\r\n{good}");
            assert!(!proven(&unreadable, "a@good.example"), "{unreadable}");
        }
        for from in [
            "a@good.example, b@evil.example",
            "b@evil.example, a@good.example",
            "\"a@good.example\" <b@evil.example>",
            "a@good.example\r\nFrom: b@evil.example",
            "group: a@good.example, b@evil.example;",
        ] {
            assert!(!proven(good, from), "{from}");
        }
    }
}
