//! Draws thumbnails: two pixels in a cell, its upper half and its lower.

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::pen::Pen;
use crate::files::Thumbnail;

pub(crate) fn draw(pen: &mut Pen, area: Rect, thumbnail: &Thumbnail) {
    let (width, height) = (thumbnail.width, thumbnail.height / 2);
    let x = area.x + area.width.saturating_sub(width) / 2;
    let y = area.y + area.height.saturating_sub(height) / 2;
    for row in 0..height.min(area.height) {
        for column in 0..width.min(area.width) {
            if let Some((upper, lower)) = thumbnail.cell(column, row) {
                let style = Style::new()
                    .fg(pen.theme.color(upper))
                    .bg(pen.theme.color(lower));
                pen.half_block(x + column, y + row, style);
            }
        }
    }
}
