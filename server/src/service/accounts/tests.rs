//! Accounts, from outside.
