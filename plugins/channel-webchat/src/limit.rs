//! So many within one minute, counted in the host's state.
use crate::refusal::Refusal;
use tributary_sdk::host::{clock, state};

/// One minute, in the milliseconds of timestamps.
const WINDOW: u64 = 60_000;

/// Counts one more under `what`. A window begins with its first.
///
/// # Errors
/// [`Refusal::Rate`] where there were `most` already.
pub fn count(what: &str, most: u32) -> Result<(), Refusal> {
    let now = clock::now();
    let key = format!("rate/{what}");
    let kept = state::get(&key)?;
    let (start, number) = kept
        .and_then(|value| {
            let (start, number) = std::str::from_utf8(&value).ok()?.split_once(' ')?;
            Some((start.parse::<u64>().ok()?, number.parse::<u32>().ok()?))
        })
        .filter(|(start, _)| now.saturating_sub(*start) < WINDOW)
        .unwrap_or((now, 0));
    if number >= most {
        let left = WINDOW - now.saturating_sub(start);
        return Err(Refusal::Rate(u32::try_from(left.div_ceil(1000)).unwrap_or(1)));
    }
    state::set(&key, format!("{start} {}", number + 1).as_bytes(), Some(60))?;
    Ok(())
}
