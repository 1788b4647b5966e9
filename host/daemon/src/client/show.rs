//! One conversation, for people.
use super::text::{lines, moment, plain};
use super::{Page, Style};
use serde_json::Value;
use tributary_model::order::Money;

pub(super) fn text(value: &Value) -> String {
    plain(value.as_str().unwrap_or_default())
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A contact in one line: name and first handle.
pub(super) fn person(contact: &Value) -> String {
    let handle = text(&contact["handles"][0]["value"]);
    match contact["name"].as_str() {
        Some(name) if handle.is_empty() => plain(name),
        Some(name) if *name != handle => format!("{} <{handle}>", plain(name)),
        _ => handle,
    }
}

/// Writes a conversation; with `audit` also every line of its log.
pub(super) fn conversation(page: &mut Page, it: &Value, audit: bool) {
    let subject = it["subject"].as_str().map_or_else(|| "(no subject)".to_owned(), plain);
    let tag = page.styled(Style::Strong, &text(&it["tag"]));
    let subject = page.styled(Style::Strong, &subject);
    page.line(&format!("{tag}  {subject}"));
    head(page, it);
    for message in list(&it["messages"]) {
        page.line("");
        let here = list(&it["continuations"]).iter().find(|why| why["message"] == message["id"]);
        self::message(page, message, here);
    }
    if let Some(draft) = it["draft"]["text"].as_str() {
        page.line("");
        page.line(&page.styled(Style::Strong, &format!("Draft of {}, not sent:", text(&it["draft"]["policy"]))));
        lines(draft).for_each(|line| page.line(&format!("  {line}")));
    }
    let notes: Vec<Value> = list(&it["audit"]).iter().filter(|event| event["act"] == "noted").cloned().collect();
    section(page, "Notes", &notes, |note| {
        let words = note["detail"].as_str().or(note["why"].as_str()).unwrap_or_default();
        let by = text(&note["actor"]);
        let by = by.split_once(':').map_or(by.as_str(), |(_, name)| name);
        format!("{by}, {}: {}", moment(&text(&note["at"])), plain(words))
    });
    section(page, "Decided", list(&it["decisions"]), |decision| {
        let refused = if decision["act"] == "refused" { " (refused)" } else { "" };
        let action = [text(&decision["action"]), text(&decision["detail"])].join(" ");
        let (policy, rule, why) = (text(&decision["policy"]), text(&decision["rule"]), text(&decision["why"]));
        format!("{}{refused} — {policy}, rule {rule}: {why}", action.trim())
    });
    super::order::orders(page, it, None);
    section(page, "Clocks", list(&it["clocks"]), |clock| {
        let stands = match (&clock["stopped_at"], &clock["breached_at"]) {
            (Value::String(at), _) => format!("stopped {}", moment(at)),
            (_, Value::String(at)) => format!("breached {}", moment(at)),
            _ if clock["paused"] == true => "paused".to_owned(),
            _ => format!("due {}", moment(&text(&clock["due_at"]))),
        };
        format!("{}: {stands}", text(&clock["name"]))
    });
    section(page, "Customer joined", list(&it["joins"]), join);
    section(page, "Linked with", list(&it["links"]), |link| format!("{}: {}", text(&link["tag"]), text(&link["why"])));
    if audit {
        section(page, "Happened", list(&it["audit"]), event);
    }
}

/// A line of the log.
pub(super) fn event(event: &Value) -> String {
    let more = [text(&event["detail"]), text(&event["why"])].into_iter().filter(|part| !part.is_empty());
    let line = [text(&event["at"]), text(&event["actor"]), text(&event["act"])].into_iter().chain(more);
    line.collect::<Vec<_>>().join("  ")
}

/// An order in one line.
pub(super) fn order(order: &Value) -> String {
    let mut line = format!("{} of {}: {}", text(&order["id"]), text(&order["channel"]), text(&order["state"]));
    line.push_str(&format!(", {}", money(&order["total"])));
    if let Some(parcel) = order["parcel"].as_str() {
        line.push_str(&format!(", parcel {}", plain(parcel)));
    }
    if let Some(at) = order["promised_by"].as_str() {
        line.push_str(&format!(", promised by {}", moment(at)));
    }
    line
}

/// An amount in the unit that people count in.
pub(super) fn money(money: &Value) -> String {
    let currency = text(&money["currency"]);
    Money { currency, minor: money["minor"].as_i64().unwrap_or_default() }.to_string()
}

/// A join in one line.
pub(super) fn join(join: &Value) -> String {
    let (by, at, why) = (text(&join["by"]), moment(&text(&join["at"])), text(&join["why"]));
    let undone = match join["undone_at"].as_str() {
        Some(at) => format!(" (undone by {}, {})", text(&join["undone_by"]), moment(at)),
        None => String::new(),
    };
    format!("{}: contacts {} and {}, by {by}, {at}: {why}{undone}", join["id"], join["one"], join["other"])
}

fn head(page: &mut Page, it: &Value) {
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let name = page.styled(Style::Faint, &format!("{name:<10}"));
            page.line(&format!("{name}{value}"));
        }
    };
    let time = |value: &Value| value.as_str().map(moment).unwrap_or_default();
    let commas = |parts: Vec<String>| parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    row("customer", person(&it["contact"]));
    let mut channels: Vec<String> = Vec::new();
    for channel in list(&it["messages"]).iter().map(|message| text(&message["channel"])) {
        if !channels.contains(&channel) {
            channels.push(channel);
        }
    }
    row("channels", if channels.len() > 1 { commas(channels) } else { String::new() });
    let undecided = if it["undecided"] == true { "not decided yet" } else { "" };
    row("state", commas(vec![text(&it["state"]), text(&it["grade"]), text(&it["category"]), undecided.to_owned()]));
    row("team", text(&it["route"]["team"]));
    row("tags", commas(list(&it["tags"]).iter().map(text).collect()));
    if let Some(agent) = it["holder"]["agent"].as_str() {
        row("held by", format!("{} until {}", plain(agent), time(&it["holder"]["until"])));
    }
    row("opened", time(&it["opened_at"]));
    row("due", time(&it["due_at"]));
    row("snoozed", time(&it["snoozed_until"]));
}

