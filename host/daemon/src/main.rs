//! Every customer conversation of a shop in one durable queue.

fn main() {}
