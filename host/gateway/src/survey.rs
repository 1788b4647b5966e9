//! The form of a survey: `/survey/SECRET`, a page without a script that a customer's browser shows, and what it sends.
//!
//! The secret is all that there is: who has it may answer, once. Looking at the form does not use it up, as mail scanners
//! look at every link. Nothing of a request is logged but that there was one.
use crate::api::input::read_body;
use crate::api::problem::Problem;
use crate::api::{ApiState, now};
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::fmt::Write;
use tributary_store::{OpenSurvey, SurveyAnswer};

/// The most bytes of an answer.
const MAX_ANSWER: usize = 64 << 10;

/// The form field of what else the customer writes. Questions are fields of their own, under `q-NAME`.
const REMARK: &str = "remark";

/// The words of the page itself; what is asked comes from the policy.
struct Words {
    lang: &'static str,
    title: &'static str,
    anonymous: &'static str,
    best: &'static str,
    worst: &'static str,
    remark: &'static str,
    send: &'static str,
    thanks: &'static str,
    gone: &'static str,
    again: &'static str,
}

static ENGLISH: Words = Words {
    lang: "en",
    title: "How were we?",
    anonymous: "Your answers are anonymous: they are added to those of others and are kept without your name or your matter.",
    best: "very good",
    worst: "very bad",
    remark: "Anything else? Please write no names or numbers.",
    send: "Send",
    thanks: "Thank you.",
    gone: "This form was answered already, or its time is over.",
    again: "Please answer each question by 1 to 5.",
};

static CHINESE: Words = Words {
    lang: "zh-CN",
    title: "您对我们的服务满意吗?",
    anonymous: "评价是匿名的:您的回答只与其他人的合并统计,不保存姓名,也不关联您的咨询。",
    best: "非常满意",
    worst: "非常不满意",
    remark: "还有其他建议吗?请不要填写姓名或号码。",
    send: "提交",
    thanks: "谢谢您的评价。",
    gone: "该表单已提交或已过期。",
    again: "请为每个问题选择 1 至 5 分。",
};

/// The words for a browser.
fn words(headers: &HeaderMap) -> &'static Words {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if asked.trim_start().to_ascii_lowercase().starts_with("zh") { &CHINESE } else { &ENGLISH }
}

/// The door.
pub(crate) fn router(state: ApiState) -> Router {
    Router::new().route("/survey/{secret}", get(show).post(take)).with_state(state)
}

async fn show(
    State(state): State<ApiState>,
    Path(secret): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let words = words(&headers);
    Ok(match state.store().survey(&secret, now()).await? {
        Some(survey) => page(StatusCode::OK, words, &form(words, &survey, None)),
        None => page(StatusCode::GONE, words, &paragraph(words.gone)),
    })
}

async fn take(
    State(state): State<ApiState>,
    Path(secret): Path<String>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let words = words(&headers);
    let body = read_body(request.into_body(), MAX_ANSWER).await?;
    let Some(survey) = state.store().survey(&secret, now()).await? else {
        return Ok(page(StatusCode::GONE, words, &paragraph(words.gone)));
    };
    let mut answer = SurveyAnswer { ratings: Vec::new(), remark: None };
    for (field, value) in form_urlencoded::parse(&body) {
        match field.strip_prefix("q-") {
            Some(question) => answer.ratings.push((question.to_owned(), value.parse().unwrap_or(0))),
            None if field == REMARK => answer.remark = Some(value.into_owned()),
            None => {}
        }
    }
    if answer.ratings.len() < survey.questions.len() {
        return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, words, &form(words, &survey, Some(words.again))));
    }
    Ok(match state.store().answer_survey(&secret, answer, now()).await? {
        Ok(()) => page(StatusCode::OK, words, &paragraph(words.thanks)),
        Err(tributary_store::NotAnswered::Gone) => page(StatusCode::GONE, words, &paragraph(words.gone)),
        Err(tributary_store::NotAnswered::Rating(_)) => {
            page(StatusCode::UNPROCESSABLE_ENTITY, words, &form(words, &survey, Some(words.again)))
        }
    })
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>", escaped(text))
}

/// The form of a survey, with a word on what was missing.
fn form(words: &Words, survey: &OpenSurvey, problem: Option<&str>) -> String {
    let mut html = String::from("<form method=\"post\">");
    if let Some(problem) = problem {
        let _ = write!(html, "<p role=\"alert\"><strong>{}</strong></p>", escaped(problem));
    }
    for question in &survey.questions {
        let (name, text) = (escaped(&question.name), escaped(&question.value));
        let _ = write!(html, "<fieldset><legend>{text}</legend>");
        for rating in 1..=5 {
            let told = match rating {
                1 => format!(" {}", escaped(words.worst)),
                5 => format!(" {}", escaped(words.best)),
                _ => String::new(),
            };
            let _ = write!(
                html,
                "<label><input type=\"radio\" name=\"q-{name}\" value=\"{rating}\" required> {rating}{told}</label> "
            );
        }
        html.push_str("</fieldset>");
    }
    let (remark, anonymous, send) = (escaped(words.remark), escaped(words.anonymous), escaped(words.send));
    let _ = write!(
        html,
        "<p><label>{remark}<br><textarea name=\"{REMARK}\" rows=\"4\" cols=\"40\" maxlength=\"2000\"></textarea></label></p>\
         <p><small>{anonymous}</small></p><p><button>{send}</button></p></form>"
    );
    html
}

/// A page that loads nothing, runs nothing, tells nobody where it was and is kept nowhere.
fn page(status: StatusCode, words: &Words, body: &str) -> Response {
    let title = escaped(words.title);
    let html = format!(
        "<!DOCTYPE html><html lang=\"{}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title></head>\
         <body><main><h1>{title}</h1>{body}</main></body></html>\n",
        words.lang
    );
    let mut response = (status, html).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A text inside HTML or an attribute of it.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}
