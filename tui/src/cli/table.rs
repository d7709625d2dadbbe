//! Owns [`Table`]: rows of text in columns that line up, Chinese or not, and that fit the terminal.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Cells between two columns.
const GAP: usize = 2;
/// A column that may be cut is never made narrower than this.
const NARROWEST: usize = 10;

/// How a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// To the left.
    Left(&'static str),
    /// To the right, for numbers.
    Right(&'static str),
    /// To the left, and cut in the middle when the terminal is too narrow: names, whose ends tell them apart.
    Cut(&'static str),
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Left(title) | Self::Right(title) | Self::Cut(title) => title,
        }
    }
}

/// Rows of text under titles.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    #[must_use]
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self {
            columns: columns.into(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; what is not a column's is left out, what is missing is empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| printable(&cell)).collect();
        cells.resize(self.columns.len(), String::new());
        self.rows.push(cells);
    }

    /// The table as lines, no wider than `width` as far as columns can be cut. No line ends in spaces.
    #[must_use]
    pub fn render(&self, width: Option<usize>) -> String {
        let mut widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                self.rows
                    .iter()
                    .map(|row| row[index].width())
                    .chain([column.title().width()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        if let Some(width) = width {
            self.fit(&mut widths, width);
        }
        let titles: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.title().to_owned())
            .collect();
        let mut text = String::new();
        for row in std::iter::once(&titles).chain(&self.rows) {
            let mut line = String::new();
            for ((column, cell), width) in self.columns.iter().zip(row).zip(&widths) {
                let cell = cut_middle(cell, *width);
                let space = " ".repeat(width.saturating_sub(cell.width()));
                match column {
                    Column::Right(_) => line += &(space + &cell),
                    Column::Left(_) | Column::Cut(_) => line += &(cell + &space),
                }
                line += &" ".repeat(GAP);
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }

    /// Takes what is too much from the widest columns that may be cut.
    fn fit(&self, widths: &mut [usize], available: usize) {
        let gaps = GAP * widths.len().saturating_sub(1);
        let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(available);
        while excess > 0 {
            let widest = (0..widths.len())
                .filter(|index| matches!(self.columns[*index], Column::Cut(_)))
                .max_by_key(|index| widths[*index]);
            match widest {
                Some(index) if widths[index] > NARROWEST => widths[index] -= 1,
                _ => return,
            }
            excess -= 1;
        }
    }
}

/// The text as it may be shown: what would steer the terminal (control characters, changes of writing direction) becomes `?`.
#[must_use]
pub fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => ' ',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
            character if character.is_control() => '?',
            character => character,
        })
        .collect()
}

/// The text in at most `width` cells; what is too much goes from the middle, a `~` says so. Never splits a grapheme.
#[must_use]
pub fn cut_middle(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let graphemes: Vec<&str> = text.graphemes(true).collect();
    let take = |graphemes: &mut dyn Iterator<Item = &&str>, room: usize| {
        let mut used = 0;
        graphemes
            .take_while(|grapheme| {
                used += grapheme.width();
                used <= room
            })
            .count()
    };
    let tail = take(&mut graphemes.iter().rev(), room / 2);
    let tail_width = graphemes[graphemes.len() - tail..].concat().width();
    let head = take(&mut graphemes.iter(), room - tail_width);
    format!(
        "{}~{}",
        graphemes[..head].concat(),
        graphemes[graphemes.len() - tail..].concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> Table {
        let mut table = Table::new([
            Column::Cut("NAME"),
            Column::Right("DONE"),
            Column::Left("STATE"),
        ]);
        for (index, name) in names.iter().enumerate() {
            table.row([
                (*name).to_owned(),
                (index * 999).to_string(),
                "OK".to_owned(),
            ]);
        }
        table
    }

    #[test]
    fn wide_characters_line_up() {
        assert_eq!(
            table(&["春季宣传片", "onboarding-en", "a\u{1b}[31m"]).render(None),
            "NAME           DONE  STATE\n\
             春季宣传片        0  OK\n\
             onboarding-en   999  OK\n\
             a?[31m         1998  OK\n"
        );
    }

    #[test]
    fn names_are_cut_in_the_middle_to_fit() {
        let text = table(&["王芳-正面照（修图）第一批.jpg", "portrait_07.png"]).render(Some(30));
        for line in text.lines() {
            assert!(line.width() <= 30, "{line}");
        }
        assert!(text.contains("~"), "{text}");
        assert!(text.contains(".jpg"), "{text}");
    }

    #[test]
    fn a_cut_never_splits_what_belongs_together() {
        assert_eq!(cut_middle("abc", 3), "abc");
        assert_eq!(cut_middle("abcdef", 5), "ab~ef");
        // A wide character that would not fit whole is left out whole.
        assert_eq!(cut_middle("中文字符名", 6), "中~名");
        assert_eq!(
            cut_middle("e\u{301}e\u{301}e\u{301}e\u{301}", 3),
            "e\u{301}~e\u{301}"
        );
        assert_eq!(cut_middle("abc", 0), "~");
    }
}
