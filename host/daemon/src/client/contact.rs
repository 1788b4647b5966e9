//! `tributary contact`: who is who, what joined them, joining and taking a join back.
use super::http::escaped;
use super::table::Table;
use super::text::{moment, plain};
use super::{Common, Page, Style, show};
use clap::Subcommand;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Commands of `tributary contact`.
#[derive(Subcommand, Debug)]
pub enum ContactCommand {
    /// Find a person by a handle: a mail address, a number, an id of a platform
    Find {
        /// The whole handle
        handle: String,
        /// Only of this kind: email, phone, wechat-openid, wechat-unionid, marketplace-buyer, visitor, other
        #[arg(long)]
        kind: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Read a person: handles and how they are known, orders and parcels, conversations, joins and their reasons
    Show {
        /// The contact's number; that of one that was joined finds the person, too
        id: i64,
        /// Also everything that happened to the contact, line by line
        #[arg(long)]
        audit: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Join two contacts: they are one person from now on
    Join {
        /// One contact's number
        id: i64,
        /// The other's
        other: i64,
        /// How you know, in one sentence
        #[arg(long, value_name = "TEXT")]
        why: String,
        #[command(flatten)]
        common: Common,
    },
    /// Take a join back: everything is again the contact's that it came by
    Undo {
        /// The join's number, as `show` names it
        join: i64,
        #[command(flatten)]
        common: Common,
    },
    /// Show who may be one person, and decide
    Suggestions {
        /// The two of this one are one person
        #[arg(long, value_name = "NUMBER", conflicts_with = "dismiss")]
        accept: Option<i64>,
        /// The two of this one are two, for good
        #[arg(long, value_name = "NUMBER")]
        dismiss: Option<i64>,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        common: Common,
    },
}

/// Runs a command.
///
/// # Errors
/// [`super::http::ClientError`] with its own exit status, or standard output failed.
pub fn run(command: ContactCommand) -> anyhow::Result<ExitCode> {
    match command {
        ContactCommand::Find { handle, kind, common } => {
            let kind = kind.map(|kind| format!("&kind={}", escaped(&kind))).unwrap_or_default();
            let found = common.api()?.get(&format!("/contacts?handle={}{kind}", escaped(&handle)))?;
            common.print(&found, |page| list(page, &found))?;
        }
        ContactCommand::Show { id, audit, common } => {
            let it = common.api()?.get(&format!("/contacts/{id}"))?;
            common.print(&it, |page| contact(page, &it, audit))?;
        }
        ContactCommand::Join { id, other, why, common } => {
            let body = json!({ "other": other, "why": why });
            let joined = common.api()?.post(&format!("/contacts/{id}/join"), &body)?;
            common.print(&joined, |page| {
                page.line(&format!("Contacts {id} and {other} are one now. {}", undoes(&joined)));
            })?;
        }
        ContactCommand::Undo { join, common } => {
            let answer = common.api()?.post(&format!("/joins/{join}/undo"), &json!({}))?;
            common.print(&answer, |page| page.line("They are two again."))?;
        }
        ContactCommand::Suggestions { accept: Some(id), common, .. } => {
            let joined = common.api()?.post(&format!("/suggestions/{id}/accept"), &json!({}))?;
            common.print(&joined, |page| page.line(&format!("They are one now. {}", undoes(&joined))))?;
        }
        ContactCommand::Suggestions { dismiss: Some(id), common, .. } => {
            let answer = common.api()?.post(&format!("/suggestions/{id}/dismiss"), &json!({}))?;
            common.print(&answer, |page| page.line("They are two, and are not suggested for this reason again."))?;
        }
        ContactCommand::Suggestions { limit, common, .. } => {
            let found = common.api()?.list("/suggestions", limit)?;
            common.print(&found, |page| suggestions(page, &found))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn undoes(joined: &Value) -> String {
    format!("`tributary contact undo {}` takes it back.", joined["join"])
}

fn text(value: &Value) -> String {
    plain(value.as_str().unwrap_or_default())
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn list(page: &mut Page, found: &Value) {
    if items(&found["items"]).is_empty() {
        return page.line("Nobody has this handle.");
    }
    let mut table = Table::new(&[("ID", 10), ("NAME", 24), ("HANDLES", 60), ("TAGS", 30)]);
    for it in items(&found["items"]) {
        let handles: Vec<_> = items(&it["handles"]).iter().map(|handle| text(&handle["value"])).collect();
        let tags: Vec<_> = items(&it["tags"]).iter().map(text).collect();
        table.row([
            (it["id"].to_string(), Some(Style::Strong)),
            (text(&it["name"]), None),
            (handles.join(", "), None),
            (tags.join(", "), None),
        ]);
    }
    table.write(page);
}

fn contact(page: &mut Page, it: &Value, audit: bool) {
    let heading = page.styled(Style::Strong, &format!("{}  {}", it["id"], show::person(it)));
    page.line(&heading);
    let tags: Vec<_> = items(&it["tags"]).iter().map(text).collect();
    if !tags.is_empty() {
        page.line(&format!("tags  {}", tags.join(", ")));
    }
    show::section(page, "Handles", items(&it["known"]), |known| {
        let proved = match known["proved_by"].as_str() {
            Some(channel) => format!("proved by {}", plain(channel)),
            None if known["verified"] == true => "proved".to_owned(),
            None => "not proved".to_owned(),
        };
        let channel = known["channel"].as_str().map(|name| format!(" by {}", plain(name))).unwrap_or_default();
        let (kind, value, since) = (text(&known["kind"]), text(&known["value"]), moment(&text(&known["since"])));
        format!("{kind} {value}: since {since}{channel}, {proved}")
    });
    show::section(page, "Says without proof", items(&it["claims"]), |claim| {
        format!("{} {}, by {}", text(&claim["kind"]), text(&claim["value"]), text(&claim["channel"]))
    });
    show::section(page, "Attributes", items(&it["attributes"]), |attribute| {
        format!("{}: {}", text(&attribute["name"]), text(&attribute["value"]))
    });
    show::section(page, "Orders", items(&it["orders"]), show::order);
    show::section(page, "Conversations", items(&it["conversations"]), |row| {
        let subject = row["subject"].as_str().map_or_else(|| "(no subject)".to_owned(), plain);
        let (tag, state, channel) = (text(&row["tag"]), text(&row["state"]), text(&row["last_channel"]));
        format!("{tag}: {subject} — {state}, last by {channel}, {}", moment(&text(&row["updated_at"])))
    });
    show::section(page, "Joined", items(&it["joins"]), show::join);
    show::section(page, "May be one with", items(&it["suggestions"]), suggestion);
    if audit {
        show::section(page, "Happened", items(&it["audit"]), show::event);
    }
}

fn suggestion(it: &Value) -> String {
    format!("{}: contacts {} and {} ({}): {}", it["id"], it["one"], it["other"], text(&it["reason"]), text(&it["why"]))
}

fn suggestions(page: &mut Page, found: &Value) {
    if items(&found["items"]).is_empty() {
        return page.line("Nobody is suggested.");
    }
    for it in items(&found["items"]) {
        page.line(&suggestion(it));
    }
    let hint = "`tributary contact suggestions --accept NUMBER` joins them, `--dismiss NUMBER` keeps them two.";
    page.line(&page.styled(Style::Faint, hint));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_fits_on_one_screen() {
        let it = json!({
            "id": 7, "name": "王", "tags": ["high-value"], "handles": [{"value": "w@x.cn"}],
            "known": [
                {"kind": "email", "value": "w@x.cn", "verified": true, "channel": "mail", "since": "2026-05-04T09:00:00.000Z", "proved_by": "webchat"},
                {"kind": "phone", "value": "+861", "verified": false, "channel": null, "since": "2026-05-04T09:00:00.000Z", "proved_by": null}
            ],
            "claims": [{"kind": "email", "value": "other@x.cn\u{1b}[2J", "channel": "webchat"}],
            "orders": [{"channel": "shop", "id": "1001", "state": "shipped", "total": {"currency": "CNY", "minor": 19900}, "parcel": "SF1",
                "promised_by": "2026-05-06T00:00:00.000Z"}],
            "conversations": [{"tag": "T7", "subject": null, "state": "open", "last_channel": "wechat", "updated_at": "2026-05-04T09:00:00.000Z"}],
            "joins": [{"id": 3, "one": 7, "other": 9, "why": "they say so", "by": "agent:lin", "at": "2026-05-04T09:00:00.000Z",
                "undone_at": "2026-05-05T09:00:00.000Z", "undone_by": "agent:bo"}],
            "suggestions": [{"id": 4, "one": 7, "other": 8, "reason": "claimed", "why": "one named the other's address"}]
        });
        let mut page = Page { text: String::new(), colour: false };
        contact(&mut page, &it, false);
        let expected = "\
7  王 <w@x.cn>
tags  high-value

Handles
  email w@x.cn: since 2026-05-04 09:00 UTC by mail, proved by webchat
  phone +861: since 2026-05-04 09:00 UTC, not proved

Says without proof
  email other@x.cn\u{fffd}[2J, by webchat

Orders
  1001 of shop: shipped, 199.00 CNY, parcel SF1, promised by 2026-05-06 00:00 UTC

Conversations
  T7: (no subject) — open, last by wechat, 2026-05-04 09:00 UTC

Joined
  3: contacts 7 and 9, by agent:lin, 2026-05-04 09:00 UTC: they say so (undone by agent:bo, 2026-05-05 09:00 UTC)

May be one with
  4: contacts 7 and 8 (claimed): one named the other's address
";
        assert_eq!(page.text, expected);
    }
}
