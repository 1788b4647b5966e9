//! Drafts, surveys and what came of them.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::decision::{Action, Route, Survey};
use tributary_model::message::Attribute;

cases![
    a_draft_stays_until_somebody_answers,
    a_survey_is_asked_once_and_answered_once,
    an_answer_is_added_up_by_week_and_fact,
    a_form_ends_with_its_time,
    what_a_form_does_not_ask_is_refused,
];

/// Monday, 2026-05-04, in UTC.
const MONDAY: u64 = 1_777_852_800_000;
const DAY: u64 = 24 * 3_600 * 1_000;

fn survey(name: &str) -> Survey {
    let question = |name: &str, words: &str| Attribute { name: name.into(), value: words.into() };
    Survey {
        name: name.into(),
        invitation: "How was it? {link} Thank you.".into(),
        questions: vec![question("speed", "Were we quick?"), question("attitude", "Were we kind?")],
        open_for: 86_400,
    }
}

fn answer(speed: u8, attitude: u8, remark: Option<&str>) -> SurveyAnswer {
    let ratings = vec![("speed".into(), speed), ("attitude".into(), attitude)];
    SurveyAnswer { ratings, remark: remark.map(str::to_owned) }
}

/// Asks for a survey in a conversation of its own; the secret in its invitation.
async fn asked(store: &dyn Store, name: &str, team: &str, at: u64) -> Result<(ConversationId, String), Unmet> {
    let id = open(store, name, Timestamp(at)).await?;
    let route = Action::Route(Route { team: team.into(), ..Route::default() });
    decide(store, vec![route, Action::Survey(survey("sign-off:2001"))], Timestamp(at)).await?;
    let detail = detail(store, id).await?;
    let sent = found("the invitation", detail.messages.last())?;
    let link = found("the link", sent.content.text.split(' ').find(|word| word.contains("/survey/")))?;
    let secret = found("the secret", link.strip_prefix(&format!("{ADDRESS}/survey/")))?;
    Ok((id, secret.to_owned()))
}

async fn a_draft_stays_until_somebody_answers(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let draft = |text: &str| Action::Draft(Content { text: text.into(), ..Content::default() });
    decide(store, vec![draft("One."), draft("Two.")], Timestamp(2)).await?;
    let it = detail(store, id).await?;
    let shown = it.draft.map(|it| (it.policy.to_string(), it.content.text, it.at));
    same("the last one", shown, Some(("triage".into(), "Two.".into(), Timestamp(2))))?;
    same("nothing was sent", it.messages.len(), 1)?;
    allowed("an answer", store.reply(reply(id, "ann", "Two, rather.", Timestamp(3))).await?)?;
    same("gone", detail(store, id).await?.draft, None)
}

async fn a_survey_is_asked_once_and_answered_once(store: &dyn Store) -> Held {
    let (id, secret) = asked(store, "one", "care", MONDAY).await?;
    let form = found("the form", store.survey(&secret, Timestamp(MONDAY + 1)).await?)?;
    same("what it is", (form.name.as_str(), form.questions.len()), ("sign-off", 2))?;
    accept(store, MAIL, mail("two", "one@example.org", "Hello again"), Timestamp(MONDAY + 2)).await?;
    decide(store, vec![Action::Survey(survey("sign-off:2001"))], Timestamp(MONDAY + 3)).await?;
    let invitations =
        detail(store, id).await?.messages.iter().filter(|it| it.content.text.contains("/survey/")).count();
    same("asked once", invitations, 1)?;
    same("answered", store.answer_survey(&secret, answer(5, 4, None), Timestamp(MONDAY + 4)).await?, Ok(()))?;
    let again = store.answer_survey(&secret, answer(1, 1, None), Timestamp(MONDAY + 5)).await?;
    same("twice", again, Err(NotAnswered::Gone))?;
    same("the form is gone", store.survey(&secret, Timestamp(MONDAY + 5)).await?, None)?;
    same("a guess", store.survey("abcdefghijklmnopqrstuvwxyz", Timestamp(MONDAY)).await?, None)
}

async fn an_answer_is_added_up_by_week_and_fact(store: &dyn Store) -> Held {
    let sunday = MONDAY + 6 * DAY + DAY / 2;
    for (n, (team, at, speed)) in
        [("care", MONDAY, 5), ("care", sunday, 3), ("money", MONDAY, 5), ("money", MONDAY + 7 * DAY, 1)]
            .into_iter()
            .enumerate()
    {
        let (_, secret) = asked(store, &format!("c{n}"), team, at).await?;
        same(
            "answered",
            store.answer_survey(&secret, answer(speed, 4, Some(" ok ")), Timestamp(at + 1)).await?,
            Ok(()),
        )?;
    }
    let of = |counts: Vec<RatingCount>| -> Vec<_> {
        let speed = counts.into_iter().filter(|it| it.question == "speed");
        speed.map(|it| ((it.week.0 - MONDAY) / DAY, it.value, it.times)).collect()
    };
    let all = vec![(7, String::new(), [1, 0, 0, 0, 0]), (0, String::new(), [0, 0, 1, 0, 2])];
    same("all", of(store.ratings(Timestamp(MONDAY + 3 * DAY), "").await?), all.clone())?;
    same("one week", of(store.ratings(Timestamp(MONDAY + 7 * DAY), "").await?), all[..1].to_vec())?;
    let teams = vec![
        (7, "money".to_owned(), [1, 0, 0, 0, 0]),
        (0, "care".to_owned(), [0, 0, 1, 0, 1]),
        (0, "money".to_owned(), [0, 0, 0, 0, 1]),
    ];
    same("teams", of(store.ratings(Timestamp(MONDAY), "team").await?), teams)?;
    same("channels", of(store.ratings(Timestamp(MONDAY), "channel").await?).len(), 2)?;
    let remarks = store.remarks(Timestamp(MONDAY), 3).await?;
    same("remarks", remarks.iter().map(|it| it.text.as_str()).collect(), vec!["ok"; 3])
}

async fn a_form_ends_with_its_time(store: &dyn Store) -> Held {
    let (_, secret) = asked(store, "one", "care", MONDAY).await?;
    let end = Timestamp(MONDAY + DAY);
    same("its end", store.survey(&secret, end).await?, None)?;
    same("too late", store.answer_survey(&secret, answer(5, 5, None), end).await?, Err(NotAnswered::Gone))?;
    holds("it is swept away", store.sweep(end).await? >= 1)?;
    same("nothing was counted", store.ratings(Timestamp(0), "").await?, vec![])
}

async fn what_a_form_does_not_ask_is_refused(store: &dyn Store) -> Held {
    let (_, secret) = asked(store, "one", "care", MONDAY).await?;
    for ratings in [vec![("speed", 0)], vec![("speed", 6)], vec![("price", 3)], vec![("speed", 3), ("speed", 4)]] {
        let ratings = ratings.into_iter().map(|(question, rating)| (question.to_owned(), rating)).collect();
        let refused = store.answer_survey(&secret, SurveyAnswer { ratings, remark: None }, Timestamp(MONDAY)).await?;
        holds("it is refused", matches!(refused, Err(NotAnswered::Rating(_))))?;
    }
    same("nothing was counted", store.ratings(Timestamp(0), "").await?, vec![])?;
    holds("the form stays", store.survey(&secret, Timestamp(MONDAY)).await?.is_some())
}
