//! Setting and adjusting balances.

use sha2::{Digest, Sha256};

use super::users::check_balance;
use super::{Admin, NOTE_CHARACTERS, check_length, require_admin};
use crate::domain::ids::{RequestId, UserId};
use crate::domain::ledger::Entry;
use crate::domain::user::{Credits, MAX_CREDITS, User};
use crate::service::Caller;
use crate::service::error::{Reason, ServiceError, user_not_found};
use crate::store::{CreditAssignment, CreditChange, CreditError, Request, RequestKey};

/// Where an adjustment's request id counts.
const ADJUST: &str = "AdjustCredits";

impl Admin {
    /// Sets a balance, if it still is what the caller saw. No entry when it is so already.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, FIELD_INVALID, USER_NOT_FOUND, BALANCE_CHANGED.
    pub async fn set_credits(
        &self,
        caller: &Caller,
        user: UserId,
        credits: Credits,
        expected: Option<Credits>,
        note: String,
    ) -> Result<(User, Option<Entry>), ServiceError> {
        require_admin(caller)?;
        check_balance("credits", credits)?;
        let Some(expected) = expected else {
            return Err(ServiceError::field(
                "expected_balance",
                "expected_balance is required: the balance that you saw.",
            ));
        };
        check_balance("expected_balance", expected)?;
        check_length("note", &note, NOTE_CHARACTERS)?;
        let change = CreditAssignment {
            user,
            credits,
            expected,
            note,
            actor: caller.actor(),
            now: self.parts.clock.now(),
        };
        let changed = self.parts.store.set_credits(change).await;
        changed.map_err(|error| refusal(error, user, Some(expected), None))
    }

    /// Gives or takes credits. The same request again answers what it made.
    ///
    /// # Errors
    ///
    /// ADMIN_REQUIRED, FIELD_INVALID, USER_NOT_FOUND, INSUFFICIENT_CREDITS, REQUEST_ID_REUSED.
    pub async fn adjust_credits(
        &self,
        caller: &Caller,
        user: UserId,
        delta: Credits,
        note: String,
        request: Option<RequestId>,
    ) -> Result<(User, Entry), ServiceError> {
        require_admin(caller)?;
        if delta == 0 || !(-MAX_CREDITS..=MAX_CREDITS).contains(&delta) {
            let message =
                format!("delta must be between -{MAX_CREDITS} and {MAX_CREDITS}, never 0.");
            return Err(ServiceError::field("delta", message).with("limit", MAX_CREDITS));
        }
        check_length("note", &note, NOTE_CHARACTERS)?;
        let change = CreditChange {
            user,
            delta,
            actor: caller.actor(),
            request: request.map(|id| Request {
                key: RequestKey {
                    user: caller.user,
                    method: ADJUST,
                    id,
                },
                digest: digest(user, delta, &note),
            }),
            note,
            now: self.parts.clock.now(),
        };
        let changed = self.parts.store.adjust_credits(change).await;
        changed.map_err(|error| refusal(error, user, None, request))
    }
}

/// The content of an adjustment; the note comes last, so nothing in it is taken for another part.
fn digest(user: UserId, delta: Credits, note: &str) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update(user.bytes());
    digest.update(delta.to_be_bytes());
    digest.update(note);
    digest.finalize().into()
}

fn refusal(
    error: CreditError,
    user: UserId,
    expected: Option<Credits>,
    request: Option<RequestId>,
) -> ServiceError {
    match error {
        CreditError::NotFound => user_not_found(user),
        CreditError::Balance(error) => error.into(),
        CreditError::Changed { actual } => {
            let message = format!("The balance is {actual} by now. Look again, then decide.");
            let refusal = ServiceError::new(Reason::BalanceChanged, message);
            let refusal = match expected {
                Some(expected) => refusal.with("expected", expected),
                None => refusal,
            };
            refusal.with("available", actual)
        }
        CreditError::RequestReused => {
            let refusal = ServiceError::new(
                Reason::RequestIdReused,
                "The request_id was used with other content. Take a new one.",
            );
            match request {
                Some(id) => refusal.with("request_id", id),
                None => refusal,
            }
        }
        CreditError::Store(error) => error.into(),
    }
}
