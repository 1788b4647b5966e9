//! The durable store: every transition one transaction.
