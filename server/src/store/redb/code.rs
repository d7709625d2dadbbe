//! The numbers that stand for the domain's enumerations in records and keys. 0 is none of them; a number is never
//! used again for something else.

use crate::domain::audit::{Outcome, TargetKind};
use crate::domain::batch::{AttentionRank, BatchState, EngineKind};
use crate::domain::dispatching::DispatchState;
use crate::domain::failure::{FailureReason, WaitReason};
use crate::domain::key::Scope;
use crate::domain::ledger::EntryKind;
use crate::domain::media::BlobKind;
use crate::domain::retention::Kept;
use crate::domain::user::{Role, SignInMethod};

/// A value with a number of its own.
pub(super) trait Coded: Copy + Sized + 'static {
    /// Every value with its number.
    const CODES: &'static [(u8, Self)];

    /// Its number.
    fn code(self) -> u8;

    /// The value of that number.
    fn from_code(code: u32) -> Option<Self> {
        Self::CODES
            .iter()
            .find(|(known, _)| u32::from(*known) == code)
            .map(|(_, value)| *value)
    }
}

macro_rules! codes {
    ($type:ident: $($number:literal $variant:ident,)*) => {
        impl Coded for $type {
            const CODES: &'static [(u8, Self)] = &[$(($number, Self::$variant),)*];

            fn code(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)*
                }
            }
        }
    };
}

codes! { Role: 1 User, 2 Admin, }
codes! { EngineKind: 1 Preview, 2 LightX2v, }
codes! { EntryKind: 1 Grant, 2 Charge, 3 Refund, 4 Adjustment, }
codes! { BlobKind: 1 Image, 2 Audio, 3 Video, }
codes! { Kept: 1 Results, 2 Uploads, }
codes! { DispatchState: 1 Running, 2 Paused, 3 Draining, }
codes! { BatchState: 1 Created, 2 Processing, 3 Completed, 4 Failed, 5 Cancelled, }
codes! { AttentionRank: 1 NeedsAttention, 2 Open, 3 Settled, }
codes! { SignInMethod: 1 Password, 2 Ssh, 3 ApiKey, }
codes! { Scope: 1 Read, 2 Submit, 3 Admin, }
codes! { Outcome: 1 Succeeded, 2 Refused, 3 Failed, }
codes! { TargetKind: 1 User, 2 Batch, 3 Item, 4 Key, 5 Dispatch, 6 Upstream, 7 System, }
codes! {
    WaitReason:
    1 Slot,
    2 Turn,
    3 Paused,
    4 BackOff,
    5 UpstreamToken,
    6 UpstreamDailyLimit,
    7 UpstreamBusy,
    8 Cleanup,
    9 StorageFull,
}
codes! {
    FailureReason:
    1 UpstreamBadInput,
    2 WorkerLost,
    3 UpstreamFailed,
    4 UpstreamCancelled,
    5 UpstreamAccountLost,
    6 TaskVanished,
    7 ItemDeadline,
    8 ResultInvalid,
    9 EngineFailed,
    10 SourceLost,
}

/// Item states.
pub(super) mod state {
    pub const PENDING: u32 = 1;
    pub const PROCESSING: u32 = 2;
    pub const COMPLETED: u32 = 3;
    pub const FAILED: u32 = 4;
    pub const CANCELLED: u32 = 5;
}

/// Stages of an attempt.
pub(super) mod stage {
    pub const SUBMITTING: u32 = 1;
    pub const UNRESOLVED: u32 = 2;
    pub const QUEUED: u32 = 3;
    pub const GENERATING: u32 = 4;
    pub const FETCHING: u32 = 5;
}

/// Actors that are neither a user nor the server itself.
pub(super) mod actor {
    pub const OWNER: u32 = 1;
    pub const ANONYMOUS: u32 = 2;
}

/// What a request made.
pub(super) mod made {
    pub const BATCH: u32 = 1;
    pub const ROUNDS: u32 = 2;
    pub const ENTRY: u32 = 3;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: Coded + PartialEq + std::fmt::Debug>() {
        for (code, value) in T::CODES {
            assert_ne!(*code, 0);
            assert_eq!(value.code(), *code);
            assert_eq!(T::from_code(u32::from(*code)), Some(*value));
        }
        assert_eq!(T::from_code(0), None);
        assert_eq!(T::from_code(u32::MAX), None);
    }

    #[test]
    fn every_code_reads_back_as_its_value() {
        check::<Role>();
        check::<EngineKind>();
        check::<EntryKind>();
        check::<BlobKind>();
        check::<DispatchState>();
        check::<BatchState>();
        check::<AttentionRank>();
        check::<WaitReason>();
        check::<FailureReason>();
        check::<SignInMethod>();
        check::<Scope>();
        check::<Outcome>();
        check::<TargetKind>();
    }
}
