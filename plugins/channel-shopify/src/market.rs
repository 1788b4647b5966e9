//! What adapters of marketplaces have in common; the other one of this repository takes it from here.
#[path = "market/field.rs"]
pub mod field;
#[path = "market/orders.rs"]
pub mod orders;
#[path = "market/time.rs"]
pub mod time;
#[path = "market/wants.rs"]
pub mod wants;
