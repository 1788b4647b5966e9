//! Logistic regression: one softmax over the classes and a yes or no for each feeling, by AdaGrad.
use std::collections::BTreeMap;

use policy_triage::{MAGIC, Meanings, features, length};

const EPOCHS: usize = 30;
const RATE: f32 = 0.3;
/// How strongly weights are drawn to nothing.
const DECAY: f32 = 1e-5;
/// This share of the features of a message is left out each time, so that no class hangs on a single one.
const LEFT_OUT: f32 = 0.25;
/// A feature of fewer lessons is not learnt.
const LEAST_LESSONS: usize = 2;
/// The model keeps so many features, those with most influence.
const MOST_FEATURES: usize = 8_200;
/// Messages that show a feeling are few, so each counts as so many.
const FEELING: f32 = 4.0;

/// What the learner is told of one message.
pub struct Lesson<'a> {
    /// Its class.
    pub class: &'a str,
    /// What it shows.
    pub feelings: &'a [String],
    /// Where it comes from.
    pub source: &'a str,
    /// The text, normalised.
    pub text: String,
    /// How much it counts.
    pub weight: f32,
}

/// A message as numbers.
struct Sample {
    rows: Vec<usize>,
    class: usize,
    feelings: Vec<bool>,
    weight: f32,
}

/// Numbers without a pattern, the same each time: xorshift.
pub struct Random(u64);

impl Random {
    /// A start other than 0.
    pub fn new(start: u64) -> Self {
        Self(start)
    }

    /// Below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 33) % bound as u64) as usize
    }

    /// One of several.
    pub fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// The lessons and what is learnt from them.
pub struct Learner<'a> {
    classes: &'a [&'a str],
    names: Vec<&'a str>,
    keys: Vec<u32>,
    samples: Vec<Sample>,
}

/// Weights by row and column, and the start of each column.
struct Learnt {
    weights: Vec<f32>,
    starts: Vec<f32>,
}

