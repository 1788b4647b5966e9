//! HTML to text, in one pass without recursion: a mail may nest as deep and run as long as it likes.
//!
//! Block quotes become lines that begin with `> `, so quoted history is told apart the same way in both forms.
mod entity;

/// Deeper block quotes are shown at this depth.
const QUOTES: usize = 10;
/// No tag's name is longer.
const NAME: usize = 16;

/// The text a reader would see.
pub fn to_text(html: &str) -> String {
    let mut writer = Writer { out: String::with_capacity(html.len() / 2), ..Writer::default() };
    let bytes = html.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let next = memchr::memchr2(b'<', b'&', &bytes[at..]).map_or(bytes.len(), |offset| at + offset);
        writer.text(&html[at..next]);
        at = match bytes.get(next) {
            Some(b'<') => tag(html, next, &mut writer),
            Some(_) => reference(html, next, &mut writer),
            None => next,
        };
    }
    writer.finish()
}

/// A tag, comment or declaration that starts here; the result is where it ends.
fn tag(html: &str, start: usize, writer: &mut Writer) -> usize {
    let bytes = html.as_bytes();
    let rest = &bytes[start + 1..];
    if rest.starts_with(b"!--") {
        // An unfinished comment hides nothing: what follows is shown. What was not found once is not looked for again.
        let end = if writer.unclosed & 1 == 0 { memchr::memmem::find(&rest[3..], b"-->") } else { None };
        writer.unclosed |= u8::from(end.is_none());
        return end.map_or(start + 4, |end| start + 1 + 3 + end + 3);
    }
    if !rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'/' | b'!' | b'?')) {
        writer.text("<");
        return start + 1;
    }
    let end = start + 1 + closing(rest);
    let inner = html[start + 1..end].trim_end_matches('>');
    let (closing, inner) = inner.strip_prefix('/').map_or((false, inner), |inner| (true, inner));
    let length = inner.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let mut buffer = [0u8; NAME];
    let Some(name) = buffer.get_mut(..length) else { return end };
    name.copy_from_slice(&inner.as_bytes()[..length]);
    name.make_ascii_lowercase();
    if !closing && let Some(end_of_hidden) = hidden(name, bytes, end, &mut writer.unclosed) {
        return end_of_hidden;
    }
    writer.tag(name, closing, inner.len() > length);
    end
}

/// Where a tag ends, quotes around attribute values respected; at the next tag or the end where it never does.
fn closing(rest: &[u8]) -> usize {
    let mut quote = None;
    for (at, byte) in rest.iter().enumerate().take(64 * 1024) {
        match (quote, byte) {
            (Some(open), byte) if open == *byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'')
                if rest.get(at.wrapping_sub(1)).is_some_and(|before| matches!(before, b'=' | b' ')) =>
            {
                quote = Some(*byte);
            }
            (None, b'>') => return at + 1,
            (None, b'<') => return at,
            _ => {}
        }
    }
    // A quote that never closes: the first bracket ends the tag after all.
    memchr::memchr(b'>', rest).map_or(rest.len(), |at| at + 1)
}

/// Elements whose content no reader sees; the result is where they end.
fn hidden(name: &[u8], bytes: &[u8], from: usize, unclosed: &mut u8) -> Option<usize> {
    let (close, bit): (&[u8], u8) = match name {
        b"style" => (b"</style", 2),
        b"script" => (b"</script", 4),
        b"title" => (b"</title", 8),
        b"template" => (b"</template", 16),
        b"noscript" => (b"</noscript", 32),
        b"select" => (b"</select", 64),
        _ => return None,
    };
    if *unclosed & bit != 0 {
        return None;
    }
    let rest = bytes.get(from..)?;
    let end = memchr::memchr_iter(b'<', rest)
        .find(|at| rest.get(*at..at + close.len()).is_some_and(|found| found.eq_ignore_ascii_case(close)));
    let Some(end) = end else {
        *unclosed |= bit;
        return None;
    };
    let after = memchr::memchr(b'>', &rest[end..]).map_or(rest.len(), |at| end + at + 1);
    Some(from + after)
}

/// A character reference that starts here; the result is where it ends.
fn reference(html: &str, start: usize, writer: &mut Writer) -> usize {
    let window = &html.as_bytes()[start + 1..html.len().min(start + 12)];
    let length = window.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'#').count();
    let name = &html[start + 1..start + 1 + length];
    let end = start + 1 + length + usize::from(window.get(length) == Some(&b';'));
    match entity::character(name, window.get(length) == Some(&b';')) {
        Some('\u{a0}') => writer.no_break_space(),
        Some(character) => writer.text(character.encode_utf8(&mut [0; 4])),
        None => {
            writer.text("&");
            return start + 1;
        }
    }
    end
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Line ends that come before the next text.
    breaks: u8,
    /// A blank comes before the next text.
    space: bool,
    /// Depth of block quotes now, and of the line that is being written.
    quotes: usize,
    line_quotes: usize,
    preformatted: usize,
    started: bool,
    line_open: bool,
    /// Elements and comments that have no end in what is left, a bit for each: looked for once only.
    unclosed: u8,
}

