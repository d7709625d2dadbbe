//! Owns [`Fuzzy`]: what was typed to find something, and which letters of a text it means.
//!
//! Words are separated by spaces and must all be found. A word is found where it stands as it is; else where its letters
//! stand in their order, as close together as they can be from where they end first. Case does not matter.

/// What was typed to find something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fuzzy {
    text: String,
    words: Vec<Vec<char>>,
}

/// How well something was found; the smaller, the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// Every word stands there as it is.
    Whole,
    /// The letters of some word stand there one after the other with others between them.
    Scattered,
}

impl Fuzzy {
    pub(crate) fn new(text: &str) -> Self {
        let words = text
            .split_whitespace()
            .map(|word| word.chars().map(lower).collect())
            .collect();
        Self {
            text: text.to_owned(),
            words,
        }
    }

    /// As it was typed.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it finds everything.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How well the words are found in these texts, each in any of them; `exact` are texts where only whole words count,
    /// and of the id only its last digits, 4 or more of them.
    pub(crate) fn rank(&self, texts: &[&str], exact: &[&str], id: &str) -> Option<Rank> {
        let mut worst = Rank::Whole;
        for word in &self.words {
            let whole = texts
                .iter()
                .chain(exact)
                .any(|text| whole(word, text).is_some());
            if whole || ends_with(id, word) {
                continue;
            }
            texts.iter().find_map(|text| scattered(word, text))?;
            worst = Rank::Scattered;
        }
        Some(worst)
    }

    /// The byte offsets of the characters of `text` that were meant, rising; those of words that are not in it are missing.
    pub(crate) fn places(&self, text: &str) -> Vec<usize> {
        let mut places = Vec::new();
        for word in &self.words {
            let found = whole(word, text).or_else(|| scattered(word, text));
            places.extend(found.into_iter().flatten());
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// The fewest digits of an id that mean it.
const ID_DIGITS: usize = 4;

fn ends_with(id: &str, word: &[char]) -> bool {
    word.len() >= ID_DIGITS
        && id
            .chars()
            .rev()
            .zip(word.iter().rev())
            .filter(|(a, b)| a == *b)
            .count()
            == word.len()
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Where the word stands as it is.
fn whole(word: &[char], text: &str) -> Option<Vec<usize>> {
    let first = *word.first()?;
    text.char_indices()
        .filter(|(_, c)| lower(*c) == first)
        .find_map(|(start, _)| {
            let mut found = Vec::with_capacity(word.len());
            let mut rest = text[start..].char_indices();
            for wanted in word {
                let (at, c) = rest.next()?;
                if lower(c) != *wanted {
                    return None;
                }
                found.push(start + at);
            }
            Some(found)
        })
}

/// Where its letters stand in their order.
fn scattered(word: &[char], text: &str) -> Option<Vec<usize>> {
    let mut wanted = word.iter().peekable();
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if wanted.next_if(|it| **it == lower(c)).is_some() {
            end = at + c.len_utf8();
        }
        if wanted.peek().is_none() {
            break;
        }
    }
    if wanted.peek().is_some() {
        return None;
    }
    // Back from the end they stand closest together.
    let mut wanted = word.iter().rev().peekable();
    let mut found: Vec<usize> = text[..end]
        .char_indices()
        .rev()
        .filter(|(_, c)| wanted.next_if(|it| **it == lower(*c)).is_some())
        .map(|(at, _)| at)
        .collect();
    found.reverse();
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(typed: &str, text: &str) -> String {
        let places = Fuzzy::new(typed).places(text);
        text.char_indices()
            .map(|(at, c)| if places.contains(&at) { c } else { '.' })
            .collect()
    }

    #[test]
    fn words_are_found_whole_before_scattered() {
        assert_eq!(marked("tour", "product-Tour-de"), "........Tour...");
        assert_eq!(marked("ptd", "product-tour-de"), "p.......t....d.");
        assert_eq!(marked("portrait_7", "portrait_07.png"), "portrait_.7....");
        assert_eq!(marked("宣片", "春季宣传片 第一批"), "..宣.片....");
        assert_eq!(marked("de tour", "product-tour-de"), "........tour.de");
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let rank = |typed: &str, texts: &[&str], exact: &[&str]| {
            Fuzzy::new(typed).rank(texts, exact, "0193-00ab12")
        };
        assert_eq!(rank("", &["x"], &[]), Some(Rank::Whole));
        assert_eq!(rank("abc", &["a-b-c"], &[]), Some(Rank::Scattered));
        assert_eq!(rank("abc", &["ABCD"], &[]), Some(Rank::Whole));
        assert_eq!(rank("abc", &["acb"], &[]), None);
        assert_eq!(rank("abc", &[], &["a-b-c"]), None);
        assert_eq!(
            rank("wang ab", &["a-b", "wang"], &[]),
            Some(Rank::Scattered)
        );
        assert_eq!(rank("wang zz", &["a-b", "wang"], &[]), None);
        assert_eq!(rank("AB12", &[], &[]), Some(Rank::Whole));
        assert_eq!(
            (rank("b12", &[], &[]), rank("00ab", &[], &[])),
            (None, None)
        );
    }
}
