//! `knowledge`: search in the shop's articles. What was asked comes back with the call, to be kept with its decisions.
use crate::bindings::tributary::plugin::knowledge::{Article, Host};
use crate::record::{Heard, Service};
use crate::services::KnownArticle;
use crate::state::CallState;

/// Articles that one question tells at most.
const MOST: u32 = 20;

impl Host for CallState {
    async fn search(&mut self, query: String, limit: u32) -> wasmtime::Result<Vec<Article>> {
        self.hand_over(query.len())?;
        let question = self.taping.asked(|to| {
            to.map(2);
            to.key("query");
            to.text(&query);
            to.key("limit");
            to.uint(limit.into());
        });
        let answer = match self.taping.heard(Service::KnowledgeSearch, &question) {
            Heard::Answer(answer) => answer,
            Heard::Real if !self.preparing => self.found(query, limit.min(MOST)).await,
            Heard::Real | Heard::Silence => Vec::new(),
        };
        self.taping.note(Service::KnowledgeSearch, question, &answer);
        Ok(answer)
    }
}

impl CallState {
    /// Nothing where the store does not answer: a machine that finds nothing leaves the matter to a person.
    async fn found(&mut self, query: String, most: u32) -> Vec<Article> {
        let Self { shared, meter, context, .. } = self;
        let asked = shared.services.knowledge.search(&query, most, context.now);
        let found = meter.hosted(asked).await.unwrap_or_default();
        self.effects.asked.push((query, found.first().map(|best| (best.version, best.score))));
        let article = |it: KnownArticle| Article { id: it.key, title: it.title, text: it.text, score: it.score };
        found.into_iter().map(article).collect()
    }
}
