//! Reads the messages that the classifier learns from, and those it is judged by.
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A message and its class.
#[derive(Debug, Clone)]
pub struct Example {
    /// The class's name.
    pub class: String,
    /// `angry`, `urgent`.
    pub feelings: Vec<String>,
    /// What the customer wrote.
    pub text: String,
}

/// The public collection of customers' sentences (Bitext), where it lies beside the project.
pub fn collection() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/service/bitext-train.csv")
}

/// The classes of the collection, and the intents that are of each.
const INTENTS: [(&str, &[&str]); 10] = [
    (
        "account",
        &[
            "create_account",
            "delete_account",
            "edit_account",
            "switch_account",
            "recover_password",
            "registration_problems",
            "newsletter_subscription",
        ],
    ),
    ("complaint", &["complaint"]),
    ("contact", &["contact_customer_service", "contact_human_agent"]),
    ("feedback", &["review"]),
    ("invoice", &["check_invoice", "get_invoice"]),
    (
        "logistics",
        &["track_order", "delivery_options", "delivery_period", "change_shipping_address", "set_up_shipping_address"],
    ),
    ("order", &["cancel_order", "change_order", "place_order", "check_cancellation_fee"]),
    ("payment", &["check_payment_methods"]),
    ("payment-failure", &["payment_issue"]),
    ("refund", &["check_refund_policy", "get_refund", "track_refund"]),
];

/// Out of a hundred groups of sentences of the collection, so many are set aside.
const SET_ASIDE: u32 = 30;

/// Words that fill the collection's templates and say nothing of the matter.
const TEMPLATE: &str = " a about an and any are assistance assist be been call can could do does dont for get give got has have \
    help how i if im in information inform is it know like ll me more must my need needs of on or please possible some support \
    tell that the there to try trying u up ur us ve want wanna was we what when where which who will with would ya you your ";

/// Messages of one of the files in `training/`, with the columns by their names.
pub fn table(name: &str) -> Vec<BTreeMap<String, String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("training").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines().map(|line| line.split('\t').map(str::to_owned));
    let names: Vec<String> = lines.next().into_iter().flatten().collect();
    lines.map(|cells| names.iter().cloned().zip(cells).collect()).collect()
}

/// The examples of one of the files in `training/`.
pub fn examples(name: &str) -> Vec<Example> {
    let example = |row: BTreeMap<String, String>| Example {
        class: row["class"].clone(),
        feelings: row["feeling"].split(',').filter(|feeling| *feeling != "-").map(str::to_owned).collect(),
        text: row["text"].clone(),
    };
    table(name).into_iter().map(example).collect()
}

/// The sentences of the collection: those to learn from, and those set aside. Sentences that are the same but for the
/// words of a template, the endings of words and the numbers are on the same side.
pub fn sentences(file: &Path) -> std::io::Result<(Vec<Example>, Vec<Example>)> {
    let text = fs::read_to_string(file)?;
    let all = text.lines().skip(1).filter_map(sentence);
    Ok(all.partition(|example| group(example) % 100 >= SET_ASIDE))
}

fn sentence(line: &str) -> Option<Example> {
    let (text, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once("\",")?,
        None => line.split_once(',')?,
    };
    let intent = rest.split(',').next()?;
    let (class, _) = INTENTS.iter().find(|(_, intents)| intents.contains(&intent))?;
    Some(Example { class: (*class).to_owned(), feelings: Vec::new(), text: text.replace("\"\"", "\"") })
}

/// A number that sentences of one group share.
fn group(example: &Example) -> u32 {
    let text = example.text.to_lowercase().replace('\'', "");
    let words = text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let mut words: Vec<&str> =
        words.filter(|word| !TEMPLATE.contains(&format!(" {word} "))).map(|word| &word[..word.len().min(5)]).collect();
    words.sort_unstable();
    words.dedup();
    let bytes = example.class.bytes().chain(words.iter().flat_map(|word| [b' '].into_iter().chain(word.bytes())));
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)) >> 8
}
