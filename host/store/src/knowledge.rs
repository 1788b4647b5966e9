//! The knowledge base: its articles with all their versions, search, and what was asked of it. What an article is and how
//! well one fits are [`tributary_model::knowledge`]'s rules.
use crate::{Listing, Page, StoreError};
use async_trait::async_trait;
use tributary_model::knowledge::Article;
use tributary_model::{ArticleId, ConversationId, Timestamp};

/// One version of an article.
#[derive(Clone, Debug, PartialEq)]
pub struct ArticleVersion {
    /// Its id: of this version alone.
    pub id: ArticleId,
    /// The article's key, which all its versions share.
    pub key: String,
    /// Which version it is, from 1 on.
    pub version: u32,
    /// What it says.
    pub article: Article,
    /// Who wrote it.
    pub by: String,
    /// When it was written.
    pub at: Timestamp,
    /// Since when it is taken out of use.
    pub retired: Option<Timestamp>,
}

/// A version of an article, to be kept.
#[derive(Clone, Debug)]
pub struct NewArticle {
    /// The article's key.
    pub key: String,
    /// What it says from now on, or from its `valid_from` on.
    pub article: Article,
    /// Who writes it.
    pub by: String,
    /// When.
    pub now: Timestamp,
}

/// What became of a [`NewArticle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The version that says so.
    pub version: u32,
    /// It is a new one: the newest before said something else.
    pub new: bool,
}

/// An article that fits a question.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundArticle {
    /// The version that holds.
    pub version: ArticleVersion,
    /// How well it fits, 0 to 1.
    pub score: f64,
}

/// Something a policy asked the knowledge base.
#[derive(Clone, Debug, PartialEq)]
pub struct AskedQuestion {
    /// The question.
    pub text: String,
    /// What fitted best, and how well; none: nothing did.
    pub best: Option<(ArticleId, f64)>,
}

/// What was asked of the knowledge base, and what it knew (J7).
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionView {
    /// The question.
    pub text: String,
    /// How often it was asked.
    pub times: u64,
    /// When first, and when last.
    pub asked: (Timestamp, Timestamp),
    /// In which conversation last.
    pub conversation: ConversationId,
    /// The key of the article that fitted best the last time, and how well; none: nothing did.
    pub best: Option<(String, f64)>,
}

/// Below this nothing fits: an article that shares a word with a question is no answer to it.
pub const LEAST_SCORE: f64 = 0.2;

/// The knowledge base.
#[async_trait]
pub trait Knowledge: Send + Sync + 'static {
    /// Keeps a version of an article, unless the newest says the same. The caller has checked it, see [`Article::fault`] and
    /// [`tributary_model::knowledge::is_key`].
    async fn write_article(&self, new: NewArticle) -> Result<Written, StoreError>;

    /// Takes all versions of an article out of use. Whether there was one in use.
    async fn retire_article(&self, key: &str, by: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// The newest version of each article that is in use, in the order they were written.
    async fn articles(&self, page: Page) -> Result<Listing<ArticleVersion>, StoreError>;

    /// Every version of an article, newest first, the newest hundred at most; empty where there is none of this key.
    async fn article(&self, key: &str) -> Result<Vec<ArticleVersion>, StoreError>;

    /// What fits a question at this moment, best first, at least [`LEAST_SCORE`]. Of each article the newest version that
    /// holds.
    async fn search_articles(&self, text: &str, most: usize, now: Timestamp) -> Result<Vec<FoundArticle>, StoreError>;

    /// What was asked, what had the worst answer first, of these what was asked most; `most` at most.
    async fn questions(&self, most: usize) -> Result<Vec<QuestionView>, StoreError>;
}
