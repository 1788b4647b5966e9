//! The text of a signature and that of a lock, between lines of `%%`: nobody who has no key signs anything, and a lock that
//! is read is written and read again as the same.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::path::Path;
use tributary_fleet::TrustConfig;
use tributary_fleet::lock::Lock;
use tributary_fleet::trust::{Trust, TrustError, key_id, named, public_key};
use tributary_fuzz::parts;

/// Nobody has the other half of it.
const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

fuzz_target!(|data: &[u8]| {
    let [signature, lock] = parts(data).map(|part| std::str::from_utf8(part).unwrap_or_default());
    let config = TrustConfig { development: true, signers: vec![("shop".into(), KEY.into())] };
    let trust = Trust::new(&config).expect("it is a key");
    let named = named(signature).map(|(key, _)| key);
    match (trust.verify(b"a package", Some(signature)), named) {
        (Ok(signer), _) => panic!("signed by {signer:?}"),
        (Err(TrustError::UnknownSigner { key }), named) => assert_eq!(named, Ok(key)),
        (Err(TrustError::Tampered { key, .. }), named) => assert!(named == Ok(key) && key_id(KEY) == Some(key)),
        (Err(error), named) => assert_eq!(named, Err(error)),
    }
    assert!(!public_key(signature).contains('\n'));

    let path = Path::new("tributary.lock");
    match Lock::parse(lock, path) {
        Ok(lock) => assert_eq!(Lock::parse(&lock.to_text(), path).expect("what was written is read"), lock),
        Err(error) => assert!(error.to_string().starts_with("tributary.lock"), "{error}"),
    }
});
