//! What customers say of the service: ratings added up by week, and remarks. No answer is anybody's.
use super::input::{Query, moment};
use super::problem::Problem;
use super::view::{List, rfc3339};
use super::{ApiState, now};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tributary_model::Timestamp;
use tributary_store::RatingCount;
use utoipa::{IntoParams, ToSchema};

/// How far back a report goes unless it is said: twelve weeks.
const BACK: Duration = Duration::from_secs(12 * 7 * 24 * 3_600);

/// Remarks that are listed at most.
const MOST_REMARKS: usize = 200;

/// What ratings are told apart by.
const FACTS: [&str; 4] = ["", "channel", "team", "category"];

/// Which ratings.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RatingsQuery {
    /// Since the week of this moment; twelve weeks unless given.
    #[param(format = DateTime)]
    since: Option<String>,
    /// `channel`, `team` or `category`; all together unless given.
    #[serde(default)]
    by: String,
}

/// How often a question got each rating in a week.
#[derive(Serialize, ToSchema)]
#[schema(as = Ratings, example = json!({
    "week": "2026-05-04T00:00:00.000Z", "survey": "closing", "question": "speed", "value": "", "answers": 12,
    "mean": 4.25, "times": [0, 1, 1, 4, 6]
}))]
pub(crate) struct RatingsView {
    /// The Monday of the week.
    #[schema(format = DateTime)]
    week: String,
    /// The survey.
    survey: String,
    /// The question.
    question: String,
    /// The channel, team or category; empty for all together.
    value: String,
    /// How many answered.
    answers: u64,
    /// The mean rating, 1 to 5.
    mean: f64,
    /// How often 1, 2, 3, 4 and 5.
    times: [u64; 5],
}

impl From<RatingCount> for RatingsView {
    fn from(from: RatingCount) -> Self {
        let RatingCount { week, name, question, value, times } = from;
        let answers: u64 = times.iter().sum();
        let sum: u64 = (1..).zip(times).map(|(rating, times)| rating * times).sum();
        let mean = if answers == 0 { 0.0 } else { sum as f64 / answers as f64 };
        Self { week: rfc3339(week), survey: name, question, value, answers, mean, times }
    }
}

fn since(text: Option<&str>) -> Result<Timestamp, Problem> {
    let back = || Timestamp(now().0.saturating_sub(u64::try_from(BACK.as_millis()).unwrap_or(u64::MAX)));
    text.map_or_else(|| Ok(back()), |text| moment("since", text))
}

/// Read ratings
///
/// By week, survey and question; the newest week first.
#[utoipa::path(get, path = "/api/v1/surveys/ratings", operation_id = "list_ratings", tag = "surveys", params(RatingsQuery),
    responses((status = 200, description = "Ratings", body = List<RatingsView>)))]
pub(crate) async fn ratings(
    State(state): State<ApiState>,
    Query(query): Query<RatingsQuery>,
) -> Result<axum::Json<List<RatingsView>>, Problem> {
    if !FACTS.contains(&query.by.as_str()) {
        return Err(Problem::invalid(format!("by is channel, team or category, not {:?}", query.by)));
    }
    let counts = state.store().ratings(since(query.since.as_deref())?, &query.by).await?;
    Ok(axum::Json(List { items: counts.into_iter().map(RatingsView::from).collect(), next: None }))
}

/// Which remarks.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemarksQuery {
    /// Since the week of this moment; twelve weeks unless given.
    #[param(format = DateTime)]
    since: Option<String>,
}

/// What somebody wrote beside the ratings.
#[derive(Serialize, ToSchema)]
#[schema(as = Remark)]
pub(crate) struct RemarkView {
    /// The Monday of the week.
    #[schema(format = DateTime)]
    week: String,
    /// The survey.
    survey: String,
    /// The text.
    text: String,
}

/// Read remarks
///
/// The newest week first, 200 at most; within a week in no order.
#[utoipa::path(get, path = "/api/v1/surveys/remarks", operation_id = "list_remarks", tag = "surveys", params(RemarksQuery),
    responses((status = 200, description = "Remarks", body = List<RemarkView>)))]
pub(crate) async fn remarks(
    State(state): State<ApiState>,
    Query(query): Query<RemarksQuery>,
) -> Result<axum::Json<List<RemarkView>>, Problem> {
    let remarks = state.store().remarks(since(query.since.as_deref())?, MOST_REMARKS).await?;
    let view = |it: tributary_store::Remark| RemarkView { week: rfc3339(it.week), survey: it.name, text: it.text };
    Ok(axum::Json(List { items: remarks.into_iter().map(view).collect(), next: None }))
}
