//! The encrypted mode: AES-256-CBC with PKCS#7 in blocks of 32 bytes, around `random(16) ‖ be32(length) ‖ message ‖ id`.
//!
//! `id` says for whom the message is: the app id of an official account, the corp id of WeCom.
use std::fmt;

use aes::Aes256;
use aes::cipher::{BlockDecryptMut, BlockEncryptMut, KeyIvInit, generic_array::GenericArray};
use data_encoding::{BASE64, BASE64_NOPAD, Encoding, Specification};

/// Length of an EncodingAESKey in characters.
const KEY_CHARS: usize = 43;
/// Bytes of a block of AES.
const BLOCK: usize = 16;
/// Bytes of a block of the padding: not AES's own.
const PAD: usize = 32;
/// Random bytes and length before the message.
const HEAD: usize = 20;

/// The key that the platform's console calls EncodingAESKey.
#[derive(Clone)]
pub struct Cipher {
    key: [u8; 32],
}

/// What came out of an encrypted text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The message.
    pub message: Vec<u8>,
    /// For whom it is: whoever opens has to compare.
    pub receive_id: String,
}

/// Why a key is none, or a text does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CipherError {
    /// The key is not 43 signs of base64.
    Key,
    /// The text is not base64 of whole blocks.
    Text,
    /// What came out is not padded or not built as it has to be: mostly, another key made it.
    Content,
}

impl fmt::Display for CipherError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "expected an EncodingAESKey of 43 letters and digits",
            Self::Text => "the encrypted text is not base64 of whole blocks",
            Self::Content => "the encrypted text was made with another EncodingAESKey",
        })
    }
}

impl std::error::Error for CipherError {}

/// Base64 as senders write it: line ends inside, and bits behind the last byte of a key that nobody uses.
fn lenient(of: &Encoding) -> Option<Encoding> {
    let mut rules: Specification = of.specification();
    rules.check_trailing_bits = false;
    rules.ignore.push_str(" \r\n\t");
    rules.encoding().ok()
}