impl<'a> Learner<'a> {
    /// Turn lessons into numbers.
    pub fn new(classes: &'a [&'a str], feelings: &'a [&'a str], lessons: &[Lesson<'_>]) -> Self {
        let meanings = Meanings::default();
        let text = |lesson: &Lesson<'_>| {
            let mut keys = Vec::new();
            features(&lesson.text, &meanings, |feature| keys.push(feature.key));
            keys.sort_unstable();
            keys.dedup();
            keys
        };
        let texts: Vec<Vec<u32>> = lessons.iter().map(text).collect();
        let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
        texts.iter().flatten().for_each(|key| *counts.entry(*key).or_default() += 1);
        let keys: Vec<u32> =
            counts.into_iter().filter(|(_, count)| *count >= LEAST_LESSONS).map(|(key, _)| key).collect();
        let sample = |(lesson, text): (&Lesson<'_>, &Vec<u32>)| Sample {
            rows: text.iter().filter_map(|key| keys.binary_search(key).ok()).collect(),
            class: classes
                .iter()
                .position(|class| *class == lesson.class)
                .unwrap_or_else(|| panic!("no class is called {}", lesson.class)),
            feelings: feelings.iter().map(|feeling| lesson.feelings.iter().any(|shown| shown == feeling)).collect(),
            weight: lesson.weight,
        };
        let samples = lessons.iter().zip(&texts).map(sample).collect();
        Self { classes, names: [classes, feelings].concat(), keys, samples }
    }

    /// The model's file. Learnt twice: with all features, and again with those that mattered.
    pub fn learn(mut self) -> Vec<u8> {
        let first = self.descend();
        let mut influence: Vec<(f32, usize)> = vec![(0.0, 0); self.keys.len()];
        let seen = self.samples.iter().flat_map(|sample| sample.rows.iter().map(|row| (*row, sample.weight)));
        for (row, weight) in seen {
            influence[row].0 += weight;
        }
        for (row, (seen, at)) in influence.iter_mut().enumerate() {
            let squares =
                first.weights[row * self.names.len()..][..self.names.len()].iter().map(|weight| weight * weight);
            *seen = squares.sum::<f32>() * seen.sqrt();
            *at = row;
        }
        influence.sort_by(|one, other| other.0.total_cmp(&one.0));
        let mut kept: Vec<usize> = influence.iter().take(MOST_FEATURES).map(|(_, row)| *row).collect();
        kept.sort_unstable();
        for sample in &mut self.samples {
            sample.rows = sample.rows.iter().filter_map(|row| kept.binary_search(row).ok()).collect();
        }
        self.keys = kept.iter().map(|row| self.keys[*row]).collect();
        let learnt = self.descend();
        self.file(&learnt)
    }

    fn descend(&self) -> Learnt {
        let (width, rows) = (self.names.len(), self.keys.len());
        let mut learnt = Learnt { weights: vec![0.0; rows * width], starts: vec![0.0; width] };
        // Sums of squares begin above nothing, or the first step would be of full length whatever it says.
        let mut squares = Learnt { weights: vec![0.1; rows * width], starts: vec![1.0; width] };
        let mut random = Random::new(0x5eed);
        let mut order: Vec<usize> = (0..self.samples.len()).collect();
        let left_out = (LEFT_OUT * 1000.0) as usize;
        for _ in 0..EPOCHS {
            for at in (1..order.len()).rev() {
                order.swap(at, random.below(at + 1));
            }
            for sample in order.iter().map(|at| &self.samples[*at]) {
                let rows: Vec<usize> = sample.rows.iter().copied().filter(|_| random.below(1000) >= left_out).collect();
                if !rows.is_empty() {
                    self.step(sample, &rows, &mut learnt, &mut squares);
                }
            }
        }
        learnt
    }

    fn step(&self, sample: &Sample, rows: &[usize], learnt: &mut Learnt, squares: &mut Learnt) {
        let width = self.names.len();
        let share = length(rows.len());
        let mut slopes = learnt.starts.clone();
        for row in rows {
            slopes.iter_mut().zip(&learnt.weights[row * width..]).for_each(|(sum, weight)| *sum += weight * share);
        }
        let (classes, feelings) = slopes.split_at_mut(self.classes.len());
        let top = classes.iter().copied().fold(f32::MIN, f32::max);
        classes.iter_mut().for_each(|score| *score = (*score - top).exp());
        let sum: f32 = classes.iter().sum();
        classes.iter_mut().for_each(|score| *score *= sample.weight / sum);
        classes[sample.class] -= sample.weight;
        for (score, shown) in feelings.iter_mut().zip(&sample.feelings) {
            let probability = 1.0 / (1.0 + (-*score).exp());
            *score = if *shown { (probability - 1.0) * FEELING } else { probability } * sample.weight;
        }
        let move_by = |weight: &mut f32, square: &mut f32, slope: f32| {
            *square += slope * slope;
            *weight -= RATE * slope / square.sqrt();
        };
        for row in rows {
            let cells = learnt.weights[row * width..][..width].iter_mut().zip(&mut squares.weights[row * width..]);
            cells.zip(&slopes).for_each(|((weight, square), slope)| {
                let slope = slope * share + DECAY * *weight;
                move_by(weight, square, slope);
            });
        }
        let starts = learnt.starts.iter_mut().zip(&mut squares.starts);
        starts.zip(&slopes).for_each(|((start, square), slope)| move_by(start, square, *slope));
    }

    /// See `src/model.rs` for the form.
    fn file(&self, learnt: &Learnt) -> Vec<u8> {
        let width = self.names.len();
        let column = |column: usize| learnt.weights.iter().skip(column).step_by(width);
        let largest = |at: usize| column(at).fold(f32::MIN_POSITIVE, |most, weight| most.max(weight.abs()));
        let scales: Vec<f32> = (0..width).map(|at| largest(at) / f32::from(i8::MAX)).collect();
        let mut file = MAGIC.to_vec();
        for count in [self.classes.len(), width - self.classes.len(), self.keys.len()] {
            file.extend((count as u32).to_le_bytes());
        }
        for name in &self.names {
            file.push(name.len() as u8);
            file.extend(name.as_bytes());
        }
        for (scale, start) in scales.iter().zip(&learnt.starts) {
            file.extend(scale.to_le_bytes());
            file.extend(start.to_le_bytes());
        }
        self.keys.iter().for_each(|key| file.extend(key.to_le_bytes()));
        for row in learnt.weights.chunks(width) {
            file.extend(
                row.iter().zip(&scales).map(|(weight, scale)| ((weight / scale).round() as i8).cast_unsigned()),
            );
        }
        file
    }
}
