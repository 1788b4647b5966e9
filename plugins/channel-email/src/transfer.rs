//! Transfer encodings (RFC 2045 section 6) of damaged mails: whatever can be read is read.

/// Quoted-printable. An equals sign that introduces nothing stands for itself.
pub fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut line = 0;
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (*byte, tail) {
            (b'=', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(nibble(*high) << 4 | nibble(*low));
                // White space that was encoded is meant.
                line = out.len();
                rest = tail;
            }
            (b'=', _) => {
                let blanks = tail.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
                match tail.get(blanks..) {
                    Some([b'\n', tail @ ..]) => rest = tail,
                    Some([]) => rest = &[],
                    _ => out.push(b'='),
                }
            }
            (b'\n', _) => {
                let end = out.iter().rposition(|byte| !matches!(byte, b' ' | b'\t' | b'\r')).map_or(0, |at| at + 1);
                out.truncate(end.max(line));
                out.extend_from_slice(b"\r\n");
                line = out.len();
            }
            (byte, _) => out.push(byte),
        }
    }
    out
}

fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20).wrapping_sub(b'a').wrapping_add(10) & 0x0f,
    }
}

/// Base64. What is not of its alphabet is skipped, and an incomplete end is dropped.
pub fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3 + 3);
    let (mut chunk, mut count) = (0u32, 0u8);
    for (at, byte) in bytes.iter().enumerate() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                flush(chunk, count, &mut out);
                (chunk, count) = (0, 0);
                if bytes.get(at + 1) == Some(&b' ') {
                    // Words behind the padding are a remark, not data.
                    break;
                }
                continue;
            }
            _ => continue,
        };
        chunk = chunk << 6 | u32::from(value);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&chunk.to_be_bytes()[1..]);
            (chunk, count) = (0, 0);
        }
    }
    flush(chunk, count, &mut out);
    out
}

fn flush(chunk: u32, count: u8, out: &mut Vec<u8>) {
    match count {
        2 => out.push((chunk >> 4) as u8),
        3 => out.extend_from_slice(&[(chunk >> 10) as u8, (chunk >> 2) as u8]),
        _ => {}
    }
}

/// Base64 with padding, on one line.
pub fn to_base64(bytes: &[u8], out: &mut Vec<u8>) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |chunk: u32, shift: u32| ALPHABET[(chunk >> shift & 63) as usize];
    for group in bytes.chunks(3) {
        let byte = |at: usize| group.get(at).map_or(0, |byte| u32::from(*byte));
        let chunk = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.extend_from_slice(&[
            digit(chunk, 18),
            digit(chunk, 12),
            if group.len() > 1 { digit(chunk, 6) } else { b'=' },
            if group.len() > 2 { digit(chunk, 0) } else { b'=' },
        ]);
    }
}

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_of_any_kind() {
        for (given, read) in [
            (&b"a=3Db=\r\nc"[..], &b"a=bc"[..]),
            (b"caf=c3=A9 \r\nx", b"caf\xc3\xa9\r\nx"),
            (b"100%=off =", b"100%=off "),
            (b"kept=20\nend", b"kept \r\nend"),
            (b"=ZZ= \t\nnext", b"=ZZnext"),
        ] {
            assert_eq!(quoted_printable(given), read, "{}", String::from_utf8_lossy(given));
        }
    }

    #[test]
    fn base64_of_any_kind() {
        for (given, read) in [
            (&b"aGVsbG8="[..], &b"hello"[..]),
            (b"aGVs\r\nbG8", b"hello"),
            (b"aG!V#sbG8=\n--", b"hello"),
            (b"YQ==YQ==", b"aa"),
            (b"", b""),
        ] {
            assert_eq!(base64(given), read, "{}", String::from_utf8_lossy(given));
        }
    }
    #[test]
    fn base64_and_hex_there_and_back() {
        for (bytes, written) in
            [(&b""[..], ""), (b"a", "YQ=="), (b"ab", "YWI="), (b"abc", "YWJj"), (b"\xff\xfe\x00?", "//4APw==")]
        {
            let mut out = Vec::new();
            to_base64(bytes, &mut out);
            assert_eq!(out, written.as_bytes());
            assert_eq!(base64(&out), bytes);
        }
        assert_eq!(to_hex(&[0, 0x1f, 0xa0, 0xff]), "001fa0ff");
    }
}
