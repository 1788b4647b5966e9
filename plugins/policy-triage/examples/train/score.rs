//! Precision, recall and F1.
use std::collections::BTreeMap;

/// Counts of one label.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Said and right.
    pub right: usize,
    /// Said.
    pub said: usize,
    /// To be said.
    pub wanted: usize,
}

impl Counts {
    /// How much of what was said is right.
    pub fn precision(self) -> f64 {
        self.right as f64 / self.said.max(1) as f64
    }

    /// How much of what was to be said was said.
    pub fn recall(self) -> f64 {
        self.right as f64 / self.wanted.max(1) as f64
    }

    /// Their harmonic mean.
    pub fn f1(self) -> f64 {
        2.0 * self.right as f64 / (self.said + self.wanted).max(1) as f64
    }
}

/// What was said of messages, beside what was to be said.
#[derive(Debug, Default)]
pub struct Score {
    labels: BTreeMap<String, Counts>,
}

impl Score {
    /// Note one message. `-` stands for nothing, and counts as a label.
    pub fn note(&mut self, wanted: &str, said: &str) {
        self.labels.entry(wanted.to_owned()).or_default().wanted += 1;
        self.labels.entry(said.to_owned()).or_default().said += 1;
        if wanted == said {
            self.labels.entry(wanted.to_owned()).or_default().right += 1;
        }
    }

    /// The mean of F1 over the labels that were to be said.
    pub fn macro_f1(&self) -> f64 {
        let wanted: Vec<f64> =
            self.labels.values().filter(|counts| counts.wanted > 0).map(|counts| counts.f1()).collect();
        wanted.iter().sum::<f64>() / wanted.len().max(1) as f64
    }

    /// The counts of a label.
    pub fn of(&self, label: &str) -> Counts {
        self.labels.get(label).copied().unwrap_or_default()
    }

    /// A line for each label.
    pub fn print(&self, title: &str) {
        println!("{title}: macro-F1 {:.3}", self.macro_f1());
        for (label, counts) in &self.labels {
            let (precision, recall, f1) = (counts.precision(), counts.recall(), counts.f1());
            println!("  {label:<18} precision {precision:.3}  recall {recall:.3}  F1 {f1:.3}  of {}", counts.wanted);
        }
    }
}
