//! Weighs what the classifier and the rules say of a text, and how certain the outcome is.
//!
//! Each class has a score: the classifier's, and the weight of every rule that speaks for it. The scores become
//! probabilities. A grade is taken where the classes of that grade or a graver one are probable enough together, then
//! the most probable class of that grade; each of its properties counts only where the classes that share it are certain
//! enough.
use tributary_policy::grade;
use tributary_sdk::PrepareError;
use tributary_sdk::desk::Grade;

use crate::config::{Class, Config, Feeling};
use crate::model::{BUNDLED, Model, Scores};
use crate::rules::{Match, Prepared};
use crate::words::Words;

/// As many pieces of the text are named where the classifier alone decided.
const MOST_REASONS: usize = 3;

/// Classes and feelings, and the classifier.
pub struct Judge {
    model: Model<'static>,
    weight: f32,
    rules_alone: f32,
    text: usize,
    classes: Vec<(Grade, Class)>,
    /// The least probability of a grade, gravest first.
    grades: [(Grade, f32); 3],
    certainty: f32,
    feelings: Vec<(Option<Grade>, Feeling)>,
    /// By class, then by feeling: the classifier's column.
    columns: Vec<Option<usize>>,
    /// By rule: the class, or behind all classes the feeling, that it speaks for.
    targets: Vec<Option<usize>>,
}

/// What a text is about.
pub struct Judgement<'a> {
    /// How grave.
    pub grade: Grade,
    /// Why so grave.
    pub grade_why: String,
    /// Its most probable class, where anything speaks for one.
    pub class: Option<Classed<'a>>,
    /// What else the text shows, and why.
    pub feelings: Vec<(&'a str, String)>,
}

/// The class of a text: what of it is certain enough to be said.
pub struct Classed<'a> {
    /// Why this class.
    pub why: String,
    /// The category.
    pub category: Option<&'a String>,
    /// C2.
    pub time: Option<&'a String>,
    /// C3.
    pub kind: Option<&'a String>,
    /// C4.
    pub scenario: Option<&'a String>,
    /// C5.
    pub dispute: Option<&'a String>,
}

impl Judge {
    /// Tie classes, feelings and rules to each other.
    ///
    /// # Errors
    /// [`PrepareError`] with the key whose value cannot work.
    pub fn prepare(config: &Config, rules: &[Prepared]) -> Result<Self, PrepareError> {
        let model = Model::read(BUNDLED).ok_or_else(|| PrepareError::other("the bundled classifier is damaged"))?;
        let share = |key: &str, value: f32| match value {
            0.0..=1.0 => Ok(value),
            _ => Err(PrepareError::value(key, "expected 0 to 1")),
        };
        if config.classes.is_empty() {
            return Err(PrepareError::value("classes", "expected one at least"));
        }
        let class = |(index, class): (usize, &Class)| {
            Ok((grade(&class.grade, format!("classes.{index}.grade"))?, class.clone()))
        };
        let feeling = |(index, feeling): (usize, &Feeling)| {
            let key = |name: &str| format!("feelings.{index}.{name}");
            share(&key("certainty"), feeling.certainty)?;
            let grade = feeling.grade.as_deref().map(|word| grade(word, key("grade"))).transpose()?;
            Ok((grade, feeling.clone()))
        };
        let of_classes = config.classes.iter().map(|class| model.class(&class.name));
        let columns = of_classes.chain(config.feelings.iter().map(|feeling| model.feeling(&feeling.name)));
        let names = config.classes.iter().map(|class| &class.name);
        let names: Vec<&String> = names.chain(config.feelings.iter().map(|feeling| &feeling.name)).collect();
        let target = |(index, rule): (usize, &Prepared)| {
            let Some(says) = &rule.says else { return Ok(None) };
            let unknown = || PrepareError::value(format!("rules.{index}.says"), "no class and no feeling is called so");
            names.iter().position(|name| *name == says).map(Some).ok_or_else(unknown)
        };
        Ok(Self {
            weight: config.classifier_weight,
            rules_alone: config.rules_alone,
            text: config.classified_text as usize,
            grades: [
                (Grade::Emergency, share("emergency-certainty", config.emergency_certainty)?),
                (Grade::Dispute, share("dispute-certainty", config.dispute_certainty)?),
                (Grade::SimpleComplaint, share("complaint-certainty", config.complaint_certainty)?),
            ],
            certainty: share("class-certainty", config.class_certainty)?,
            columns: columns.collect(),
            targets: rules.iter().enumerate().map(target).collect::<Result<_, _>>()?,
            classes: config.classes.iter().enumerate().map(class).collect::<Result<_, PrepareError>>()?,
            feelings: config.feelings.iter().enumerate().map(feeling).collect::<Result<_, PrepareError>>()?,
            model,
        })
    }

