//! Statements of parameters, campaigns and after-sales policy, and what the knowledge base says about them.
use tributary_sdk::PrepareError;
use tributary_sdk::desk::Snapshot;
use tributary_sdk::host::knowledge::{self, Article};

use crate::config::{Claim, Effect};
use crate::pattern::{Book, Collector, Fit, Found, Patterns};
use crate::quantity::Quantity;
use crate::rules::Excuses;
use crate::text::{Reader, Span};

/// A kind of statement, ready to use.
pub struct Prepared {
    pub claim: Claim,
    states: Patterns,
    denies: Patterns,
}

/// A statement that does not stand.
pub struct Doubt<'a> {
    pub claim: &'a Claim,
    pub span: Span,
    pub effect: Effect,
    pub why: String,
}

/// The most that is asked of the knowledge base for one text.
const MOST_SEARCHES: usize = 4;
/// So much of an article is read, in bytes.
const LONGEST_ARTICLE: usize = 16 * 1024;
/// So many of the newest messages say which product is meant.
const RECENT: usize = 6;

/// What one text or article says about a claim.
struct Said {
    states: Vec<Fit>,
    denies: Vec<Fit>,
}

impl Prepared {
    /// # Errors
    /// [`PrepareError::Value`] with the key that cannot be read.
    pub fn prepare(index: usize, claim: Claim, collector: &mut Collector<'_>) -> Result<Self, PrepareError> {
        let key = |name: &str| format!("claims.{index}.{name}");
        let states = collector.add(&claim.states, &key("states"))?;
        if states.is_empty() {
            return Err(PrepareError::value(key("states"), "expected a pattern"));
        }
        Ok(Self { states, denies: collector.add(&claim.denies, &key("denies"))?, claim })
    }

    /// What a text states. A denial is no statement of what it denies.
    fn said(&self, found: &Found<'_>) -> Said {
        let denies = found.fits(&self.denies);
        let mut states = found.fits(&self.states);
        states.retain(|fit| !denies.iter().any(|denial| denial.span.overlaps(fit.span)));
        Said { states, denies }
    }
}

/// The knowledge base, asked about one text.
pub struct Inquiry<'a> {
    pub book: &'a Book,
    pub reader: &'a Reader,
    pub excuses: &'a Excuses,
    pub conversation: &'a Snapshot,
    pub articles: u32,
}

impl Inquiry<'_> {
    /// Every statement that an article contradicts or that none backs.
    pub fn doubts<'a>(&self, found: &Found<'_>, claims: &'a [Prepared]) -> Vec<Doubt<'a>> {
        let mut searched: Vec<(String, Vec<Article>)> = Vec::new();
        let mut doubts = Vec::new();
        for prepared in claims {
            let mut said = prepared.said(found);
            let stands = |fit: &Fit| !found.text.asks(fit.span) && !self.excuses.apply(found, fit.span);
            said.states.retain(stands);
            said.denies.retain(stands);
            let Some(first) = said.states.iter().chain(&said.denies).map(|fit| fit.span).min_by_key(|span| span.from)
            else {
                continue;
            };
            let query = found.text.written(found.text.sentence(first)).to_owned();
            let known = searched.iter().position(|(before, _)| *before == query);
            let index = match known {
                Some(index) => index,
                None if searched.len() == MOST_SEARCHES => continue,
                None => {
                    let articles = knowledge::search(&query, self.articles);
                    searched.push((query, articles));
                    searched.len() - 1
                }
            };
            let articles = &searched[index].1;
            doubts.extend(self.compare(found, prepared, &said, first, articles));
        }
        doubts
    }

    fn compare<'a>(
        &self,
        found: &Found<'_>,
        prepared: &'a Prepared,
        said: &Said,
        first: Span,
        articles: &[Article],
    ) -> Vec<Doubt<'a>> {
        let claim = &prepared.claim;
        let mut known: Vec<(String, Said)> = Vec::new();
        for article in articles.iter().filter(|article| !claim.of_product || self.is_meant(found, &article.title)) {
            // A title states as well: “Seven days to return”.
            let text = &article.text[..article.text.floor_char_boundary(LONGEST_ARTICLE)];
            let text = format!("{}\n\n{text}", article.title);
            let article_says = prepared.said(&self.book.find(self.reader.read(&text)));
            if !article_says.states.is_empty() || !article_says.denies.is_empty() {
                known.push((article.title.clone(), article_says));
            }
        }
        if known.is_empty() {
            let why = format!("no article that is valid now says anything about {}", claim.about);
            return vec![Doubt { claim, span: first, effect: claim.unbacked, why }];
        }
        let contradicted = |fit: &Fit| {
            let title = &known[0].0;
            let why = format!("the article “{title}” says otherwise about {}", claim.about);
            Doubt { claim, span: fit.span, effect: claim.contradicted, why }
        };
        let backed = |fit: &&Fit| {
            let names = |quantity: &Quantity| {
                let states = known.iter().flat_map(|(_, said)| &said.states);
                states.flat_map(|state| &state.quantities).any(|known| known == quantity)
            };
            fit.quantities.iter().all(names) && known.iter().any(|(_, said)| !said.states.is_empty())
        };
        let denied = known.iter().any(|(_, said)| !said.denies.is_empty());
        let states = said.states.iter().filter(|fit| !backed(fit)).map(contradicted);
        let denials = said.denies.iter().filter(|_| !denied).map(contradicted);
        states.chain(denials).collect()
    }

    /// Whether an article is about a product that the reply, an order or the last messages name.
    fn is_meant(&self, found: &Found<'_>, title: &str) -> bool {
        let lines = self.conversation.orders.iter().flat_map(|order| &order.lines).map(|line| line.title.as_str());
        let recent = self.conversation.history.iter().rev().take(RECENT).map(|entry| entry.text.as_str());
        let context: Vec<String> = lines.chain(recent).map(|text| self.reader.read(text).plain).collect();
        let words = title.split(|letter: char| !letter.is_alphanumeric()).map(|word| self.reader.read(word).plain);
        let mut words = words.filter(|word| !word.is_empty());
        words
            .next()
            .is_some_and(|word| found.text.plain.contains(&word) || context.iter().any(|text| text.contains(&word)))
    }
}
