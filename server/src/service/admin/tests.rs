//! Administration, from outside.