fn message(page: &mut Page, message: &Value, here: Option<&Value>) {
    let mut parts = vec![text(&message["author"])];
    parts.extend(message["name"].as_str().map(plain));
    parts.push(moment(&text(&message["sent_at"])));
    parts.push(text(&message["channel"]));
    if message["automatic"] == true {
        parts.push("automatic".to_owned());
    }
    let delivery = &message["delivery"];
    if let Some(state) = delivery["state"].as_str() {
        parts.push(state.to_owned());
    }
    let heading = page.styled(Style::Strong, &parts.join(" · "));
    page.line(&heading);
    if let Some(why) = here {
        let proved = if why["proved"] == true { "" } else { ", who they are is not proved" };
        let line = page
            .styled(Style::Faint, &format!("  goes on by {}: {}{proved}", text(&why["channel"]), text(&why["why"])));
        page.line(&line);
    }
    if let Some(detail) = delivery["detail"].as_str().filter(|_| delivery["state"] != "sent") {
        let detail = page.styled(Style::Alarm, &plain(detail));
        page.line(&format!("  {detail}"));
    }
    for line in lines(message["text"].as_str().unwrap_or_default()) {
        page.line(&format!("  {line}"));
    }
    for file in list(&message["attachments"]) {
        let line = format!("  [{}, {}, {} bytes]", text(&file["name"]), text(&file["media_type"]), file["size"]);
        let line = page.styled(Style::Faint, &line);
        page.line(&line);
    }
}

