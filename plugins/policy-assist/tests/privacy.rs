//! Nothing that a person is known by is in a request (L1), wherever in a conversation and however it is written.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use policy_assist::Assist;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_sdk::Policy;
use tributary_sdk::testing::{Case, FakeHost, prepare, with};

/// The digits of a number, and the number as somebody writes it.
type Number = (String, String);

/// Digits in groups, with the marks between them that people use.
fn written(digits: String) -> impl Strategy<Value = Number> {
    let marks =
        prop::collection::vec(prop::sample::select(vec!["", "", " ", "-", ".", " - ", "\u{a0}", "\n"]), digits.len());
    let form = prop::sample::select(vec!['0', '０', '零']);
    (Just(digits), marks, 2..5_usize, form).prop_map(|(digits, marks, group, zero)| {
        let form = |(at, digit): (usize, char)| {
            let mark = if at > 0 && at % group == 0 { marks[at] } else { "" };
            let digit = match (zero, digit.to_digit(10)) {
                ('０', Some(value)) => char::from_u32(u32::from('０') + value).unwrap(),
                ('零', Some(value)) => "零一二三四五六七八九".chars().nth(value as usize).unwrap(),
                _ => digit,
            };
            format!("{mark}{digit}")
        };
        let text = digits.chars().enumerate().map(form).collect();
        (digits, text)
    })
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        "1[3-9][0-9]{9}".prop_flat_map(written),
        "86 ?1[3-9][0-9]{9}".prop_map(|it| it.replace(' ', "")).prop_flat_map(written),
        "0[1-9][0-9]{1,2}[2-9][0-9]{6,7}".prop_flat_map(written),
        "[2-9][0-9]{9,14}".prop_flat_map(written),
        "62[0-9]{14,17}".prop_flat_map(written),
        "4[0-9]{15}".prop_flat_map(written),
        "[1-6][0-9]{5}(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9])[0-9]{4}".prop_flat_map(written),
    ]
}

fn mail() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9._+-]{2,12}[a-z0-9]@[a-z][a-z0-9-]{1,8}[a-z]\\.(com|cn|example|co\\.uk)"
}

/// A text with a secret in its middle.
fn around(secret: &str, before: usize, behind: usize) -> String {
    const BEFORE: [&str; 6] = ["电话", "call me: ", "我的号码是", "[", "A/", "订单2001，"];
    const BEHIND: [&str; 6] = ["，谢谢", " thanks", "。", "]", "（微信同号）", "\n张伟"];
    format!("{}{secret}{}", BEFORE[before], BEHIND[behind])
}

/// The digits of a text side by side, as somebody reads them who looks for numbers.
fn digits(text: &str) -> String {
    let digit = |letter: char| match letter {
        '０'..='９' => char::from_digit(u32::from(letter) - u32::from('０'), 10),
        _ => "零一二三四五六七八九".chars().position(|it| it == letter).and_then(|at| char::from_digit(at as u32, 10)),
    };
    let plain: String = text.chars().map(|letter| digit(letter).unwrap_or(letter)).collect();
    plain.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

fn sent(case: Value) -> String {
    let case: Case = serde_json::from_value(case).unwrap();
    let host: FakeHost = case.host().unwrap();
    let assist: Assist = prepare(case.config()).unwrap();
    with(&host, || assist.decide(&case.snapshot().unwrap(), &case.happening().unwrap())).unwrap();
    let requests = host.requests();
    let [request] = &requests[..] else { panic!("one request: {requests:?}") };
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    format!("{}\n{}", request.url, body["messages"][1]["content"].as_str().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_number_and_no_address_leaves(
        numbers in prop::collection::vec((number(), 0..6_usize, 0..6_usize), 4),
        mails in prop::collection::vec((mail(), 0..6_usize, 0..6_usize), 3),
        cut in 1..60_u32,
    ) {
        let number = |at: usize| around(&numbers[at].0.1, numbers[at].1, numbers[at].2);
        let mail = |at: usize| around(&mails[at].0, mails[at].1, mails[at].2);
        let body = sent(json!({
            // Cut anywhere: the part of a number that is left is the number's.
            "config": { "facts": { "articles": 3, "score-from": 0.2, "article-letters": 100, "messages": 8, "message-letters": cut } },
            "conversation": {
                "grade": "inquiry",
                "subject": format!("{} {}", number(0), mail(0)),
                "history": [
                    { "text": format!("{}\n{}", mail(1), number(1)) },
                    { "text": format!("我们会打{}", number(2)), "author": "agent" },
                ],
                "orders": [{ "id": "2001", "skus": [number(3)], "parcel": "SF0000000000", "buyers": [mails[2].0],
                    "attributes": { "phone-masked": number(1), "receiver": "张伟" } }],
            },
            "message": { "text": format!("{} 和 {} {}", number(3), mail(2), number(0)) },
        }));
        let bare = digits(&body);
        for ((number, _), ..) in &numbers {
            prop_assert!(!bare.contains(&number[..6]), "{number} in {body}");
        }
        for (mail, ..) in &mails {
            let (mailbox, _) = mail.split_once('@').unwrap();
            prop_assert!(!body.contains(&format!("{mailbox}@")), "{mail} in {body}");
        }
        prop_assert!(body.contains("order 2001") && body.contains("SF0000000000"), "{body}");
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{1,80}", more in "[0-9@.一二三十 /-]{0,40}") {
        prop_assume!(!format!("{text}{more}").trim().is_empty());
        let body = sent(json!({
            "conversation": { "grade": "inquiry" },
            "articles": [{ "id": "a", "title": "A", "text": text, "score": 0.9 }],
            "http": [{ "status": 200, "body": { "choices": [{ "message": { "content": format!("{text}{more}") } }] } }],
            "message": { "text": format!("{text}{more}") },
        }));
        prop_assert!(body.contains("# Conversation"));
    }
}
