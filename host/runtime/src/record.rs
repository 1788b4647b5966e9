//! What a call was asked and what came of it, so that the same call can be made again: by another generation beside it,
//! by `tributary replay` a week later, in a plugin's own tests.
//!
//! A [`Recording`] is one call at the contract's boundary: its moment, its arguments, every answer of the host (its
//! [`Tape`]), what the plugin said or how it failed, what it cost. [`Recorder`] writes them into segment files,
//! [`Recordings`] reads those, [`replay`] makes the calls again.
//!
//! Arguments are what the plugin was handed and answers are those of services it was granted, so nothing is in a recording
//! that its plugin was not granted to see. Of that, secrets are left out, in whatever form they came, and the fields
//! of HTTP requests and answers that carry credentials: see [`mask`].
mod compare;
mod mask;
mod pack;
mod read;
mod recorder;
mod recording;
mod replay;
mod segment;
mod tape;
mod value;
mod words;

pub use pack::Garbled;
pub use read::{Recordings, Wanted};
pub use recorder::{Counts, RecordError, Recorder, RecorderConfig};
pub use recording::{Callee, Ended, Function, Recording, Unreadable};
pub use replay::{Difference, Outcome, Replayed, Summary, replay};
pub use tape::{Service, Tape};
pub use value::Value;
pub use words::Unlike;

pub(crate) use mask::{Masks, Rewriting};
pub(crate) use recorder::Source;
pub(crate) use recording::{Circumstances, Spoken, pack_call};
pub(crate) use tape::{Heard, NOT_ON_TAPE, Notes, Taping};
pub(crate) use words::{Bytes, put_fields};