pub(super) fn section(page: &mut Page, title: &str, items: &[Value], line: impl Fn(&Value) -> String) {
    if items.is_empty() {
        return;
    }
    page.line("");
    let title = page.styled(Style::Strong, title);
    page.line(&title);
    for item in items {
        page.line(&format!("  {}", line(item)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_conversation_reads_from_top_to_bottom() {
        let it = json!({
            "tag": "T7", "subject": "退款\u{1b}]0;x", "state": "open", "grade": "dispute", "undecided": false,
            "contact": {"name": "王", "handles": [{"value": "w@x.cn"}]}, "route": {"team": "complaints"},
            "holder": {"agent": "lin", "until": "2026-05-04T09:15:00.000Z"}, "tags": ["a", "b"],
            "messages": [
                {"author": "customer", "name": "王", "sent_at": "2026-05-04T09:00:00.000Z", "channel": "email", "automatic": false,
                 "text": "第一行\n第二行", "attachments": [{"name": "发票.pdf", "media_type": "application/pdf", "size": 9}]},
                {"author": "bot", "sent_at": "2026-05-04T09:01:00.000Z", "channel": "email", "automatic": true, "text": "Received.",
                 "delivery": {"state": "failed", "detail": "550 no such user"}}
            ],
            "decisions": [{"act": "refused", "policy": "p", "rule": "C1", "why": "not granted", "action": "close", "detail": null}],
            "clocks": [{"name": "first-answer", "due_at": "2026-05-04T09:15:00.000Z", "paused": false}],
            "audit": [
                {"at": "2026-05-04T09:00:00.000Z", "actor": "host", "act": "opened"},
                {"at": "2026-05-04T09:05:00.000Z", "actor": "agent:lin", "act": "noted", "detail": "asked\nthe carrier"}
            ],
            "links": []
        });
        let mut page = Page { text: String::new(), colour: false };
        conversation(&mut page, &it, false);
        let expected = "\
T7  退款\u{fffd}]0;x
customer  王 <w@x.cn>
state     open, dispute
team      complaints
tags      a, b
held by   lin until 2026-05-04 09:15 UTC

customer · 王 · 2026-05-04 09:00 UTC · email
  第一行
  第二行
  [发票.pdf, application/pdf, 9 bytes]

bot · 2026-05-04 09:01 UTC · email · automatic · failed
  550 no such user
  Received.

Notes
  lin, 2026-05-04 09:05 UTC: asked the carrier

Decided
  close (refused) — p, rule C1: not granted

Clocks
  first-answer: due 2026-05-04 09:15 UTC
";
        assert_eq!(page.text, expected);
        conversation(&mut page, &it, true);
        assert!(page.text.contains("Happened\n  2026-05-04T09:00:00.000Z  host  opened\n"), "{}", page.text);
    }

    #[test]
    fn channels_continuations_orders_and_joins_are_told() {
        let message = |id: u8, channel: &str| json!({"id": id, "author": "customer", "sent_at": "2026-05-04T09:00:00.000Z", "channel": channel, "text": "?"});
        let it = json!({
            "tag": "T7", "messages": [message(1, "webchat"), message(2, "email")],
            "continuations": [{"message": 2, "channel": "email", "why": "the same customer", "proved": false}],
            "orders": [{"id": "A-1", "channel": "shop", "state": "paid", "total": {"currency": "JPY", "minor": 500}}],
            "joins": [{"id": 3, "one": 1, "other": 2, "by": "channel:webchat", "at": "2026-05-04T09:00:00.000Z", "why": "one address"}]
        });
        let mut page = Page { text: String::new(), colour: false };
        conversation(&mut page, &it, false);
        for part in [
            "channels  webchat, email\n",
            "email\n  goes on by email: the same customer, who they are is not proved\n  ?\n",
            "Order A-1 · shop · paid ·  · 500 JPY\n",
            "Customer joined\n  3: contacts 1 and 2, by channel:webchat, 2026-05-04 09:00 UTC: one address\n",
        ] {
            assert!(page.text.contains(part), "{part} is not in\n{}", page.text);
        }
    }

    #[test]
    fn amounts_are_shown_in_the_unit_that_people_count_in() {
        for (currency, minor, expected) in [
            ("CNY", 1, "0.01 CNY"),
            ("EUR", -1_999, "-19.99 EUR"),
            ("JPY", 500, "500 JPY"),
            ("KWD", 1_234, "1.234 KWD"),
        ] {
            assert_eq!(money(&json!({"currency": currency, "minor": minor})), expected);
        }
    }
}
