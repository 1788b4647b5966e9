//! What adapters of marketplaces share.
//!
//! A marketplace tells pieces of an order. [`orders`] keeps the picture of each and tells it on where it changed; [`wants`]
//! notes the orders that have to be looked up as a whole, and does it; [`field`] and [`time`] read the marketplace's JSON.
//!
//! Values are kept in the plugin's `state`; every key has a prefix that its module names.
pub mod field;
pub mod orders;
pub mod time;
pub mod wants;
