//! What customers say of the service. An answer names nobody: it is added to what others answered in its week and kept no
//! other way (M3).
use crate::StoreError;
use async_trait::async_trait;
use tributary_model::Timestamp;
use tributary_model::message::Attribute;

/// A form that can be answered.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenSurvey {
    /// Its name, such as `closing`.
    pub name: String,
    /// What it asks: a name to count by, and the words that the customer reads.
    pub questions: Vec<Attribute>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct SurveyAnswer {
    /// A question's name, and 1 to 5.
    pub ratings: Vec<(String, u8)>,
    /// What else the customer wrote.
    pub remark: Option<String>,
}

/// Why an answer was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnswered {
    /// The form was answered, or its time is over.
    #[error("this form was answered already, or its time is over")]
    Gone,
    /// The form does not ask this, or not for this rating.
    #[error("{0}: each question of the form is answered by 1 to 5")]
    Rating(String),
}

/// How often a question got each rating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RatingCount {
    /// The Monday of the week, at midnight UTC.
    pub week: Timestamp,
    /// The survey.
    pub name: String,
    /// The question.
    pub question: String,
    /// The fact's value; empty for everybody.
    pub value: String,
    /// How often 1, 2, 3, 4 and 5.
    pub times: [u64; 5],
}

/// What somebody wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The Monday of the week, at midnight UTC.
    pub week: Timestamp,
    /// The survey.
    pub name: String,
    /// The text.
    pub text: String,
}

/// Surveys and what came of them.
#[async_trait]
pub trait Feedback: Send + Sync {
    /// The form with this secret, while it can be answered.
    async fn survey(&self, secret: &str, now: Timestamp) -> Result<Option<OpenSurvey>, StoreError>;

    /// Adds an answer up and closes its form.
    async fn answer_survey(
        &self,
        secret: &str,
        answer: SurveyAnswer,
        now: Timestamp,
    ) -> Result<Result<(), NotAnswered>, StoreError>;

    /// Ratings since a moment's week: of everybody, or by a fact: `channel`, `team`, `category`. The newest week first.
    async fn ratings(&self, since: Timestamp, by: &str) -> Result<Vec<RatingCount>, StoreError>;

    /// What people wrote since a moment's week, the newest week first, `most` at most.
    async fn remarks(&self, since: Timestamp, most: usize) -> Result<Vec<Remark>, StoreError>;
}
