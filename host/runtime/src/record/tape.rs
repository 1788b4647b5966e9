//! The tape of a call: what the plugin asked of the host and what it was answered, in order.
//!
//! A tape is kept for a call of another generation beside this one, and in recordings. On it are the services whose
//! answers a plugin cannot work out by itself: `state`, `secrets`, `blobs`, `http`, `mail`, `knowledge`,
//! `calendar`. Not on it are
//! `config`, which is the generation's and not the call's, `log`, which answers nothing, and `clock`, whose one answer is
//! the call's moment. The contract has no source of randomness.
//!
//! Never on it is a secret that the plugin is granted: a marker stands in its place, see [`super::mask`].
use super::mask::Rewriting;
use super::pack::{self, Pack};
use super::value::Value;
use super::words::Word;
use crate::call::{CallContext, Outside};
use parking_lot::Mutex;
use std::sync::Arc;

/// A function of a service that is kept on tapes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Service {
    /// `state.get`
    StateGet,
    /// `state.set`
    StateSet,
    /// `state.delete`
    StateDelete,
    /// `state.keys`
    StateKeys,
    /// `secrets.get`
    SecretsGet,
    /// `secrets.hmac-sha256`
    SecretsHmac,
    /// `blobs.put`
    BlobsPut,
    /// `blobs.get`
    BlobsGet,
    /// `http.send`
    HttpSend,
    /// `mail.submit`
    MailSubmit,
    /// `knowledge.search`
    KnowledgeSearch,
    /// `calendar.opening`
    CalendarOpening,
    /// `calendar.after`
    CalendarAfter,
}

impl Service {
    /// Every one.
    pub const ALL: [Self; 13] = [
        Self::StateGet,
        Self::StateSet,
        Self::StateDelete,
        Self::StateKeys,
        Self::SecretsGet,
        Self::SecretsHmac,
        Self::BlobsPut,
        Self::BlobsGet,
        Self::HttpSend,
        Self::MailSubmit,
        Self::KnowledgeSearch,
        Self::CalendarOpening,
        Self::CalendarAfter,
    ];

    /// Interface and function, as the contract writes them.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StateGet => "state.get",
            Self::StateSet => "state.set",
            Self::StateDelete => "state.delete",
            Self::StateKeys => "state.keys",
            Self::SecretsGet => "secrets.get",
            Self::SecretsHmac => "secrets.hmac-sha256",
            Self::BlobsPut => "blobs.put",
            Self::BlobsGet => "blobs.get",
            Self::HttpSend => "http.send",
            Self::MailSubmit => "mail.submit",
            Self::KnowledgeSearch => "knowledge.search",
            Self::CalendarOpening => "calendar.opening",
            Self::CalendarAfter => "calendar.after",
        }
    }

    /// The one of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == name)
    }

    /// Whether the same question may be asked again and gets the same answer: it changes nothing.
    fn is_reading(self) -> bool {
        matches!(
            self,
            Self::StateGet
                | Self::StateKeys
                | Self::SecretsGet
                | Self::SecretsHmac
                | Self::BlobsGet
                | Self::KnowledgeSearch
                | Self::CalendarOpening
                | Self::CalendarAfter
        )
    }
}

/// One question and its answer, packed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Line {
    pub service: Service,
    pub asked: Vec<u8>,
    pub answered: Vec<u8>,
}

/// What the host answered during one call, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tape {
    pub(crate) lines: Vec<Line>,
}

impl Tape {
    /// How often a service was asked.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether no service was asked.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What was asked and answered, in order. Bytes that the plugin handed over are there by their digest and size.
    pub fn lines(&self) -> impl Iterator<Item = (Service, Value, Value)> + '_ {
        self.lines.iter().map(|line| {
            let read = |bytes: &[u8]| pack::read(bytes).unwrap_or(Value::Nothing);
            (line.service, read(&line.asked), read(&line.answered))
        })
    }
}

/// A tape that is being kept. The caller of the plugin holds it too: a call that is ended from outside leaves one as well.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    tape: Tape,
    signatures: Vec<Vec<u8>>,
}

impl Notes {
    /// The tape as it is now, and what the host signed.
    pub fn so_far(&self) -> (Tape, Vec<Vec<u8>>) {
        let noted = self.0.lock();
        (noted.tape.clone(), noted.signatures.clone())
    }
}

/// Where in a tape a replayed call is.
#[derive(Debug)]
struct Playing {
    tape: Arc<Tape>,
    used: Vec<bool>,
}

/// How a service is to answer.
pub(crate) enum Heard<T> {
    /// By doing what it does: the call is a real one.
    Real,
    /// As it did.
    Answer(T),
    /// As one that cannot be reached: the call is replayed, and this is not on its tape.
    Silence,
}

/// A call's side of tapes: the one it keeps, and the one it is answered from.
#[derive(Debug, Default)]
pub(crate) struct Taping {
    notes: Option<Arc<Notes>>,
    playing: Option<Playing>,
    /// Files that a replayed call put: its own to read, and nobody else's.
    aside: Vec<(String, Vec<u8>)>,
    /// What hides the secrets of the plugin.
    secrets: Arc<Rewriting>,
}

/// What a service was asked, where anybody wants to know.
pub(crate) struct Asked(Option<Vec<u8>>);

/// The words of a service that cannot be reached because its call is replayed.
pub(crate) const NOT_ON_TAPE: &str = "the call is replayed, and this is not on its tape";

