//! Which conversations a row of a table is for.
use schemars::JsonSchema;
use serde::Deserialize;
use tributary_sdk::PrepareError;
use tributary_sdk::desk::{Grade, Snapshot};

/// The keys of a row that say which conversations it is for; flattened into the row. A list that is empty fits everything.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct When {
    /// Grades it is for: `inquiry`, `simple-complaint`, `dispute`, `emergency`.
    #[serde(default)]
    pub grades: Vec<String>,
    /// Categories it is for.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Fits where the conversation has one of these tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Names of channels it is for.
    #[serde(default)]
    pub channels: Vec<String>,
}

/// The same, checked.
pub struct Condition {
    when: When,
    grades: Vec<Grade>,
}

impl When {
    /// Check the words.
    ///
    /// # Errors
    /// [`PrepareError`] with the key below `row`, such as `routes.0`.
    pub fn prepare(self, row: &str) -> Result<Condition, PrepareError> {
        let grades = self.grades.iter().map(|word| grade(word, format!("{row}.grades"))).collect::<Result<_, _>>()?;
        Ok(Condition { when: self, grades })
    }
}

/// The grade of a word.
///
/// # Errors
/// [`PrepareError`] with the key, and what is expected there.
pub fn grade(word: &str, key: String) -> Result<Grade, PrepareError> {
    let problem = format!("`{word}` is none of inquiry, simple-complaint, dispute, emergency");
    Grade::from_word(word).ok_or_else(|| PrepareError::value(key, problem))
}

impl Condition {
    /// Whether a conversation fits, as it is with this run's decisions.
    pub fn fits(&self, conversation: &Snapshot) -> bool {
        let When { categories, tags, channels, .. } = &self.when;
        self.fits_grade(conversation.current_grade())
            && (categories.is_empty()
                || conversation.current_category().is_some_and(|it| categories.iter().any(|name| name == it)))
            && (tags.is_empty() || tags.iter().any(|tag| conversation.has_tag(tag)))
            && (channels.is_empty() || channels.contains(&conversation.channel))
    }

    /// Whether it is for conversations of this grade.
    pub fn fits_grade(&self, grade: Option<Grade>) -> bool {
        self.grades.is_empty() || grade.is_some_and(|grade| self.grades.contains(&grade))
    }

    /// By what a conversation that fits does so: `grade dispute and tag vip`; nothing where the row is for everything.
    pub fn reason(&self, conversation: &Snapshot) -> Option<String> {
        let When { categories, tags, channels, .. } = &self.when;
        let mut reasons = Vec::new();
        if !self.grades.is_empty() {
            reasons.extend(conversation.current_grade().map(|grade| format!("grade {}", grade.word())));
        }
        if !categories.is_empty() {
            reasons.extend(conversation.current_category().map(|category| format!("category {category}")));
        }
        reasons.extend(tags.iter().find(|tag| conversation.has_tag(tag)).map(|tag| format!("tag {tag}")));
        if !channels.is_empty() {
            reasons.push(format!("channel {}", conversation.channel));
        }
        (!reasons.is_empty()).then(|| reasons.join(" and "))
    }
}