impl Cipher {
    /// Reads an EncodingAESKey.
    ///
    /// # Errors
    /// [`CipherError::Key`].
    pub fn new(encoding_aes_key: &str) -> Result<Self, CipherError> {
        let text = encoding_aes_key.trim();
        if text.len() != KEY_CHARS {
            return Err(CipherError::Key);
        }
        let bytes = lenient(&BASE64_NOPAD).and_then(|base64| base64.decode(text.as_bytes()).ok());
        let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).ok_or(CipherError::Key)?;
        Ok(Self { key })
    }

    fn initial(&self) -> &[u8] {
        &self.key[..BLOCK]
    }

    /// Decrypts the base64 text of an `Encrypt` element or an `echostr`.
    ///
    /// # Errors
    /// [`CipherError::Text`] and [`CipherError::Content`].
    pub fn open(&self, encrypted: &str) -> Result<Opened, CipherError> {
        let base64 = lenient(&BASE64).ok_or(CipherError::Text)?;
        let mut data = base64.decode(encrypted.trim().as_bytes()).map_err(|_| CipherError::Text)?;
        if data.is_empty() || data.len() % BLOCK != 0 {
            return Err(CipherError::Text);
        }
        let mut aes = cbc::Decryptor::<Aes256>::new(&self.key.into(), GenericArray::from_slice(self.initial()));
        for block in data.chunks_exact_mut(BLOCK) {
            aes.decrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        let padding = data.last().map_or(0, |last| usize::from(*last));
        let body = data.len().checked_sub(padding).filter(|_| (1..=PAD).contains(&padding));
        let body = body.filter(|length| data[*length..].iter().all(|byte| usize::from(*byte) == padding));
        let body = &data[..body.ok_or(CipherError::Content)?];
        let head = body.get(..HEAD).ok_or(CipherError::Content)?;
        let length = head[BLOCK..].iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let (message, id) = body[HEAD..].split_at_checked(length).ok_or(CipherError::Content)?;
        let receive_id = std::str::from_utf8(id).map_err(|_| CipherError::Content)?.to_owned();
        Ok(Opened { message: message.to_vec(), receive_id })
    }

    /// Encrypts a message for `receive_id`, as base64. `random` has to be another for each message.
    pub fn seal(&self, message: &[u8], receive_id: &str, random: [u8; 16]) -> String {
        let mut data = random.to_vec();
        data.extend_from_slice(&u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes());
        data.extend_from_slice(message);
        data.extend_from_slice(receive_id.as_bytes());
        let padding = PAD - data.len() % PAD;
        // 1 to 32.
        data.resize(data.len() + padding, padding as u8);
        let mut aes = cbc::Encryptor::<Aes256>::new(&self.key.into(), GenericArray::from_slice(self.initial()));
        for block in data.chunks_exact_mut(BLOCK) {
            aes.encrypt_block_mut(GenericArray::from_mut_slice(block));
        }
        BASE64.encode(&data)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sign::signature;

    const KEY: &str = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR";
    const CORP: &str = "wx49f0ab532d5d035a";

    #[test]
    fn the_known_answer_of_a_verification() {
        let echostr = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==";
        let opened = Cipher::new(KEY).unwrap().open(echostr).unwrap();
        assert_eq!(opened.receive_id, CORP);
        assert!(opened.message.iter().all(u8::is_ascii_digit), "{opened:?}");
    }

    #[test]
    fn the_known_answer_of_an_encryption() {
        let reply = "<xml>\n<MsgType><![CDATA[text]]></MsgType>\n<Content><![CDATA[test]]></Content>\n\
                     <FromUserName><![CDATA[wx49f0ab532d5d035a]]></FromUserName>\n\
                     <ToUserName><![CDATA[messense]]></ToUserName>\n<AgentID>1</AgentID>\n\
                     <CreateTime>1411525903</CreateTime>\n</xml>";
        let sealed = Cipher::new(KEY).unwrap().seal(reply.as_bytes(), CORP, *b"1234567890123456");
        assert!(
            sealed.starts_with(
                "9s4gMv99m88kKTh/H8IdkOiMg6bisoy3ypwy9H4hvSPe9nsGaqyw5hhSjdYbcrKk+j3nba4HMOTzHrluLBYqxgNc"
            )
        );
        let signed = signature(&["123456", "1411525903", "461056294", &sealed]);
        assert_eq!(signed, "407518b7649e86ef23978113f92d27afa9296533");
    }

    #[test]
    fn the_known_answer_of_a_decryption() {
        let encrypted = concat!(
            "RgqEoJj5A4EMYlLvWO1F86ioRjZfaex/gePD0gOXTxpsq5Yj4GNglrBb8I2BAJVODGajiFnXBu7mCPatfjsu6IHCrsTyeDXzF6Bv283d",
            "Gymzxh6ydJRvZsryDyZbLTE7rhnus50qGPMfp2wASFlzEgMW9z1ef/RD8XzaFYgm7iTdaXpXaG4+BiYyolBug/gYNx410cvkKR2/nPwB",
            "iT+P4hIiOAQqGp/TywZBtDh1yCF2KOd0gpiMZ5jSw3e29mTvmUHzkVQiMS6td7vXUaWOMZnYZlF3So2SjHnwh4jYFxdgpkHHqIrH/54S",
            "NdshoQgWYEvccTKe7FS709/5t6NMxuGhcUGAPOQipvWTT4dShyqio7mlsl5noTrb++x6En749zCpQVhDpbV6GDnTbcX2e8K9QaNWHp91",
            "eBdCRxthuL0=",
        );
        let signed = signature(&["123456", "1411525903", "461056294", encrypted]);
        assert_eq!(signed, "74d92dfeb87ba7c714f89d98870ae5eb62dff26d");
        let opened = Cipher::new(KEY).unwrap().open(encrypted).unwrap();
        assert_eq!(opened.receive_id, CORP);
        let fields = crate::xml::Fields::read(&opened.message).unwrap();
        assert_eq!((fields.text("Content"), fields.text("FromUserName")), (Some("test"), Some("messense")));
    }

    #[test]
    fn what_is_no_key_and_no_text_is_said() {
        assert_eq!(Cipher::new("short").err(), Some(CipherError::Key));
        assert_eq!(Cipher::new(&"?".repeat(43)).err(), Some(CipherError::Key));
        let cipher = Cipher::new(KEY).unwrap();
        for text in ["", "a", "QUJD", "not base64!"] {
            assert_eq!(cipher.open(text), Err(CipherError::Text), "{text}");
        }
        let other = Cipher::new("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG").unwrap();
        assert_eq!(other.open(&cipher.seal(b"hello", CORP, [7; 16])), Err(CipherError::Content));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens(message in proptest::collection::vec(any::<u8>(), 0..200), random: [u8; 16]) {
            let cipher = Cipher::new(KEY).unwrap();
            let sealed = cipher.seal(&message, CORP, random);
            prop_assert_eq!(BASE64.decode(sealed.as_bytes()).unwrap().len() % PAD, 0);
            let opened = cipher.open(&sealed).unwrap();
            prop_assert_eq!(opened, Opened { message, receive_id: CORP.into() });
        }

        #[test]
        fn any_text_does_no_harm(data in proptest::collection::vec(any::<u8>(), 0..160)) {
            let _ = Cipher::new(KEY).unwrap().open(&BASE64.encode(&data));
        }
    }
}
