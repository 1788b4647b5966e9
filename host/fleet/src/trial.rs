//! What a trial sees, counted; and its verdict on the way to the fleet. The rules of the verdict are the model's.
use crate::entry::TrialLimits;
use crate::seated::Mode;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::mpsc;
use tributary_model::trial::{Counts, Ended, GuardLimits, Limits, Tally, Verdict, judge, judge_guarded};
use tributary_model::{GenerationId, Place};
use tributary_pipeline::{Compared, Ramp, Seen, Watch, now};
use tributary_runtime::Blame;
use tributary_store::NewDifference;

/// Differences that wait for the store at most; more are counted by the tally and not kept.
const WAITING: usize = 256;

/// A trial is over.
#[derive(Debug)]
pub(crate) struct Judged {
    pub place: Place,
    pub tried: GenerationId,
    pub verdict: Verdict,
}

struct Inner {
    tally: Tally,
    /// It is told once; a full channel is no telling.
    told: bool,
    differences: Vec<NewDifference>,
    last_fault: Option<String>,
}

/// Counts one trial.
pub(crate) struct TrialWatch {
    place: Place,
    tried: GenerationId,
    against: GenerationId,
    mode: Mode,
    limits: TrialLimits,
    inner: Mutex<Inner>,
    ramp: Ramp,
    verdicts: mpsc::Sender<Judged>,
}

impl TrialWatch {
    pub fn new(
        place: Place,
        tried: GenerationId,
        against: GenerationId,
        mode: Mode,
        limits: TrialLimits,
        verdicts: mpsc::Sender<Judged>,
    ) -> Arc<Self> {
        let inner = Inner { tally: Tally::default(), told: false, differences: Vec::new(), last_fault: None };
        Arc::new(Self {
            place,
            tried,
            against,
            mode,
            limits,
            inner: Mutex::new(inner),
            ramp: Ramp::default(),
            verdicts,
        })
    }

    /// What it counted.
    pub fn counts(&self) -> Counts {
        self.inner.lock().tally.counts()
    }

    /// How it stands.
    pub fn verdict(&self) -> Verdict {
        self.judge(&self.counts())
    }

    /// Differences that were not handed to the store yet.
    pub fn take_differences(&self) -> Vec<NewDifference> {
        std::mem::take(&mut self.inner.lock().differences)
    }

    /// What it has to see in all: conversations, or calls for a guard.
    pub fn enough(&self) -> u64 {
        u64::from(if self.mode == Mode::Guard { self.limits.guard } else { self.limits.enough })
    }

    fn judge(&self, counts: &Counts) -> Verdict {
        if self.mode == Mode::Guard {
            let limits = GuardLimits { enough: u64::from(self.limits.guard), ..GuardLimits::default() };
            return judge_guarded(counts, &limits);
        }
        let limits = Limits {
            enough: u64::from(self.limits.enough),
            errors: self.limits.errors,
            breaches: self.limits.breaches,
            differences: self.limits.differences,
            slower: self.limits.slower,
        };
        judge(counts, &limits)
    }

    fn tell(&self, inner: &mut Inner) {
        if inner.told {
            return;
        }
        let verdict = match self.judge(&inner.tally.counts()) {
            Verdict::GoOn => return,
            Verdict::RollBack(why) => match &inner.last_fault {
                Some(fault) => Verdict::RollBack(format!("{why}; the last one: {fault}")),
                None => Verdict::RollBack(why),
            },
            promote => promote,
        };
        let judged = Judged { place: self.place.clone(), tried: self.tried, verdict };
        // Where there is no room, the next call tells it.
        inner.told = self.verdicts.try_send(judged).is_ok();
    }
}

impl Watch for TrialWatch {
    fn ramp(&self) -> Option<&Ramp> {
        Some(&self.ramp)
    }

    fn saw(&self, seen: Seen) {
        let mut inner = self.inner.lock();
        let ended = match &seen.fault {
            None if !seen.proves => return,
            None => Ended::Answered,
            Some((Blame::Host, _)) => Ended::Excused,
            Some(_) if seen.base_failed => Ended::Excused,
            Some((Blame::Budget, _)) => Ended::Breach,
            Some(_) => Ended::Fault,
        };
        inner.tally.saw(ended);
        if let Some((_, words)) = seen.fault
            && ended != Ended::Excused
        {
            inner.last_fault = Some(words);
        }
        self.tell(&mut inner);
    }

    fn compared(&self, compared: Compared) {
        let mut inner = self.inner.lock();
        inner.tally.compared(compared.key, compared.differs.is_some(), compared.guest);
        if let Some((before, after)) = compared.differs
            && inner.differences.len() < WAITING
        {
            inner.differences.push(NewDifference {
                tried: self.tried,
                against: self.against,
                conversation: compared.conversation,
                about: compared.about,
                before,
                after,
                at: now(),
            });
        }
        self.tell(&mut inner);
    }
}
