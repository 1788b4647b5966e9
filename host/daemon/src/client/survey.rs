//! `tributary survey`: what customers say of the service.
use super::http::escaped;
use super::show::{list, text};
use super::table::Table;
use super::{Common, Page};
use clap::{Subcommand, ValueEnum};
use serde_json::Value;
use std::process::ExitCode;

/// What ratings are told apart by.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum By {
    /// The channel that the customer was asked by
    Channel,
    /// The team that had the matter
    Team,
    /// What it was about
    Category,
}

/// Commands of `tributary survey`. Answers are added up by week; none of them is anybody's.
#[derive(Subcommand, Debug)]
pub enum SurveyCommand {
    /// Show ratings by week, survey and question
    Ratings {
        /// Since the week of this moment, such as 2026-05-04T00:00:00Z; without it twelve weeks
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Told apart by this
        #[arg(long, value_enum)]
        by: Option<By>,
        #[command(flatten)]
        common: Common,
    },
    /// Show what people wrote beside their ratings
    Remarks {
        /// Since the week of this moment; without it twelve weeks
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

/// Runs a command.
///
/// # Errors
/// [`super::http::ClientError`] with its own exit status, or standard output failed.
pub fn run(command: SurveyCommand) -> anyhow::Result<ExitCode> {
    let since = |since: Option<String>| since.map(|at| format!("since={}", escaped(&at))).unwrap_or_default();
    match command {
        SurveyCommand::Ratings { since: from, by, common } => {
            let by = match by {
                None => "",
                Some(By::Channel) => "channel",
                Some(By::Team) => "team",
                Some(By::Category) => "category",
            };
            let ratings = common.api()?.get(&format!("/surveys/ratings?by={by}&{}", since(from)))?;
            common.print(&ratings, |page| table(page, &ratings))?;
        }
        SurveyCommand::Remarks { since: from, common } => {
            let remarks = common.api()?.get(&format!("/surveys/remarks?{}", since(from)))?;
            common.print(&remarks, |page| {
                for remark in list(&remarks["items"]) {
                    page.line(&format!("{}  {}: {}", day(remark), text(&remark["survey"]), text(&remark["text"])));
                }
                if list(&remarks["items"]).is_empty() {
                    page.line("Nobody wrote anything.");
                }
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The Monday of a week.
fn day(row: &Value) -> String {
    text(&row["week"]).chars().take(10).collect()
}

fn table(page: &mut Page, ratings: &Value) {
    let ratings = list(&ratings["items"]);
    if ratings.is_empty() {
        return page.line("Nobody has answered a survey.");
    }
    let mut table = Table::new(&[
        ("WEEK", 10),
        ("SURVEY", 20),
        ("OF", 20),
        ("QUESTION", 20),
        ("MEAN", 5),
        ("ANSWERS", 8),
        ("1", 6),
        ("2", 6),
        ("3", 6),
        ("4", 6),
        ("5", 6),
    ]);
    for row in ratings {
        let times = |at: usize| (row["times"][at].to_string(), None);
        table.row([
            (day(row), None),
            (text(&row["survey"]), None),
            (text(&row["value"]), None),
            (text(&row["question"]), None),
            (format!("{:.2}", row["mean"].as_f64().unwrap_or_default()), None),
            (row["answers"].to_string(), None),
            times(0),
            times(1),
            times(2),
            times(3),
            times(4),
        ]);
    }
    table.write(page);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_question_of_a_week_is_one_line() {
        let row = json!({"week": "2026-05-04T00:00:00.000Z", "survey": "closing", "question": "speed", "value": "",
            "answers": 12, "mean": 4.25, "times": [0, 1, 1, 4, 6]});
        let mut page = Page { text: String::new(), colour: false };
        table(&mut page, &json!({ "items": [row] }));
        for part in ["2026-05-04", "closing", "speed", "4.25", "12"] {
            assert!(page.text.contains(part), "{part} is not in\n{}", page.text);
        }
    }
}
