//! The knowledge base.
use super::fixture::*;
use super::*;
use crate::*;
use std::collections::BTreeSet;
use tributary_model::Timestamp;
use tributary_model::knowledge::Article;

cases![
    an_article_has_versions_and_the_same_is_none,
    what_fits_is_found_in_chinese_and_english,
    of_the_versions_that_hold_the_newest_counts,
    what_is_retired_is_not_found,
    articles_are_paged,
    what_was_asked_is_kept_with_what_was_known,
];

fn article(title: &str, text: &str) -> Article {
    Article { title: title.into(), text: text.into(), ..Article::default() }
}

async fn write(store: &dyn Store, key: &str, article: Article, at: u64) -> Result<Written, StoreError> {
    store.write_article(NewArticle { key: key.into(), article, by: "lin".into(), now: Timestamp(at) }).await
}

/// The keys and versions that a question finds.
async fn keys(store: &dyn Store, question: &str, at: u64) -> Result<Vec<(String, u32)>, StoreError> {
    let found = store.search_articles(question, 5, Timestamp(at)).await?;
    Ok(found.into_iter().map(|it| (it.version.key, it.version.version)).collect())
}

async fn an_article_has_versions_and_the_same_is_none(store: &dyn Store) -> Held {
    let first = Article { questions: vec!["谁出邮费".into()], ..article("退货运费", "由卖家承担。") };
    same("first", write(store, "freight", first.clone(), 1).await?, Written { version: 1, new: true })?;
    same("again", write(store, "freight", first.clone(), 2).await?, Written { version: 1, new: false })?;
    let second = Article { products: vec!["KT-1".into()], ..first.clone() };
    same("second", write(store, "freight", second.clone(), 3).await?, Written { version: 2, new: true })?;
    let versions = store.article("freight").await?;
    same("versions", versions.iter().map(|it| it.version).collect(), vec![2, 1])?;
    same("what they say", versions.iter().map(|it| it.article.clone()).collect(), vec![second, first])?;
    same("who", (versions[0].by.as_str(), versions[0].at), ("lin", Timestamp(3)))?;
    same("another", store.article("other").await?, Vec::new())
}

async fn what_fits_is_found_in_chinese_and_english(store: &dyn Store) -> Held {
    for (key, title, text) in [
        ("freight", "退货运费由谁承担", "质量问题的退货运费由我们承担。"),
        ("dispatch", "什么时候发货", "付款后四十八小时内发货。"),
        ("warranty", "Warranty of kettles", "Every kettle has a warranty of two years, \"batteries\" do not."),
    ] {
        write(store, key, article(title, text), 1).await?;
    }
    for (question, key) in [
        ("退货的邮费和运费谁承担啊？", "freight"),
        ("多久能发货", "dispatch"),
        ("do kettles come with warranties OR NOT", "warranty"),
        ("\"warranty\" AND (lines : *", "warranty"),
    ] {
        let found = keys(store, question, 2).await?;
        same(question, found.first().map(|(key, _)| key.as_str()), Some(key))?;
    }
    for nothing in ["", "？！", "的了吗", "会员生日礼品", "NEAR(", "\u{0}\"'*"] {
        same(nothing, keys(store, nothing, 2).await?, Vec::new())?;
    }
    same("how many", store.search_articles("退货", 0, Timestamp(2)).await?, Vec::new())?;
    let best = store.search_articles("退货运费由谁承担", 1, Timestamp(2)).await?;
    holds("its own title fits", best.first().is_some_and(|it| it.score > 0.99 && it.score <= 1.001))
}

async fn of_the_versions_that_hold_the_newest_counts(store: &dyn Store) -> Held {
    let said = |text: &str, from: Option<u64>, to: Option<u64>| Article {
        valid_from: from.map(Timestamp),
        valid_to: to.map(Timestamp),
        ..article("满减活动", text)
    };
    write(store, "sale", said("满三百减三十", None, None), 1).await?;
    write(store, "sale", said("双十一满三百减六十", Some(100), Some(200)), 2).await?;
    let version =
        async |at| Ok::<_, StoreError>(keys(store, "满减活动", at).await?.first().map(|(_, version)| *version));
    same("before", version(99).await?, Some(1))?;
    same("in it", version(100).await?, Some(2))?;
    same("after", version(200).await?, Some(1))?;
    write(store, "sale", said("满五百减六十", Some(150), None), 3).await?;
    same("announced", version(149).await?, Some(2))?;
    same("begun", version(150).await?, Some(3))?;
    write(store, "sale", said("没有活动", None, None), 300).await?;
    same("replaced", keys(store, "满减活动", 301).await?, vec![("sale".into(), 4)])
}

async fn what_is_retired_is_not_found(store: &dyn Store) -> Held {
    write(store, "sale", article("满减活动", "满三百减三十"), 1).await?;
    same("retired", store.retire_article("sale", "lin", Timestamp(2)).await?, true)?;
    same("again", store.retire_article("sale", "lin", Timestamp(3)).await?, false)?;
    same("unknown", store.retire_article("none", "lin", Timestamp(3)).await?, false)?;
    same("not found", keys(store, "满减活动", 4).await?, Vec::new())?;
    same("still there", store.article("sale").await?.first().and_then(|it| it.retired), Some(Timestamp(2)))?;
    same(
        "back",
        write(store, "sale", article("满减活动", "满三百减三十"), 5).await?,
        Written { version: 2, new: true },
    )?;
    same("found", keys(store, "满减活动", 6).await?, vec![("sale".into(), 2)])
}

async fn articles_are_paged(store: &dyn Store) -> Held {
    for n in 0..7_u64 {
        write(store, &format!("k{n}"), article(&format!("文章{n}"), "内容"), n).await?;
    }
    write(store, "k0", article("文章0", "新内容"), 8).await?;
    store.retire_article("k1", "lin", Timestamp(9)).await?;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.articles(Page { after, limit: 2 }).await?;
        seen.extend(page.items.into_iter().map(|it| it.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    same("each once", seen.iter().cloned().collect::<BTreeSet<_>>().len(), seen.len())?;
    same("all in use", seen, ["k2", "k3", "k4", "k5", "k6", "k0"].map(str::to_owned).to_vec())
}

async fn what_was_asked_is_kept_with_what_was_known(store: &dyn Store) -> Held {
    write(store, "freight", article("退货运费", "由卖家承担。"), 1).await?;
    let freight = found("the article", store.article("freight").await?.first().map(|it| it.id))?;
    for (n, (text, best)) in
        [("运费谁出", Some((freight, 0.75))), ("招聘吗", None), ("招聘吗", None), ("有门店吗", None)]
            .into_iter()
            .enumerate()
    {
        let at = Timestamp(10 + n as u64);
        open(store, &format!("<{n}>"), at).await?;
        let claimed = claim_one(store, at).await?;
        let asked = vec![AskedQuestion { text: text.into(), best }];
        let outcome = PolicyOutcome { asked, ..outcome("policy-faq-bot", Vec::new()) };
        store.apply(decided(&claimed, vec![outcome], at)).await?;
    }
    let asked = store.questions(10).await?;
    let view: Vec<_> = asked.iter().map(|it| (it.text.as_str(), it.times, it.best.clone())).collect();
    let expected =
        vec![("招聘吗", 2, None), ("有门店吗", 1, None), ("运费谁出", 1, Some(("freight".to_owned(), 0.75)))];
    same("worst first", view, expected)?;
    same("when", asked[0].asked, (Timestamp(11), Timestamp(12)))
}
