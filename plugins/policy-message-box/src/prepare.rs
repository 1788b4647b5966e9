//! Checks the configuration.
use tributary_policy::{Languages, Texts, check_name, check_unique, grade};
use tributary_sdk::PrepareError;
use tributary_sdk::desk::Route;

use crate::config::{Config, Need, Plan};
use crate::words::Words;
use crate::{Asked, MessageBox, Prepared};

/// The policy of a configuration.
///
/// # Errors
/// [`PrepareError`] with the key whose value cannot work.
pub fn prepare(config: Config) -> Result<MessageBox, PrepareError> {
    let names = [
        ("calendar", &config.calendar),
        ("attribute", &config.attribute),
        ("timer", &config.timer),
        ("tag", &config.tag),
        ("due-tag", &config.due_tag),
    ];
    if let Some((key, _)) = names.into_iter().find(|(_, name)| name.is_empty()) {
        return Err(PrepareError::value(key, "expected a name"));
    }
    if config.tag == config.due_tag {
        return Err(PrepareError::value("due-tag", "expected another tag than `tag`"));
    }
    if !(1..=100).contains(&config.chinese_percent) {
        return Err(PrepareError::value("chinese-percent", "expected 1 to 100"));
    }
    if !config.languages.contains_key(&config.default_language) {
        let problem = format!("expected the texts of {} at least", config.default_language);
        return Err(PrepareError::value("languages", problem));
    }
    let language = config.default_language;
    let words = |(name, texts)| Words::prepare(texts, &format!("languages.{name}")).map(|words| (name, words));
    let needs: Vec<Asked> =
        config.needs.into_iter().enumerate().map(|it| need(it, &language)).collect::<Result<_, _>>()?;
    let plan = |(index, row)| plan(row, &format!("plans.{index}"), &needs, &language);
    let plans: Vec<Prepared> = config.plans.into_iter().enumerate().map(plan).collect::<Result<_, _>>()?;
    check_unique(plans.iter().map(|plan| plan.name.as_str()), "plans")?;
    let left_alone = config.left_alone_grades.iter().map(|word| grade(word, "left-alone-grades".into()));
    Ok(MessageBox {
        left_alone_grades: left_alone.collect::<Result<_, _>>()?,
        words: config.languages.into_iter().map(words).collect::<Result<_, _>>()?,
        languages: Languages::new(config.chinese_percent, language),
        calendar: config.calendar,
        attribute: config.attribute,
        timer: config.timer,
        tag: config.tag,
        due_tag: config.due_tag,
        left_alone_tags: config.left_alone_tags,
        always_served: config.always_served,
        answer_rules: config.answer_rules,
        needs,
        plans,
    })
}

fn need((index, row): (usize, Need), language: &str) -> Result<Asked, PrepareError> {
    let words = Texts::prepare(&row.words, language, &format!("needs.{index}.words"), &[])?;
    Ok(Asked { name: row.name, known_by: row.known_by, words })
}

fn plan(row: Plan, at: &str, needs: &[Asked], language: &str) -> Result<Prepared, PrepareError> {
    let key = |name: &str| format!("{at}.{name}");
    check_name(&row.name, &key("name"))?;
    if let Some(unknown) = row.needs.iter().find(|name| !needs.iter().any(|need| need.name == **name)) {
        return Err(PrepareError::value(key("needs"), format!("nothing in `needs` is called {unknown}")));
    }
    if row.route.as_ref().is_some_and(|route| route.team.is_empty()) {
        return Err(PrepareError::value(key("route.team"), "expected the name of a team"));
    }
    if let Some(call) = &row.escalate {
        if !(1..=3).contains(&call.level) {
            return Err(PrepareError::value(key("escalate.level"), "expected 1 to 3"));
        }
        if call.teams.is_empty() {
            return Err(PrepareError::value(key("escalate.teams"), "expected one team at least"));
        }
    }
    let route = |it: crate::config::Route| Route {
        team: it.team,
        skills: it.skills,
        prefer_agent: None,
        senior: it.senior,
        tier: it.tier,
    };
    Ok(Prepared {
        when: row.when.prepare(at)?,
        plan: Texts::prepare(&row.plan, language, &key("plan"), &[])?,
        name: row.name,
        needs: row.needs,
        route: row.route.map(route),
        escalate: row.escalate,
    })
}
