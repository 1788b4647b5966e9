//! The heap as `prepare` leaves it for the calls.
//!
//! Reading a configuration frees about as much as it keeps, and leaves holes all over the heap. A call would put its values
//! into them, a few on every page, and each page that a call writes has to be put back before the next one. So the holes are
//! filled, once: what a call allocates then lies side by side behind everything that was prepared.
use std::arch::wasm32::memory_size;
use std::hint::black_box;

/// What calls find in one piece, in bytes; holes of this size and above stay. A call that needs more has its memory grown.
const ROOM: usize = 256 << 10;

/// The smallest block of the allocator, in bytes.
const SMALLEST: usize = 8;

fn block(size: usize) -> Vec<u8> {
    black_box(Vec::with_capacity(size))
}

/// Fills every hole that is smaller than [`ROOM`].
pub(crate) fn fill_holes() {
    // Until the memory grows: then all larger holes are taken, and the last block is behind everything.
    let before = memory_size::<0>();
    let mut room = vec![block(ROOM)];
    while memory_size::<0>() == before {
        room.push(block(ROOM));
    }
    let behind = room.last().map_or(0, |last| last.as_ptr().addr());
    let mut size = ROOM / 2;
    while size >= SMALLEST {
        let filler = block(size);
        if filler.as_ptr().addr() < behind {
            std::mem::forget(filler);
        } else {
            size /= 2;
        }
    }
}
