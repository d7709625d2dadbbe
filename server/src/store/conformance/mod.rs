//! What every store must do, whichever database is behind it: one suite, run by each driver with its own way to
//! open one.
//!
//! A driver calls `conformance_suite!(name, open)`, where `open()` gives a fresh [`world::World`].

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test may panic"
)]

pub mod credits;
pub mod dispatching;
pub mod world;

/// Runs every case against one driver.
macro_rules! conformance_suite {
    ($name:ident, $open:expr) => {
        mod $name {
            use $crate::store::conformance::{credits, dispatching};
            $crate::store::conformance::cases! {
                $open =>
                credits::balances_are_ledger_sums,
                dispatching::an_item_goes_its_whole_way,
            }
        }
    };
}
pub(crate) use conformance_suite;

/// One test a case.
macro_rules! cases {
    ($open:expr => $($room:ident::$case:ident,)*) => {
        $(#[tokio::test]
        async fn $case() {
            $room::$case($open).await;
        })*
    };
}
pub(crate) use cases;
