//! Owns the natural order of names: numbers count as numbers, so that `2.png` comes before `10.png`; case does not matter.

use std::cmp::Ordering;

/// How two names stand to each other. Allocates nothing: long lists are sorted by it.
pub(crate) fn by_name(one: &str, other: &str) -> Ordering {
    let (mut a, mut b) = (one, other);
    loop {
        let (Some(first), Some(second)) = (a.chars().next(), b.chars().next()) else {
            return a.len().cmp(&b.len()).then_with(|| one.cmp(other));
        };
        let compared = if first.is_ascii_digit() && second.is_ascii_digit() {
            let (number, rest) = digits(a);
            let (against, rest_against) = digits(b);
            (a, b) = (rest, rest_against);
            number
                .len()
                .cmp(&against.len())
                .then_with(|| number.cmp(against))
        } else {
            (a, b) = (&a[first.len_utf8()..], &b[second.len_utf8()..]);
            first.to_lowercase().cmp(second.to_lowercase())
        };
        if compared != Ordering::Equal {
            return compared;
        }
    }
}

/// The digits a text begins with, without leading zeros, and what follows them.
fn digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_as_numbers() {
        let mut names = [
            "p10.png", "P2.png", "a.png", "p1.png", "p02.png", "王2", "王",
        ];
        names.sort_by(|a, b| by_name(a, b));
        assert_eq!(
            names,
            [
                "a.png", "p1.png", "P2.png", "p02.png", "p10.png", "王", "王2"
            ]
        );
    }
}
