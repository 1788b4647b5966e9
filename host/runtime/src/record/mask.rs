//! Takes what is secret out of what is recorded, and puts it back into what is made again.
//!
//! A secret is looked for line by line, because each line may count for itself: as it is, in hex, percent-encoded, and in
//! base64 wherever in a group of three bytes it begins, as the password in `Basic` does. Its marker is put in its place in
//! the same form. So what was equal is equal still, in the clear as well as encoded, and a marker is found as the secret
//! was.
//!
//! A signature that the host made with a secret opens doors as well: whoever has a token's has the token. Where one stands
//! in a recording besides the host's answer, 32 other bytes stand for it in both, in the same form.
use crate::services::Secret;
use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is shorter is looked for as it is only: its encoded forms stand everywhere by chance.
const SHORTEST: usize = 4;
/// How long what a generation's secrets are is believed, where none is asked for.
const FRESH: Duration = Duration::from_secs(1);

/// What stands for a line of a secret, counted from 0.
fn marker(name: &str, line: usize) -> String {
    match line {
        0 => format!("[secret {name}]"),
        line => format!("[secret {name} {}]", line + 1),
    }
}

/// Lines of secrets that are not empty, each with its marker.
fn lines<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a Secret)>) -> Vec<(String, String)> {
    let lines = |(name, secret): (&str, &Secret)| -> Vec<(String, String)> {
        let lines = secret.0.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate();
        lines.map(|(number, line)| (line.to_owned(), marker(name, number))).collect()
    };
    secrets.into_iter().flat_map(lines).collect()
}

/// Texts that are replaced by others, in every form they may have.
#[derive(Debug, Default)]
pub(crate) struct Rewriting {
    finder: Option<AhoCorasick>,
    needles: Vec<Needle>,
    pairs: Vec<(String, String)>,
}

/// One form of a text.
#[derive(Debug)]
struct Needle {
    pair: usize,
    form: Form,
}

#[derive(Debug)]
enum Form {
    /// What takes its place.
    Whole(Vec<u8>),
    /// Base64 whose group of three bytes began so many bytes before the text.
    Base64(usize),
}

impl Rewriting {
    /// From secrets to their markers.
    pub fn hiding<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a Secret)>) -> Self {
        Self::of(lines(secrets))
    }

    /// From markers to their secrets.
    pub fn showing<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a Secret)>) -> Self {
        Self::of(lines(secrets).into_iter().map(|(line, marker)| (marker, line)).collect())
    }

    fn of(pairs: Vec<(String, String)>) -> Self {
        let (mut texts, mut needles, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        let mut look_for = |pair, text: Vec<u8>, form| {
            if seen.insert(text.clone()) {
                texts.push(text);
                needles.push(Needle { pair, form });
            }
        };
        for (pair, (old, new)) in pairs.iter().enumerate() {
            look_for(pair, old.as_bytes().to_vec(), Form::Whole(new.as_bytes().to_vec()));
            if old.len() < SHORTEST {
                continue;
            }
            for encoded in
                [|text: &str| HEXLOWER.encode(text.as_bytes()), |text: &str| HEXUPPER.encode(text.as_bytes())]
            {
                look_for(pair, encoded(old).into_bytes(), Form::Whole(encoded(new).into_bytes()));
            }
            for encoded in [percent_upper, percent_lower, percent_form] {
                look_for(pair, encoded(old).into_bytes(), Form::Whole(encoded(new).into_bytes()));
            }
            for (before, core) in cores(old.as_bytes()) {
                look_for(pair, core, Form::Base64(before));
            }
        }
        // Built from texts in memory: it fails for more of them than fit there.
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&texts);
        Self { finder: finder.ok().filter(|_| !texts.is_empty()), needles, pairs }
    }

    /// The same, rewritten; borrowed where nothing was to be.
    pub fn apply<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(finder) = &self.finder else { return Cow::Borrowed(text) };
        let (mut out, mut done, mut from) = (Vec::new(), 0, 0);
        while let Some(found) = finder.find(Input::new(text).range(from..)) {
            let Some(needle) = self.needles.get(found.pattern().as_usize()) else { break };
            let rewritten = match &needle.form {
                Form::Whole(new) => Some((found.range(), Cow::Borrowed(&new[..]))),
                Form::Base64(before) => self.in_base64(text, done, found.range(), needle.pair, *before),
            };
            let Some((range, new)) = rewritten else {
                from = found.start() + 1;
                continue;
            };
            out.extend_from_slice(&text[done..range.start]);
            out.extend_from_slice(&new);
            (done, from) = (range.end, range.end);
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        out.extend_from_slice(&text[done..]);
        Cow::Owned(out)
    }

    /// A text, rewritten.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.apply(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Whole characters were replaced by whole characters.
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The run of base64 from the group in which a text begins to its end, rewritten. None: it only looked like the text.
    /// Which alphabet it was, and whether it was padded, is seen from the run, and taken for what `Basic` has where it is not.
    fn in_base64(
        &self,
        text: &[u8],
        done: usize,
        core: Range<usize>,
        pair: usize,
        before: usize,
    ) -> Option<(Range<usize>, Cow<'_, [u8]>)> {
        let (old, new) = self.pairs.get(pair)?;
        let torn = Some((core.clone(), Cow::Borrowed(new.as_bytes())));
        let start = core
            .start
            .checked_sub((8 * before).div_ceil(6))
            .filter(|start| *start >= done && text[*start..core.start].iter().all(|letter| sextet(*letter).is_some()));
        let Some(start) = start else { return torn };
        let run: Vec<u8> = text[start..].iter().map_while(|letter| sextet(*letter)).collect();
        let end = start + run.len();
        let decoded = decoded(&run);
        match decoded.get(before..before + old.len()) {
            None => return torn,
            Some(found) if found != old.as_bytes() => return None,
            Some(_) => {}
        }
        let rewritten = self.apply(&decoded);
        let in_urls = text[start..end].iter().any(|letter| matches!(letter, b'-' | b'_'));
        let base64 = if in_urls { BASE64URL_NOPAD } else { BASE64_NOPAD };
        let mut encoded = base64.encode(&rewritten).into_bytes();
        let padding = text[end..].iter().take(2).take_while(|letter| **letter == b'=').count();
        match run.len() % 4 {
            1 => encoded.extend(text[..end].last()),
            left if padding > 0 || (left == 0 && !in_urls) => {
                encoded.resize(encoded.len().next_multiple_of(4), b'=');
            }
            _ => {}
        }
        Some((start..end + padding, Cow::Owned(encoded)))
    }
}

