//! Owns [`Order`]: what a list is ordered by, and the menu in which that is chosen.

/// What rows can be ordered by. Each list offers some of them, and has its own idea of which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum SortBy {
    /// What needs a look first, then what is open, then the rest.
    #[default]
    Attention,
    /// The newest first.
    Newest,
    Name,
    Owner,
    State,
    /// The furthest first.
    Progress,
    /// Most failures first.
    Failed,
    /// What ends soonest first.
    Finish,
    /// By position in the batch.
    Number,
    /// The longest first.
    Clock,
    /// Most attempts first.
    Attempts,
    /// The largest first.
    Size,
    /// Most credits first.
    Credits,
    /// Most videos first.
    Videos,
    /// The latest first.
    SignIn,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) by: SortBy,
    /// Whether the other end comes first.
    pub(crate) reversed: bool,
}

/// What batches can be ordered by.
pub(crate) const OF_BATCHES: &[SortBy] = &[
    SortBy::Attention,
    SortBy::Newest,
    SortBy::Name,
    SortBy::Owner,
    SortBy::State,
    SortBy::Progress,
    SortBy::Failed,
    SortBy::Finish,
    SortBy::Credits,
];

/// What items can be ordered by.
pub(crate) const OF_ITEMS: &[SortBy] = &[
    SortBy::Attention,
    SortBy::Number,
    SortBy::Name,
    SortBy::State,
    SortBy::Progress,
    SortBy::Clock,
    SortBy::Attempts,
    SortBy::Size,
];

/// What users can be ordered by; the first is how the server lists them.
pub(crate) const OF_USERS: &[SortBy] = &[
    SortBy::Name,
    SortBy::State,
    SortBy::Credits,
    SortBy::Progress,
    SortBy::Videos,
    SortBy::SignIn,
];

impl Order {
    /// The order when this is chosen: what is chosen already turns round.
    pub(crate) fn chosen(self, by: SortBy) -> Self {
        Self {
            by,
            reversed: self.by == by && !self.reversed,
        }
    }
}

/// The menu of orders.
#[derive(Debug)]
pub(crate) struct SortMenu {
    pub(crate) offered: Vec<SortBy>,
    pub(crate) current: Order,
    pub(crate) cursor: usize,
}

impl SortMenu {
    /// The cursor is on what the list is ordered by.
    pub(crate) fn new(offered: Vec<SortBy>, current: Order) -> Self {
        let cursor = offered.iter().position(|it| *it == current.by).unwrap_or(0);
        Self {
            offered,
            current,
            cursor,
        }
    }

    /// The order the row under the cursor means.
    pub(crate) fn chosen(&self) -> Order {
        self.offered
            .get(self.cursor)
            .map_or(self.current, |by| self.current.chosen(*by))
    }

    pub(crate) fn step(&mut self, down: bool) {
        let count = self.offered.len().max(1);
        self.cursor = (self.cursor + if down { 1 } else { count - 1 }) % count;
    }
}
