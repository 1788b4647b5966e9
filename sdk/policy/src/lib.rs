//! What policies share.
//!
//! Of a policy's table, [`When`] is which conversations a row is for and [`Event`] what has to happen to one; [`Span`] is a
//! length of time as a person writes it. [`Languages`] says in which language a customer is answered, and [`Texts`] is a text
//! in each of them.
mod event;
mod language;
mod name;
mod span;
mod texts;
mod when;

pub use event::Event;
pub use language::Languages;
pub use name::{check_name, check_unique};
pub use span::{Span, said};
pub use texts::Texts;
pub use when::{Condition, When, grade};