/// The value of a letter of base64, in either alphabet.
fn sextet(letter: u8) -> Option<u8> {
    Some(match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

/// The bytes of a run of base64; bits that are left over are dropped.
fn decoded(run: &[u8]) -> Vec<u8> {
    run.chunks(4)
        .flat_map(|group| {
            let bits = group.iter().fold(0_u32, |bits, value| bits << 6 | u32::from(*value)) << (6 * (4 - group.len()));
            let [_, bytes @ ..] = bits.to_be_bytes();
            bytes.into_iter().take(group.len() * 6 / 8)
        })
        .collect()
}

/// The letters of base64 that bytes alone decide, in both alphabets, with how many bytes of their group stand before.
fn cores(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut cores: Vec<(usize, Vec<u8>)> = (0..3)
        .flat_map(|before| {
            let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).chain([0; 2]).collect();
            let own = (8 * before).div_ceil(6)..8 * (before + bytes.len()) / 6;
            [BASE64_NOPAD, BASE64URL_NOPAD]
                .map(|base64| (before, base64.encode(&padded).as_bytes()[own.clone()].to_vec()))
        })
        .collect();
    cores.dedup();
    cores
}

fn percent_encoded(text: &str, space: &str, hex: fn(u8) -> String) -> String {
    let letter = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        b' ' => space.to_owned(),
        other => hex(other),
    };
    text.bytes().map(letter).collect()
}

/// RFC 3986, 2.1.
fn percent_upper(text: &str) -> String {
    percent_encoded(text, "%20", |byte| format!("%{byte:02X}"))
}

/// The same with the digits that some write.
fn percent_lower(text: &str) -> String {
    percent_encoded(text, "%20", |byte| format!("%{byte:02x}"))
}

/// As forms are encoded.
fn percent_form(text: &str) -> String {
    percent_encoded(text, "+", |byte| format!("%{byte:02X}"))
}

/// The secrets that a generation is granted, as they are and as they were since it was loaded: an instance that serves
/// again may remember an older one.
#[derive(Debug, Default)]
pub(crate) struct Masks(Mutex<Masked>);

#[derive(Debug, Default)]
struct Masked {
    known: Vec<(String, Secret)>,
    rewriting: Arc<Rewriting>,
    looked: Option<Instant>,
}

impl Masked {
    fn know(&mut self, secrets: impl IntoIterator<Item = (String, Secret)>) -> Arc<Rewriting> {
        let before = self.known.len();
        for new in secrets {
            if !self.known.contains(&new) {
                self.known.push(new);
            }
        }
        if self.known.len() > before {
            let known = self.known.iter().map(|(name, secret)| (name.as_str(), secret));
            self.rewriting = Arc::new(Rewriting::hiding(known));
        }
        Arc::clone(&self.rewriting)
    }
}