    /// Judge a normalised text by the rules that fit it and by the classifier.
    pub fn judge(&self, words: &Words, matches: &[Match<'_>], text: &str) -> Judgement<'_> {
        let text = &text[..text.floor_char_boundary(self.text)];
        let scores = (self.weight != 0.0).then(|| self.model.score(text)).flatten();
        let reading = Reading { judge: self, words, matches, text, scores };
        let class = reading.anything().then(|| self.class(&reading));
        let (mut grade, class) = class.map_or((Grade::Inquiry, None), |(grade, class)| (grade, Some(class)));
        let mut grade_why = match &class {
            Some(class) if grade != Grade::Inquiry => class.why.clone(),
            _ => "no complaint, dispute or emergency is certain enough".to_owned(),
        };
        let mut feelings = Vec::new();
        for (index, (at_least, feeling)) in self.feelings.iter().enumerate() {
            let target = self.classes.len() + index;
            let probability = 1.0 / (1.0 + (-reading.score(target)).exp());
            if probability < feeling.certainty {
                continue;
            }
            let why = reading.why(target, &feeling.means, probability);
            if let Some(at_least) = at_least.filter(|at_least| *at_least as u8 > grade as u8) {
                grade = at_least;
                grade_why.clone_from(&why);
            }
            feelings.push((feeling.name.as_str(), why));
        }
        Judgement { grade, grade_why, class, feelings }
    }

    /// The grade, and the most probable class of it.
    fn class(&self, reading: &Reading<'_>) -> (Grade, Classed<'_>) {
        let probable = softmax((0..self.classes.len()).map(|class| reading.score(class)).collect());
        let (grade, best) = self.best(&probable);
        let class = &self.classes[best].1;
        let total = |fits: &dyn Fn(&Class) -> bool| -> f32 {
            let classes = self.classes.iter().zip(&probable);
            classes.filter(|((other, class), _)| *other == grade && fits(class)).map(|(_, share)| share).sum()
        };
        let least = self.certainty * total(&|_| true);
        let certain = |property: fn(&Class) -> Option<&String>| {
            property(class).filter(|value| total(&|other| property(other) == Some(value)) >= least)
        };
        let classed = Classed {
            why: reading.why(best, &class.means, probable[best]),
            category: certain(|class| Some(&class.category)),
            time: certain(|class| class.time.as_ref()),
            kind: certain(|class| class.kind.as_ref()),
            scenario: certain(|class| class.scenario.as_ref()),
            dispute: certain(|class| class.dispute.as_ref()),
        };
        (grade, classed)
    }

    /// The gravest grade that is probable enough, and the most probable class of it.
    fn best(&self, probable: &[f32]) -> (Grade, usize) {
        let from = |least: Grade| -> f32 {
            let classes = self.classes.iter().zip(probable);
            classes.filter(|((grade, _), _)| *grade as u8 >= least as u8).map(|(_, share)| share).sum()
        };
        let certain = self.grades.iter().find(|(grade, least)| from(*grade) >= *least && from(*grade) > 0.0);
        let wanted = certain.map_or(Grade::Inquiry, |(grade, _)| *grade);
        let top = |of: &dyn Fn(Grade) -> bool| {
            let classes = (0..probable.len()).filter(|class| of(self.classes[*class].0));
            classes.max_by(|one, other| probable[*one].total_cmp(&probable[*other]))
        };
        let best = top(&|grade| grade == wanted).or_else(|| top(&|_| true)).unwrap_or_default();
        (self.classes[best].0, best)
    }
}

/// One text, while it is judged.
struct Reading<'a> {
    judge: &'a Judge,
    words: &'a Words,
    matches: &'a [Match<'a>],
    text: &'a str,
    scores: Option<Scores>,
}

