//! The knowledge base: articles with their versions, searching them, and what was asked.
use super::auth::Caller;
use super::input::{Json, Listed, Query, encode, moment, page};
use super::problem::{Kind, Problem};
use super::view::{List, rfc3339};
use super::{ApiState, now};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tributary_model::ConversationId;
use tributary_model::knowledge::{Article, LONGEST_KEY, is_key};
use tributary_store::{ArticleVersion, FoundArticle, NewArticle, QuestionView as StoredQuestion};
use utoipa::{IntoParams, ToSchema};

/// Articles that one search tells at most.
const MOST_FOUND: usize = 20;

/// Questions that are listed at most.
const MOST_QUESTIONS: usize = 200;

/// What an article says.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Article, example = json!({
    "title": "Who pays for a return", "questions": ["do I have to pay the postage back"],
    "text": "We pay where something is wrong with it. Otherwise the buyer does.", "products": [],
    "valid_from": null, "valid_to": "2026-12-31T16:00:00.000Z"
}))]
pub(crate) struct ArticleBody {
    /// What it is about, in one line.
    title: String,
    /// How customers ask for it, in other words than the title's.
    #[serde(default)]
    questions: Vec<String>,
    /// What there is to know; at most 65536 bytes.
    text: String,
    /// The products it is about, by SKU; none: all.
    #[serde(default)]
    products: Vec<String>,
    /// From when it holds; `null`: at once.
    #[serde(default)]
    #[schema(format = DateTime)]
    valid_from: Option<String>,
    /// Until when, which is not part of it; `null`: for good. Afterwards the version before counts again.
    #[serde(default)]
    #[schema(format = DateTime)]
    valid_to: Option<String>,
}

impl From<Article> for ArticleBody {
    fn from(from: Article) -> Self {
        let Article { title, questions, text, products, valid_from, valid_to } = from;
        let (valid_from, valid_to) = (valid_from.map(rfc3339), valid_to.map(rfc3339));
        Self { title, questions, text, products, valid_from, valid_to }
    }
}

impl TryFrom<ArticleBody> for Article {
    type Error = Problem;

    fn try_from(from: ArticleBody) -> Result<Self, Problem> {
        let ArticleBody { title, questions, text, products, valid_from, valid_to } = from;
        let when = |name: &str, text: Option<String>| text.map(|text| moment(name, &text)).transpose();
        let (valid_from, valid_to) = (when("valid_from", valid_from)?, when("valid_to", valid_to)?);
        let article = Self { title, questions, text, products, valid_from, valid_to };
        match article.fault() {
            Some(fault) => Err(Problem::invalid(fault)),
            None => Ok(article),
        }
    }
}

/// One version of an article.
#[derive(Serialize, ToSchema)]
#[schema(as = ArticleVersion)]
pub(crate) struct VersionView {
    /// The article's key.
    #[schema(example = "return-freight")]
    key: String,
    /// Which version it is, from 1 on.
    #[schema(example = 3)]
    version: u32,
    /// What it says.
    #[serde(flatten)]
    article: ArticleBody,
    /// Who wrote it.
    #[schema(example = "lin")]
    by: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Since when it is out of use.
    #[schema(format = DateTime)]
    retired_at: Option<String>,
}

impl From<ArticleVersion> for VersionView {
    fn from(from: ArticleVersion) -> Self {
        let ArticleVersion { id: _, key, version, article, by, at, retired } = from;
        Self { key, version, article: article.into(), by, at: rfc3339(at), retired_at: retired.map(rfc3339) }
    }
}

/// An article that fits.
#[derive(Serialize, ToSchema)]
#[schema(as = FoundArticle)]
pub(crate) struct FoundView {
    /// How well, 0 to 1.
    #[schema(example = 0.87)]
    score: f64,
    /// The version that holds.
    #[serde(flatten)]
    version: VersionView,
}

/// What became of an article.
#[derive(Serialize, ToSchema)]
#[schema(as = WrittenArticle, example = json!({"key": "return-freight", "version": 3, "new": true}))]
pub(crate) struct WrittenView {
    /// Its key.
    key: String,
    /// The version that says so.
    version: u32,
    /// It is a new one; `false`: the newest said the same.
    new: bool,
}

/// Something that was asked.
#[derive(Serialize, ToSchema)]
#[schema(as = Question, example = json!({
    "text": "do you have a shop in Berlin", "times": 4, "first_at": "2026-05-04T09:00:00.000Z",
    "last_at": "2026-05-06T11:30:00.000Z", "conversation": "T1042", "best": null, "score": 0.0
}))]
pub(crate) struct QuestionView {
    /// The question.
    text: String,
    /// How often it was asked.
    times: u64,
    /// When first.
    #[schema(format = DateTime)]
    first_at: String,
    /// When last.
    #[schema(format = DateTime)]
    last_at: String,
    /// In which conversation last.
    conversation: String,
    /// The key of the article that fitted best the last time; `null`: none did.
    best: Option<String>,
    /// How well, 0 to 1.
    score: f64,
}

impl From<StoredQuestion> for QuestionView {
    fn from(from: StoredQuestion) -> Self {
        let StoredQuestion { text, times, asked: (first, last), conversation, best } = from;
        let (best, score) = best.map_or((None, 0.0), |(key, score)| (Some(key), score));
        let (first_at, last_at) = (rfc3339(first), rfc3339(last));
        Self { text, times, first_at, last_at, conversation: ConversationId::tag(conversation), best, score }
    }
}

