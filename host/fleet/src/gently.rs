//! Writing a whole package without being felt. The store syncs its log for every message; on a journalling file system
//! such a sync also waits for what others have written to the same disk. So a package goes to disk in small pieces, each of
//! them synced, with pauses between them: nobody waits for more than a piece.
use cap_std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

/// Bytes of a piece.
const PIECE: usize = 64 << 10;
/// Between two pieces.
const PAUSE: Duration = Duration::from_millis(2);

/// Writes all of it; it is on disk when this returns. Blocks: 30 ms or so for a megabyte.
pub(crate) fn write(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    let mut pieces = bytes.chunks(PIECE).peekable();
    while let Some(piece) = pieces.next() {
        file.write_all(piece)?;
        file.sync_data()?;
        if pieces.peek().is_some() {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}