impl Reading<'_> {
    /// The rules that speak for or against a class or a feeling.
    fn said(&self, target: usize) -> impl Iterator<Item = &Match<'_>> {
        self.matches.iter().filter(move |found| self.judge.targets[found.index] == Some(target))
    }

    /// Whether the classifier knows a feature of the text, or a rule speaks for a class.
    fn anything(&self) -> bool {
        let classes = 0..self.judge.classes.len();
        let speaks = |found: &Match<'_>| {
            !found.negated && self.judge.targets[found.index].is_some_and(|target| classes.contains(&target))
        };
        self.scores.is_some() || self.matches.iter().any(speaks)
    }

    fn score(&self, target: usize) -> f32 {
        let learnt = self.scores.as_ref().zip(self.judge.columns[target]);
        let learnt = learnt.map_or(0.0, |(scores, column)| scores.columns[column] * self.judge.weight);
        // Two rules of one meaning mean it no more than one does.
        let weights =
            || self.said(target).map(|found| if found.negated { -found.rule.weight } else { found.rule.weight });
        let times = if self.scores.is_some() { 1.0 } else { self.judge.rules_alone };
        learnt + (weights().fold(0.0, f32::max) + weights().fold(0.0, f32::min)) * times
    }

    /// `“盗刷”: money is taken that the customer did not agree to (97 % certain)`. Words of rules come first; the pieces
    /// that the classifier went by where there are none.
    fn why(&self, target: usize, means: &str, probability: f32) -> String {
        let percent = percent(probability);
        let speaking = self.said(target).filter(|found| !found.negated);
        // Of equally heavy rules the first.
        let heaviest = speaking.reduce(|one, other| if other.rule.weight > one.rule.weight { other } else { one });
        if let Some(found) = heaviest {
            return format!("{}: {} ({percent})", found.sentence(self.words), found.rule.means);
        }
        let pieces = self.scores.as_ref().zip(self.judge.columns[target]).map(|(scores, column)| {
            let pieces = self.judge.model.reasons(scores, column, self.text, MOST_REASONS);
            pieces.iter().map(|piece| format!("“{piece}”")).collect::<Vec<_>>().join(", ")
        });
        match pieces.filter(|pieces| !pieces.is_empty()) {
            Some(pieces) => format!("reads like this, by {pieces}: {means} ({percent})"),
            None => format!("nothing speaks for anything else: {means} ({percent})"),
        }
    }
}

impl Match<'_> {
    /// `found “盗刷”, “hacked”`, with three words at most.
    pub fn sentence(&self, words: &Words) -> String {
        let shown: Vec<String> = self.words.iter().take(3).map(|word| format!("“{}”", words.shown(*word))).collect();
        format!("found {}{}", shown.join(", "), if self.words.len() > 3 { " and more" } else { "" })
    }
}

fn percent(share: f32) -> String {
    format!("{:.0} % certain", share * 100.0)
}

fn softmax(mut scores: Vec<f32>) -> Vec<f32> {
    let top = scores.iter().copied().fold(f32::MIN, f32::max);
    scores.iter_mut().for_each(|score| *score = (*score - top).exp());
    let sum: f32 = scores.iter().sum();
    scores.iter_mut().for_each(|score| *score /= sum);
    scores
}
