//! What stands in a seat: trials beside the generation that acts, and the breaker before both. The store is the real one;
//! the plugins are written against the same two traits that components stand behind.
mod breaker;
mod plugs;
mod trials;
