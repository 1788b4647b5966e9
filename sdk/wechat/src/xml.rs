//! WeChat's XML: one `<xml>` with fields in any order, as CDATA or as text, a few of them nested.
//!
//! Read as a flat list of paths, so that no field is lost that nobody asked for: `SendPicsInfo/Count`. A document type is
//! refused (no entity but XML's own five, and numbers), and so is what is deeper or longer than any message.
use std::fmt;

use quick_xml::Reader;
use quick_xml::events::Event;

/// Levels below `<xml>`.
const DEPTH: usize = 8;
/// Bytes of a person's id; today's have 28.
const ID: usize = 128;
/// Elements of a document.
const ELEMENTS: usize = 1_000;

/// The fields of a document, in its order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

/// Why a text is no document of WeChat's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum XmlError {
    /// Not UTF-8.
    Encoding,
    /// Not well-formed: the parser's words.
    Syntax(String),
    /// Something that has no place in a message.
    Refused(&'static str),
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str("the XML is not UTF-8"),
            Self::Syntax(words) => write!(f, "the XML is not well-formed: {words}"),
            Self::Refused(what) => write!(f, "the XML {what}"),
        }
    }
}

impl std::error::Error for XmlError {}

fn syntax(error: impl fmt::Display) -> XmlError {
    XmlError::Syntax(error.to_string())
}

/// An element that is open.
#[derive(Default)]
struct Open {
    name: String,
    text: String,
    /// It has elements of its own: its text is white space between them.
    parent: bool,
}

