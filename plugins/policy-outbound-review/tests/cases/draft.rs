//! A file of `fixtures/`: drafts, what is known, and what is expected of a review.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use policy_outbound_review::OutboundReview;
use serde::Deserialize;
use std::path::Path;
use tributary_sdk::Review;
use tributary_sdk::desk::{Snapshot, Verdict};
use tributary_sdk::host::knowledge::Article;
use tributary_sdk::testing::{Case, FakeHost, prepare, with};
use tributary_sdk::types::{Content, Handle, HandleKind, Money, Order, OrderLine, OrderState};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    pub about: String,
    pub cases: Vec<Draft>,
}

/// A text, what is known, and what is expected.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    #[serde(default)]
    pub about: String,
    pub draft: String,
    pub html: Option<String>,
    #[serde(default)]
    pub conversation: toml::Table,
    /// The customer's telephone numbers.
    #[serde(default)]
    pub handles: Vec<String>,
    /// What the customer ordered.
    pub product: Option<String>,
    #[serde(default)]
    pub articles: Vec<Found>,
    #[serde(default)]
    pub config: toml::Table,
    pub verdict: String,
    pub text: Option<String>,
    pub amended_html: Option<String>,
    #[serde(default)]
    pub objections: Vec<Expected>,
}

/// An article of the knowledge base.
#[derive(Clone, Deserialize)]
pub struct Found {
    pub title: String,
    pub text: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub rule: String,
    pub words: Option<String>,
    #[serde(default)]
    pub why: Vec<String>,
}

impl Draft {
    /// The conversation that the draft is for.
    pub fn snapshot(&self) -> Snapshot {
        let case: Case = toml::Table::from_iter([("conversation".into(), self.conversation.clone().into())])
            .try_into()
            .unwrap_or_else(|error| panic!("{error}"));
        let mut snapshot = case.snapshot().unwrap();
        snapshot.contact.handles.extend(self.handles.iter().map(|it| Handle::claimed(HandleKind::Phone, it)));
        let money = || Money { minor: 100, currency: "CNY".into() };
        snapshot.orders.extend(self.product.iter().map(|title| Order {
            id: "1".into(),
            state: OrderState::Paid,
            at: snapshot.now,
            buyer: Vec::new(),
            total: money(),
            first_order: false,
            lines: vec![OrderLine { sku: "1".into(), title: title.clone(), quantity: 1, price: money() }],
            parcel: None,
            promised_by: None,
            attributes: Vec::new(),
        }));
        snapshot
    }

    /// What every search of the knowledge base finds.
    pub fn found(&self) -> Vec<Article> {
        let article = |(number, it): (usize, &Found)| Article {
            id: number.to_string(),
            title: it.title.clone(),
            text: it.text.clone(),
            score: 1.0,
        };
        self.articles.iter().enumerate().map(article).collect()
    }

    /// The draft itself.
    pub fn content(&self) -> Content {
        Content { html: self.html.clone(), ..Content::plain(&self.draft) }
    }

    /// What the policy says of it as ordinary code.
    pub fn verdict(&self) -> Result<Verdict, String> {
        let config = serde_json::to_value(&self.config).unwrap();
        let plugin: OutboundReview = prepare(config).map_err(|error| error.to_string())?;
        let host = self.found().into_iter().fold(FakeHost::new(), FakeHost::article);
        with(&host, || plugin.review(&self.snapshot(), &self.content())).map_err(|it| format!("{it:?}"))
    }
}

/// Reads a file of drafts.
pub fn read(path: &Path) -> Row {
    let text = std::fs::read_to_string(path).unwrap();
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
