//! What was found out about a vCon's dialogs: transcripts above all.
use serde_json::Value;
use tributary_sdk::Rejection;

use super::dialog::{self, Dialog};
use super::party::Party;
use crate::call::{Alternative, Call};
use crate::config::Config;
use crate::json::At;
use crate::shapes::{self, Around};
use crate::{srt, vtt};

/// Reads every analysis. The first transcript of a dialog is what was said; further ones and translations are
/// alternatives; summaries and sentiments are attributes. Anything else stays in the original alone.
pub fn read(
    top: &At,
    call: &mut Call,
    dialogs: &[Dialog],
    parties: &[Party],
    config: &Config,
) -> Result<(), Rejection> {
    let mut told: Vec<Vec<usize>> = Vec::new();
    for analysis in top.list("analysis")? {
        analysis.object()?;
        let kind = analysis.get("type").ok_or_else(|| analysis.fault("a `type`"))?.text()?.to_lowercase();
        let of = indexes(&analysis, dialogs.len())?;
        let Some(body) = dialog::body(&analysis)? else {
            if kind.starts_with("transcript") {
                call.tell("transcript-url", analysis.maybe_text("url")?);
            }
            continue;
        };
        match kind.as_str() {
            "summary" => call.tell("summary", Some(short(&body.text()))),
            "sentiment" => call.sentiment = call.sentiment.take().or_else(|| Some(short(&body.text()))),
            _ if kind.starts_with("transcript") || kind == "translation" => {
                let first = of.first().and_then(|index| dialogs.get(*index)).or_else(|| dialogs.first());
                let around = Around {
                    config,
                    parties: parties.iter().map(|party| (party.who, party.label())).collect(),
                    channels: first.map(|dialog| dialog.parties.clone()).unwrap_or_default(),
                    offset: first.zip(call.start).map_or(0, |(dialog, start)| dialog.start - start),
                    start: call.start,
                };
                let language = body.json.as_ref().and_then(|json| json.get("language")).and_then(Value::as_str);
                call.language = call.language.take().or(language.map(str::to_owned));
                let Some(turns) = turns(&body, &around) else {
                    call.tell("transcript-unread", Some(vendor(&analysis)?));
                    continue;
                };
                if kind == "transcript" && !told.contains(&of) {
                    told.push(of);
                    call.turns.extend(turns);
                } else {
                    call.alternatives.push(Alternative { kind, turns });
                }
            }
            _ => {}
        }
    }
    // Nothing but a redacted transcript: then that is what was said.
    if call.turns.is_empty()
        && let Some(at) = call.alternatives.iter().position(|alternative| alternative.kind.starts_with("transcript"))
    {
        call.turns = call.alternatives.remove(at).turns;
    }
    Ok(())
}

fn turns(body: &dialog::Body, around: &Around) -> Option<Vec<crate::call::Turn>> {
    let text = body.text();
    let mut turns = if let Some(file) = vtt::Vtt::parse(&text) {
        file.turns()
    } else {
        let blocks = if body.json.is_none() { srt::parse(&text) } else { Vec::new() };
        if !blocks.is_empty() {
            srt::turns(&blocks)
        } else {
            let parsed = body.json.clone().or_else(|| serde_json::from_str(&text).ok());
            return shapes::read(&parsed.unwrap_or(Value::String(text)), around);
        }
    };
    for turn in &mut turns {
        turn.start_ms = turn.start_ms.map(|at| at.saturating_add(around.offset));
        turn.end_ms = turn.end_ms.map(|at| at.saturating_add(around.offset));
        let known = around.parties.iter().find(|(_, name)| name.is_some() && *name == turn.name);
        turn.who = known.map_or_else(
            || turn.name.as_deref().map_or(turn.who, |name| crate::people::side(name, around.config)),
            |(who, _)| *who,
        );
    }
    Some(turns)
}

/// The dialogs that an analysis is about.
fn indexes(analysis: &At, dialogs: usize) -> Result<Vec<usize>, Rejection> {
    let Some(found) = analysis.get("dialog") else { return Ok(Vec::new()) };
    let one =
        |value: &Value| value.as_u64().and_then(|index| usize::try_from(index).ok()).filter(|index| *index < dialogs);
    let all: Option<Vec<usize>> = match found.value {
        Value::Array(list) => list.iter().map(one).collect(),
        value => one(value).map(|index| vec![index]),
    };
    all.ok_or_else(|| found.fault("the index of a dialog, or a list of them"))
}

fn vendor(analysis: &At) -> Result<String, Rejection> {
    let words = [analysis.maybe_text("vendor")?, analysis.maybe_text("product")?, analysis.maybe_text("schema")?];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    Ok(if words.is_empty() { "unknown".into() } else { words.join("/") })
}

/// An attribute is for a glance; the original has the whole.
fn short(text: &str) -> String {
    const LENGTH: usize = 2000;
    text.trim().chars().take(LENGTH).collect()
}
