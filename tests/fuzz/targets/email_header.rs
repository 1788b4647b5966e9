//! Any bytes as a header field. The input's first line names a charset.
#![no_main]
use channel_email::header;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let (label, raw) = data.iter().position(|byte| *byte == b'\n').map_or((&data[..0], data), |at| data.split_at(at));
    let label = std::str::from_utf8(label).ok().filter(|label| !label.is_empty());
    let one_line = |text: &str| assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");

    if let Some(text) = header::text(raw, label) {
        one_line(&text);
        assert_eq!(header::one_line(&text), text);
    }
    for (name, _) in header::addresses(raw, label) {
        name.iter().for_each(|name| one_line(name));
    }
    for id in header::ids(raw) {
        one_line(&id);
        assert!(id.len() <= 512 && !id.contains(char::is_whitespace), "{id:?}");
    }
    for name in ["charset", "boundary", "filename", "name", "x"] {
        if let Some(value) = header::parameter(raw, name) {
            one_line(&value);
        }
    }
    header::date(raw);
    header::readable(raw, label);
});
