//! `tributary order`: the orders of a conversation, what is done to them, and a word about what waits for one.
use super::http::escaped;
use super::queue::{conversation, tag};
use super::show::{list, money, section, text};
use super::table::Table;
use super::text::moment;
use super::{Common, Page, Style};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;
use tributary_model::approval::Approver;
use tributary_model::order::Money;

/// Commands of `tributary order`. A conversation is named by its number or its tag: 1042, T1042.
#[derive(Subcommand, Debug)]
pub enum OrderCommand {
    /// Show the orders a conversation is about, and what was asked for to be done to them
    Show {
        /// The conversation
        id: String,
        /// This order only
        #[arg(long, value_name = "ID")]
        order: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Ask the marketplace how an order is now
    ///
    /// It is kept as one of the conversation: so an order gets known that no channel has told of.
    Refresh {
        /// The conversation
        id: String,
        /// The order's id
        #[arg(long, value_name = "ID")]
        order: String,
        /// The channel to ask, where several could be meant
        #[arg(long, value_name = "NAME")]
        channel: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Pay back
    Refund {
        #[command(flatten)]
        which: Which,
        /// How much, such as "12.50 EUR"
        #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
        amount: Money,
        /// Why, for the books
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        common: Common,
    },
    /// Approve a return; the buyer gets the address
    Return {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Send another piece for the one that comes back
    Exchange {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Stop the parcel on its way
    Intercept {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Deliver to another address
    Address {
        #[command(flatten)]
        which: Which,
        /// The new address
        #[arg(long, value_name = "ADDRESS")]
        to: String,
        #[command(flatten)]
        common: Common,
    },
    /// Give a coupon
    Coupon {
        #[command(flatten)]
        which: Which,
        /// Its worth, such as "5 EUR"
        #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
        amount: Money,
        #[command(flatten)]
        common: Common,
    },
    /// Make the warranty longer
    Warranty {
        #[command(flatten)]
        which: Which,
        /// By how many days
        #[arg(long, value_name = "DAYS")]
        days: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Show what waits for somebody's word before a marketplace is asked, the longest first
    Approvals {
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Say yes: the marketplace is asked
    Approve {
        /// The operation's number
        id: i64,
        /// Why, for the books
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Say no: the marketplace is never asked, and the conversation waits for an agent
    Decline {
        /// The operation's number
        id: i64,
        /// Why, for who asked
        #[arg(long, value_name = "TEXT")]
        why: String,
        #[command(flatten)]
        common: Common,
    },
}

/// Which order of which conversation.
#[derive(Args, Clone, Debug)]
pub struct Which {
    /// The conversation
    id: String,
    /// The order's id
    #[arg(long, value_name = "ID")]
    order: String,
    /// Your own name for this: the same command with the same name does nothing twice, for a day
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// Runs a command.
///
/// # Errors
/// [`super::http::ClientError`] with its own exit status, or standard output failed.
pub fn run(command: OrderCommand) -> anyhow::Result<ExitCode> {
    match command {
        OrderCommand::Show { id, order, common } => {
            let mut detail = common.api()?.get(&conversation(&id, ""))?;
            let answer = json!({ "orders": detail["orders"].take(), "operations": detail["operations"].take() });
            common.print(&answer, |page| {
                orders(page, &answer, order.as_deref());
                if page.text.is_empty() {
                    page.line(&format!("{} is about no order that a channel has told of.", tag(&id)));
                }
            })?;
        }
        OrderCommand::Refresh { id, order, channel, common } => {
            let path = conversation(&id, &format!("/orders/{}/refresh", escaped(&order)));
            let found = common.api()?.post(&path, &json!({ "channel": channel }))?;
            common.print(&found, |page| one(page, &found))?;
        }
        OrderCommand::Refund { which, amount, reason, common } => {
            let more = json!({ "kind": "refund", "amount": amount_of(&amount), "reason": reason });
            ask(&common, &which, more)?;
        }
        OrderCommand::Return { which, common } => ask(&common, &which, json!({ "kind": "create-return" }))?,
        OrderCommand::Exchange { which, common } => ask(&common, &which, json!({ "kind": "exchange" }))?,
        OrderCommand::Intercept { which, common } => ask(&common, &which, json!({ "kind": "intercept-parcel" }))?,
        OrderCommand::Address { which, to, common } => {
            ask(&common, &which, json!({ "kind": "change-address", "address": to }))?;
        }
        OrderCommand::Coupon { which, amount, common } => {
            ask(&common, &which, json!({ "kind": "coupon", "amount": amount_of(&amount) }))?;
        }
        OrderCommand::Warranty { which, days, common } => {
            ask(&common, &which, json!({ "kind": "extend-warranty", "days": days }))?;
        }
        OrderCommand::Approvals { limit, common } => {
            let waiting = common.api()?.list("/approvals", limit)?;
            common.print(&waiting, |page| approvals(page, list(&waiting["items"])))?;
        }
        OrderCommand::Approve { id, why, common } => {
            decide(&common, id, "approve", &json!({ "why": why }), "approved")?
        }
        OrderCommand::Decline { id, why, common } => {
            decide(&common, id, "decline", &json!({ "why": why }), "declined")?
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn amount_of(amount: &Money) -> Value {
    json!({ "currency": amount.currency, "minor": amount.minor })
}

fn ask(common: &Common, which: &Which, mut body: Value) -> anyhow::Result<()> {
    body["order"] = json!(which.order);
    let path = conversation(&which.id, "/operations");
    let taken = common.api()?.post_once(&path, &body, which.key.as_deref())?;
    common.print(&taken, |page| page.line(&told(&taken, &tag(&which.id))))
}

/// What became of an operation that was asked for.
fn told(taken: &Value, tag: &str) -> String {
    let number = &taken["operation"];
    let stands = match taken["approver"].as_str() {
        None => format!("It is on its way as operation {number}"),
        Some(approver) => format!("Operation {number} waits for the word of {}", Approver::of(approver)),
    };
    format!("{stands}; `tributary order show {tag}` says how it ended.")
}

fn decide(common: &Common, id: i64, act: &str, body: &Value, said: &str) -> anyhow::Result<()> {
    let answer = common.api()?.post(&format!("/operations/{id}/{act}"), body)?;
    common.print(&answer, |page| page.line(&format!("Operation {id} is {said}.")))
}

/// Writes what waits for somebody's word.
fn approvals(page: &mut Page, waiting: &[Value]) {
    if waiting.is_empty() {
        return page.line("Nothing waits for approval.");
    }
    let mut table =
        Table::new(&[("ID", 10), ("SINCE", 20), ("IN", 10), ("WHAT", 50), ("BY", 20), ("WHY", 50), ("WAITS FOR", 30)]);
    for it in waiting {
        let why = [&it["operation"]["reason"], &it["why"]].map(text).into_iter().find(|words| !words.is_empty());
        table.row([
            (it["id"].to_string(), Some(Style::Strong)),
            (moment(&text(&it["asked_at"])), None),
            (format!("T{}", it["conversation"]), None),
            (what(&it["operation"]), None),
            (name(&it["by"]), None),
            (why.unwrap_or_default(), None),
            (Approver::of(&text(&it["approval"]["approver"])).to_string(), None),
        ]);
    }
    table.write(page);
    let hint = "`tributary order approve ID`, or `tributary order decline ID --why TEXT`.";
    page.line(&page.styled(Style::Faint, hint));
}

/// What is to be done, in a few words.
fn what(operation: &Value) -> String {
    let mut what = vec![text(&operation["kind"]), text(&operation["order"])];
    what.extend(operation.get("amount").map(money));
    what.extend(operation["days"].as_u64().map(|days| format!("{days} days")));
    what.join(" ")
}

/// Who it was, without `agent:` or `policy:`.
fn name(actor: &Value) -> String {
    let actor = text(actor);
    actor.split_once(':').map_or(actor.as_str(), |(_, name)| name).to_owned()
}

/// Writes the orders of a conversation and what was done to them; one order alone, if named.
pub(super) fn orders(page: &mut Page, it: &Value, only: Option<&str>) {
    let meant = |id: &Value| only.is_none_or(|only| id == only);
    for order in list(&it["orders"]).iter().filter(|order| meant(&order["id"])) {
        if !page.text.is_empty() {
            page.line("");
        }
        one(page, order);
    }
    let operations = list(&it["operations"]).iter().filter(|it| meant(&it["operation"]["order"]));
    let operations: Vec<Value> = operations.cloned().collect();
    section(page, "Asked of marketplaces", &operations, |it| {
        let more = [text(&it["result"]), text(&it["detail"])].into_iter().find(|words| !words.is_empty());
        let more = more.map(|words| format!(": {words}")).unwrap_or_default();
        let (what, by, at) = (what(&it["operation"]), name(&it["by"]), moment(&text(&it["asked_at"])));
        format!("{}: {what} — {by}, {at}, {}{more}{}", it["id"], text(&it["state"]), word(&it["approval"]))
    });
}

/// What was said about an operation that needs a word, or whose it waits for.
fn word(approval: &Value) -> String {
    let [approver, verdict, why] = ["approver", "verdict", "why"].map(|part| text(&approval[part]));
    match (approver.as_str(), verdict.as_str(), why.as_str()) {
        ("", ..) => String::new(),
        (approver, "", _) => format!(" (of {})", Approver::of(approver)),
        (_, verdict, "") => format!(" ({verdict} by {})", name(&approval["by"])),
        (_, verdict, why) => format!(" ({verdict} by {}: {why})", name(&approval["by"])),
    }
}

fn one(page: &mut Page, order: &Value) {
    let heading = ["id", "channel", "state"].map(|part| text(&order[part]));
    let heading =
        format!("Order {} · {} · {}", heading.join(" · "), moment(&text(&order["at"])), money(&order["total"]));
    let heading = page.styled(Style::Strong, &heading);
    page.line(&heading);
    for line in list(&order["lines"]) {
        let what = format!("{} × {} ({})", line["quantity"], text(&line["title"]), text(&line["sku"]));
        page.line(&format!("  {what}, {} each", money(&line["price"])));
    }
    if order["parcel"].is_string() {
        page.line(&format!("  parcel {}", text(&order["parcel"])));
    }
    if let Some(by) = order["promised_by"].as_str() {
        page.line(&format!("  promised by {}", moment(by)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(subcommand)]
        command: OrderCommand,
    }

    fn parsed(args: &[&str]) -> Result<OrderCommand, clap::Error> {
        Cli::try_parse_from([&["order"][..], args].concat()).map(|cli| cli.command)
    }

    #[test]
    fn an_amount_is_exact_or_refused_before_anybody_is_asked() {
        for (amount, minor, currency) in
            [("12.50 EUR", 1_250, "EUR"), ("1200 jpy", 1_200, "JPY"), ("1.005 KWD", 1_005, "KWD")]
        {
            let args = ["refund", "T7", "--order", "1001", "--amount", amount, "--reason", "late"];
            let Ok(OrderCommand::Refund { amount: read, .. }) = parsed(&args) else { panic!("{amount}") };
            assert_eq!(amount_of(&read), json!({ "currency": currency, "minor": minor }));
        }
        for amount in ["12.505 EUR", "12,50 EUR", "12.50", "1 JPYX", "-1 EUR", "1.5 JPY"] {
            let error = parsed(&["coupon", "T7", "--order", "1001", "--amount", amount]).expect_err(amount);
            assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation, "{error}");
        }
    }

    #[test]
    fn orders_and_operations_read_from_top_to_bottom() {
        let eur = |minor: i64| json!({ "currency": "EUR", "minor": minor });
        let it = json!({
            "orders": [{
                "id": "1001", "channel": "shopify", "state": "delivered", "at": "2026-05-04T09:00:00.000Z", "total": eur(2_500),
                "lines": [{"sku": "K-1", "title": "水壶\u{1b}[2J", "quantity": 2, "price": eur(1_250)}], "parcel": "SF1",
                "promised_by": null
            }],
            "operations": [
                {"id": 7, "operation": {"kind": "refund", "order": "1001", "amount": eur(1_250), "reason": "late"}, "by": "agent:lin",
                 "asked_at": "2026-05-04T09:05:00.000Z", "state": "done", "result": "r-9", "detail": null},
                {"id": 8, "operation": {"kind": "extend-warranty", "order": "2002", "days": 30}, "by": "policy:after-sales",
                 "asked_at": "2026-05-04T09:06:00.000Z", "state": "failed", "result": null, "detail": "not this shop"},
                {"id": 9, "operation": {"kind": "coupon", "order": "1001", "amount": eur(9_000)}, "by": "agent:lin",
                 "asked_at": "2026-05-04T09:07:00.000Z", "state": "awaiting-approval", "result": null, "detail": null,
                 "approval": {"approver": "senior", "verdict": null, "by": null, "why": null, "at": null}},
                {"id": 10, "operation": {"kind": "exchange", "order": "1001"}, "by": "agent:lin",
                 "asked_at": "2026-05-04T09:08:00.000Z", "state": "declined", "result": null, "detail": null,
                 "approval": {"approver": "risk", "verdict": "declined", "by": "agent:mei", "why": "no proof\u{1b}[2J",
                     "at": "2026-05-04T09:09:00.000Z"}},
                {"id": 11, "operation": {"kind": "exchange", "order": "1001"}, "by": "agent:lin",
                 "asked_at": "2026-05-04T09:08:00.000Z", "state": "done", "result": "x-1", "detail": null,
                 "approval": {"approver": "risk", "verdict": "approved", "by": "agent:mei", "why": null,
                     "at": "2026-05-04T09:09:00.000Z"}}
            ]
        });
        let mut page = Page { text: String::new(), colour: false };
        orders(&mut page, &it, None);
        let expected = "\
Order 1001 · shopify · delivered · 2026-05-04 09:00 UTC · 25.00 EUR
  2 × 水壶\u{fffd}[2J (K-1), 12.50 EUR each
  parcel SF1

Asked of marketplaces
  7: refund 1001 12.50 EUR — lin, 2026-05-04 09:05 UTC, done: r-9
  8: extend-warranty 2002 30 days — after-sales, 2026-05-04 09:06 UTC, failed: not this shop
  9: coupon 1001 90.00 EUR — lin, 2026-05-04 09:07 UTC, awaiting-approval (of a senior agent)
  10: exchange 1001 — lin, 2026-05-04 09:08 UTC, declined (declined by mei: no proof\u{fffd}[2J)
  11: exchange 1001 — lin, 2026-05-04 09:08 UTC, done: x-1 (approved by mei)
";
        assert_eq!(page.text, expected);
        let mut page = Page { text: String::new(), colour: false };
        orders(&mut page, &it, Some("2002"));
        assert!(!page.text.contains("1001") && page.text.contains("8: extend-warranty 2002"), "{}", page.text);
    }

    #[test]
    fn what_waits_for_a_word_is_told_and_listed() {
        let told = |approver| told(&json!({ "operation": 7, "approver": approver }), "T42");
        let rest = "; `tributary order show T42` says how it ended.";
        assert_eq!(told(Value::Null), format!("It is on its way as operation 7{rest}"));
        assert_eq!(told(json!("risk")), format!("Operation 7 waits for the word of team risk{rest}"));
        let waiting = [
            json!({
                "id": 7, "conversation": 42, "by": "agent:lin", "asked_at": "2026-05-04T09:05:00.000Z", "why": null,
                "operation": {"kind": "refund", "order": "1001", "amount": {"currency": "CNY", "minor": 20_001}, "reason": "broken"},
                "approval": {"approver": "risk", "verdict": null}
            }),
            json!({
                "id": 8, "conversation": 43, "by": "policy:after-sales", "asked_at": "2026-05-04T09:06:00.000Z", "why": "G2",
                "operation": {"kind": "exchange", "order": "2002"}, "approval": {"approver": "senior", "verdict": null}
            }),
        ];
        let mut page = Page { text: String::new(), colour: false };
        approvals(&mut page, &waiting);
        let expected = "\
ID  SINCE                 IN   WHAT                    BY           WHY     WAITS FOR
7   2026-05-04 09:05 UTC  T42  refund 1001 200.01 CNY  lin          broken  team risk
8   2026-05-04 09:06 UTC  T43  exchange 2002           after-sales  G2      a senior agent
`tributary order approve ID`, or `tributary order decline ID --why TEXT`.
";
        assert_eq!(page.text, expected);
        let mut page = Page { text: String::new(), colour: false };
        approvals(&mut page, &[]);
        assert_eq!(page.text, "Nothing waits for approval.\n");
        parsed(&["decline", "7"]).expect_err("a no has a reason");
        for args in [&["approve", "7"][..], &["approve", "7", "--why", "x"], &["decline", "7", "--why", "x"]] {
            parsed(args).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
