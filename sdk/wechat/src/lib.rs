//! What adapters of WeChat's platforms share: 公众号 (official accounts) and 微信客服 (customer service of WeCom).
//!
//! Calls come in signed ([`sign`]) and mostly encrypted ([`cipher`]), with XML inside ([`xml`]); [`door`] puts the three
//! together. Calls go out with an access token that expires ([`api`]) and are answered by codes ([`code`]). Both platforms
//! let the shop answer within a window and so many times ([`window`]), take texts of a certain length ([`text`],
//! [`progress`]), give files by ids that have to be fetched ([`media`], [`fetch`]), and bring people by codes ([`scene`]).
//!
//! Values are kept in the plugin's `state`; every key has a prefix that its module names.
pub mod api;
pub mod cipher;
pub mod code;
pub mod door;
pub mod fetch;
pub mod media;
pub mod progress;
pub mod scene;
pub mod sign;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod text;
pub mod window;
pub mod xml;

mod attribute;
mod keep;

pub use attribute::{MOST as MOST_ATTRIBUTES, attribute};
pub use keep::{StoreError, key};
