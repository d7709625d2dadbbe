//! What the books must say: the ledger against itself, its rounds against the items, counters against a recount.
//!
//! Nothing here changes anything or reads anything: records come in, differences go out. A [`Difference`] is one thing
//! that cannot be so if every transaction did what it should.
//!
//! Not here: whether the indexes of a store agree with its records (that store knows them), whether files exist
//! (`media` knows them), and walking through all of it (`verify`).

pub mod account;
pub mod last_look;
pub mod rounds;
pub mod tally;

use std::fmt;

/// What a difference is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// A user's entries against each other and the balance.
    Ledger,
    /// Charges and refunds against the rounds and states of items.
    Rounds,
    /// A counter or a sum against a recount.
    Counts,
    /// An index of the store against its records.
    Index,
    /// A record that names something that does not exist.
    Reference,
    /// A record or a part of the database that does not read.
    Record,
    /// A file that is referred to.
    File,
}

impl Check {
    /// Its name, in reports that programs read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Rounds => "rounds",
            Self::Counts => "counts",
            Self::Index => "index",
            Self::Reference => "reference",
            Self::Record => "record",
            Self::File => "file",
        }
    }
}

/// One thing that cannot be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is about.
    pub check: Check,
    /// On what: a kind of thing and its id.
    pub place: String,
    /// What was found, and what should be there.
    pub words: String,
}

impl Difference {
    /// A difference at `place`.
    pub fn new(check: Check, place: impl fmt::Display, words: impl Into<String>) -> Self {
        Self {
            check,
            place: place.to_string(),
            words: words.into(),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.check.name(), self.place, self.words)
    }
}

/// Notes that `found` is not `expected`, if so.
fn compare<T: PartialEq + fmt::Display>(
    differences: &mut Vec<Difference>,
    place: impl fmt::Display,
    what: &str,
    found: T,
    expected: T,
) {
    if found != expected {
        differences.push(Difference::new(
            Check::Counts,
            place,
            format!("{what} is {found}, a recount gives {expected}"),
        ));
    }
}
