//! Any text as HTML: nothing of plain text is lost, and little HTML never becomes much text.
#![no_main]
use channel_email::html::to_text;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|html: &str| {
    let text = to_text(html);
    // A rule is the longest thing that few bytes make: 32 strokes, quote marks and line ends around them, of `<hr>`.
    assert!(text.len() <= html.len() * 24 + 64, "{} bytes of {}", text.len(), html.len());
    if !html.contains(['<', '&']) {
        assert!(text.split_ascii_whitespace().eq(html.split_ascii_whitespace()), "{html:?} became {text:?}");
    }
    // Text that stands behind everything is seen, unless an element that hides its content is open.
    assert!(text.is_empty() || text.ends_with('\n'));
});
