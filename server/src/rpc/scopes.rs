//! What each method wants of the credential it is called with: the one place that says so.
//!
//! Invariant: every method of the contract is in the table, and one that is not wants a sign-in, the most there is. A
//! test walks the descriptors.

use crate::domain::key::Scope;
use crate::service::accounts::keys::sign_in_needed;
use crate::service::error::{Reason, ServiceError};
use crate::service::{Access, Caller};

use Need::{Key, SignIn};
use Scope::{Admin, Read, Submit};

/// What a method wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A key with at least this scope, or a sign-in.
    Key(Scope),
    /// A sign-in: no key may change the account that it belongs to.
    SignIn,
}

/// Methods by service; what is not here wants a sign-in.
const TABLE: &[(&str, &str, Need)] = &[
    ("AuthService", "RenewToken", SignIn),
    ("AuthService", "GetProfile", Key(Read)),
    ("AuthService", "ChangePassword", SignIn),
    ("AuthService", "CreateApiKey", SignIn),
    ("AuthService", "ListApiKeys", SignIn),
    ("AuthService", "RevokeApiKey", SignIn),
    ("AuthService", "AddSshKey", SignIn),
    ("AuthService", "ListSshKeys", SignIn),
    ("AuthService", "RemoveSshKey", SignIn),
    ("BatchService", "GetServiceInfo", Key(Read)),
    ("BatchService", "QuoteBatch", Key(Read)),
    ("BatchService", "CreateBatch", Key(Submit)),
    ("BatchService", "RerunBatch", Key(Submit)),
    ("BatchService", "ListBatches", Key(Read)),
    ("BatchService", "GetBatch", Key(Read)),
    ("BatchService", "ListItems", Key(Read)),
    ("BatchService", "GetItem", Key(Read)),
    ("BatchService", "BatchStatus", Key(Read)),
    ("BatchService", "WatchBatches", Key(Read)),
    ("BatchService", "CancelBatch", Key(Submit)),
    ("BatchService", "CancelItems", Key(Submit)),
    ("BatchService", "RetryItems", Key(Submit)),
    ("BatchService", "DownloadFile", Key(Read)),
    ("BatchService", "ExportBatch", Key(Read)),
    ("BatchService", "DeleteBatch", Key(Submit)),
    ("AdminService", "ListUsers", Key(Admin)),
    ("AdminService", "CreateUser", Key(Admin)),
    ("AdminService", "UpdateUser", Key(Admin)),
    ("AdminService", "ResetPassword", Key(Admin)),
    ("AdminService", "SetCredits", Key(Admin)),
    ("AdminService", "AdjustCredits", Key(Admin)),
    ("AdminService", "ListLedgerEntries", Key(Admin)),
    ("AdminService", "GetSystemStatus", Key(Admin)),
    ("AdminService", "WatchSystem", Key(Admin)),
    ("AdminService", "SetDispatch", Key(Admin)),
    ("AdminService", "UpdateUpstreamToken", Key(Admin)),
    ("AdminService", "ListAuditEvents", Key(Admin)),
];

/// How many methods are in the table.
#[cfg(test)]
pub(super) fn rows() -> usize {
    TABLE.len()
}

/// What the method of a path (`/package.Service/Method`) wants.
pub fn need(path: &str) -> Need {
    let (service, method) = parts(path);
    TABLE
        .iter()
        .find(|row| (row.0, row.1) == (service, method))
        .map_or(SignIn, |row| row.2)
}

/// Service and method of a path.
fn parts(path: &str) -> (&str, &str) {
    path.strip_prefix("/visionbatch.v1.")
        .and_then(|rest| rest.split_once('/'))
        .unwrap_or_default()
}

/// The method of a path, as the audit names it; empty for a path that is none of the contract's.
pub fn method(path: &str) -> &str {
    parts(path).1
}

/// Whether a caller's credential suffices for a method.
///
/// # Errors
///
/// KEY_SCOPE_INSUFFICIENT; ADMIN_REQUIRED for a method of admins.
pub fn check(caller: &Caller, path: &str) -> Result<(), ServiceError> {
    let need = need(path);
    match (need, caller.access) {
        (_, Access::SignIn) => {}
        (Key(scope), Access::Key(has)) if has >= scope => {}
        (Key(scope), Access::Key(_)) => return Err(insufficient(scope)),
        (SignIn, Access::Key(_)) => return Err(sign_in_needed()),
    }
    match need {
        Key(Admin) => crate::service::admin::require_admin(caller),
        _ => Ok(()),
    }
}

fn insufficient(scope: Scope) -> ServiceError {
    ServiceError::new(
        Reason::KeyScopeInsufficient,
        format!("This needs an API key with the scope {}.", scope.name()),
    )
    .with("scope", scope.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_table_wants_a_sign_in() {
        assert_eq!(need("/visionbatch.v1.BatchService/GetBatch"), Key(Read));
        for path in [
            "/visionbatch.v1.BatchService/NewMethod",
            "/visionbatch.v1.OtherService/GetBatch",
            "/other.v1.BatchService/GetBatch",
            "/visionbatch.v1.BatchService/GetBatch/",
            "",
        ] {
            assert_eq!(need(path), SignIn, "{path}");
        }
    }

    #[test]
    fn no_row_is_twice() {
        for (index, row) in TABLE.iter().enumerate() {
            let mut others = TABLE[index + 1..].iter();
            assert!(
                !others.any(|other| (other.0, other.1) == (row.0, row.1)),
                "{row:?}"
            );
        }
    }
}
