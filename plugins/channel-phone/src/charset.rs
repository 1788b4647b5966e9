//! Bytes of a transcript to text. Files of recorders carry no label: a byte order mark decides, then UTF-8, then what the
//! bytes look like; Chinese ones are read as GB18030, of which GBK is a part.
use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, GB18030, GBK, UTF_16BE, UTF_16LE};

/// The detector has seen enough after so many bytes.
const DETECT: usize = 64 * 1024;

/// The text, without its byte order mark.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        // UTF-16 of Latin letters without a mark is sound UTF-8 with a NUL at every other place.
        return match bytes {
            [0, first, 0, ..] if *first != 0 => UTF_16BE.decode_without_bom_handling(bytes).0,
            [first, 0, _, 0, ..] if *first != 0 => UTF_16LE.decode_without_bom_handling(bytes).0,
            _ => text.into(),
        };
    }
    let lossy = String::from_utf8_lossy(bytes);
    let broken = lossy.matches('\u{fffd}').count();
    // A few broken characters in what is otherwise UTF-8 (cut by length, say) do not make it anything else.
    if broken * 50 < lossy.chars().filter(|character| !character.is_ascii()).count() {
        return lossy;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&bytes[..bytes.len().min(DETECT)], bytes.len() <= DETECT);
    let guess = detector.guess(None, Utf8Detection::Deny);
    let guess = if guess == GBK { GB18030 } else { guess };
    guess.decode_without_bom_handling(bytes).0
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_recorders_write() {
        let text = "1\r\n00:00:01,000 --> 00:00:02,000\r\n您好，我的订单三天没有动静了\r\n";
        let (gbk, ..) = encoding_rs::GBK.encode(text);
        assert_eq!(decode(&gbk), text);
        let (big5, ..) = encoding_rs::BIG5.encode("您好，請問我的訂單什麼時候可以送到呢，謝謝您的幫忙");
        assert_eq!(decode(&big5), "您好，請問我的訂單什麼時候可以送到呢，謝謝您的幫忙");
        assert_eq!(decode(b"\xef\xbb\xbfWEBVTT"), "WEBVTT");
        let wide: Vec<u8> = "WEBVTT 您".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&[&[0xff, 0xfe][..], &wide].concat()), "WEBVTT 您");
        let plain: Vec<u8> = "WEBVTT".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&plain), "WEBVTT");
        let cut = [text.repeat(40).as_bytes(), &[0xe6, 0x82]].concat();
        assert!(decode(&cut).ends_with("\r\n\u{fffd}"));
    }
}
