//! Trains the classifier and writes `model.bin`:
//!
//! ```text
//! cargo run --release -p policy-triage --example train [-- COLLECTION.csv]
//! ```
//!
//! It learns from `training/train-*.tsv` and from the part of the collection that is not set aside, and prints how well it
//! does on `training/heldout-*.tsv` and on the part that is. The same input makes the same file.
mod data;
mod learn;
#[allow(dead_code, reason = "what only the test reads")]
mod score;

use std::error::Error;
use std::path::{Path, PathBuf};

use data::Example;
use learn::{Learner, Lesson};
use policy_triage::{Config, Model, Normaliser};
use score::Score;

/// A text with alternatives, `{late|overdue}`, is spelt so many times, and each counts so much.
const SPELT: (usize, f32) = (8, 0.4);
/// An example with something said before or behind it counts so much, and there are so many of each.
const DRESSED: (usize, f32) = (2, 0.5);
/// The examples of a class and a language count together as the square root of their number, and as much as so many do;
/// those of the collection, which are variations of few sentences, so much less.
const USUAL: f32 = 60.0;
const COLLECTION: f32 = 0.6;
/// What is about nothing has no end, so examples of it count so many times as much.
const NOTHING: (&str, f32) = ("chat", 2.0);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config: Config = toml::from_str(&std::fs::read_to_string(folder.join("config.toml"))?)?;
    let normaliser = Normaliser::new(&config.variants);
    let file = std::env::args_os().nth(1).map_or_else(data::collection, PathBuf::from);
    let (known, aside) = data::sentences(&file).map_err(|error| format!("{}: {error}", file.display()))?;

    let fillers = data::table("fillers.tsv");
    let mut lessons = Vec::new();
    let own = ["zh", "en"].map(|language| (language, data::examples(&format!("train-{language}.tsv"))));
    for (language, own) in &own {
        let of = |place: &str| -> Vec<&str> {
            let rows = fillers.iter().filter(|row| row["language"] == *language && row["place"] == place);
            rows.map(|row| row["text"].as_str()).collect()
        };
        let (before, behind) = (of("before"), of("behind"));
        let mut pick = learn::Random::new(7);
        for example in own {
            let mut add = |text: String, weight| lessons.push(Lesson { text, weight, ..lesson(example, language) });
            let (times, weight) = if example.text.contains('{') { SPELT } else { (1, 1.0) };
            for _ in 0..times {
                let text = spelt(&example.text, &mut pick);
                for _ in 0..DRESSED.0 {
                    let (first, last) = (pick.of(&before), pick.of(&behind));
                    let dressed = match pick.below(4) {
                        0 => format!("{first}{text}"),
                        1 => format!("{text}{last}"),
                        _ => format!("{first}{text}{last}"),
                    };
                    add(dressed, weight * DRESSED.1);
                }
                add(text, weight);
            }
        }
    }
    lessons.extend(known.iter().map(|example| Lesson { weight: 1.0, ..lesson(example, "collection") }));
    balance(&mut lessons);
    lessons.iter_mut().for_each(|lesson| lesson.text = normaliser.apply(&lesson.text));

    let classes: Vec<&str> = config.classes.iter().map(|class| class.name.as_str()).collect();
    let taught = |class: &&str| lessons.iter().any(|lesson| lesson.class == *class);
    let classes: Vec<&str> = classes.into_iter().filter(taught).collect();
    let feelings: Vec<&str> = config.feelings.iter().map(|feeling| feeling.name.as_str()).collect();
    let bytes = Learner::new(&classes, &feelings, &lessons).learn();
    let model = Model::read(&bytes).ok_or("what was written cannot be read")?;
    println!("{} lessons, {} bytes", lessons.len(), bytes.len());
    for (title, examples) in [
        ("Chinese, set aside", data::examples("heldout-zh.tsv")),
        ("English, set aside", data::examples("heldout-en.tsv")),
        ("the collection, set aside", aside),
    ] {
        judge(title, &model, &classes, &normaliser, &examples);
    }
    std::fs::write(folder.join("model.bin"), &bytes)?;
    Ok(())
}

/// One spelling of a text with alternatives.
fn spelt(text: &str, pick: &mut learn::Random) -> String {
    let mut spelling = String::new();
    let mut rest = text;
    while let Some((before, (choices, behind))) =
        rest.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)))
    {
        spelling.push_str(before);
        spelling.push_str(pick.of(&choices.split('|').collect::<Vec<_>>()));
        rest = behind;
    }
    spelling + rest
}

fn lesson<'a>(example: &'a Example, source: &'a str) -> Lesson<'a> {
    Lesson { class: &example.class, feelings: &example.feelings, source, text: example.text.clone(), weight: 1.0 }
}

fn balance(lessons: &mut [Lesson<'_>]) {
    let mut sums = std::collections::BTreeMap::new();
    for lesson in &*lessons {
        *sums.entry((lesson.source, lesson.class)).or_insert(0.0) += lesson.weight;
    }
    for lesson in lessons {
        let share: f32 = USUAL / sums[&(lesson.source, lesson.class)];
        lesson.weight *= share.sqrt();
        if lesson.source == "collection" {
            lesson.weight *= COLLECTION;
        }
        if lesson.class == NOTHING.0 {
            lesson.weight *= NOTHING.1;
        }
    }
}

/// The most probable class of each message, beside its own.
fn judge(title: &str, model: &Model<'_>, classes: &[&str], normaliser: &Normaliser, examples: &[Example]) {
    let mut score = Score::default();
    for example in examples {
        let scores = model.score(&normaliser.apply(&example.text));
        let best = |columns: &[f32]| (0..classes.len()).max_by(|one, other| columns[*one].total_cmp(&columns[*other]));
        let said = scores.and_then(|scores| best(&scores.columns)).map_or("-", |best| classes[best]);
        score.note(&example.class, said);
    }
    score.print(title);
}