/// Which page of the articles.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ArticlesQuery {
    /// Articles of a page: 1 to 200.
    limit: Option<usize>,
    /// Where the last page ended: its `next`.
    cursor: Option<String>,
}

/// What is looked for.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SearchQuery {
    /// The question, as a customer asks it.
    q: String,
    /// Articles at most: 1 to 20.
    limit: Option<usize>,
}

/// How many questions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QuestionsQuery {
    /// Questions at most: 1 to 200.
    limit: Option<usize>,
}

fn limit(asked: Option<usize>, usual: usize, most: usize) -> Result<usize, Problem> {
    let limit = asked.unwrap_or(usual);
    let fits = (1..=most).contains(&limit);
    fits.then_some(limit).ok_or_else(|| Problem::new(Kind::BadRequest, format!("limit is 1 to {most}, not {limit}")))
}

/// List articles
///
/// The newest version of each that is in use, in the order they were written.
#[utoipa::path(get, path = "/api/v1/knowledge/articles", operation_id = "list_articles", tag = "knowledge", params(ArticlesQuery),
    responses((status = 200, description = "A page of articles", body = List<VersionView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<ArticlesQuery>,
) -> Result<axum::Json<List<VersionView>>, Problem> {
    let listing = state.store().articles(page(Listed::Articles, query.limit, query.cursor.as_deref())?).await?;
    let next = listing.next.map(|cursor| encode(Listed::Articles, &cursor));
    Ok(axum::Json(List { items: listing.items.into_iter().map(VersionView::from).collect(), next }))
}

/// Show an article
///
/// Every version, newest first, the newest hundred at most.
#[utoipa::path(get, path = "/api/v1/knowledge/articles/{key}", operation_id = "show_article", tag = "knowledge",
    params(("key" = String, Path, description = "Its key")),
    responses((status = 200, description = "Its versions", body = List<VersionView>)))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Path(key): Path<String>,
) -> Result<axum::Json<List<VersionView>>, Problem> {
    let versions = state.store().article(&key).await?;
    if versions.is_empty() {
        return Err(Problem::unknown("article", &key));
    }
    Ok(axum::Json(List { items: versions.into_iter().map(VersionView::from).collect(), next: None }))
}

/// Write an article
///
/// A new version, unless the newest says the same. Earlier versions are kept; of those that hold, the newest counts.
#[utoipa::path(post, path = "/api/v1/knowledge/articles/{key}", operation_id = "write_article", tag = "knowledge",
    params(("key" = String, Path, description = "Its key: letters, digits, `-`, `_`, `.`")), request_body = ArticleBody,
    responses((status = 200, description = "The version that says so", body = WrittenView)))]
pub(crate) async fn write(
    State(state): State<ApiState>,
    caller: Caller,
    Path(key): Path<String>,
    Json(body): Json<ArticleBody>,
) -> Result<axum::Json<WrittenView>, Problem> {
    if !is_key(&key) {
        let what = "begins with a letter or digit and has letters, digits, -, _ and .";
        return Err(Problem::invalid(format!("a key {what}, {LONGEST_KEY} bytes at most; not {key:?}")));
    }
    let new = NewArticle { key: key.clone(), article: body.try_into()?, by: caller.agent.to_string(), now: now() };
    let written = state.store().write_article(new).await?;
    Ok(axum::Json(WrittenView { key, version: written.version, new: written.new }))
}

/// Retire an article
///
/// None of its versions counts any more; they stay to be read.
#[utoipa::path(delete, path = "/api/v1/knowledge/articles/{key}", operation_id = "retire_article", tag = "knowledge",
    params(("key" = String, Path, description = "Its key")), responses((status = 204, description = "Out of use")))]
pub(crate) async fn retire(
    State(state): State<ApiState>,
    caller: Caller,
    Path(key): Path<String>,
) -> Result<StatusCode, Problem> {
    match state.store().retire_article(&key, caller.agent.as_str(), now()).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::unknown("article in use", &key)),
    }
}

/// Search the articles
///
/// As a policy does: best first, and nothing that only shares a word with the question.
#[utoipa::path(get, path = "/api/v1/knowledge/search", operation_id = "search_articles", tag = "knowledge", params(SearchQuery),
    responses((status = 200, description = "What fits, best first", body = List<FoundView>)))]
pub(crate) async fn search(
    State(state): State<ApiState>,
    Query(query): Query<SearchQuery>,
) -> Result<axum::Json<List<FoundView>>, Problem> {
    let most = limit(query.limit, 5, MOST_FOUND)?;
    let found = state.store().search_articles(&query.q, most, now()).await?;
    let view =
        |FoundArticle { version, score }| FoundView { score: (score * 1e3).round() / 1e3, version: version.into() };
    Ok(axum::Json(List { items: found.into_iter().map(view).collect(), next: None }))
}

/// List questions
///
/// What policies asked the knowledge base: what had the worst answer first, of these what was asked most. One page.
#[utoipa::path(get, path = "/api/v1/knowledge/questions", operation_id = "list_questions", tag = "knowledge", params(QuestionsQuery),
    responses((status = 200, description = "Questions, worst answered first", body = List<QuestionView>)))]
pub(crate) async fn questions(
    State(state): State<ApiState>,
    Query(query): Query<QuestionsQuery>,
) -> Result<axum::Json<List<QuestionView>>, Problem> {
    let most = limit(query.limit, 50, MOST_QUESTIONS)?;
    let questions = state.store().questions(most).await?;
    Ok(axum::Json(List { items: questions.into_iter().map(QuestionView::from).collect(), next: None }))
}
