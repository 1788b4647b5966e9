//! Any bytes as the XML, the encrypted text and the query of a call of WeChat's platforms.
#![no_main]
use data_encoding::BASE64;
use libfuzzer_sys::fuzz_target;
use tributary_fuzz::parts;
use tributary_wechat::cipher::{Cipher, Opened};
use tributary_wechat::door::Query;
use tributary_wechat::xml::{Fields, cdata};

const KEY: &str = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG";
const APP: &str = "wx0123456789abcdef";

fuzz_target!(|data: &[u8]| {
    let [xml, flips, query] = parts(data);
    if let Ok(fields) = Fields::read(xml) {
        let (count, bytes) = fields.iter().fold((0, 0), |(count, bytes), (_, value)| (count + 1, bytes + value.len()));
        assert!(count <= 1_000 && bytes <= xml.len(), "{count} fields of {bytes} bytes");
        for (path, value) in fields.iter() {
            assert!(!path.is_empty(), "a field without a name");
            let written = format!("<xml><A>{}</A></xml>", cdata(value));
            let read = Fields::read(written.as_bytes()).expect("what we write is XML");
            assert_eq!(read.text("A").unwrap_or_default(), value.replace("\r\n", "\n").replace('\r', "\n"));
        }
    }

    let cipher = Cipher::new(KEY).expect("a key");
    let sealed = cipher.seal(xml, APP, [7; 16]);
    assert_eq!(cipher.open(&sealed), Ok(Opened { message: xml.to_vec(), receive_id: APP.into() }));
    // A flipped bit of one block is a flipped bit of the next one's text: whatever a head and an end can say is reached.
    let mut bytes = BASE64.decode(sealed.as_bytes()).expect("base64");
    bytes.iter_mut().zip(flips).for_each(|(byte, flip)| *byte ^= flip);
    if let Ok(opened) = cipher.open(&BASE64.encode(&bytes)) {
        assert!(opened.message.len() + opened.receive_id.len() + 20 < bytes.len());
    }
    let _ = cipher.open(&String::from_utf8_lossy(flips));

    let query = Query::of(&String::from_utf8_lossy(query));
    assert!(query.signed("token").is_err() && query.sealed("token", "").is_err(), "nobody knows the token");
});