impl Masks {
    /// What hides a secret that a plugin is told, and all others.
    pub fn with(&self, name: &str, secret: &Secret) -> Arc<Rewriting> {
        self.0.lock().know([(name.to_owned(), secret.clone())])
    }

    /// What hides all of them. `granted` says what they are; it is asked once a second at most.
    pub fn now(&self, granted: impl FnOnce() -> Vec<(String, Secret)>) -> Arc<Rewriting> {
        let mut masked = self.0.lock();
        if masked.looked.is_some_and(|looked| looked.elapsed() < FRESH) {
            return Arc::clone(&masked.rewriting);
        }
        masked.looked = Some(Instant::now());
        masked.know(granted())
    }
}

/// What stands for a signature: as many bytes, which tell nothing of it, and whose base64 is the same in both alphabets.
fn stand_in(signature: &[u8]) -> Vec<u8> {
    let mut bytes = signature.to_vec();
    loop {
        bytes = bytes.chunks(32).flat_map(|part| Sha256::digest(part).into_iter().take(part.len())).collect();
        let [first, other] = [BASE64_NOPAD, BASE64URL_NOPAD];
        if (0..3).all(|before| {
            let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
            first.encode(&padded) == other.encode(&padded)
        }) {
            return bytes;
        }
    }
}

/// One place where a signature stands.
enum Place {
    Plain(usize),
    Hex(usize, bool),
    Base64(usize, usize),
}

/// Where a signature stands in bytes of any kind.
fn places(bytes: &[u8], signature: &[u8]) -> Vec<Place> {
    let all = |needle: &[u8]| memchr::memmem::find_iter(bytes, needle).collect::<Vec<_>>();
    let mut places: Vec<Place> = all(signature).into_iter().map(Place::Plain).collect();
    places.extend(all(HEXLOWER.encode(signature).as_bytes()).into_iter().map(|at| Place::Hex(at, false)));
    places.extend(all(HEXUPPER.encode(signature).as_bytes()).into_iter().map(|at| Place::Hex(at, true)));
    for (before, core) in cores(signature) {
        places.extend(all(&core).into_iter().map(|at| Place::Base64(at, before)));
    }
    places
}

/// Whether a text shows one of these signatures.
pub(crate) fn shows(text: &str, signatures: &[Vec<u8>]) -> bool {
    signatures.iter().any(|signature| !places(text.as_bytes(), signature).is_empty())
}

/// Puts other bytes in the places of signatures that the host answered with, once for each element, where they stand
/// anywhere else as well. Lengths stay, so this may be done to what is packed.
pub(crate) fn disguise(bytes: &mut [u8], signatures: &[Vec<u8>]) {
    for (number, signature) in signatures.iter().enumerate() {
        if signature.len() < SHORTEST || signatures[..number].contains(signature) {
            continue;
        }
        let answers = signatures.iter().filter(|one| *one == signature).count();
        let places = places(bytes, signature);
        if places.len() <= answers {
            continue;
        }
        let other = stand_in(signature);
        for place in places {
            let (at, new) = match place {
                Place::Plain(at) => (at, other.clone()),
                Place::Hex(at, false) => (at, HEXLOWER.encode(&other).into_bytes()),
                Place::Hex(at, true) => (at, HEXUPPER.encode(&other).into_bytes()),
                Place::Base64(at, before) => {
                    base64_over(bytes, at, before, &other);
                    continue;
                }
            };
            if let Some(old) = bytes.get_mut(at..at + new.len()) {
                old.copy_from_slice(&new);
            }
        }
    }
}

/// Writes bytes over others in base64, whose own letters begin at `at`. Of the letters at both ends, bits of what stands
/// beside them stay.
fn base64_over(bytes: &mut [u8], at: usize, before: usize, new: &[u8]) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let own = 8 * before..8 * (before + new.len());
    let Some(group) = at.checked_sub(own.start.div_ceil(6)) else { return };
    for letter in own.start / 6..own.end.div_ceil(6) {
        let Some(place) = bytes.get_mut(group + letter) else { return };
        let Some(mut value) = sextet(*place) else { continue };
        for bit in (6 * letter..6 * letter + 6).filter(|bit| own.contains(bit)) {
            let from = bit - own.start;
            let set = new[from / 8] >> (7 - from % 8) & 1;
            let shift = 5 - bit % 6;
            value = value & !(1 << shift) | set << shift;
        }
        let old = sextet(*place);
        if old != Some(value) {
            *place = LETTERS[usize::from(value)];
        }
    }
}

#[cfg(test)]
mod tests;
