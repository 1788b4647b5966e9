//! Which version of which plugin acts where, and what an operator can do to it. Every change is one call of the fleet, which
//! moves the store first and what acts second; what it refuses has changed nothing.
pub(crate) mod gauges;
pub(crate) mod install;
pub(crate) mod view;

use super::ApiState;
use super::auth::Caller;
use super::input::{Json, Listed, Query, encode, page};
use super::problem::{Kind, Problem};
use super::view::List;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tributary_fleet::FleetError;
use tributary_model::error::chain;
use tributary_model::{GenerationId, Place, PluginName};
use utoipa::{IntoParams, ToSchema};
use view::{DetailView, DifferenceView, OutcomeView, PlaceView};

/// A package is at most this long: what the runtime takes.
pub(crate) const MAX_PACKAGE: usize = 64 << 20;

/// Why a rollback was asked for, where the client does not say.
const ASKED: &str = "an operator asked for it";

impl From<FleetError> for Problem {
    fn from(error: FleetError) -> Self {
        let kind = match &error {
            FleetError::Package { .. } => Kind::NotAPlugin,
            FleetError::Untrusted { .. } => Kind::Untrusted,
            FleetError::Load { .. } | FleetError::Gone { .. } => Kind::NotLoaded,
            FleetError::WrongKind { .. } => Kind::Misplaced,
            FleetError::Migrate { .. } => Kind::NotMigrated,
            FleetError::UnknownPlace(_) => Kind::NotFound,
            FleetError::Nothing(_) => Kind::NothingToDo,
            FleetError::InUse { .. } => Kind::InUse,
            FleetError::Illegal(..) => Kind::IllegalStep,
            FleetError::Registry(_) => Kind::SourceFailed,
            // Only admins come here, and a full disk is theirs to see to: the words are told as well as logged.
            FleetError::Io { .. } | FleetError::Lock(_) | FleetError::Packages(_) | FleetError::Signers(_) => {
                tracing::error!(error = %chain(&error), "the fleet cannot use the desk's folder");
                Kind::Internal
            }
            FleetError::Store(_) => return of_store(error),
        };
        Self::new(kind, chain(&error))
    }
}

fn of_store(error: FleetError) -> Problem {
    match error {
        FleetError::Store(error) => error.into(),
        other => Problem::failed(&other),
    }
}

/// The place of a path.
fn place(kind: &str, name: &str) -> Result<Place, Problem> {
    let text = format!("{kind}/{name}");
    Place::parse(&text).ok_or_else(|| Problem::unknown("place", &text))
}

fn actor(caller: &Caller) -> String {
    format!("agent:{}", caller.agent)
}

/// List places
///
/// Every place that the configuration names, with what acts in it, what is tried beside it, its breaker and how much is
/// parked. All of them, on one page.
#[utoipa::path(get, path = "/api/v1/plugins", operation_id = "list_plugins", tag = "plugins",
    responses((status = 200, description = "All places", body = List<PlaceView>)))]
pub(crate) async fn list(State(state): State<ApiState>) -> Result<axum::Json<List<PlaceView>>, Problem> {
    let places = state.fleet().places().await?;
    Ok(axum::Json(List { items: places.into_iter().map(PlaceView::from).collect(), next: None }))
}

/// Read one place
///
/// With its generations, the newest first, and what the live one may touch.
#[utoipa::path(get, path = "/api/v1/plugins/{kind}/{name}", operation_id = "show_plugin", tag = "plugins",
    params(("kind" = String, Path, description = "`channel` or `policy`"), ("name" = String, Path, description = "The channel's name; the policy's plugin")),
    responses((status = 200, description = "The place", body = DetailView)))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Path((kind, name)): Path<(String, String)>,
) -> Result<axum::Json<DetailView>, Problem> {
    let detail = state.fleet().place(&place(&kind, &name)?).await?;
    Ok(axum::Json(detail.into()))
}

/// Nothing to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct Act {}

/// Take a place into use again
///
/// Closes an open breaker as well: what was parked there is worked off in order.
#[utoipa::path(post, path = "/api/v1/plugins/{kind}/{name}/enable", operation_id = "enable_plugin", tag = "plugins",
    params(("kind" = String, Path, description = "`channel` or `policy`"), ("name" = String, Path, description = "The channel's name; the policy's plugin")),
    request_body = Act, responses((status = 200, description = "The place now", body = PlaceView)))]
pub(crate) async fn enable(
    State(state): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    Json(Act {}): Json<Act>,
) -> Result<axum::Json<PlaceView>, Problem> {
    let now = state.fleet().set_enabled(&place(&kind, &name)?, true, &actor(&caller)).await?;
    Ok(axum::Json(now.into()))
}

/// Take a place out of use
///
/// Nothing is lost: a channel's events are parked meanwhile, a policy is not asked.
#[utoipa::path(post, path = "/api/v1/plugins/{kind}/{name}/disable", operation_id = "disable_plugin", tag = "plugins",
    params(("kind" = String, Path, description = "`channel` or `policy`"), ("name" = String, Path, description = "The channel's name; the policy's plugin")),
    request_body = Act, responses((status = 200, description = "The place now", body = PlaceView)))]
