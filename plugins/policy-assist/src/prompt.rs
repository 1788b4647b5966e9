//! What the model is told: articles, orders and the conversation, as one text without personal data.
use tributary_sdk::desk::{Entry, Snapshot};
use tributary_sdk::host::knowledge::Article;
use tributary_sdk::text::one_line;
use tributary_sdk::types::{Author, Order, Timestamp};

use crate::config::Facts;
use crate::mask::Mask;

const DAY: Timestamp = 86_400_000;

/// The text of the request, and everything an answer may take a figure or a link from.
pub fn prompt(facts: &Facts, articles: &[Article], orders: &[&Order], conversation: &Snapshot, mask: &Mask) -> String {
    let cut = |text: &str, letters: u32| one_line(text.trim(), letters as usize);
    let mut lines = vec!["# Articles".to_owned()];
    // What the shop publishes names its own telephone and mail.
    let article = |it: &Article| format!("[{}] {}\n{}", it.id, it.title, cut(&it.text, facts.article_letters));
    lines.extend(articles.iter().map(article));
    lines.push("# Orders".into());
    lines.extend(orders.iter().map(|order| mask.apply(&told(order, conversation.now))));
    lines.push("# Conversation".into());
    if let Some(subject) = conversation.subject.as_deref().filter(|subject| !subject.trim().is_empty()) {
        lines.push(format!("subject: {}", cut(&mask.apply(subject), facts.message_letters)));
    }
    let told: Vec<&Entry> = conversation.history.iter().filter(|entry| !entry.automatic).collect();
    let last = told.len().saturating_sub(facts.messages as usize);
    // Masked before it is cut: a part of a number is a number.
    let said = |entry: &&Entry| {
        Some(format!("{}: {}", name(entry.author)?, cut(&mask.apply(&entry.text), facts.message_letters)))
    };
    lines.extend(told[last..].iter().filter_map(said));
    lines.join("\n")
}

fn name(author: Author) -> Option<&'static str> {
    match author {
        Author::Customer => Some("customer"),
        Author::Agent => Some("agent"),
        Author::Bot => Some("bot"),
        Author::System => None,
    }
}

/// An order without what it says of people: their names, addresses, sums and notes stay here.
fn told(order: &Order, now: Timestamp) -> String {
    let mut text = format!("order {}: {}, {}", order.id, order.state.word(), ago(now, order.at));
    for line in &order.lines {
        text += &format!("; {} x {}", line.quantity, one_line(&line.title, 120));
    }
    if let Some(parcel) = &order.parcel {
        text += &format!("; parcel {parcel}");
    }
    if let Some(promised) = order.promised_by {
        text += &format!("; delivery promised {}", ago(now, promised));
    }
    text
}

/// In whole days.
fn ago(now: Timestamp, at: Timestamp) -> String {
    match (now.saturating_sub(at) / DAY, at.saturating_sub(now).div_ceil(DAY)) {
        (0, 0) => "today".into(),
        (past, 0) => format!("{past} days ago"),
        (_, ahead) => format!("in {ahead} days"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted() {
        for (at, words) in [(10, "today"), (7, "3 days ago"), (12, "in 2 days")] {
            assert_eq!(ago(10 * DAY, at * DAY), words);
        }
        assert_eq!(ago(10 * DAY, 10 * DAY + 1), "in 1 days");
        assert_eq!(ago(10 * DAY, 10 * DAY - 1), "today");
    }
}
