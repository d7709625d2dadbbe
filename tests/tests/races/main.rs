//! Two things at once, each with one outcome: in virtual time, on a simulated upstream.

mod calls;
mod disabled;
mod many;
mod setup;
mod slow_submit;
mod stages;
mod twins;