pub(crate) async fn disable(
    State(state): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    Json(Act {}): Json<Act>,
) -> Result<axum::Json<PlaceView>, Problem> {
    let now = state.fleet().set_enabled(&place(&kind, &name)?, false, &actor(&caller)).await?;
    Ok(axum::Json(now.into()))
}

/// Where to go back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": 12, "why": "it answered in the wrong language"}))]
pub(crate) struct Rollback {
    /// The generation that shall act; none: the one that acted before.
    to: Option<i64>,
    /// Why, for the record.
    why: Option<String>,
}

/// Go back
///
/// Ends a trial; without one, the generation that acted before acts again, or the one that is named. It is compiled
/// already: going back is one pointer.
#[utoipa::path(post, path = "/api/v1/plugins/{kind}/{name}/rollback", operation_id = "roll_back_plugin", tag = "plugins",
    params(("kind" = String, Path, description = "`channel` or `policy`"), ("name" = String, Path, description = "The channel's name; the policy's plugin")),
    request_body = Rollback, responses((status = 200, description = "What acts now", body = OutcomeView)))]
pub(crate) async fn rollback(
    State(state): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    Json(body): Json<Rollback>,
) -> Result<axum::Json<OutcomeView>, Problem> {
    let place = place(&kind, &name)?;
    let why = match body.why {
        Some(why) => super::input::text("why", why, 1_024)?,
        None => ASKED.to_owned(),
    };
    let to = body.to.map(GenerationId);
    let outcome = state.fleet().roll_back(&place, to, &why, &actor(&caller)).await?;
    Ok(axum::Json(outcome.into()))
}

/// End a trial well
///
/// What is tried acts from now on, without waiting for the rest of its trial.
#[utoipa::path(post, path = "/api/v1/plugins/{kind}/{name}/promote", operation_id = "promote_plugin", tag = "plugins",
    params(("kind" = String, Path, description = "`channel` or `policy`"), ("name" = String, Path, description = "The channel's name; the policy's plugin")),
    request_body = Act, responses((status = 200, description = "What acts now", body = OutcomeView)))]
pub(crate) async fn promote(
    State(state): State<ApiState>,
    caller: Caller,
    Path((kind, name)): Path<(String, String)>,
    Json(Act {}): Json<Act>,
) -> Result<axum::Json<OutcomeView>, Problem> {
    let outcome = state.fleet().promote(&place(&kind, &name)?, &actor(&caller)).await?;
    Ok(axum::Json(outcome.into()))
}

/// Forget a plugin
///
/// One that fills no place: its file, its line in `tributary.lock`, its packages. What it decided stays on record.
#[utoipa::path(delete, path = "/api/v1/plugins/{plugin}", operation_id = "remove_plugin", tag = "plugins",
    params(("plugin" = String, Path, description = "The plugin's name, not a place")),
    responses((status = 204, description = "Forgotten")))]
pub(crate) async fn remove(
    State(state): State<ApiState>,
    caller: Caller,
    Path(plugin): Path<String>,
) -> Result<StatusCode, Problem> {
    state.fleet().remove(&PluginName::from(plugin), &actor(&caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DifferencesQuery {
    /// How many, 1 to 200; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// List what a trial decided differently
///
/// Of the trial that runs, or of the last one; the newest first.
#[utoipa::path(get, path = "/api/v1/plugins/{kind}/{name}/differences", operation_id = "list_differences", tag = "plugins",
    params(("kind" = String, Path, description = "`channel` or `policy`"), ("name" = String, Path, description = "The channel's name; the policy's plugin"), DifferencesQuery),
    responses((status = 200, description = "A page", body = List<DifferenceView>)))]
pub(crate) async fn differences(
    State(state): State<ApiState>,
    Path((kind, name)): Path<(String, String)>,
    Query(query): Query<DifferencesQuery>,
) -> Result<axum::Json<List<DifferenceView>>, Problem> {
    let place = place(&kind, &name)?;
    let page = page(Listed::Differences, query.limit, query.cursor.as_deref())?;
    let listing = state.fleet().differences(&place, page).await?;
    Ok(axum::Json(List {
        items: listing.items.into_iter().map(DifferenceView::from).collect(),
        next: listing.next.map(|cursor| encode(Listed::Differences, &cursor)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_store::StoreError;

    #[test]
    fn what_the_fleet_refuses_is_told_with_its_causes() {
        let io = FleetError::Io { path: "plugins".into(), source: std::io::Error::other("disk full") };
        for (error, kind, detail) in [
            (FleetError::UnknownPlace("channel/x".into()), Kind::NotFound, "channel/x; `tributary plugin list`"),
            (FleetError::Nothing("nothing acted before".into()), Kind::NothingToDo, "nothing acted before"),
            (
                FleetError::InUse { plugin: "a".into(), place: Place::Channel("b".into()) },
                Kind::InUse,
                "take it out of tributary.toml",
            ),
            (io, Kind::Internal, "plugins cannot be used: disk full"),
            (FleetError::Store(StoreError::Overloaded), Kind::Overloaded, "queue is full"),
        ] {
            let problem = Problem::from(error);
            assert_eq!(problem.kind, kind);
            assert!(format!("{problem:?}").contains(detail), "{problem:?}");
        }
    }
}
