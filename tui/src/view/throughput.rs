//! Draws how many videos were made in each hour of the last day.

use ratatui::layout::Rect;
use vision_batch::v1;

use super::pen::Pen;
use super::theme::Role;
use crate::state::moment;

/// Least rows that are worth a chart: its title, two rows of bars, the hours.
const LEAST: u16 = 5;
/// More rows tell no more.
const MOST: u16 = 12;

/// Rows the chart takes of those that are free; 0 when they are too few for one.
pub(crate) fn height(free: u16) -> u16 {
    if free < LEAST { 0 } else { free.min(MOST) }
}

pub(crate) fn draw(pen: &mut Pen, area: Rect, points: &[v1::ThroughputPoint]) {
    if area.height < LEAST || points.is_empty() {
        return;
    }
    let words = pen.words.admin;
    let sum = |of: fn(&v1::ThroughputPoint) -> i32| -> i64 {
        points.iter().map(|point| i64::from(of(point))).sum()
    };
    let sums = (words.throughput_sum)(sum(|it| it.completed), sum(|it| it.failed));
    let title = format!("{}  {sums}", words.throughput);
    pen.rule(Rect { height: 1, ..area }, &title, Role::Accent);
    let highest = points
        .iter()
        .map(|point| point.completed + point.failed)
        .max()
        .unwrap_or(0)
        .max(1);
    let rows = i32::from(area.height - 2);
    let scale_width = u16::try_from(highest.to_string().len()).unwrap_or(3).max(3);
    let left = area.x + scale_width + 2;
    let room = area.right().saturating_sub(left + 1);
    let count = u16::try_from(points.len()).unwrap_or(24).max(1);
    let width = (room / count).clamp(1, 6);
    let bottom = area.bottom() - 2;
    pen.put_right(left - 1, area.y + 1, &highest.to_string(), Role::Dim);
    pen.put_right(left - 1, bottom, "0", Role::Dim);
    let bar = if width > 2 { width - 1 } else { width };
    for (index, point) in points.iter().enumerate() {
        let x = left + u16::try_from(index).unwrap_or(0) * width;
        if x + bar > area.right() {
            break;
        }
        // Rounded up, so that one video is seen beside a thousand.
        let filled = |number: i32| (number * rows + highest - 1) / highest;
        let all = filled(point.completed + point.failed);
        let good = filled(point.completed).min(all);
        for row in 0..all {
            let y = bottom - u16::try_from(row).unwrap_or(0);
            let role = if row < good {
                Role::BarGood
            } else {
                Role::BarBad
            };
            if pen.theme.has_grounds() {
                pen.ground(Rect::new(x, y, bar, 1), role);
            } else {
                let letter = if row < good { "#" } else { "x" };
                pen.put(x, y, &letter.repeat(usize::from(bar)), role, bar);
            }
        }
        if index % 6 == 0
            && let Some(time) = &point.start_time
        {
            let local = moment(time).to_zoned(pen.clock.time_zone.clone());
            let label = format!("{:02}:00", local.hour());
            pen.put(x, bottom + 1, &label, Role::Dim, 5);
        }
    }
}
