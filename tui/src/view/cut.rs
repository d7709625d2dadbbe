//! Owns the fitting of text into cells: measuring, cleaning, cutting and wrapping.
//!
//! Invariant: what comes out is never wider than asked for, whatever goes in, and holds no control characters.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::state::AmbiguousWidth;

/// What stands where something was cut away.
pub(crate) const CUT: &str = "~";

/// Width in cells where ambiguous characters take one.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// Width in cells.
pub(crate) fn width_in(text: &str, ambiguous: AmbiguousWidth) -> usize {
    match ambiguous {
        AmbiguousWidth::Narrow => text.width(),
        AmbiguousWidth::Wide => text.width_cjk(),
    }
}

/// Without what could move the cursor or turn the direction of writing, for names come from elsewhere; and without what
/// joins or tints emoji, about whose width terminals do not agree: `👨‍👩‍👧` becomes three of them, two cells each.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| is_harmful(c) || is_joiner(c)) {
        return Cow::Borrowed(text);
    }
    let clean = text
        .chars()
        .filter(|c| !is_joiner(*c))
        .map(|c| match c {
            '\n' | '\t' => ' ',
            c if is_harmful(c) => '?',
            c => c,
        })
        .collect();
    Cow::Owned(clean)
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_joiner(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}'
    )
}

/// The first graphemes that fit into so many cells.
fn head(text: &str, cells: usize, ambiguous: AmbiguousWidth) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += width_in(grapheme, ambiguous);
        if used > cells {
            return &text[..at];
        }
    }
    text
}

/// The last graphemes that fit into so many cells.
fn tail(text: &str, cells: usize, ambiguous: AmbiguousWidth) -> &str {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        used += width_in(grapheme, ambiguous);
        if used > cells {
            return &text[at + grapheme.len()..];
        }
    }
    text
}

/// Cut at its end, when it is too wide.
pub(crate) fn cut_end(text: &str, cells: usize) -> String {
    cut_end_in(text, cells, AmbiguousWidth::Narrow)
}

/// Cut at its end, when it is too wide.
pub(crate) fn cut_end_in(text: &str, cells: usize, ambiguous: AmbiguousWidth) -> String {
    let text = clean(text);
    if width_in(&text, ambiguous) <= cells {
        return text.into_owned();
    }
    match cells {
        0 => String::new(),
        _ => format!("{}{CUT}", head(&text, cells - 1, ambiguous)),
    }
}

/// Cut in its middle, when it is too wide: of a filename the end tells most.
pub(crate) fn cut_middle(text: &str, cells: usize) -> String {
    let text = clean(text);
    match halves(&text, cells, AmbiguousWidth::Narrow) {
        (start, None) => start.to_owned(),
        (start, Some(end)) => format!("{start}{CUT}{end}"),
    }
}

/// What a clean text is cut into; no second half when it fits, or when there is no room for one.
pub(crate) fn halves(text: &str, cells: usize, ambiguous: AmbiguousWidth) -> (&str, Option<&str>) {
    if width_in(text, ambiguous) <= cells {
        return (text, None);
    }
    if cells < 5 {
        return match cells {
            0 => ("", None),
            _ => (head(text, cells - 1, ambiguous), Some("")),
        };
    }
    let end = tail(text, (cells - 1) / 2, ambiguous);
    let room = cells - 1 - width_in(end, ambiguous);
    (head(text, room, ambiguous), Some(end))
}

/// The end of a text that is being typed, so that the cursor behind it is seen.
pub(crate) fn keep_end(text: &str, cells: usize, ambiguous: AmbiguousWidth) -> &str {
    tail(text, cells, ambiguous)
}

/// What must stay together on a line: words with the punctuation that follows them.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens: Vec<(usize, usize)> = Vec::new();
    for (start, word) in text.split_word_bound_indices() {
        let end = start + word.len();
        let is_mark = !word
            .chars()
            .any(|c| c.is_alphanumeric() || c.is_whitespace());
        match tokens.last_mut() {
            Some(last) if is_mark && !text[last.0..last.1].trim().is_empty() => last.1 = end,
            _ => tokens.push((start, end)),
        }
    }
    tokens
        .into_iter()
        .map(|(start, end)| &text[start..end])
        .collect()
}

/// Broken into lines: at spaces where there are some, between any two characters where there are none (Chinese).
pub(crate) fn wrap(text: &str, cells: usize) -> Vec<String> {
    let cells = cells.max(2);
    let text = clean(text);
    let mut lines = Vec::new();
    let mut line = String::new();
    for token in tokens(&text) {
        if width(&line) + width(token) <= cells {
            if !(line.is_empty() && token.trim().is_empty()) {
                line.push_str(token);
            }
            continue;
        }
        if !line.is_empty() {
            lines.push(line.trim_end().to_owned());
            line.clear();
        }
        if token.trim().is_empty() {
            continue;
        }
        let mut rest = token;
        while width(rest) > cells {
            let first = head(rest, cells, AmbiguousWidth::Narrow);
            lines.push(first.to_owned());
            rest = &rest[first.len()..];
        }
        line.push_str(rest);
    }
    if !line.trim().is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_end() {
        assert_eq!(cut_middle("portrait_01.png", 20), "portrait_01.png");
        assert_eq!(cut_middle("portrait_of_wang_01.png", 15), "portrai~_01.png");
        assert_eq!(cut_middle("王芳-正面照（修图）.jpg", 14), "王芳-正~）.jpg");
    }

    #[test]
    fn nothing_is_ever_wider_than_asked_for() {
        for text in [
            "plain text",
            "王芳-正面照（修图）.jpg",
            "a👨‍👩‍👧b👍🏽cé",
            "",
            "\u{1b}[31mred",
        ] {
            for cells in 0..30 {
                assert!(width(&cut_end(text, cells)) <= cells, "{text:?} {cells}");
                assert!(width(&cut_middle(text, cells)) <= cells, "{text:?} {cells}");
                if cells >= 2 {
                    for line in wrap(text, cells) {
                        assert!(width(&line) <= cells, "{text:?} {cells} {line:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn control_characters_are_made_harmless() {
        assert_eq!(clean("a\u{1b}]0;x\u{7}\u{202e}b"), "a?]0;x??b");
    }

    #[test]
    fn emoji_are_as_wide_as_every_terminal_draws_them() {
        assert_eq!(clean("a👨‍👩‍👧b👍🏽❤️"), "a👨👩👧b👍❤");
        assert_eq!(width(&clean("👨‍👩‍👧")), 6);
    }

    #[test]
    fn lines_break_at_spaces_and_between_characters() {
        assert_eq!(wrap("to be or not", 5), ["to be", "or", "not"]);
        assert_eq!(wrap("根据音频生成", 5), ["根据", "音频", "生成"]);
        assert_eq!(wrap("so, it ends.", 8), ["so, it", "ends."]);
        assert_eq!(wrap("图片，语音。", 6), ["图片，", "语音。"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
    }
}
