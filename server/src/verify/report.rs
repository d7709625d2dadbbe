//! What a look at everything has found, in words and for programs.

use std::fmt;

use serde_json::{Value, json};

use crate::domain::books::Difference;

/// Differences that a report keeps; of the others it knows how many there were.
pub const DIFFERENCES_KEPT: usize = 1_000;

/// What was looked at, and what cannot be so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Users.
    pub users: u64,
    /// Ledger entries.
    pub entries: u64,
    /// Batches.
    pub batches: u64,
    /// Items.
    pub items: u64,
    /// References to files that were looked for.
    pub files: u64,
    /// Other records, by kind.
    pub others: Vec<(&'static str, u64)>,
    /// What cannot be so, at most [`DIFFERENCES_KEPT`].
    pub differences: Vec<Difference>,
    /// Differences that were found and not kept.
    pub not_kept: u64,
}

impl Report {
    /// Whether everything agrees.
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty()
    }

    /// All differences, kept or not.
    pub fn difference_count(&self) -> u64 {
        self.differences.len() as u64 + self.not_kept
    }

    /// Takes in a difference.
    pub fn note(&mut self, difference: Difference) {
        if self.differences.len() < DIFFERENCES_KEPT {
            self.differences.push(difference);
        } else {
            self.not_kept += 1;
        }
    }

    /// The first differences in one line, and how many more there are; nothing when there is none.
    pub fn in_brief(&self, most: usize) -> String {
        let first: Vec<String> = self
            .differences
            .iter()
            .take(most)
            .map(ToString::to_string)
            .collect();
        let more = self.difference_count() - first.len() as u64;
        match more {
            0 => first.join("; "),
            more => format!("{}; and {more} more", first.join("; ")),
        }
    }

    /// What was looked at, in one line.
    pub fn counts(&self) -> String {
        let mut words = format!(
            "{} users, {} ledger entries, {} batches, {} items, {} files",
            self.users, self.entries, self.batches, self.items, self.files
        );
        for (kind, count) in &self.others {
            words.push_str(&format!(", {count} {kind}"));
        }
        words
    }

    /// In words: the counts, at most `most` differences a line each, and the verdict.
    pub fn in_words(&self, most: usize) -> String {
        let mut words = format!("Looked at {}.\n", self.counts());
        for difference in self.differences.iter().take(most) {
            words.push_str(&format!("{difference}\n"));
        }
        let shown = self.differences.len().min(most) as u64;
        let more = self.difference_count() - shown;
        if more > 0 {
            words.push_str(&format!("… and {more} more\n"));
        }
        words.push_str(&match self.difference_count() {
            0 => "Everything agrees.\n".to_owned(),
            1 => "1 difference. Nothing was changed.\n".to_owned(),
            count => format!("{count} differences. Nothing was changed.\n"),
        });
        words
    }

    /// For programs: the same, with at most `most` differences.
    pub fn to_json(&self, most: usize) -> Value {
        let mut looked_at = json!({
            "users": self.users,
            "ledger_entries": self.entries,
            "batches": self.batches,
            "items": self.items,
            "files": self.files,
        });
        for (kind, count) in &self.others {
            looked_at[kind.replace(' ', "_")] = json!(count);
        }
        let differences: Vec<Value> = self
            .differences
            .iter()
            .take(most)
            .map(|difference| {
                json!({
                    "check": difference.check.name(),
                    "place": difference.place,
                    "message": difference.words,
                })
            })
            .collect();
        json!({
            "ok": self.is_clean(),
            "looked_at": looked_at,
            "difference_count": self.difference_count(),
            "differences": differences,
        })
    }
}

impl fmt::Display for Report {
    /// In one line, for a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.difference_count() {
            0 => write!(f, "everything agrees: {}", self.counts()),
            count => write!(f, "{count} differences in {}", self.counts()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::books::Check;

    #[test]
    fn a_report_shows_some_and_counts_all() {
        let mut report = Report {
            items: 10,
            others: vec![("audit events", 4)],
            ..Report::default()
        };
        assert!(report.is_clean());
        assert!(report.in_words(3).ends_with("Everything agrees.\n"));
        for number in 0..1_500 {
            let place = format!("item {number}");
            report.note(Difference::new(Check::Index, place, "it is missing"));
        }
        assert!(!report.is_clean());
        assert_eq!(report.difference_count(), 1_500);
        assert_eq!(report.differences.len(), DIFFERENCES_KEPT);
        let words = report.in_words(3);
        assert_eq!(words.lines().count(), 6, "{words}");
        assert!(words.contains("\nindex: item 2: it is missing\n… and 1497 more\n"));
        assert!(words.ends_with("1500 differences. Nothing was changed.\n"));
        let json = report.to_json(3);
        assert_eq!(json["ok"], false);
        assert_eq!(json["difference_count"], 1_500);
        assert_eq!(json["differences"].as_array().map(Vec::len), Some(3));
        assert_eq!(json["looked_at"]["items"], 10);
        assert_eq!(json["looked_at"]["audit_events"], 4);
    }
}
