//! Owns the division of the terminal: which part of a screen lies where, and so how many rows a list shows.
//!
//! Pure arithmetic, shared by the state (which scrolls) and the view (which draws), so that both agree.

use ratatui::layout::Rect;

/// Below this nothing useful fits, and the screen only says so.
pub(crate) const SMALLEST: (u16, u16) = (60, 15);

/// From this width on the details of an item stand beside the list instead of under it.
const BESIDE_FROM: u16 = 120;

/// From this width on there is room for a picture beside the details under the list.
const PICTURE_BELOW_FROM: u16 = 96;

/// From this width on there is room for a picture beside the files of a new batch.
const PICTURE_BESIDE_FILES_FROM: u16 = 96;

/// Whether the terminal is too small for the screens.
pub(crate) fn too_small(size: (u16, u16)) -> bool {
    size.0 < SMALLEST.0 || size.1 < SMALLEST.1
}

fn row(area: Rect, y: u16, height: u16) -> Rect {
    Rect::new(area.x, area.y + y, area.width, height)
}

fn whole(size: (u16, u16)) -> Rect {
    Rect::new(0, 0, size.0, size.1)
}

/// The list of batches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchesParts {
    pub(crate) header: Rect,
    pub(crate) counts: Rect,
    pub(crate) warning: Option<Rect>,
    pub(crate) titles: Rect,
    pub(crate) list: Rect,
    /// What is known of the batch under the cursor; goes first when the terminal is low.
    pub(crate) summary: Option<Rect>,
    pub(crate) footer: Rect,
}

/// Divides the terminal for the list of batches.
pub(crate) fn batches(size: (u16, u16), warning: bool) -> BatchesParts {
    let area = whole(size);
    let summary_height = match size.1 {
        0..20 => 0,
        20..32 => 4,
        _ => 5,
    };
    let top = 2 + u16::from(warning);
    let list_height = size.1.saturating_sub(top + 1 + summary_height + 1);
    BatchesParts {
        header: row(area, 0, 1),
        counts: row(area, 1, 1),
        warning: warning.then(|| row(area, 2, 1)),
        titles: row(area, top, 1),
        list: row(area, top + 1, list_height),
        summary: (summary_height > 0).then(|| row(area, top + 1 + list_height, summary_height)),
        footer: row(area, size.1 - 1, 1),
    }
}

/// One batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchParts {
    pub(crate) header: Rect,
    pub(crate) progress: Rect,
    pub(crate) titles: Rect,
    pub(crate) list: Rect,
    /// The details of the item under the cursor, its first row (or column, when beside) being the dividing rule.
    pub(crate) detail: Rect,
    pub(crate) beside: bool,
    /// Where the source image is shown, when there is room.
    pub(crate) picture: Option<Rect>,
    pub(crate) footer: Rect,
}

/// Divides the terminal for one batch.
pub(crate) fn batch(size: (u16, u16)) -> BatchParts {
    let area = whole(size);
    let header = row(area, 0, 1);
    let progress = row(area, 1, 1);
    let footer = row(area, size.1 - 1, 1);
    let body = row(area, 2, size.1.saturating_sub(3));
    if size.0 >= BESIDE_FROM {
        let detail_width = (size.0 * 2 / 5).clamp(46, 76);
        let list_width = size.0 - detail_width;
        let left = Rect::new(0, body.y, list_width, body.height);
        // The lower half of the details, as far as it is not needed for their most important lines.
        let picture_height = (body.height / 2).saturating_sub(1).min(detail_width / 2);
        let picture = (picture_height >= 6).then(|| {
            let y = body.bottom() - picture_height;
            Rect::new(list_width + 3, y, detail_width - 4, picture_height)
        });
        let detail_height = body.height - picture.map_or(0, |it| it.height + 1);
        return BatchParts {
            picture,
            header,
            progress,
            titles: row(left, 0, 1),
            list: row(left, 1, left.height.saturating_sub(1)),
            detail: Rect::new(list_width + 1, body.y, detail_width - 1, detail_height),
            beside: true,
            footer,
        };
    }
    let detail_height = match body.height {
        0..14 => 5,
        14..19 => 8,
        19..30 => 10,
        _ => 13,
    };
    let list_height = body.height.saturating_sub(1 + detail_height);
    let picture_y = body.y + 2 + list_height;
    let picture = (size.0 >= PICTURE_BELOW_FROM && detail_height >= 8).then(|| {
        let height = detail_height - 1;
        let width = height * 2 + 2;
        Rect::new(size.0 - width - 1, picture_y, width, height)
    });
    let detail_width = picture.map_or(size.0, |it| it.x - 1);
    BatchParts {
        picture,
        header,
        progress,
        titles: row(body, 0, 1),
        list: row(body, 1, list_height),
        detail: Rect {
            width: detail_width,
            ..row(body, 1 + list_height, detail_height)
        },
        beside: false,
        footer,
    }
}

