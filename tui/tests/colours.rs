//! The colours of the screens on every kind of terminal: dark and light ground, 16 million, 256, 16 colours, and none.
//!
//! One file a screen and kind of terminal. Where bars and windows are drawn with letters it has the picture, too; else
//! that is as in `pictures`. Below a picture each row is told by its styles: so many cells of this one, so many of that.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use samples::scene;
use vbatch_tui::state::{AmbiguousWidth, ColorDepth, Ground, Language, Look, SymbolSet};
use vbatch_tui::view;

/// The screens; what lies over them is made of the same roles.
const SCREENS: [&str; 13] = [
    "sign_in",
    "password",
    "batches",
    "admin",
    "batch",
    "new_batch",
    "users",
    "ledger",
    "system",
    "audit",
    "api_keys",
    "delete",
    "secret",
];

const KINDS: [(&str, ColorDepth, Ground); 5] = [
    ("dark", ColorDepth::TrueColor, Ground::Dark),
    ("light", ColorDepth::TrueColor, Ground::Light),
    ("256", ColorDepth::Ansi256, Ground::Dark),
    ("16", ColorDepth::Ansi16, Ground::Dark),
    ("none", ColorDepth::None, Ground::Dark),
];

fn picture(name: &str, look: Look, size: (u16, u16)) -> Buffer {
    let driver = scene(name, look, size);
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal
        .draw(|frame| view::draw(&driver.state, frame))
        .unwrap();
    terminal.backend().buffer().clone()
}

/// The styles there are, each with a letter.
#[derive(Default)]
struct Legend(Vec<String>);

impl Legend {
    fn letter(&mut self, cell: &Cell) -> char {
        let style = format!(
            "{} on {}{}",
            colour(cell.fg),
            colour(cell.bg),
            modifiers(cell.modifier)
        );
        let known = self.0.iter().position(|it| *it == style);
        let index = known.unwrap_or_else(|| {
            self.0.push(style);
            self.0.len() - 1
        });
        let letters = ('a'..='z').chain('A'..='Z');
        letters
            .into_iter()
            .nth(index)
            .expect("no more than 52 styles")
    }
}

fn colour(color: Color) -> String {
    match color {
        Color::Reset => "-".to_owned(),
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        Color::Indexed(index) => index.to_string(),
        named => format!("{named:?}"),
    }
}

fn modifiers(modifier: Modifier) -> String {
    let names = modifier.iter_names().map(|(name, _)| name.to_lowercase());
    names.fold(String::new(), |all, name| format!("{all} {name}"))
}

/// Each row as runs of cells of one style; rows without any are empty.
fn styles(picture: &Buffer, legend: &mut Legend) -> String {
    let mut text = String::new();
    for y in picture.area.rows() {
        let mut runs: Vec<(usize, char)> = Vec::new();
        for x in y.left()..y.right() {
            let letter = legend.letter(&picture[(x, y.y)]);
            match runs.last_mut() {
                Some((count, last)) if *last == letter => *count += 1,
                _ => runs.push((1, letter)),
            }
        }
        for (count, letter) in runs {
            let _ = write!(text, "{count}{letter}");
        }
        text.push('\n');
    }
    text
}

#[test]
fn colours_are_as_they_were() {
    for (kind, depth, ground) in KINDS {
        for name in SCREENS {
            let mut legend = Legend::default();
            let mut body = String::new();
            for (tag, language) in [("en", Language::English), ("zh", Language::Chinese)] {
                for size in [(80, 24), (120, 40), (60, 15)] {
                    let look = Look {
                        language,
                        depth,
                        ground,
                        symbols: SymbolSet::Safe,
                        ambiguous: AmbiguousWidth::Narrow,
                    };
                    let picture = picture(name, look, size);
                    let _ = writeln!(body, "== {tag} {}x{}", size.0, size.1);
                    if matches!(depth, ColorDepth::None | ColorDepth::Ansi16) {
                        for row in samples::text(&picture).lines() {
                            let _ = writeln!(body, "{}", row.trim_end());
                        }
                    }
                    body.push_str(&styles(&picture, &mut legend));
                }
            }
            let letters = ('a'..='z').chain('A'..='Z');
            let legend: String = letters
                .zip(&legend.0)
                .map(|(letter, style)| format!("{letter} = {style}\n"))
                .collect();
            let id = format!("{name}_{kind}");
            insta::with_settings!({
                omit_expression => true,
                prepend_module_to_snapshot => false,
                snapshot_path => "snapshots/colours",
            }, {
                insta::assert_snapshot!(id, format!("{legend}{body}"));
            });
        }
    }
}

/// How far two colours stand apart, by WCAG: 4.5 can be read by most.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let luminance = |color: [u8; 3]| {
        let [red, green, blue] = color.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

/// What a cell's letters and ground are, on a terminal whose own ground is this.
fn seen(cell: &Cell, ground: Ground) -> ([u8; 3], [u8; 3]) {
    let (ink, paper) = match ground {
        Ground::Dark => ([0xd8; 3], [0x10; 3]),
        Ground::Light => ([0x20; 3], [0xff; 3]),
    };
    let of = |color: Color, own: [u8; 3]| match color {
        Color::Rgb(red, green, blue) => [red, green, blue],
        _ => own,
    };
    (of(cell.fg, ink), of(cell.bg, paper))
}

#[test]
fn every_letter_can_be_read_on_dark_and_on_light_ground() {
    for ground in [Ground::Dark, Ground::Light] {
        for name in samples::SCENES {
            let look = Look {
                depth: ColorDepth::TrueColor,
                ground,
                ..Look::default()
            };
            let picture = picture(name, look, (120, 40));
            for cell in &picture.content {
                // Rules and zeros are there to be overlooked; half blocks are a picture.
                let letter = cell.symbol().chars().all(char::is_alphanumeric);
                if !letter || cell.symbol() == "0" {
                    continue;
                }
                let (ink, paper) = seen(cell, ground);
                let apart = contrast(ink, paper);
                assert!(
                    apart >= 3.0,
                    "{:?} in {name} on {ground:?}: {ink:?} on {paper:?} is {apart:.1}",
                    cell.symbol()
                );
            }
        }
    }
}
