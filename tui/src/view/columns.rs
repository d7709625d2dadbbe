//! Owns the columns of lists: which ones fit a width, and where they lie.

/// One column of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column<K> {
    pub(crate) key: K,
    pub(crate) title: &'static str,
    /// Least width in cells.
    pub(crate) width: u16,
    /// Whether it takes the room that is left.
    pub(crate) grows: bool,
    /// Whether it ends on its right edge.
    pub(crate) right: bool,
    /// The higher, the sooner it goes; 0 stays always.
    pub(crate) rank: u8,
}

/// A column that has its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed<K> {
    pub(crate) key: K,
    pub(crate) title: &'static str,
    pub(crate) x: u16,
    pub(crate) width: u16,
    pub(crate) right: bool,
}

/// Cells between two columns.
const GAP: u16 = 2;

/// A column of its own width.
pub(crate) fn fixed<K>(key: K, title: &'static str, width: u16, rank: u8) -> Column<K> {
    Column {
        key,
        title,
        width,
        grows: false,
        right: false,
        rank,
    }
}

/// A column of numbers.
pub(crate) fn number<K>(key: K, title: &'static str, width: u16, rank: u8) -> Column<K> {
    Column {
        right: true,
        ..fixed(key, title, width, rank)
    }
}

/// The column that takes the room that is left.
pub(crate) fn growing<K>(key: K, title: &'static str, width: u16) -> Column<K> {
    Column {
        grows: true,
        ..fixed(key, title, width, 0)
    }
}

/// Places the columns that fit between `x` and `x + width`.
pub(crate) fn place<K: Copy>(mut columns: Vec<Column<K>>, x: u16, width: u16) -> Vec<Placed<K>> {
    let needed = |columns: &[Column<K>]| {
        let cells: u16 = columns.iter().map(|it| it.width + GAP).sum();
        cells.saturating_sub(GAP)
    };
    while needed(&columns) > width {
        let first = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.rank > 0)
            .max_by_key(|(_, column)| column.rank)
            .map(|(index, _)| index);
        match first {
            Some(index) => drop(columns.remove(index)),
            None => break,
        }
    }
    let left = width.saturating_sub(needed(&columns));
    let mut at = x;
    columns
        .into_iter()
        .map(|column| {
            let width = column.width + if column.grows { left } else { 0 };
            let placed = Placed {
                key: column.key,
                title: column.title,
                x: at,
                width,
                right: column.right,
            };
            at += width + GAP;
            placed
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_wanted_column_goes_first() {
        let columns = || {
            vec![
                growing('n', "NAME", 10),
                fixed('b', "BAR", 10, 2),
                number('d', "DONE", 5, 0),
                number('a', "AGE", 5, 3),
            ]
        };
        let keys = |width| {
            place(columns(), 0, width)
                .iter()
                .map(|it| it.key)
                .collect::<String>()
        };
        assert_eq!(keys(36), "nbda");
        assert_eq!(keys(35), "nbd");
        assert_eq!(keys(28), "nd");
        assert_eq!(keys(3), "nd");
        let placed = place(columns(), 4, 40);
        assert_eq!((placed[0].x, placed[0].width), (4, 14));
        assert_eq!(placed[3].x + placed[3].width, 44);
    }
}
