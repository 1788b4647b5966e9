//! Bytes to text, whatever the label says: the label is a hint, the bytes decide, and there is never an error.
//!
//! Labels follow the WHATWG Encoding Standard, where `gb2312` and `gbk` are read as GB18030. On top of it come the labels
//! that only mail knows, the seven-bit forms of RFC 1843 (HZ) and RFC 1557 (ISO-2022-KR), and detection for text that is
//! unlabelled or labelled wrongly.
use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_2022_JP, SHIFT_JIS, UTF_8, WINDOWS_1252};
use mail_parser::decoders::charsets::{DecoderFnc, map::charset_decoder};

/// The detector has seen enough after so many bytes.
const DETECT: usize = 64 * 1024;

/// How a label is understood.
enum Label {
    /// Nothing said, or a word that says nothing.
    None,
    /// UTF-8.
    Utf8,
    /// One of the standard's encodings.
    Known(&'static Encoding),
    /// HZ: `~{` to `~}`.
    Hz,
    /// ISO-2022-KR or -CN: shift out, shift in.
    Shifted(&'static Encoding),
    /// Rare ones that the mail parser knows, such as UTF-7 and code page 850.
    Other(DecoderFnc),
}

/// Text of these bytes. `label` is the charset they came with, in any case.
pub fn decode<'a>(bytes: &'a [u8], label: Option<&str>) -> Cow<'a, str> {
    let label = label.map_or(Label::None, resolve);
    match label {
        Label::Hz => return shifted(bytes, GBK, Shift::Tilde).into(),
        Label::Shifted(encoding) => return shifted(bytes, encoding, Shift::Control).into(),
        // Tried before the ASCII shortcut: their bytes may all be ASCII.
        Label::Other(decoder) if bytes.is_ascii() || std::str::from_utf8(bytes).is_err() => {
            return decoder(bytes).into();
        }
        Label::Known(encoding) if encoding == ISO_2022_JP || !encoding.is_ascii_compatible() => {
            return labelled(bytes, encoding);
        }
        _ => {}
    }
    if bytes.is_ascii() && !bytes.contains(&0x1b) {
        return String::from_utf8_lossy(bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let wins = match label {
            Label::Known(encoding) if is_multi_byte(encoding) => convincing_utf8(text),
            _ => !bytes.contains(&0x1b),
        };
        if wins {
            return text.into();
        }
    }
    match label {
        Label::Known(encoding) => labelled(bytes, encoding),
        Label::Utf8 => {
            // A few broken characters in what is otherwise UTF-8 (cut by length, say) are no reason to doubt the label.
            let lossy = String::from_utf8_lossy(bytes);
            if mostly_sound(&lossy) { lossy } else { better(lossy, bytes) }
        }
        _ => detected(bytes),
    }
}

/// Labels in the wild that the standard does not list, then the standard, then the mail parser's own.
fn resolve(label: &str) -> Label {
    let label = label.trim_matches(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    let mut buffer = [0u8; 32];
    let Some(slot) = buffer.get_mut(..label.len()) else { return Label::None };
    slot.copy_from_slice(label.as_bytes());
    slot.make_ascii_lowercase();
    match &*slot {
        b"" | b"unknown" | b"unknown-8bit" | b"x-unknown" | b"default" | b"default_charset" | b"8bit" | b"binary"
        | b"none" | b"_autodetect" | b"_autodetect_all" | b"charset" => Label::None,
        b"utf-8" | b"utf8" | b"utf-8-strict" | b"utf8mb4" | b"utf-8mb4" | b"_utf8" | b"unicode" => Label::Utf8,
        b"gb18030-2000" | b"gb18030-2005" | b"cp936" | b"ms936" | b"windows-936" | b"gb_2312" | b"gb2312_charset"
        | b"cn-gb" | b"euc-cn" | b"gb2312-80" | b"cp54936" | b"euccn" | b"x-euc-cn" => Label::Known(GB18030),
        b"cp950" | b"ms950" | b"windows-950" | b"big-5" | b"big5hkscs" | b"x-windows-950" => Label::Known(BIG5),
        b"cp949" | b"ms949" | b"uhc" | b"ks_c_5601" | b"ksc5601-1987" | b"euckr" | b"x-windows-949" => {
            Label::Known(EUC_KR)
        }
        b"cp932" | b"ms932" | b"sjis-win" | b"shift-jisx0213" => Label::Known(SHIFT_JIS),
        b"eucjp" | b"ujis" | b"eucjp-win" => Label::Known(EUC_JP),
        b"iso-2022-jp-1" | b"iso-2022-jp-2" | b"iso-2022-jp-3" | b"iso-2022-jp-ms" | b"cp50220" | b"cp50221" => {
            Label::Known(ISO_2022_JP)
        }
        b"hz-gb-2312" | b"hz" => Label::Hz,
        b"iso-2022-kr" | b"csiso2022kr" => Label::Shifted(EUC_KR),
        b"iso-2022-cn" | b"iso-2022-cn-ext" => Label::Shifted(GBK),
        slot => match Encoding::for_label_no_replacement(slot) {
            Some(encoding) if encoding == UTF_8 => Label::Utf8,
            Some(encoding) => Label::Known(encoding),
            None => charset_decoder(slot).map_or(Label::None, Label::Other),
        },
    }
}

fn is_multi_byte(encoding: &'static Encoding) -> bool {
    [GBK, GB18030, BIG5, EUC_KR, EUC_JP, SHIFT_JIS].contains(&encoding)
}

/// A labelled text that is not UTF-8.
fn labelled<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Cow<'a, str> {
    let encoding = if encoding == GBK { GB18030 } else { encoding };
    let (text, broken) = encoding.decode_without_bom_handling(bytes);
    if broken && encoding.is_ascii_compatible() {
        return if mostly_sound(&text) { text } else { better(text, bytes) };
    }
    // Clients that know no better write "us-ascii" or "iso-8859-1" above anything. Western text has single accented
    // letters among ASCII ones, every other script has runs of high bytes.
    if encoding == WINDOWS_1252 && runs_of_high_bytes(bytes) {
        let guess = guess(bytes);
        if guess != WINDOWS_1252 {
            let (other, broken) = guess.decode_without_bom_handling(bytes);
            if !broken {
                return other;
            }
        }
    }
    text
}

/// No label: what the bytes look like.
fn detected(bytes: &[u8]) -> Cow<'_, str> {
    let (text, broken) = guess(bytes).decode_without_bom_handling(bytes);
    if broken { better(text, bytes) } else { text }
}

