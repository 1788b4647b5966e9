//! Channels: what each can do and how its polling stands, samples to try one with, and documents that come by hand.
use super::ApiState;
use super::input::{Query, read_body};
use super::problem::{Kind, Problem};
use super::view::{List, rfc3339};
use crate::api::input::Json;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_TYPE;
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tributary_model::ChannelName;
use tributary_model::message::{Arrival, Sample};
use tributary_pipeline::{ReceiveError, Received};
use utoipa::{IntoParams, ToSchema};

/// A document is at most this long.
pub(crate) const MAX_DOCUMENT: usize = 32 << 20;

/// The text of a sample where the client gives none.
const TEXT: &str = "Tributary channel test";

/// A sample's text is at most this long, in bytes.
const MAX_TEXT: usize = 1_000;

/// How the polling of a channel stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Poll)]
pub(crate) struct PollView {
    /// When it was asked last and answered well.
    last: Option<String>,
    /// When it is asked next, unless it rings before.
    next: String,
    /// How often in a row it went wrong.
    failures: u32,
    /// Why, the last time; none since it went well.
    why: Option<String>,
}

/// A channel.
#[derive(Serialize, ToSchema)]
#[schema(as = Channel, example = json!({
    "name": "wechat", "plugin": "channel-wechat", "version": "0.1.0", "hook": "/hooks/wechat",
    "can": ["poller", "presence", "sampler"],
    "poll": {"last": "2026-05-04T09:00:00.020Z", "next": "2026-05-04T09:01:00.020Z", "failures": 0, "why": null}
}))]
pub(crate) struct ChannelView {
    /// Its name.
    name: String,
    /// The plugin that acts.
    plugin: String,
    /// Its version.
    version: String,
    /// Where its platform calls it.
    hook: String,
    /// What it can do besides receiving and sending: `poller`, `presence`, `sampler`, `commerce`.
    can: Vec<&'static str>,
    /// How its polling stands, where it is polled.
    poll: Option<PollView>,
}

impl From<crate::desk::ChannelView> for ChannelView {
    fn from(it: crate::desk::ChannelView) -> Self {
        let roles = it.roles;
        let can = [
            ("poller", roles.poller),
            ("presence", roles.presence),
            ("sampler", roles.sampler),
            ("commerce", roles.commerce),
        ];
        Self {
            hook: format!("{}/{}", crate::hook::BASE, it.name),
            name: it.name.to_string(),
            plugin: it.plugin.0,
            version: it.plugin.1,
            can: can.into_iter().filter(|(_, can)| *can).map(|(word, _)| word).collect(),
            poll: it.poll.map(|poll| PollView {
                last: poll.last.map(rfc3339),
                next: rfc3339(poll.next),
                failures: poll.failures,
                why: poll.why,
            }),
        }
    }
}

/// List channels
///
/// Every channel, by name, with what it can do. All of them, on one page.
#[utoipa::path(get, path = "/api/v1/channels", operation_id = "list_channels", tag = "channels",
    responses((status = 200, description = "All channels", body = List<ChannelView>)))]
pub(crate) async fn list(State(state): State<ApiState>) -> axum::Json<List<ChannelView>> {
    let items = state.desk().channels().into_iter().map(ChannelView::from).collect();
    axum::Json(List { items, next: None })
}

/// What the sample shall say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Is anybody there?"}))]
pub(crate) struct Wanted {
    /// The message's text; "Tributary channel test" unless given.
    text: Option<String>,
}

/// Name and value.
#[derive(Serialize, ToSchema)]
#[schema(as = Field)]
pub(crate) struct FieldView {
    /// In lower case.
    name: String,
    /// Its value.
    value: String,
}

/// One call, mail or file, as the platform would send it. It has the members of its kind.
#[derive(Serialize, Default, ToSchema)]
#[schema(as = Sample)]
pub(crate) struct SampleView {
    /// `http`: a call of the channel's hook. `mail`. `document`: a file.
    #[schema(example = "http")]
    kind: &'static str,
    /// Its bytes, in base64: the call's body, the mail, the file.
    body: String,
    /// Of a call: the method.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    /// Of a call: path and query on this listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Of a call: its fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<FieldView>,
    /// Of a mail: the return path.
    #[serde(skip_serializing_if = "Option::is_none")]
    mail_from: Option<String>,
    /// Of a file: its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Of a file: what it is said to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
}

/// What to try a channel with.
#[derive(Serialize, ToSchema)]
#[schema(as = Samples)]
pub(crate) struct SamplesView {
    /// To be sent as the field `tributary-sample` with each call, within five minutes: no machine answers what such a call
    /// tells, and the answer names the conversation in `tributary-conversation`.
    name: String,
    /// In order.
    items: Vec<SampleView>,
}

