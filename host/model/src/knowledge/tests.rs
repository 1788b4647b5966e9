//! Terms, fits and what an article may be.
use super::*;
use proptest::prelude::*;

fn article(title: &str, questions: &[&str], text: &str) -> Article {
    let questions = questions.iter().map(|it| (*it).to_owned()).collect();
    Article { title: title.into(), questions, text: text.into(), ..Article::default() }
}

/// How well each fits, best first, by its title.
fn found<'a>(question: &str, articles: &'a [Article]) -> Vec<(&'a str, f64)> {
    let read: Vec<Terms> = articles.iter().map(Terms::of).collect();
    let having = |term: &String| {
        read.iter().filter(|it| it.text.contains(term) || it.lines.iter().any(|line| line.contains(term))).count()
            as u64
    };
    let terms = Question::terms(question).into_iter().map(|term| (term.clone(), having(&term))).collect();
    let question = Question::weighed(terms, articles.len() as u64);
    let mut found: Vec<_> = articles.iter().zip(&read).map(|(it, terms)| (&*it.title, question.fit(terms))).collect();
    found.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    found
}

#[test]
fn terms_are_pairs_of_letters_and_stems() {
    for (text, expected) in [
        ("请问退货运费？", vec!["退", "货", "运", "费", "退货", "货运", "运费"]),
        ("How do I return the shoes?", vec!["return", "shoe"]),
        ("ＫＴ－100型号的保修", vec!["kt", "100", "型", "号", "型号", "保", "修", "保修"]),
        ("发票", vec!["发", "票", "发票"]),
        ("码", vec!["码"]),
        ("怎么办", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(terms(text), expected, "{text}");
    }
}

#[test]
fn the_article_that_says_it_comes_first() {
    let articles = [
        article("退货运费由谁承担", &["退货邮费谁出"], "质量问题由我们承担运费，七天无理由退货由买家承担。"),
        article("什么时候发货", &["多久发货", "几天能发"], "付款后 48 小时内发货。"),
        article("Warranty of kettles", &["how long is the guarantee"], "Kettles have a warranty of two years."),
        article("电子发票", &["开发票"], "在订单页申请电子发票，一天内发到邮箱。"),
    ];
    for (question, title) in [
        ("我要退货，邮费谁出啊", "退货运费由谁承担"),
        ("下单了几天能发货？", "什么时候发货"),
        ("is there a guarantee on the kettle", "Warranty of kettles"),
        ("能开发票吗", "电子发票"),
    ] {
        let found = found(question, &articles);
        assert_eq!(found[0].0, title, "{found:?}");
        assert!(found[0].1 > 0.45 && found[1].1 < 0.6 * found[0].1, "{question}: {found:?}");
    }
    let none = found("你们招聘客服吗", &articles);
    assert!(none[0].1 < 0.3, "{none:?}");
}

#[test]
fn an_article_holds_from_its_first_moment_to_before_its_last() {
    let it = Article { valid_from: Some(Timestamp(10)), valid_to: Some(Timestamp(20)), ..article("t", &[], "x") };
    let holds: Vec<bool> = [9, 10, 19, 20].map(|at| it.holds(Timestamp(at))).to_vec();
    assert_eq!(holds, [false, true, true, false]);
    assert!(article("t", &[], "x").holds(Timestamp(0)));
}

#[test]
fn what_cannot_be_an_article_is_said_by_its_field() {
    let right = article("t", &["q"], "x");
    assert_eq!(right.fault(), None);
    for (wrong, field) in [
        (Article { title: " ".into(), ..right.clone() }, "title"),
        (Article { title: "a\nb".into(), ..right.clone() }, "title"),
        (Article { questions: vec!["q".into(), String::new()], ..right.clone() }, "questions[1]"),
        (Article { products: vec!["p".into(); MOST_LINES + 1], ..right.clone() }, "products"),
        (Article { text: "x".repeat(LONGEST_TEXT + 1), ..right.clone() }, "text"),
        (Article { valid_from: Some(Timestamp(2)), valid_to: Some(Timestamp(2)), ..right.clone() }, "valid-to"),
    ] {
        assert!(wrong.fault().is_some_and(|fault| fault.starts_with(field)), "{field}: {:?}", wrong.fault());
    }
    for (key, fits) in [("退货-1.a_b", true), ("", false), ("a b", false), ("a/b", false), ("-a", false), (".", false)]
    {
        assert_eq!(is_key(key), fits, "{key:?}");
    }
}

proptest! {
    #[test]
    fn a_fit_is_a_share(question in "\\PC{0,80}", title in "\\PC{1,40}", text in "\\PC{0,200}") {
        let articles = [article(&title, &[], &text)];
        let (_, fit) = found(&question, &articles)[0];
        prop_assert!((0.0..=1.0 + 1e-9).contains(&fit), "{}", fit);
        let own = found(&title, &articles)[0].1;
        prop_assert!(terms(&title).is_empty() || own > 0.999, "{}", own);
    }
}