/// The candidate with the fewest characters that could not be read.
fn better<'a>(first: Cow<'a, str>, bytes: &'a [u8]) -> Cow<'a, str> {
    let mut best = (unreadable(&first), first);
    for encoding in [guess(bytes), GB18030, UTF_8] {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        let bad = unreadable(&text);
        if bad < best.0 {
            best = (bad, text);
        }
    }
    best.1
}

fn unreadable(text: &str) -> usize {
    text.matches('\u{FFFD}').count()
}

/// One broken character in ten is damage, not a wrong label.
fn mostly_sound(text: &str) -> bool {
    unreadable(text) * 10 <= text.chars().filter(|c| !c.is_ascii()).count()
}

fn guess(bytes: &[u8]) -> &'static Encoding {
    let head = bytes.get(..DETECT).unwrap_or(bytes);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(head, head.len() == bytes.len());
    let high = head.iter().filter(|byte| **byte >= 0x80).count();
    // A few characters fit several East Asian encodings; the most frequent hanzi then speak for GB.
    if (4..64).contains(&high) && common_hanzi(head) {
        return GB18030;
    }
    detector.guess(None, Utf8Detection::Allow)
}

/// Every run of high bytes reads as pairs, nearly all of them GB 2312 level 1 (the 3,755 hanzi in use) or punctuation,
/// and, where there are enough to tell, not all of them in the rows that Hangul lies in.
fn common_hanzi(bytes: &[u8]) -> bool {
    let (mut pairs, mut common, mut beyond_hangul) = (0u32, 0u32, 0u32);
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if *first < 0x80 {
            rest = tail;
            continue;
        }
        let [second, tail @ ..] = tail else { return false };
        if !(0xA1..=0xF7).contains(first) || *second < 0xA1 {
            return false;
        }
        pairs += 1;
        common += u32::from((0xB0..=0xD7).contains(first) || (0xA1..=0xA3).contains(first));
        beyond_hangul += u32::from((0xC9..=0xD7).contains(first));
        rest = tail;
    }
    pairs >= 2 && common * 10 >= pairs * 9 && (beyond_hangul * 4 >= pairs || pairs < 4)
}

/// At least four of five high bytes stand beside another one.
fn runs_of_high_bytes(bytes: &[u8]) -> bool {
    let (mut high, mut in_runs, mut run) = (0usize, 0usize, 0usize);
    for byte in bytes.iter().chain(&[0]) {
        if *byte >= 0x80 {
            high += 1;
            run += 1;
        } else {
            if run >= 2 {
                in_runs += run;
            }
            run = 0;
        }
    }
    high >= 4 && in_runs * 5 >= high * 4
}

/// Text that is valid UTF-8 under another multi-byte label: by accident only where there is very little of it.
fn convincing_utf8(text: &str) -> bool {
    let (mut multi, mut wide) = (0u32, 0u32);
    for c in text.chars().filter(|c| !c.is_ascii()).take(64) {
        multi += 1;
        wide += u32::from(c.len_utf8() >= 3);
    }
    multi >= 3 && wide >= 2
}

enum Shift {
    Tilde,
    Control,
}

