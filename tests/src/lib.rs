//! Everything together, with other people's clients and servers.
