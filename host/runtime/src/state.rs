//! What a store carries: one call, and what its plugin may touch.
use crate::budget::{Limits, Meter};
use crate::call::{Budget, Budgets, CallContext, CallEffects};
use crate::grant::Granted;
use crate::record::{Masks, Rewriting, Taping};
use crate::services::{Secret, Services};
use crate::ticker::{LongCall, Ticker};
use std::sync::Arc;
use tributary_model::decision::Happening;
use tributary_model::message::Attachment;
use tributary_model::{ChannelName, GenerationId, PluginName};

/// What all calls of a generation share.
pub(crate) struct Shared {
    pub name: PluginName,
    pub version: String,
    pub generation: GenerationId,
    /// The channel, or the empty name for a policy: state is kept by it.
    pub channel: ChannelName,
    /// The configuration as the guest gets it.
    pub config: String,
    pub granted: Granted,
    pub services: Services,
    pub budgets: Budgets,
    pub ticker: Arc<Ticker>,
    /// What hides its secrets in what is kept of its calls.
    pub masks: Masks,
}

impl Shared {
    /// What hides the secrets that are granted.
    pub fn hiding(&self) -> Arc<Rewriting> {
        self.masks.now(|| self.secrets())
    }

    /// The secrets that are granted and set.
    pub fn secrets(&self) -> Vec<(String, Secret)> {
        let get = |name: &String| Some((name.clone(), self.services.secrets.get(&self.name, name)?));
        self.granted.secrets.iter().filter_map(get).collect()
    }
}

/// One call, inside its store: what a version of the contract serves its services from.
pub struct CallState {
    pub(crate) shared: Arc<Shared>,
    pub(crate) context: CallContext,
    /// `prepare` runs: only `config` and `log` answer.
    pub(crate) preparing: bool,
    pub(crate) meter: Arc<Meter>,
    pub(crate) budgets: Budgets,
    pub(crate) limits: Limits,
    /// Set where a budget was used up, by whoever noticed.
    pub(crate) breach: Option<Budget>,
    pub(crate) bytes_out: usize,
    pub(crate) effects: CallEffects,
    /// Ids and sizes of the files that belong to this call, besides those of its context.
    pub(crate) files: Vec<(String, u64)>,
    pub(crate) log_lines: u32,
    /// From the first look at it on.
    pub(crate) long: Option<LongCall>,
    /// How often the guest handed something over.
    pub(crate) handed: usize,
    /// What the host answers, kept or replayed.
    pub(crate) taping: Taping,
}

/// How often a call may hand something over at the price of its bytes.
const FREE: usize = 1_000;
/// What each time more counts besides, in bytes.
const EACH: usize = 1 << 10;

/// Why the host ended a call. What the guest did is in the state's `breach`, or here.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// A budget: see `breach`.
    #[error("a budget was used up")]
    Budget,
    /// The guest gave something the contract does not allow.
    #[error("{0}")]
    Contract(String),
    /// The host could not go on.
    #[error("{0}")]
    Host(String),
}

impl CallState {
    pub(crate) fn new(shared: Arc<Shared>, context: CallContext, meter: Arc<Meter>, budgets: Budgets) -> Self {
        Self {
            limits: Limits::new(budgets.memory),
            shared,
            context,
            preparing: false,
            meter,
            budgets,
            breach: None,
            bytes_out: 0,
            effects: CallEffects::default(),
            files: Vec::new(),
            log_lines: 0,
            long: None,
            handed: 0,
            taping: Taping::default(),
        }
    }

    /// The next call of the same instance: only its memory stays.
    pub(crate) fn next(&mut self, context: CallContext, meter: Arc<Meter>) {
        self.context = context;
        self.meter = meter;
        self.breach = None;
        self.bytes_out = 0;
        self.effects = CallEffects::default();
        self.files.clear();
        self.log_lines = 0;
        self.long = None;
        self.handed = 0;
    }

    /// Counts bytes that the guest hands over; the error ends the call that handed over too many. What is handed over
    /// costs the host more than its bytes: a million questions of one byte each, kept on a tape, are hundreds of
    /// megabytes.
    pub fn hand_over(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.bytes_out = self.bytes_out.saturating_add(bytes);
        self.handed = self.handed.saturating_add(1);
        let kept = self.handed.saturating_sub(FREE).saturating_mul(EACH);
        if self.bytes_out.saturating_add(kept) > self.budgets.bytes_out {
            self.breach = Some(Budget::BytesOut);
            return Err(Stop::Budget.into());
        }
        Ok(())
    }

    /// Files that came with an argument belong to the call.
    pub fn add_files(&mut self, attachments: &[Attachment]) {
        self.files.extend(attachments.iter().map(|file| (file.blob.clone(), file.size)));
    }

    /// Files that came with a happening belong to the call.
    pub fn add_files_of(&mut self, happening: &Happening) {
        match happening {
            Happening::Message(message) => self.add_files(&message.content.attachments),
            Happening::AgentReplied(content) => self.add_files(&content.attachments),
            _ => {}
        }
    }

    /// The size of a file that belongs to this call.
    pub fn file(&self, blob: &str) -> Option<u64> {
        let put = self.files.iter().find(|(id, _)| id == blob).map(|(_, size)| *size);
        put.or_else(|| self.context.attachments.iter().find(|file| file.blob == blob).map(|file| file.size))
    }
}
