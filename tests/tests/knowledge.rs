//! The knowledge base as operators write it, and as policies ask it.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use serde_json::{Value, json};
use tributary_tests::api::id;
use tributary_tests::{Desk, Mail, Relay};

const ARTICLES: &str = r#"
[[article]]
key = "退换货政策"
title = "几天内可以无理由退货"
questions = ["退货期限"]
text = "签收后七天内可以无理由退货，吊牌完好。"

[[article]]
key = "kettle-warranty"
title = "Warranty of kettles"
text = "The warranty is two years."

[[article]]
key = "sale"
title = "双十一满减活动"
text = "满三百减三十。"
valid-to = 2020-11-12T00:00:00+08:00
"#;

fn keys(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap()).collect()
}

fn import(desk: &Desk, text: &str) -> std::process::Output {
    let file = desk.dir.join("articles.toml");
    std::fs::write(&file, text).unwrap();
    desk.run(&["knowledge", "import", file.to_str().unwrap()])
}

#[test]
fn articles_come_in_by_file_and_only_what_holds_is_found() {
    let desk = Desk::start();
    for expected in ["3 written, 0 said the same already.", "0 written, 3 said the same already."] {
        let output = import(&desk, ARTICLES);
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{output:?}");
    }
    assert_eq!(keys(&desk.json(&["knowledge", "search", "几天之内能退货？"])), ["退换货政策"]);
    assert_eq!(keys(&desk.json(&["knowledge", "search", "is there a warranty on the kettle"])), ["kettle-warranty"]);
    assert_eq!(keys(&desk.json(&["knowledge", "search", "双十一满减活动"])), [""; 0], "it is over");
    assert_eq!(keys(&desk.json(&["knowledge", "list"])).len(), 3);

    import(&desk, &ARTICLES.replace("two years", "three years"));
    let versions = desk.json(&["knowledge", "show", "kettle-warranty"]);
    let texts: Vec<_> = versions["items"].as_array().unwrap().iter().map(|it| (&it["version"], &it["text"])).collect();
    let said = [json!("The warranty is three years."), json!("The warranty is two years.")];
    assert_eq!(texts, [(&json!(2), &said[0]), (&json!(1), &said[1])]);

    desk.json(&["knowledge", "retire", "退换货政策"]);
    assert_eq!(keys(&desk.json(&["knowledge", "search", "几天之内能退货？"])), [""; 0]);
    let output = desk.run(&["knowledge", "retire", "退换货政策"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn what_cannot_be_an_article_is_said_and_nothing_of_the_file_is_written() {
    let desk = Desk::start();
    for (wrong, words) in [
        ("[[article]]\nkey = \"a\"\ntitle = \"t\"\n", &["articles.toml", "missing field `text`"][..]),
        ("[[article]]\nkey = \"a\"\ntitle = \"t\"\ntext = \"x\"\nquestion = []\n", &["unknown field `question`"]),
        ("title = 1\n", &["unknown field `title`"]),
        ("\n", &["no [[article]]"]),
        (
            "[[article]]\nkey = \"a\"\ntitle = \"t\"\ntext = \"x\"\n[[article]]\nkey = \"a\"\ntitle = \"t\"\ntext = \"y\"\n",
            &["two articles with the key \"a\""],
        ),
        ("[[article]]\nkey = \"a b\"\ntitle = \"t\"\ntext = \"x\"\n", &["\"a b\"", "letters, digits"]),
        ("[[article]]\nkey = \"a\"\ntitle = \"\"\ntext = \"x\"\n", &["article \"a\"", "title"]),
        (
            "[[article]]\nkey = \"a\"\ntitle = \"t\"\ntext = \"x\"\nvalid-to = 2026-11-11\n",
            &["valid_to", "2026-05-04T"],
        ),
    ] {
        let output = import(&desk, wrong);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{wrong}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{wrong}: {said}");
        assert_eq!(keys(&desk.json(&["knowledge", "list"])), [""; 0], "{wrong}");
    }
}

/// A statement in an agent's answer is held against the articles that hold, by the real reviewer.
#[test]
fn what_an_agent_says_is_held_against_the_articles() {
    let mut desk = Desk::setup().init();
    desk.configure(
        "[[policy]]\nplugin = \"policy-outbound-review\"\nconfig-file = \"config/policy-outbound-review.toml\"\n",
    );
    desk.serve();
    import(&desk, ARTICLES);
    desk.deliver(&Mail::new("ann@mail.example", "退货", "请问几天内可以退货？"));
    desk.settled();
    let id = id(&desk.api.queue()[0]);
    desk.api.claim(id);
    let path = format!("/api/v1/conversations/{id}/reply");
    let wrong = desk.api.try_post(&path, &json!({ "text": "您好，签收后30天内可以无理由退货。" }), None).unwrap();
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    assert_eq!(wrong.body["objections"][0]["rule"], "K3", "{}", wrong.text);
    assert!(wrong.text.contains("几天内可以无理由退货"), "it names the article: {}", wrong.text);
    let right =
        desk.api.try_post(&path, &json!({ "text": "您好，签收后一周内可以无理由退货，吊牌完好即可。" }), None).unwrap();
    assert_eq!(right.status, 201, "{}", right.text);
}

/// A customer asks, the bot answers out of the article, by mail; what no article answers waits for a person, and is listed.
#[test]
fn the_bot_answers_from_the_articles_and_what_it_cannot_is_listed() {
    let relay = Relay::start();
    let mut desk = Desk::setup().relay(relay.port).init().without_policy("policy-receipt");
    desk.configure("[[policy]]\nplugin = \"policy-faq-bot\"\nconfig-file = \"config/policy-faq-bot.toml\"\n");
    desk.serve();
    import(&desk, ARTICLES);
    desk.deliver(&Mail::new("ann@mail.example", "退货", "请问收到以后几天内可以无理由退货？"));
    let answer = relay.wait_for("ann@mail.example", 1).remove(0);
    assert!(answer.text().contains("签收后七天内可以无理由退货"), "{}", answer.text());
    assert!(answer.text().contains("退换货政策"), "it says which article: {}", answer.text());
    assert!(answer.is_automatic());
    desk.deliver(&Mail::new("bob@mail.example", "问一下", "Do you have a shop in Berlin?"));
    desk.settled();
    let tags = |channel: &Value| channel["tags"].as_array().unwrap().clone();
    let details = desk.api.details();
    assert!(tags(&details[0]).contains(&json!("bot:answered")), "{}", details[0]["tags"]);
    assert!(tags(&details[1]).contains(&json!("bot:unanswered")), "{}", details[1]["tags"]);
    assert_eq!((&details[0]["state"], &details[1]["state"]), (&json!("snoozed"), &json!("open")));
    assert_eq!(relay.count(), 1);
    let asked = desk.json(&["knowledge", "questions"]);
    let asked: Vec<(&Value, &Value)> =
        asked["items"].as_array().unwrap().iter().map(|it| (&it["best"], &it["times"])).collect();
    assert_eq!(asked, [(&Value::Null, &json!(1)), (&json!("退换货政策"), &json!(1))], "worst first");
}