impl Writer {
    fn text(&mut self, text: &str) {
        if self.preformatted > 0 {
            for (index, line) in text.split('\n').enumerate() {
                if index > 0 {
                    self.breaks = self.breaks.saturating_add(1).max(1);
                    self.line_open = false;
                }
                let line = line.trim_end_matches('\r');
                if !line.is_empty() {
                    self.open_line();
                    self.out.push_str(line);
                }
            }
            return;
        }
        let mut rest = text;
        while !rest.is_empty() {
            let word = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
            self.space |= word.len() < rest.len();
            if word.is_empty() {
                return;
            }
            let end = word.find(|c: char| c.is_ascii_whitespace()).unwrap_or(word.len());
            self.open_line();
            self.out.push_str(&word[..end]);
            rest = &word[end..];
        }
    }

    fn no_break_space(&mut self) {
        // Alone on a line it is an empty line, and that is how editors write one.
        if self.line_open {
            self.space = true;
        } else if self.breaks == 1 {
            self.breaks = 2;
        }
    }

    /// Writes what is due before text: line ends, quote marks, a blank.
    fn open_line(&mut self) {
        if !self.line_open {
            if self.started {
                for index in 0..self.breaks.clamp(1, 3) {
                    if index > 0 {
                        self.quote_marks(self.quotes.min(self.line_quotes));
                    }
                    self.out.push('\n');
                }
            }
            self.line_quotes = self.quotes;
            if self.quotes > 0 {
                self.quote_marks(self.quotes);
                self.out.push(' ');
            }
            self.space = false;
        } else if self.space {
            self.out.push(' ');
            self.space = false;
        }
        self.breaks = 0;
        self.started = true;
        self.line_open = true;
    }

    fn quote_marks(&mut self, depth: usize) {
        self.out.extend(std::iter::repeat_n('>', depth.min(QUOTES)));
    }

    /// At least so many line ends before the next text.
    fn break_line(&mut self, at_least: u8) {
        self.breaks = self.breaks.max(at_least);
        self.line_open = false;
        self.space = false;
    }

    fn tag(&mut self, name: &[u8], closing: bool, attributes: bool) {
        match name {
            b"br" => {
                // The first ends a line, each further one makes an empty line.
                if self.line_open {
                    self.break_line(1);
                } else {
                    self.breaks = self.breaks.saturating_add(1);
                }
            }
            b"p" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"ul" | b"ol" | b"dl" | b"table" => {
                self.break_line(if closing || attributes || self.started { 2 } else { 1 });
            }
            b"div" | b"tr" | b"section" | b"article" | b"header" | b"footer" | b"form" | b"center" | b"dt" | b"dd"
            | b"address" | b"fieldset" | b"caption" | b"body" | b"html" | b"head" => self.break_line(1),
            b"td" | b"th" => self.space = true,
            b"li" if !closing => {
                self.break_line(1);
                self.text("-");
                self.space = true;
            }
            b"li" => self.break_line(1),
            b"hr" => {
                self.break_line(1);
                self.text("________________________________");
                self.break_line(1);
            }
            b"pre" | b"textarea" => {
                self.break_line(1);
                self.preformatted = if closing { self.preformatted.saturating_sub(1) } else { self.preformatted + 1 };
            }
            b"blockquote" => {
                self.break_line(2);
                self.quotes = if closing { self.quotes.saturating_sub(1) } else { self.quotes + 1 };
            }
            _ => {}
        }
    }

    fn finish(mut self) -> String {
        if self.started {
            self.out.push('\n');
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_sees() {
        for (html, text) in [
            ("<p>Hello <b>there</b>,</p><p>bye</p>", "Hello there,\n\nbye\n"),
            ("<div>one</div><div>two<br>three<br><br>four</div>", "one\ntwo\nthree\n\nfour\n"),
            ("<div>one</div><div>&nbsp;</div><div>two</div>", "one\n\ntwo\n"),
            ("a &lt;b&gt; &amp; c &eacute; &#20320;&#x597d; &unknown; &amp", "a <b> & c é 你好 &unknown; &\n"),
            ("<html><head><title>T</title><style>p{}</style></head><body>x</body></html>", "x\n"),
            ("<script>if (a<b) {}</script>y<!-- <p>no</p> -->z", "yz\n"),
            (
                "new<blockquote type=cite>old<br>older<blockquote>oldest</blockquote></blockquote>",
                "new\n\n> old\n> older\n>\n>> oldest\n",
            ),
            ("<ul><li>a<li>b</ul>", "- a\n- b\n"),
            ("<table><tr><td>订单</td><td>123</td></tr><tr><td>x</td></tr></table>", "订单 123\nx\n"),
            ("<pre>a\n  b\n\nc</pre>", "a\n  b\n\nc\n"),
            ("<a href=\"x>y\">link</a> 3 < 4 <", "link 3 < 4 <\n"),
            ("above<hr>below", "above\n________________________________\nbelow\n"),
            ("<!-- open <p>shown", "open\n\nshown\n"),
            ("", ""),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn size_and_depth_cost_no_more_than_their_bytes() {
        for piece in ["<div>", "<blockquote>", "<", "&", "<!--", "<a href=\"", "<style>", "</", "<a '", "&#", "&nbsp;"]
        {
            let html = piece.repeat(1_000_000 / piece.len());
            let started = std::time::Instant::now();
            to_text(&html);
            assert!(started.elapsed().as_secs() < 5, "{piece} takes {:?}", started.elapsed());
        }
    }
}
