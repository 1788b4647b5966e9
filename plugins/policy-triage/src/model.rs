//! The trained classifier: for every feature it knows, a small weight for every class and every feeling.
//!
//! The file is made by `examples/train`. Little-endian: `TRIAGE01`; how many classes, feelings and features (`u32` each);
//! the names, each a byte of length and UTF-8; for every column (classes, then feelings) a scale and a start (`f32`
//! each); the keys of the features, ascending (`u32` each); their rows of weights (`i8` for each column).
use crate::features::{Feature, features};
use crate::meanings::Meanings;

/// The weights that come with the plugin.
pub static BUNDLED: &[u8] = include_bytes!("../model.bin");

/// What the file begins with.
pub const MAGIC: &[u8; 8] = b"TRIAGE01";

/// A classifier. One column for each class, then one for each feeling.
pub struct Model<'a> {
    classes: usize,
    names: Vec<&'a str>,
    columns: Vec<Column>,
    keys: Vec<u32>,
    /// Where the keys of each bucket begin: those that share their first bits. They are hashes, so buckets are even.
    buckets: Vec<usize>,
    weights: &'a [u8],
    meanings: Meanings,
}

/// So many first bits of a key are its bucket.
const BUCKET_BITS: u32 = 12;

struct Column {
    scale: f32,
    start: f32,
}

/// What the classifier made of a text.
pub struct Scores {
    /// By column: how much speaks for it. Of classes only differences count.
    pub columns: Vec<f32>,
    /// The features it knows, and their rows.
    known: Vec<(usize, Feature)>,
}

/// Takes numbers off the front of the file.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn word(&mut self) -> Option<u32> {
        self.bytes(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn name(&mut self) -> Option<&'a str> {
        let length = self.bytes(1)?[0];
        std::str::from_utf8(self.bytes(length.into())?).ok()
    }
}

impl<'a> Model<'a> {
    /// Read a model; none where the bytes are not one.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut from = Reader(bytes);
        if from.bytes(MAGIC.len())? != MAGIC {
            return None;
        }
        let [classes, feelings, count] = [from.word()?, from.word()?, from.word()?].map(|number| number as usize);
        let width = classes.checked_add(feelings)?;
        let names = (0..width).map(|_| from.name()).collect::<Option<_>>()?;
        let mut number = || from.word().map(f32::from_bits);
        let columns = (0..width).map(|_| Some(Column { scale: number()?, start: number()? })).collect::<Option<_>>()?;
        let keys: Vec<u32> = (0..count).map(|_| from.word()).collect::<Option<_>>()?;
        let weights = from.bytes(count.checked_mul(width)?)?;
        let begin = |bucket: u64| keys.partition_point(|key| u64::from(*key) < bucket << (u32::BITS - BUCKET_BITS));
        let buckets = (0..=1 << BUCKET_BITS).map(begin).collect();
        let meanings = Meanings::default();
        (from.0.is_empty() && keys.is_sorted()).then_some(Self {
            classes,
            names,
            columns,
            keys,
            buckets,
            weights,
            meanings,
        })
    }

    /// The column of a class.
    pub fn class(&self, name: &str) -> Option<usize> {
        self.names[..self.classes].iter().position(|known| *known == name)
    }

    /// The column of a feeling.
    pub fn feeling(&self, name: &str) -> Option<usize> {
        let at = self.names[self.classes..].iter().position(|known| *known == name)?;
        Some(self.classes + at)
    }

    /// Score a normalised text. None where it has no feature that is known.
    pub fn score(&self, text: &str) -> Option<Scores> {
        // Each where it stands first.
        let (mut known, mut seen) = (Vec::new(), vec![0_u64; self.keys.len().div_ceil(64)]);
        features(text, &self.meanings, |feature| {
            let Some(row) = self.find(feature.key) else { return };
            let (word, bit) = (&mut seen[row / 64], 1 << (row % 64));
            if *word & bit == 0 {
                *word |= bit;
                known.push((row, feature));
            }
        });
        if known.is_empty() {
            return None;
        }
        let mut sums = vec![0i32; self.columns.len()];
        for (row, _) in &known {
            for (sum, weight) in sums.iter_mut().zip(self.row(*row)) {
                *sum += i32::from(weight.cast_signed());
            }
        }
        let share = length(known.len());
        let columns =
            sums.iter().zip(&self.columns).map(|(sum, column)| column.start + *sum as f32 * column.scale * share);
        Some(Scores { columns: columns.collect(), known })
    }

    /// The pieces of the text that speak most for a column, strongest first.
    pub fn reasons<'t>(&self, scores: &Scores, column: usize, text: &'t str, most: usize) -> Vec<&'t str> {
        let weight = |row: usize| self.row(row)[column].cast_signed();
        let mut strong: Vec<(i8, Feature)> =
            scores.known.iter().map(|(row, feature)| (weight(*row), *feature)).collect();
        strong.retain(|(weight, _)| *weight > 0);
        // Of equally strong ones the longer, which says more.
        strong.sort_by_key(|(weight, feature)| {
            (-i32::from(*weight), feature.start.wrapping_sub(feature.end), feature.start)
        });
        let mut taken: Vec<Feature> = Vec::new();
        for (_, feature) in strong {
            let apart = |other: &Feature| feature.end <= other.start || other.end <= feature.start;
            if taken.len() < most && taken.iter().all(apart) {
                taken.push(feature);
            }
        }
        taken.iter().map(|feature| &text[feature.start..feature.end]).collect()
    }

    fn find(&self, key: u32) -> Option<usize> {
        let bucket = (key >> (u32::BITS - BUCKET_BITS)) as usize;
        let (from, to) = (self.buckets[bucket], self.buckets[bucket + 1]);
        self.keys[from..to].iter().position(|known| *known == key).map(|at| from + at)
    }

    fn row(&self, row: usize) -> &'a [u8] {
        let width = self.columns.len();
        &self.weights[row * width..][..width]
    }
}

/// What each feature of so many counts, so that a long text weighs as much as a short one.
pub fn length(features: usize) -> f32 {
    1.0 / (features as f32).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_model_is_read() {
        let whole = Model::read(BUNDLED).unwrap();
        assert!(whole.class("late").is_some() && whole.feeling("angry").is_some() && whole.class("angry").is_none());
        for bytes in [&BUNDLED[..BUNDLED.len() - 1], &BUNDLED[1..], &[], &[BUNDLED, b"x"].concat()] {
            assert!(Model::read(bytes).is_none());
        }
    }

    #[test]
    fn a_text_without_known_features_scores_nothing() {
        let model = Model::read(BUNDLED).unwrap();
        assert!(model.score("").is_none() && model.score("ჯიქა").is_none());
        assert!(model.score("退款").is_some());
    }
}