/// Seven-bit forms of an EUC charset: between the shifts, each byte stands for itself with the high bit set.
fn shifted(bytes: &[u8], encoding: &'static Encoding, shift: Shift) -> String {
    let mut wide = false;
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (&shift, *byte, tail) {
            (Shift::Tilde, b'~', [b'{', tail @ ..]) => (wide, rest) = (true, tail),
            (Shift::Tilde, b'~', [b'}', tail @ ..]) => (wide, rest) = (false, tail),
            (Shift::Tilde, b'~', [b'~', tail @ ..]) => {
                out.push(b'~');
                rest = tail;
            }
            (Shift::Tilde, b'~', [b'\n', tail @ ..]) => rest = tail,
            (Shift::Control, 0x1b, [b'$', b')', _, tail @ ..]) => rest = tail,
            (Shift::Control, 0x0e, _) => wide = true,
            (Shift::Control, 0x0f, _) => wide = false,
            (_, byte @ 0x21..=0x7e, _) if wide => out.push(byte | 0x80),
            (_, byte, _) => {
                // A line's end ends the shift: the next line starts in ASCII.
                wide &= byte != b'\n';
                out.push(byte);
            }
        }
    }
    encoding.decode_without_bom_handling(&out).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_reads_what_it_names() {
        let hanzi = "您好，我的订单还没有收到货，请尽快处理，谢谢。";
        let kanji = "注文した商品がまだ届きません。確認をお願いします。";
        let hangul = "주문한 상품이 아직 도착하지 않았습니다. 확인 부탁드립니다.";
        let cases: &[(&str, &'static Encoding, &[&str])] = &[
            (
                hanzi,
                GB18030,
                &[
                    "gb2312",
                    "GBK",
                    "gb18030",
                    "x-gbk",
                    "cp936",
                    "euc-cn",
                    "us-ascii",
                    "iso-8859-1",
                    "utf-8",
                    "x-unknown",
                    "",
                ],
            ),
            ("訂單尚未收到，請儘快處理，謝謝您的協助與配合。", BIG5, &["big5", "Big5-HKSCS", "cp950"]),
            (kanji, SHIFT_JIS, &["shift_jis", "cp932", "x-sjis", "utf-8", ""]),
            (kanji, EUC_JP, &["euc-jp", "eucjp"]),
            (kanji, ISO_2022_JP, &["iso-2022-jp", "ISO-2022-JP-MS", ""]),
            (hangul, EUC_KR, &["euc-kr", "ks_c_5601-1987", "cp949", "us-ascii", ""]),
            (
                "Die Rückgabe der Ware dauert schon drei Wochen, können Sie das prüfen?",
                WINDOWS_1252,
                &["iso-8859-1", "windows-1252", "us-ascii", "utf-8", ""],
            ),
            ("Заказ не пришёл, прошу вернуть деньги на карту.", encoding_rs::WINDOWS_1251, &["windows-1251", ""]),
            ("Заказ не пришёл, прошу вернуть деньги на карту.", encoding_rs::KOI8_R, &["koi8-r"]),
        ];
        for (text, encoding, labels) in cases {
            let (bytes, _, lossy) = encoding.encode(text);
            assert!(!lossy, "{text} is not in {}", encoding.name());
            for label in *labels {
                assert_eq!(decode(&bytes, Some(label)), *text, "{} labelled {label:?}", encoding.name());
            }
        }
    }

    #[test]
    fn utf8_wins_over_a_wrong_label() {
        for label in ["gb2312", "big5", "iso-8859-1", "us-ascii", "euc-kr", "windows-1252", "unknown-8bit"] {
            assert_eq!(decode("退款申请已经提交".as_bytes(), Some(label)), "退款申请已经提交", "{label}");
        }
    }

    #[test]
    fn seven_bit_forms() {
        assert_eq!(decode(b"see ~{<:Ky2;S{#,NpJ)l6HK!#~} ok", Some("hz-gb-2312")), "see 己所不欲，勿施於人。 ok");
        assert_eq!(decode(b"\x1b$)C\x0e>H3g\x0f!", Some("iso-2022-kr")), "안녕!");
        assert_eq!(decode(b"Hi Mom -+Jjo--!", Some("utf-7")), "Hi Mom -☺-!");
    }

    #[test]
    fn damage_is_no_reason_to_change_the_charset() {
        let mut bytes = "订单一直没有收到，".repeat(40).into_bytes();
        bytes.truncate(bytes.len() - 1);
        assert!(decode(&bytes, Some("utf-8")).starts_with("订单一直"));
        let (gb, ..) = GB18030.encode("价格从一百元起，先问清楚再下单，不明白的地方请打电话");
        let mut gb = gb.into_owned();
        gb.extend_from_slice(b" \x96 ok");
        assert!(decode(&gb, Some("gb2312")).starts_with("价格从一百元起"));
    }
}
