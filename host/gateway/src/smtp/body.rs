//! The message being received: its bytes, its limit, and its share of the memory all connections have together.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

use super::data::Sink;

/// First allocation of a message at most, however large the peer says it will be: a claim costs the peer nothing.
const FIRST_ALLOCATION: usize = 64 * 1024;

/// The bytes of unfinished and unstored messages, over all connections of a listener, and their limit.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    limit: usize,
    used: AtomicUsize,
}

impl Memory {
    /// Room for `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Counter { limit, used: AtomicUsize::new(0) }))
    }

    /// Bytes in use.
    #[cfg(test)]
    fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    fn hold(&self, bytes: usize) -> bool {
        let before = self.0.used.fetch_add(bytes, Ordering::Relaxed);
        let fits = before.saturating_add(bytes) <= self.0.limit;
        if !fits {
            self.0.used.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }
}

/// A share of [`Memory`], given back when dropped.
#[derive(Debug)]
pub(super) struct Held {
    memory: Memory,
    bytes: usize,
}

impl Held {
    fn grow(&mut self, bytes: usize) -> bool {
        let fits = self.memory.hold(bytes);
        if fits {
            self.bytes += bytes;
        }
        fits
    }

    fn release(&mut self) {
        self.memory.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

/// Why the rest of a message is read and thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overflow {
    /// Above the limit of one message.
    TooBig,
    /// All connections together hold too much.
    NoMemory,
}

/// A message being received. Once it overflows it holds nothing and swallows the rest, so that the peer, which reads no
/// answer before it has sent everything, gets one.
#[derive(Debug)]
pub(super) struct Body {
    bytes: Vec<u8>,
    max: usize,
    held: Held,
    overflow: Option<Overflow>,
}

impl Body {
    /// A message of at most `max` bytes; `declared` is what the peer said in SIZE=, 0 if nothing.
    pub(super) fn new(memory: &Memory, max: usize, declared: usize) -> Self {
        let first = declared.min(max).min(FIRST_ALLOCATION);
        Self { bytes: Vec::with_capacity(first), max, held: Held { memory: memory.clone(), bytes: 0 }, overflow: None }
    }

    /// Set once the message cannot be kept.
    pub(super) fn overflow(&self) -> Option<Overflow> {
        self.overflow
    }

    /// The whole message without another copy, and its share of the memory, to be kept until it is stored.
    pub(super) fn finish(self) -> Result<(Bytes, Held), Overflow> {
        match self.overflow {
            Some(overflow) => Err(overflow),
            None => Ok((Bytes::from(self.bytes), self.held)),
        }
    }

    fn give_up(&mut self, overflow: Overflow) {
        self.overflow = Some(overflow);
        self.bytes = Vec::new();
        self.held.release();
    }
}

impl Sink for Body {
    fn push(&mut self, bytes: &[u8]) {
        if self.overflow.is_some() {
            return;
        }
        if self.bytes.len().saturating_add(bytes.len()) > self.max {
            return self.give_up(Overflow::TooBig);
        }
        if !self.held.grow(bytes.len()) {
            return self.give_up(Overflow::NoMemory);
        }
        self.bytes.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_on_finish_overflow_and_drop() {
        let memory = Memory::new(10);
        let mut one = Body::new(&memory, 8, 0);
        one.push(b"12345678");
        assert_eq!(memory.used(), 8);

        let mut two = Body::new(&memory, 8, 1 << 40);
        two.push(b"12");
        two.push(b"3");
        assert_eq!(two.overflow(), Some(Overflow::NoMemory));
        assert_eq!(memory.used(), 8, "an overflown message holds nothing");
        assert_eq!(two.finish().err(), Some(Overflow::NoMemory));

        one.push(b"9");
        assert_eq!((one.overflow(), memory.used()), (Some(Overflow::TooBig), 0));

        let mut three = Body::new(&memory, 8, 0);
        three.push(b"abc");
        let (bytes, held) = three.finish().unwrap();
        assert_eq!((&bytes[..], memory.used()), (&b"abc"[..], 3));
        drop(held);
        assert_eq!(memory.used(), 0);
    }
}
