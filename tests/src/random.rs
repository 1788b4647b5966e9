//! Random moments for tests that interrupt a daemon.
use std::time::{SystemTime, UNIX_EPOCH};

/// xorshift64*: no more than moments has to be random.
pub struct Random(u64);

impl Random {
    /// Another one each time.
    pub fn moments() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Self(now.as_nanos() as u64 | 1)
    }

    /// Where it stands: asked before the first number, what it began with.
    pub fn seed(&self) -> u64 {
        self.0
    }

    /// 32 bits.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }
}
