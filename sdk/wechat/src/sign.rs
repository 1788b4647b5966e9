//! Signatures of calls: SHA-1 over sorted parts.
use data_encoding::HEXLOWER;
use sha1::{Digest, Sha1};

/// The signature of these parts: `hex(sha1(concat(sort(parts))))`, sorted by bytes, without a separator. The token is one
/// of the parts; `timestamp` and `nonce` are others; in encrypted mode the encrypted text is the fourth.
pub fn signature(parts: &[&str]) -> String {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let mut digest = Sha1::new();
    for part in sorted {
        digest.update(part.as_bytes());
    }
    HEXLOWER.encode(&digest.finalize())
}

/// Whether a signature is the one that was expected, in the time of its length whatever it holds.
pub fn matches(expected: &str, given: &str) -> bool {
    let given = given.as_bytes();
    expected.len() == given.len()
        && expected.bytes().zip(given).fold(0, |differences, (ours, theirs)| differences | (ours ^ theirs)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_answer_of_a_verification() {
        let echostr = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==";
        let signed = signature(&["123456", "1411443780", "437374425", echostr]);
        assert_eq!(signed, "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96");
    }

    #[test]
    fn the_order_of_the_parts_does_not_matter_and_one_flipped_bit_does() {
        let signed = signature(&["token", "1", "2"]);
        assert_eq!(signed, signature(&["2", "token", "1"]));
        assert!(matches(&signed, &signed.clone()));
        assert!(!matches(&signed, &signature(&["token", "1", "3"])));
        assert!(!matches(&signed, ""));
        assert!(!matches(&signed, &signed[1..]));
    }
}