/// The users, and the newest movements of the one under the cursor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UsersParts {
    pub(crate) header: Rect,
    pub(crate) counts: Rect,
    pub(crate) titles: Rect,
    pub(crate) list: Rect,
    /// The rule over the movements.
    pub(crate) rule: Rect,
    pub(crate) ledger: Rect,
    pub(crate) footer: Rect,
}

/// Divides the terminal for the users.
pub(crate) fn users(size: (u16, u16)) -> UsersParts {
    let area = whole(size);
    let body = size.1.saturating_sub(4);
    // The rule, and a third of the rest, but never so much that the users are few.
    let ledger_height = (body / 3).clamp(3, 14);
    let list_height = body.saturating_sub(ledger_height + 1);
    UsersParts {
        header: row(area, 0, 1),
        counts: row(area, 1, 1),
        titles: row(area, 2, 1),
        list: row(area, 3, list_height),
        rule: row(area, 3 + list_height, 1),
        ledger: row(area, 4 + list_height, ledger_height),
        footer: row(area, size.1 - 1, 1),
    }
}

/// The movements of one user's credits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LedgerParts {
    pub(crate) header: Rect,
    pub(crate) summary: Rect,
    pub(crate) titles: Rect,
    pub(crate) list: Rect,
    pub(crate) footer: Rect,
}

/// Divides the terminal for the movements of one user's credits.
pub(crate) fn ledger(size: (u16, u16)) -> LedgerParts {
    let area = whole(size);
    LedgerParts {
        header: row(area, 0, 1),
        summary: row(area, 1, 1),
        titles: row(area, 2, 1),
        list: row(area, 3, size.1.saturating_sub(4)),
        footer: row(area, size.1 - 1, 1),
    }
}

/// What was done and tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuditParts {
    pub(crate) header: Rect,
    pub(crate) counts: Rect,
    pub(crate) titles: Rect,
    pub(crate) list: Rect,
    /// The event under the cursor, its first row being the dividing rule.
    pub(crate) detail: Rect,
    pub(crate) footer: Rect,
}

/// Divides the terminal for what was done and tried.
pub(crate) fn audit(size: (u16, u16)) -> AuditParts {
    let area = whole(size);
    let detail_height = match size.1 {
        0..20 => 4,
        20..32 => 6,
        _ => 8,
    };
    let list_height = size.1.saturating_sub(4 + detail_height);
    AuditParts {
        header: row(area, 0, 1),
        counts: row(area, 1, 1),
        titles: row(area, 2, 1),
        list: row(area, 3, list_height),
        detail: row(area, 3 + list_height, detail_height),
        footer: row(area, size.1 - 1, 1),
    }
}

/// The keys for programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApiKeysParts {
    pub(crate) header: Rect,
    pub(crate) counts: Rect,
    pub(crate) titles: Rect,
    pub(crate) list: Rect,
    /// What such a key is for, its first row being the dividing rule.
    pub(crate) about: Rect,
    pub(crate) footer: Rect,
}

/// Divides the terminal for the keys for programs.
pub(crate) fn api_keys(size: (u16, u16)) -> ApiKeysParts {
    let area = whole(size);
    let about_height = 4;
    let list_height = size.1.saturating_sub(4 + about_height);
    ApiKeysParts {
        header: row(area, 0, 1),
        counts: row(area, 1, 1),
        titles: row(area, 2, 1),
        list: row(area, 3, list_height),
        about: row(area, 3 + list_height, about_height),
        footer: row(area, size.1 - 1, 1),
    }
}