impl Fields {
    /// Reads a document.
    ///
    /// # Errors
    /// [`XmlError`], with the first fault.
    pub fn read(body: &[u8]) -> Result<Self, XmlError> {
        let text = std::str::from_utf8(body).map_err(|_| XmlError::Encoding)?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut stack: Vec<Open> = Vec::new();
        let mut fields = Self::default();
        let mut elements = 0;
        let mut ended = false;
        loop {
            match reader.read_event().map_err(syntax)? {
                Event::Start(tag) => {
                    let name = tag.name().as_ref().to_owned();
                    elements += 1;
                    if stack.is_empty() && (ended || name != "xml") {
                        return Err(XmlError::Refused("does not have one root `<xml>`"));
                    }
                    if stack.len() > DEPTH || elements > ELEMENTS {
                        return Err(XmlError::Refused("is deeper or longer than a message"));
                    }
                    if let Some(parent) = stack.last_mut() {
                        parent.parent = true;
                    }
                    stack.push(Open { name, ..Open::default() });
                }
                Event::Empty(tag) => {
                    let name = tag.name().as_ref().to_owned();
                    elements += 1;
                    if elements > ELEMENTS {
                        return Err(XmlError::Refused("is deeper or longer than a message"));
                    }
                    match stack.last_mut() {
                        Some(parent) => parent.parent = true,
                        None if name == "xml" && !ended => ended = true,
                        None => return Err(XmlError::Refused("does not have one root `<xml>`")),
                    }
                    fields.close(&stack, Open { name, ..Open::default() });
                }
                Event::End(_) => {
                    if let Some(open) = stack.pop() {
                        fields.close(&stack, open);
                    }
                    ended = stack.is_empty();
                }
                Event::Text(piece) => add(&mut stack, &piece)?,
                Event::CData(piece) => add(&mut stack, &piece)?,
                Event::GeneralRef(reference) => {
                    let sign = match reference.resolve_char_ref().map_err(syntax)? {
                        Some(sign) => sign,
                        None => predefined(&reference)
                            .ok_or(XmlError::Refused("refers to an entity that XML does not have"))?,
                    };
                    add(&mut stack, sign.encode_utf8(&mut [0; 4]))?;
                }
                Event::DocType(_) => return Err(XmlError::Refused("has a document type")),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        if !ended {
            return Err(XmlError::Refused("does not end, or has no `<xml>`"));
        }
        Ok(fields)
    }

    fn close(&mut self, above: &[Open], open: Open) {
        if open.parent || above.is_empty() {
            return;
        }
        let mut path = String::new();
        for part in &above[1..] {
            path.push_str(&part.name);
            path.push('/');
        }
        path.push_str(&open.name);
        self.0.push((path, open.text));
    }

    /// The first value of a field as it is; none where it is absent or empty.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == path).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The first value of a field without white space around it; none where nothing is left.
    pub fn word(&self, path: &str) -> Option<&str> {
        self.text(path).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The id of a person; none where it is absent, or longer than any.
    pub fn id(&self, path: &str) -> Option<&str> {
        self.word(path).filter(|id| id.len() <= ID)
    }

    /// A number; none where it is absent or none.
    pub fn number<T: std::str::FromStr>(&self, path: &str) -> Option<T> {
        self.word(path)?.parse().ok()
    }

    /// Every field: its path, its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

fn add(stack: &mut [Open], piece: &str) -> Result<(), XmlError> {
    match stack.last_mut() {
        // XML has no NUL (XML 1.0 section 2.2), and what sends one still gets its text across.
        Some(open) => open.text.extend(piece.chars().filter(|sign| *sign != '\0')),
        None if piece.trim().is_empty() => {}
        None => return Err(XmlError::Refused("has text outside of `<xml>`")),
    }
    Ok(())
}

/// XML 1.0, 4.6.
fn predefined(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => None,
    }
}

/// A value between CDATA marks; an end mark inside it is divided.
pub fn cdata(value: &str) -> String {
    format!("<![CDATA[{}]]>", value.replace("]]>", "]]]]><![CDATA[>"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Fields, XmlError> {
        Fields::read(text.as_bytes())
    }

    #[test]
    fn cdata_text_and_nesting_in_any_order() {
        let fields = read(
            "<?xml version=\"1.0\"?><xml>\n<B>a &lt;b&gt; &#20320;</B><A><![CDATA[<x> & y]]></A><E/>\
             <P>\n<Count>1</Count><L><item><Sum>q</Sum></item></L></P></xml>\n",
        )
        .unwrap();
        assert_eq!(fields.text("A"), Some("<x> & y"));
        assert_eq!(fields.text("B"), Some("a <b> 你"));
        assert_eq!(fields.text("E"), None);
        assert_eq!(fields.number::<u8>("P/Count"), Some(1));
        assert_eq!(fields.word("P/L/item/Sum"), Some("q"));
        assert_eq!(fields.iter().count(), 5);
    }

    #[test]
    fn a_nul_is_left_out() {
        let fields = read("<xml><A><![CDATA[a\0b]]></A><B>c\0</B></xml>").unwrap();
        assert_eq!((fields.text("A"), fields.text("B")), (Some("ab"), Some("c")));
    }

    #[test]
    fn an_id_is_no_longer_than_one_can_be() {
        let of = |length: usize| read(&format!("<xml><A> {} </A></xml>", "o".repeat(length))).unwrap();
        assert_eq!(of(128).id("A").map(str::len), Some(128));
        assert_eq!((of(129).id("A"), of(0).id("A"), of(1).id("B")), (None, None, None));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let deep = format!("<xml>{}", "<a>".repeat(50));
        let long = format!("<xml>{}</xml>", "<a/>".repeat(2_000));
        let cases = [
            "",
            "text",
            "<xml>",
            "<a></a>",
            "<xml></xml><xml></xml>",
            "<xml/>x",
            "<xml><a></b></xml>",
            "{}",
            "<!DOCTYPE xml [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml><A>&a;</A></xml>",
            "<xml><A>&a;</A></xml>",
            &deep,
            &long,
        ];
        for case in cases {
            assert!(read(case).is_err(), "{case}");
        }
        assert_eq!(Fields::read(b"<xml>\xff</xml>"), Err(XmlError::Encoding));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in "\\PC{0,60}") {
            let fields = read(&format!("<xml><A>{}</A></xml>", cdata(&value))).unwrap();
            prop_assert_eq!(fields.text("A").unwrap_or_default(), value);
        }

        #[test]
        fn any_text_does_no_harm(text in "(<xml>)?(<[/!?A-Za-z\\[]{0,3}|&#?[a-z0-9]{0,3};?|\\]\\]>|[ -~\u{4e00}]{0,3}|>){0,40}") {
            let _ = read(&text);
        }
    }
}
