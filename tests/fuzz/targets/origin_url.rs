//! Any text as an origin: the normal form is one, the SDK's rule agrees, and nothing but scheme, host and port is in it.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tributary_runtime::Origin;
use tributary_sdk_build::origin::is_origin;

fuzz_target!(|text: &str| {
    let read = text.parse::<Origin>();
    assert_eq!(is_origin(text), read.is_ok(), "{text:?}");
    let Ok(origin) = read else { return };
    let normal = origin.to_string();
    assert!(normal.is_ascii() && !normal.contains(['@', '?', '#', ' ', '%']) && normal.matches('/').count() == 2);
    assert_eq!(normal.parse::<Origin>(), Ok(origin.clone()), "{normal}");
    assert_eq!(normal, format!("{}://{}", origin.scheme().as_str(), origin.authority()));
    assert!(origin.port() != 0 && !origin.host().is_empty());
});
