//! Pictures of the screens: in three sizes and two languages as they should be, and in every size without harm.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use samples::{Driver, SCENES, scene};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};
use vbatch_tui::state::{AmbiguousWidth, ColorDepth, Ground, Language, Look, Message, SymbolSet};
use vbatch_tui::view;

fn picture(driver: &Driver, size: (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    terminal
        .draw(|frame| view::draw(&driver.state, frame))
        .unwrap();
    terminal.backend().buffer().clone()
}

/// Every row is exactly as wide as the screen, so that no column breaks.
#[track_caller]
fn assert_rows_fit(picture: &Buffer) {
    let text = samples::text(picture);
    for row in text.lines() {
        assert_eq!(
            row.width(),
            usize::from(picture.area.width),
            "{row:?} in\n{text}"
        );
    }
}

const fn look(language: Language) -> Look {
    Look {
        language,
        depth: ColorDepth::TrueColor,
        ground: Ground::Dark,
        symbols: SymbolSet::Safe,
        ambiguous: AmbiguousWidth::Narrow,
    }
}

#[test]
fn pictures_are_as_they_were() {
    for (tag, language) in [("en", Language::English), ("zh", Language::Chinese)] {
        for size in [(80, 24), (120, 40), (60, 15)] {
            for name in SCENES {
                let driver = scene(name, look(language), size);
                let picture = picture(&driver, size);
                assert_rows_fit(&picture);
                let id = format!("{name}_{tag}_{}x{}", size.0, size.1);
                let text: Vec<String> = samples::text(&picture)
                    .lines()
                    .map(|row| row.trim_end().to_owned())
                    .collect();
                insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
                    insta::assert_snapshot!(id, text.join("\n"));
                });
            }
        }
    }
}

#[test]
fn what_is_ours_to_say_is_as_wide_in_every_terminal() {
    for language in [Language::English, Language::Chinese] {
        for name in SCENES {
            let driver = scene(name, look(language), (120, 40));
            let text = samples::text(&picture(&driver, (120, 40)));
            for c in text.chars().filter(|c| *c != '\n') {
                assert_eq!(
                    c.width(),
                    c.width_cjk(),
                    "{c:?} (U+{:04X}) in {name}",
                    u32::from(c)
                );
            }
        }
    }
}

#[test]
fn every_size_is_drawn() {
    let sizes = [
        (1, 1),
        (7, 3),
        (59, 14),
        (60, 14),
        (59, 15),
        (60, 15),
        (61, 16),
        (79, 23),
        (100, 20),
        (119, 30),
        (121, 31),
        (200, 60),
        (300, 100),
    ];
    for language in [Language::English, Language::Chinese] {
        for symbols in [SymbolSet::Safe, SymbolSet::Ascii] {
            let look = Look {
                symbols,
                ..look(language)
            };
            for name in SCENES {
                for size in sizes {
                    let mut driver = scene(name, look, (80, 24));
                    // The picture may come before the word of the new size, and after it.
                    picture(&driver, size);
                    driver.send(Message::Resized {
                        width: size.0,
                        height: size.1,
                    });
                    assert_rows_fit(&picture(&driver, size));
                }
            }
        }
    }
}

#[test]
fn without_colours_there_is_none() {
    for depth in [ColorDepth::None, ColorDepth::Ansi16] {
        for name in SCENES {
            let look = Look {
                depth,
                ..look(Language::English)
            };
            let picture = picture(&scene(name, look, (80, 24)), (80, 24));
            assert_rows_fit(&picture);
            for cell in &picture.content {
                let allowed = |color: Color| match depth {
                    ColorDepth::None => color == Color::Reset,
                    _ => !matches!(color, Color::Rgb(..) | Color::Indexed(_)),
                };
                assert!(allowed(cell.fg) && allowed(cell.bg), "{cell:?} in {name}");
            }
        }
    }
}

#[test]
fn ascii_symbols_are_ascii() {
    let look = Look {
        symbols: SymbolSet::Ascii,
        ..look(Language::English)
    };
    for name in ["sign_in", "password", "help", "question"] {
        let driver = scene(name, look, (80, 24));
        let mut text = samples::text(&picture(&driver, (80, 24)));
        // Names of the user's own, the prompt, and the name of the other language.
        for theirs in [
            "春季宣传片 第一批（王老师口播）",
            "根据音频生成对应视频",
            "客服问候语",
            "中文",
        ] {
            text = text.replace(theirs, "");
        }
        let ours = text
            .chars()
            .filter(|c| !c.is_ascii())
            .filter(|c| c.width() == Some(1));
        assert_eq!(ours.collect::<String>(), "", "{text}");
    }
}
