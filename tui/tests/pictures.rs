//! Pictures of the screens: in three sizes and two languages as they should be, and in every size without harm.

#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod samples;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use samples::{Driver, list, new_batch, open_batch, signed_in, start};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{
    AmbiguousWidth, ColorDepth, Ground, Language, Look, Message, NetEffect, NetMessage, SymbolSet,
};
use vbatch_tui::view;
use vision_batch::v1;
use vision_batch::v1::upstream::TokenState;
use vision_batch::v1::user::Role;

const SCENES: [&str; 24] = [
    "sign_in",
    "password",
    "batches",
    "admin",
    "batch",
    "new_batch",
    "help",
    "question",
    "number",
    "real",
    "sort",
    "palette",
    "transfers",
    "users",
    "ledger",
    "credits",
    "system",
    "disable",
    "one_time",
    "audit",
    "api_keys",
    "new_key",
    "secret",
    "delete",
];

fn scene(name: &str, look: Look, size: (u16, u16)) -> Driver {
    let start = start(look, size);
    match name {
        "sign_in" => {
            let mut driver = Driver::new(start);
            driver.keys("zhangwei").press(Key::Enter).keys("secret");
            driver
        }
        "password" => {
            let mut driver = Driver::new(start);
            let mut user = samples::user("admin", Role::Admin);
            user.password_change_required = true;
            driver.net(NetMessage::SignedIn { user });
            driver
        }
        "admin" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            list(&mut driver, samples::batches(), TokenState::Refused);
            driver.keys("j  ");
            driver
        }
        "batch" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver
        }
        "new_batch" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            new_batch(&mut driver);
            driver
        }
        "help" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys("?");
            driver
        }
        "question" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("c");
            driver
        }
        "number" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            driver.keys("*c2");
            driver
        }
        "real" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            driver.keys("jjp");
            let number = driver.asked().into_iter().find_map(|effect| match effect {
                NetEffect::Quote { number, .. } => Some(number),
                _ => None,
            });
            driver.net(NetMessage::Quoted {
                number: number.unwrap(),
                result: Ok(samples::quote(12)),
            });
            driver
        }
        "sort" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            driver.keys("sjj").press(Key::Enter).keys("s");
            driver
        }
        "palette" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys(match look.language {
                Language::English => ":rta",
                Language::Chinese => ":试",
            });
            driver
        }
        "transfers" => {
            let mut driver = signed_in(start, "zhangwei", Role::User);
            open_batch(&mut driver);
            driver.keys("*d");
            let later = jiff::Timestamp::from_second(samples::NOW + 4).unwrap();
            driver.send(Message::Tick(later));
            driver.net(NetMessage::Progress {
                transfer: vbatch_tui::state::TransferId(1),
                done_bytes: 3 << 20,
                total_bytes: Some(4_300_000),
            });
            driver.keys("T");
            driver
        }
        "users" | "ledger" | "credits" | "system" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys(if name == "system" { "S" } else { "u" });
            samples::answer_admin(&mut driver);
            if name != "system" {
                driver.keys("jjj");
                samples::answer_admin(&mut driver);
            }
            match name {
                "ledger" => drop(driver.press(Key::Enter)),
                "credits" => drop(driver.keys("+-200")),
                _ => {}
            }
            driver
        }
        "disable" | "one_time" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("u");
            samples::answer_admin(&mut driver);
            driver.keys("jjj");
            samples::answer_admin(&mut driver);
            if name == "disable" {
                driver.keys("x");
                return driver;
            }
            driver.keys("wy");
            driver.net(NetMessage::PasswordReset(Ok(Box::new(
                v1::ResetPasswordResponse {
                    user: samples::users().pop(),
                    one_time_password: "ripe-melon-quiet-harbor".to_owned(),
                    one_time_password_expire_time: samples::at(86_400 * 3),
                },
            ))));
            driver
        }
        "delete" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("*D5");
            driver
        }
        "audit" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("4");
            samples::answer_admin(&mut driver);
            driver.keys("j");
            driver
        }
        "api_keys" | "new_key" | "secret" => {
            let mut driver = signed_in(start, "admin", Role::Admin);
            driver.keys("K");
            samples::answer_admin(&mut driver);
            match name {
                "new_key" => drop(driver.keys("nnightly").press(Key::Tab).keys(" ")),
                "secret" => {
                    let response = v1::CreateApiKeyResponse {
                        api_key: samples::api_keys().into_iter().nth(1),
                        secret: "vbk_h7m2kq03aaaabbbbccccddddeeeeffffgggghhhh".to_owned(),
                    };
                    driver.net(NetMessage::ApiKeyMade(Ok(Box::new(response))));
                }
                _ => drop(driver.keys("j")),
            }
            driver
        }
        _ => signed_in(start, "zhangwei", Role::User),
    }
}

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
