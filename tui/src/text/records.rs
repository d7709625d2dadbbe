//! Owns which words the audit and the keys for programs need.

use vision_batch::v1;

/// The words of one language for what was done, and for keys.
pub(crate) struct RecordTexts {
    // What was done and tried.
    pub(crate) audit: &'static str,
    /// How many have come, and whether there are more.
    pub(crate) count_events: fn(i64, bool) -> String,
    pub(crate) only_newest: fn(i64) -> String,
    pub(crate) no_events: &'static str,
    pub(crate) col_what: &'static str,
    pub(crate) col_outcome: &'static str,
    pub(crate) col_from: &'static str,
    pub(crate) outcome: fn(v1::audit_event::Outcome) -> &'static str,
    /// What an action is called; nothing for one of a newer server.
    pub(crate) action: fn(&str) -> Option<&'static str>,
    /// Who has no name.
    pub(crate) actor: fn(v1::actor::Kind) -> &'static str,
    pub(crate) target_kind: fn(&str) -> Option<&'static str>,
    /// By whom, of what is shown only.
    pub(crate) only_by: fn(&str) -> String,
    pub(crate) only_about: fn(&str) -> String,
    /// Only actions that begin so.
    pub(crate) only_kind: fn(&str) -> String,
    pub(crate) from_address: fn(&str) -> String,
    pub(crate) from_itself: &'static str,

    // Keys for programs.
    pub(crate) api_keys: &'static str,
    /// Those of another.
    pub(crate) api_keys_of: fn(&str) -> String,
    pub(crate) no_keys_of: fn(&str) -> String,
    pub(crate) count_keys: fn(i64) -> String,
    pub(crate) no_keys: &'static str,
    /// The same where none can be made.
    pub(crate) no_keys_here: &'static str,
    pub(crate) col_begins: &'static str,
    pub(crate) col_may: &'static str,
    pub(crate) col_made: &'static str,
    pub(crate) col_used: &'static str,
    pub(crate) col_ends: &'static str,
    pub(crate) scope: fn(v1::api_key::Scope) -> &'static str,
    pub(crate) in_span: fn(&str) -> String,
    pub(crate) ended: &'static str,
    /// When a key without a day ends.
    pub(crate) for_ever: &'static str,
    /// What a key is for.
    pub(crate) about_keys: [&'static str; 3],
}
