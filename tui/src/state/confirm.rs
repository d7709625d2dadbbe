//! Owns [`Confirm`]: the question before something is destroyed or spent. The default answer is No.

use super::message::NetEffect;
use vision_batch::v1;

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ask {
    /// End these items.
    Cancel {
        targets: Vec<Target>,
        /// Items that wait: their credits come back at once.
        pending: i32,
        /// Items being worked on: theirs come back if the engine really ends them.
        running: i32,
        pending_credits: i32,
        running_credits: i32,
        /// Whose credits they are, when not the user's own.
        owner: Option<String>,
    },
    /// Begin a new round.
    Retry {
        targets: Vec<Target>,
        count: i32,
        credits: i32,
        /// The user's balance, when it is the user's own that pays.
        balance: Option<i32>,
        owner: Option<String>,
    },
    /// End the program while transfers run.
    Quit { transfers: usize },
}

/// Items of one batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) batch_id: String,
    /// Of a single batch: its name, for the question.
    pub(crate) name: String,
    pub(crate) which: Which,
    /// What this target may cost at most.
    pub(crate) credits: i32,
}

/// Which items of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All that can be.
    All,
    /// These.
    Items(Vec<String>),
}

/// A question, and the answer that Enter would give.
#[derive(Debug)]
pub(crate) struct Confirm {
    pub(crate) ask: Ask,
    pub(crate) yes: bool,
}

impl Confirm {
    pub(crate) fn new(ask: Ask) -> Self {
        Self { ask, yes: false }
    }
}

impl Ask {
    /// What Yes asks of the network. `request_id` makes one UUID a call.
    pub(crate) fn effects(&self, mut request_id: impl FnMut() -> String) -> Vec<NetEffect> {
        match self {
            Self::Cancel { targets, .. } => targets.iter().map(Target::cancel).collect(),
            Self::Retry { targets, .. } => targets
                .iter()
                .map(|target| target.retry(request_id()))
                .collect(),
            Self::Quit { .. } => Vec::new(),
        }
    }
}

impl Target {
    fn cancel(&self) -> NetEffect {
        let batch_id = self.batch_id.clone();
        match &self.which {
            Which::All => NetEffect::CancelBatch(v1::CancelBatchRequest { batch_id }),
            Which::Items(item_ids) => NetEffect::CancelItems(v1::CancelItemsRequest {
                batch_id,
                item_ids: item_ids.clone(),
                states: Vec::new(),
            }),
        }
    }

    fn retry(&self, request_id: String) -> NetEffect {
        let (item_ids, states) = match &self.which {
            Which::All => (Vec::new(), vec![v1::video_item::State::Failed.into()]),
            Which::Items(item_ids) => (item_ids.clone(), Vec::new()),
        };
        NetEffect::RetryItems(v1::RetryItemsRequest {
            batch_id: self.batch_id.clone(),
            item_ids,
            states,
            request_id,
            max_credits: Some(self.credits),
        })
    }
}
