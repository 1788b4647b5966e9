//! `tributary order`: the orders of a conversation, and what is done to them.
use super::http::escaped;
use super::queue::{conversation, tag};
use super::show::{list, money, section, text};
use super::text::moment;
use super::{Common, Page, Style};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::process::ExitCode;
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
    common.print(&taken, |page| {
        let number = &taken["operation"];
        page.line(&format!(
            "It is on its way as operation {number}; `tributary order show {}` says how it ended.",
            tag(&which.id)
        ));
    })
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
        let operation = &it["operation"];
        let mut what = vec![format!("{}:", it["id"]), text(&operation["kind"]), text(&operation["order"])];
        what.extend(operation.get("amount").map(money));
        what.extend(operation["days"].as_u64().map(|days| format!("{days} days")));
        let by = text(&it["by"]);
        let by = by.split_once(':').map_or(by.as_str(), |(_, name)| name);
        let more = [text(&it["result"]), text(&it["detail"])].into_iter().find(|words| !words.is_empty());
        let more = more.map(|words| format!(": {words}")).unwrap_or_default();
        format!("{} — {by}, {}, {}{more}", what.join(" "), moment(&text(&it["asked_at"])), text(&it["state"]))
    });
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
                 "asked_at": "2026-05-04T09:06:00.000Z", "state": "failed", "result": null, "detail": "not this shop"}
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
";
        assert_eq!(page.text, expected);
        let mut page = Page { text: String::new(), colour: false };
        orders(&mut page, &it, Some("2002"));
        assert!(!page.text.contains("1001") && page.text.contains("8: extend-warranty 2002"), "{}", page.text);
    }
}
