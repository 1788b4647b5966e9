//! The way of one message: receive, decide, reply, deliver.
