//! How the screen adapts: thumbnails where they can be shown, ambiguous characters as wide as the terminal draws them.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use std::sync::Arc;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use samples::{Driver, NOW, list, new_batch, open_batch, signed_in, start};
use unicode_width::UnicodeWidthStr as _;
use vbatch_tui::files::{FilesMessage, Thumbnail};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{
    AmbiguousWidth, ColorDepth, Effect, FilesEffect, Look, Message, NetEffect, NetMessage,
    SymbolSet,
};
use vbatch_tui::view;
use vision_batch::v1;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

fn drawn(driver: &Driver) -> Buffer {
    let (width, height) = driver.state.size();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| view::draw(&driver.state, frame))
        .unwrap();
    terminal.backend().buffer().clone()
}

fn later(driver: &mut Driver, seconds: i64) {
    driver.send(Message::Tick(
        jiff::Timestamp::from_second(NOW + seconds).unwrap(),
    ));
}

/// Red above, blue below in every cell.
fn flag(cells: (u16, u16)) -> Arc<Thumbnail> {
    let (width, height) = (cells.0.min(10), (cells.1 * 2).min(8));
    Arc::new(Thumbnail {
        width,
        height,
        pixels: (0..height)
            .flat_map(|row| {
                let pixel = if row % 2 == 0 {
                    [255, 0, 0]
                } else {
                    [0, 0, 255]
                };
                std::iter::repeat_n(pixel, usize::from(width))
            })
            .collect(),
    })
}

fn half_blocks(picture: &Buffer) -> Vec<(Color, Color)> {
    picture
        .content
        .iter()
        .filter(|cell| cell.symbol() == "▀")
        .map(|cell| (cell.fg, cell.bg))
        .collect()
}

fn thumbnails(driver: &mut Driver) -> Vec<(v1::DownloadFileRequest, (u16, u16))> {
    driver
        .asked()
        .into_iter()
        .filter_map(|effect| match effect {
            NetEffect::LoadThumbnail { request, cells } => Some((request, cells)),
            _ => None,
        })
        .collect()
}

#[test]
fn the_source_image_is_shown_beside_the_details_where_there_is_room() {
    for size in [(120, 40), (100, 30)] {
        let look = Look {
            depth: ColorDepth::TrueColor,
            ..Look::default()
        };
        let mut driver = signed_in(start(look, size), "zhangwei", Role::User);
        open_batch(&mut driver);
        driver.effects.clear();
        // Walking on fetches nothing; resting does, once.
        driver.keys("jjjjjj");
        assert_eq!(thumbnails(&mut driver), []);
        later(&mut driver, 1);
        let asked = thumbnails(&mut driver);
        let [(request, cells)] = &asked[..] else {
            panic!("{asked:?}");
        };
        assert_eq!(request.kind, i32::from(v1::FileKind::SourceImage));
        later(&mut driver, 2);
        assert_eq!(thumbnails(&mut driver), []);
        driver.net(NetMessage::Thumbnail {
            item_id: request.item_id.clone(),
            cells: *cells,
            thumbnail: Some(flag(*cells)),
        });
        let blocks = half_blocks(&drawn(&driver));
        assert_eq!(blocks.len(), 40);
        assert_eq!(blocks[0], (Color::Rgb(255, 0, 0), Color::Rgb(0, 0, 255)));
        // Another row has another picture.
        driver.keys("k");
        assert_eq!(half_blocks(&drawn(&driver)), []);
    }
}

#[test]
fn where_it_cannot_be_shown_nothing_is_fetched() {
    let plain = [
        Look {
            depth: ColorDepth::None,
            ..Look::default()
        },
        Look {
            depth: ColorDepth::Ansi16,
            ..Look::default()
        },
        Look {
            symbols: SymbolSet::Ascii,
            ..Look::default()
        },
        Look {
            ambiguous: AmbiguousWidth::Wide,
            ..Look::default()
        },
    ];
    for look in plain {
        let mut driver = signed_in(start(look, (120, 40)), "zhangwei", Role::User);
        open_batch(&mut driver);
        later(&mut driver, 5);
        later(&mut driver, 6);
        assert_eq!(thumbnails(&mut driver), [], "{look:?}");
    }
    // A large one is not fetched only to be looked at.
    let mut driver = signed_in(start(Look::default(), (120, 40)), "zhangwei", Role::User);
    driver.press(Key::Enter);
    let mut items = samples::items();
    for item in &mut items {
        item.source_image.as_mut().unwrap().size_bytes = 9 << 20;
    }
    samples::fill_batch(&mut driver, &samples::batches()[0].id, items);
    later(&mut driver, 5);
    later(&mut driver, 6);
    assert_eq!(thumbnails(&mut driver), []);
}

#[test]
fn a_picture_is_seen_before_it_is_marked() {
    let mut driver = signed_in(start(Look::default(), (100, 30)), "zhangwei", Role::User);
    new_batch(&mut driver);
    driver.press(Key::Up);
    driver.effects.clear();
    later(&mut driver, 1);
    let asked: Vec<_> = driver
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Files(FilesEffect::Thumbnail { path, cells }) => Some((path.clone(), *cells)),
            _ => None,
        })
        .collect();
    let [(path, cells)] = &asked[..] else {
        panic!("{asked:?}");
    };
    assert!(path.ends_with("portrait_02.png"), "{path:?}");
    driver.send(Message::Files(FilesMessage::Thumbnail {
        path: path.clone(),
        cells: *cells,
        thumbnail: Some(flag(*cells)),
    }));
    assert_eq!(half_blocks(&drawn(&driver)).len(), 40);
}

#[test]
fn names_with_ambiguous_characters_never_break_a_column() {
    let look = Look {
        ambiguous: AmbiguousWidth::Wide,
        ..Look::default()
    };
    let mut driver = signed_in(start(look, (80, 24)), "zhangwei", Role::User);
    let name = "“Здравствуй” — привет… ① № ½ ★ αβγ конец.png";
    let batches = vec![samples::batch(11, name, "zhangwei", [3, 1, 0, 0, 0], 60)];
    list(&mut driver, batches, TokenState::Ok);
    driver.keys("/конец");
    let picture = drawn(&driver);
    // Where the cells of a row lie when every ambiguous character takes two: what follows the name is where its title is.
    for y in 0..24u16 {
        let mut x = 0;
        while x < 80 {
            let symbol = picture[(x, y)].symbol();
            let width = u16::try_from(symbol.width_cjk().max(1)).unwrap();
            for covered in x + 1..x + width {
                assert_eq!(
                    picture[(covered, y)].symbol(),
                    " ",
                    "row {y}, column {covered}, behind {symbol:?}"
                );
            }
            x += width;
        }
        assert_eq!(x, 80, "row {y}");
    }
}