impl Taping {
    /// For a call that begins, on an instance that may have served others. `secrets` is asked where anything is kept or
    /// replayed.
    pub fn begin(
        &mut self,
        context: &CallContext,
        notes: Option<Arc<Notes>>,
        secrets: impl FnOnce() -> Arc<Rewriting>,
    ) {
        self.playing = match &context.outside {
            Outside::Real => None,
            Outside::Replayed(tape) => Some(Playing { tape: Arc::clone(tape), used: vec![false; tape.lines.len()] }),
        };
        self.notes = notes;
        if self.notes.is_some() || self.playing.is_some() {
            self.secrets = secrets();
        }
        self.aside.clear();
    }

    /// Keeps a file of a replayed call for as long as the call lasts, and returns its id.
    pub fn set_aside(&mut self, id: String, data: Vec<u8>) -> String {
        self.aside.push((id.clone(), data));
        id
    }

    /// A file that was set aside.
    pub fn aside(&self, id: &str) -> Option<&[u8]> {
        self.aside.iter().find(|(aside, _)| aside == id).map(|(_, data)| data.as_slice())
    }

    /// Whether nothing may leave and nothing may be written.
    pub fn replayed(&self) -> bool {
        self.playing.is_some()
    }

    /// Packs a question, where the call keeps a tape or is answered from one.
    pub fn asked(&self, put: impl FnOnce(&mut Pack<'_>)) -> Asked {
        if self.notes.is_none() && self.playing.is_none() {
            return Asked(None);
        }
        let mut pack = Pack::hiding(&self.secrets);
        put(&mut pack);
        Asked(pack.finish())
    }

    /// How to answer. The first answer on the tape to the same question that was not given yet; for a question that
    /// changes nothing, else the last that was.
    pub fn heard<T: Word>(&mut self, service: Service, asked: &Asked) -> Heard<T> {
        let (Some(playing), Some(asked)) = (&mut self.playing, &asked.0) else { return Heard::Real };
        let same = |line: &Line| line.service == service && line.asked == *asked;
        let lines = &playing.tape.lines;
        let fresh = (0..lines.len()).find(|&at| !playing.used[at] && same(&lines[at]));
        let again = || service.is_reading().then(|| lines.iter().rposition(same)).flatten();
        let Some(at) = fresh.or_else(again) else { return Heard::Silence };
        playing.used[at] = true;
        match pack::read(&lines[at].answered).map(T::take) {
            Ok(Ok(answer)) => Heard::Answer(answer),
            _ => Heard::Silence,
        }
    }

    /// Keeps an answer, where a tape is kept.
    pub fn note<T: Word>(&self, service: Service, asked: Asked, answer: &T) {
        let (Some(notes), Some(asked)) = (&self.notes, asked.0) else { return };
        let mut pack = Pack::hiding(&self.secrets);
        answer.put(&mut pack);
        if let Some(answered) = pack.finish() {
            notes.0.lock().tape.lines.push(Line { service, asked, answered });
        }
    }

    /// A secret is about to be told: this hides it, and the others.
    pub fn hide(&mut self, secrets: Arc<Rewriting>) {
        self.secrets = secrets;
    }

    /// The host answered with this signature.
    pub fn signed(&self, signature: &[u8]) {
        if let Some(notes) = &self.notes {
            notes.0.lock().signatures.push(signature.to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_model::Timestamp;

    fn asked(taping: &Taping, key: &str) -> Asked {
        taping.asked(|to| to.text(key))
    }

    fn hear(taping: &mut Taping, service: Service, key: &str) -> Option<String> {
        let asked = asked(taping, key);
        match taping.heard(service, &asked) {
            Heard::Answer(answer) => Some(answer),
            Heard::Silence => None,
            Heard::Real => panic!("the call is not replayed"),
        }
    }

    #[test]
    fn a_tape_answers_what_was_asked_in_order_and_nothing_else() {
        let notes = Arc::new(Notes::default());
        let mut taping = Taping::default();
        taping.begin(&CallContext::at(Timestamp(1)), Some(Arc::clone(&notes)), Arc::default);
        for (service, key, answer) in [
            (Service::StateGet, "a", "1"),
            (Service::StateGet, "a", "2"),
            (Service::MailSubmit, "m", "250 one"),
            (Service::StateGet, "b", "3"),
        ] {
            let asked = asked(&taping, key);
            assert!(matches!(taping.heard::<String>(service, &asked), Heard::Real));
            taping.note(service, asked, &answer.to_owned());
        }
        let (tape, _) = notes.so_far();
        assert_eq!(tape.len(), 4);
        let context = CallContext { outside: Outside::Replayed(Arc::new(tape)), ..CallContext::at(Timestamp(1)) };
        taping.begin(&context, None, Arc::default);
        for (service, key, answer) in [
            (Service::StateGet, "b", Some("3")),
            (Service::StateGet, "a", Some("1")),
            (Service::StateGet, "a", Some("2")),
            (Service::StateGet, "a", Some("2")),
            (Service::MailSubmit, "m", Some("250 one")),
            (Service::MailSubmit, "m", None),
            (Service::StateGet, "c", None),
            (Service::HttpSend, "a", None),
        ] {
            assert_eq!(hear(&mut taping, service, key).as_deref(), answer, "{service:?} {key}");
        }
    }

    #[test]
    fn every_service_is_named_once() {
        for service in Service::ALL {
            assert_eq!(Service::parse(service.as_str()), Some(service));
        }
        assert_eq!(Service::parse("clock.now"), None);
    }
}
