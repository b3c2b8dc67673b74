//! Contracts, endpoints, reads, plans, and the one way a transaction is sent.