/// The service as it is now: a head, a body that is divided as the content wants, a foot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemParts {
    pub(crate) header: Rect,
    pub(crate) body: Rect,
    pub(crate) footer: Rect,
}

/// Divides the terminal for the service as it is now.
pub(crate) fn system(size: (u16, u16)) -> SystemParts {
    let area = whole(size);
    SystemParts {
        header: row(area, 0, 1),
        body: row(area, 1, size.1.saturating_sub(2)),
        footer: row(area, size.1 - 1, 1),
    }
}

/// A new batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewBatchParts {
    pub(crate) header: Rect,
    pub(crate) name: Rect,
    pub(crate) engine: Rect,
    pub(crate) audio: Rect,
    pub(crate) prompt: Rect,
    pub(crate) directory: Rect,
    pub(crate) list: Rect,
    /// Where the picture under the cursor is shown, when there is room.
    pub(crate) picture: Option<Rect>,
    pub(crate) marked: Rect,
    pub(crate) cost: Rect,
    pub(crate) finish: Rect,
    pub(crate) problem: Rect,
    pub(crate) footer: Rect,
}

/// Divides the terminal for a new batch.
pub(crate) fn new_batch(size: (u16, u16)) -> NewBatchParts {
    let area = whole(size);
    let prompt_height = if size.1 >= 22 { 2 } else { 1 };
    let directory_y = 4 + prompt_height;
    let bottom = size.1.saturating_sub(5);
    let list = row(
        area,
        directory_y + 1,
        bottom.saturating_sub(directory_y + 1),
    );
    let picture = (size.0 >= PICTURE_BESIDE_FILES_FROM && list.height >= 6).then(|| {
        let width = (size.0 / 3).min(list.height * 2 + 2).min(60);
        Rect::new(size.0 - width - 1, list.y, width, list.height)
    });
    let list_width = picture.map_or(size.0, |it| it.x - 1);
    NewBatchParts {
        picture,
        header: row(area, 0, 1),
        name: row(area, 1, 1),
        engine: row(area, 2, 1),
        audio: row(area, 3, 1),
        prompt: row(area, 4, prompt_height),
        directory: row(area, directory_y, 1),
        list: Rect {
            width: list_width,
            ..list
        },
        marked: row(area, bottom, 1),
        cost: row(area, bottom + 1, 1),
        finish: row(area, bottom + 2, 1),
        problem: row(area, bottom + 3, 1),
        footer: row(area, size.1 - 1, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_has_a_list_and_nothing_overlaps() {
        for width in [60, 80, 100, 119, 120, 200, 300] {
            for height in 15..=100 {
                let size = (width, height);
                for warning in [false, true] {
                    let parts = batches(size, warning);
                    assert!(parts.list.height >= 5, "{size:?}");
                    let below = parts.summary.map_or(parts.footer.y, |it| it.y);
                    assert_eq!(parts.list.bottom(), below, "{size:?}");
                }
                let parts = batch(size);
                assert!(parts.list.height >= 5, "{size:?}");
                let end = if parts.beside {
                    parts.list
                } else {
                    parts.detail
                };
                assert_eq!(end.bottom(), parts.footer.y, "{size:?}");
                let parts = users(size);
                assert!(
                    parts.list.height >= 5 && parts.ledger.height >= 3,
                    "{size:?}"
                );
                assert_eq!(parts.ledger.bottom(), parts.footer.y, "{size:?}");
                let parts = audit(size);
                assert!(parts.list.height >= 5, "{size:?}");
                assert_eq!(parts.list.bottom(), parts.detail.y, "{size:?}");
                assert_eq!(parts.detail.bottom(), parts.footer.y, "{size:?}");
                let parts = api_keys(size);
                assert!(parts.list.height >= 5, "{size:?}");
                assert_eq!(parts.list.bottom(), parts.about.y, "{size:?}");
                assert_eq!(parts.about.bottom(), parts.footer.y, "{size:?}");
                let parts = new_batch(size);
                assert!(parts.list.height >= 4, "{size:?}");
                assert_eq!(parts.list.bottom(), parts.marked.y, "{size:?}");
                assert_eq!(parts.problem.y + 1, parts.footer.y, "{size:?}");
            }
        }
    }
}
