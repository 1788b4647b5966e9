//! Random secrets and signatures among random texts: what is kept holds none of them in any form, and what is put back is
//! what it was.
use super::*;
use data_encoding::{BASE64, BASE64URL};
use proptest::prelude::*;

fn secret(text: &str) -> Secret {
    Secret(text.into())
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// Every form of a text that must not be left: its base64 by the letters that it decides alone.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![
        text.as_bytes().to_vec(),
        HEXLOWER.encode(text.as_bytes()).into_bytes(),
        HEXUPPER.encode(text.as_bytes()).into_bytes(),
        percent_upper(text).into_bytes(),
        percent_lower(text).into_bytes(),
        percent_form(text).into_bytes(),
    ];
    for before in ["", "a", "ab"] {
        for base64 in [BASE64_NOPAD, BASE64URL_NOPAD] {
            let all = base64.encode(format!("{before}{text}zz").as_bytes());
            let own = (8 * before.len()).div_ceil(6)..8 * (before.len() + text.len()) / 6;
            forms.push(all.as_bytes()[own].to_vec());
        }
    }
    forms
}

/// One text that holds a secret in some form, as a header, a query or a body may.
fn shown(text: &str, before: &str, after: &str) -> Vec<String> {
    let pair = format!("{before}{text}{after}");
    vec![
        pair.clone(),
        format!("Basic {}", BASE64.encode(pair.as_bytes())),
        format!("Bearer {}.x", BASE64URL_NOPAD.encode(pair.as_bytes())),
        format!("key={}&a=b", BASE64URL.encode(pair.as_bytes())),
        format!("0x{} and {}", HEXLOWER.encode(pair.as_bytes()), HEXUPPER.encode(pair.as_bytes())),
        format!("?t={}&u={}&v={}", percent_upper(&pair), percent_lower(&pair), percent_form(&pair)),
        BASE64.encode(BASE64.encode(pair.as_bytes()).as_bytes()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_hidden_is_there_in_no_form_and_is_put_back_as_it_was(
        text in "[!-~]{6,40}", before in "[a-z]{0,5}:?", after in "[ -~]{0,9}",
    ) {
        let secret = secret(&text);
        let hiding = Rewriting::hiding([("token", &secret)]);
        let showing = Rewriting::showing([("token", &secret)]);
        for whole in shown(&text, &before, &after) {
            let hidden = hiding.text(&whole).into_owned();
            for form in forms(&text) {
                prop_assert!(!has(hidden.as_bytes(), &form), "{whole}: {hidden}");
            }
            prop_assert_eq!(hiding.text(&hidden), hidden.as_str());
            // What was not padded or in the alphabet for URLs may come back in the common form.
            let common = |text: &str| text.replace('=', "").replace('-', "+").replace('_', "/");
            prop_assert_eq!(common(&showing.text(&hidden)), common(&whole));
        }
    }

    #[test]
    fn any_bytes_are_rewritten_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "[A-Za-z0-9+/=_ -]{0,60}",
    ) {
        let secrets = [("a", secret("AAAA")), ("b", secret("4711\nsecond line\n"))];
        let hiding = Rewriting::hiding(secrets.iter().map(|(name, secret)| (*name, secret)));
        let _ = (hiding.apply(&bytes), hiding.text(&text));
        let mut bytes = bytes;
        disguise(&mut bytes, &[b"AAAA".to_vec(), Vec::new()]);
    }

    #[test]
    fn a_signature_that_was_shown_is_another_in_every_form_and_the_rest_is_untouched(
        signature in proptest::collection::vec(any::<u8>(), 32), before in "[a-z]{0,5}",
    ) {
        let pair = [before.as_bytes(), &signature].concat();
        let write = |pair: &[u8], signature: &[u8]| {
            let text = format!(
                "Bearer a.b.{}|{}|{}|{}",
                BASE64URL_NOPAD.encode(pair), BASE64.encode(pair), HEXLOWER.encode(pair), HEXUPPER.encode(pair),
            );
            [text.as_bytes(), b"|", signature].concat()
        };
        let mut bytes = write(&pair, &signature);
        disguise(&mut bytes, std::slice::from_ref(&signature));
        let other = stand_in(&signature);
        let expected = write(&[before.as_bytes(), &other].concat(), &other);
        prop_assert!(places(&bytes, &signature).is_empty());
        // A letter that both share may be one that only one alphabet has.
        let same = |text: &[u8]| String::from_utf8_lossy(text).replace('-', "+").replace('_', "/");
        prop_assert_eq!(same(&bytes), same(&expected));
    }
}

#[test]
fn a_password_in_basic_is_its_marker_in_basic() {
    let secret = secret("hunter22");
    let (hiding, showing) = (Rewriting::hiding([("login", &secret)]), Rewriting::showing([("login", &secret)]));
    for user in ["u", "us", "user", ""] {
        let header = format!("Basic {}", BASE64.encode(format!("{user}:hunter22").as_bytes()));
        let hidden = hiding.text(&header).into_owned();
        assert_eq!(hidden, format!("Basic {}", BASE64.encode(format!("{user}:[secret login]").as_bytes())));
        assert_eq!(showing.text(&hidden), header);
    }
}

#[test]
fn each_line_of_a_secret_counts_for_itself_and_the_longest_is_taken() {
    let secrets = [("login", secret("old:pass\n new:pass \n")), ("short", secret("pass"))];
    let hiding = Rewriting::hiding(secrets.iter().map(|(name, secret)| (*name, secret)));
    assert_eq!(hiding.text("old:pass, new:pass, pass"), "[secret login], [secret login 2], [secret short]");
    let marked = BASE64.encode(b"[secret login 2]");
    assert_eq!(hiding.text(&BASE64.encode(b"new:pass")), marked);
    let showing = Rewriting::showing(secrets.iter().map(|(name, secret)| (*name, secret)));
    assert_eq!(showing.text(&marked), BASE64.encode(b"new:pass"));
}

#[test]
fn a_secret_that_is_cut_from_its_run_is_hidden_all_the_same() {
    let secret = secret("geheimnis");
    let hiding = Rewriting::hiding([("token", &secret)]);
    let encoded = BASE64.encode(b"ageheimnis");
    for cut in [&encoded[2..], &encoded[..13]] {
        let hidden = hiding.text(cut).into_owned();
        assert!(forms("geheimnis").iter().all(|form| !has(hidden.as_bytes(), form)), "{hidden}");
        assert!(hidden.contains("[secret token]"), "{hidden}");
    }
    // What shares its beginning only is something else.
    let other = BASE64.encode(b"geheimnit");
    assert_eq!(hiding.text(&other), other);
}

#[test]
fn a_signature_that_stands_in_the_answer_alone_stays() {
    let signature: Vec<u8> = (100..132).collect();
    let mut bytes = [&[1, 2][..], &signature, &[3], &signature].concat();
    let before = bytes.clone();
    disguise(&mut bytes, &[signature.clone(), signature.clone()]);
    assert_eq!(bytes, before);
    disguise(&mut bytes, std::slice::from_ref(&signature));
    assert!(places(&bytes, &signature).is_empty());
    assert!(shows(&BASE64.encode(&signature), std::slice::from_ref(&signature)));
    assert!(!shows("Bearer x", &[signature]));
}

#[test]
fn secrets_are_looked_at_again_and_the_old_ones_stay_hidden() {
    let masks = Masks::default();
    assert_eq!(masks.now(|| vec![("a".into(), secret("first"))]).text("first"), "[secret a]");
    let hiding = masks.now(|| panic!("asked twice in a second"));
    assert_eq!(hiding.text("first"), "[secret a]");
    assert_eq!(masks.with("a", &secret("second")).text("first second"), "[secret a] [secret a]");
}