/// Make samples of a channel
///
/// What the platform would send for one message, signed with the channel's own secrets. Sent to the channel's hook, they show
/// whether it works before the platform is set up.
#[utoipa::path(post, path = "/api/v1/channels/{name}/samples", operation_id = "make_samples", tag = "channels",
    params(("name" = String, Path, description = "The channel")), request_body = Wanted,
    responses((status = 200, description = "The samples", body = SamplesView)))]
pub(crate) async fn samples(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<axum::Json<SamplesView>, Problem> {
    let text = wanted.text.unwrap_or_else(|| TEXT.into());
    let text = super::input::text("text", text, MAX_TEXT)?;
    let channel = ChannelName::from(name.as_str());
    let made = state.desk().samples(&channel, &text).await.ok_or_else(|| Problem::unknown("channel", &name))?;
    let made = made.map_err(|why| Problem::invalid(why.0))?;
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Problem::new(Kind::Internal, "there is no randomness"))?;
    let known_as = HEXLOWER.encode(&random);
    state.name_samples(known_as.clone());
    let items = made.into_iter().map(|sample| view(&channel, sample)).collect();
    Ok(axum::Json(SamplesView { name: known_as, items }))
}

fn view(channel: &ChannelName, sample: Sample) -> SampleView {
    let blank = SampleView::default();
    match sample {
        Sample::Http(request) => SampleView {
            kind: "http",
            body: BASE64.encode(&request.body),
            method: Some(request.method),
            url: Some(format!("{}/{channel}{}", crate::hook::BASE, request.url)),
            headers: request.headers.into_iter().map(|it| FieldView { name: it.name, value: it.value }).collect(),
            ..blank
        },
        Sample::Mail { mail_from, data } => {
            SampleView { kind: "mail", body: BASE64.encode(&data), mail_from: Some(mail_from), ..blank }
        }
        Sample::Document { name, media_type, data } => SampleView {
            kind: "document",
            body: BASE64.encode(&data),
            name: Some(name),
            media_type: Some(media_type),
            ..blank
        },
    }
}

/// What the document is called.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DocumentQuery {
    /// Its name, for people.
    name: String,
    /// For a mail instead of a file: its return path; empty for the null one.
    mail_from: Option<String>,
    /// What the samples are known as, where it is one of them.
    sample: Option<String>,
}

/// What became of a document.
#[derive(Serialize, ToSchema)]
#[schema(as = Taken, example = json!({"conversations": ["T1042"], "parked": null, "ignored": null}))]
pub(crate) struct TakenView {
    /// The conversations that it belongs to.
    conversations: Vec<String>,
    /// It is kept aside under this id, with its cause.
    parked: Option<i64>,
    /// The plugin understood and dropped it: why.
    ignored: Option<String>,
}

/// Hand a document to a channel
///
/// A file that came by hand, such as the transcript of a call, or a mail that somebody saved. Its media type is the
/// request's `Content-Type`.
#[utoipa::path(post, path = "/api/v1/channels/{name}/documents", operation_id = "take_document", tag = "channels",
    params(("name" = String, Path, description = "The channel"), DocumentQuery),
    request_body(content = Vec<u8>, description = "The bytes, 32 MiB at most", content_type = "*/*"),
    responses((status = 200, description = "It is on disk", body = TakenView)))]
pub(crate) async fn take(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Query(query): Query<DocumentQuery>,
    request: Request,
) -> Result<axum::Json<TakenView>, Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = media_type.unwrap_or("application/octet-stream").to_owned();
    let data: Arc<[u8]> = Arc::from(&read_body(request.into_body(), MAX_DOCUMENT).await?[..]);
    let arrival = match query.mail_from {
        Some(mail_from) => Arrival::Mail { mail_from, rcpt_to: Vec::new(), data },
        None => Arrival::Document { name: query.name, media_type, data },
    };
    let channel = ChannelName::from(name.as_str());
    let sample = query.sample.is_some_and(|known_as| state.is_sample(&known_as));
    let nothing = TakenView { conversations: Vec::new(), parked: None, ignored: None };
    Ok(axum::Json(match state.desk().receive(&channel, arrival, sample).await {
        Ok(Received::Accepted { conversations, .. }) => {
            TakenView { conversations: conversations.iter().map(|id| id.tag()).collect(), ..nothing }
        }
        Ok(Received::Parked(id)) => TakenView { parked: Some(id.0), ..nothing },
        Ok(Received::Ignored(why)) => TakenView { ignored: Some(why), ..nothing },
        Ok(Received::Unauthenticated(why)) => return Err(Problem::invalid(why)),
        Err(ReceiveError::UnknownChannel(_)) => return Err(Problem::unknown("channel", &name)),
        Err(ReceiveError::Store(error)) => return Err(error.into()),
        Err(error @ (ReceiveError::Overloaded | ReceiveError::Shut(_))) => {
            return Err(Problem::new(Kind::Overloaded, error.to_string()));
        }
    }))
}
