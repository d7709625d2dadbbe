//! A batch that is being made.

use std::path::PathBuf;
use std::time::Duration;

use vbatch_tui::files::{AudioFacts, Entry, FilesMessage, ImageFacts, Unusable};
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{Effect, Message, NetEffect, NetMessage};
use vision_batch::v1;

use super::{Driver, at};

/// The screen for a new batch, with files, marks, an audio and a quote.
pub fn new_batch(driver: &mut Driver) {
    driver.keys("n");
    let directory = PathBuf::from("/home/wang/pics/spring");
    let entry = |name: &str, size_bytes: u64| Entry {
        name: name.to_owned(),
        path: directory.join(name),
        is_directory: size_bytes == 0,
        size_bytes,
    };
    let entries = vec![
        entry("raw", 0),
        entry("portrait_01.png", 1_887_436),
        entry("portrait_02.png", 2_100_000),
        entry(
            "王芳-正面照（修图 最终版 再也不改了）-IMG_20260314_093011.jpg",
            943_718,
        ),
        entry("scan.tif", 8_000_000),
        entry("huge.png", 32_000_000),
        entry("wang_takeB.mp3", 771_000),
        entry("portrait_10.png", 1_500_000),
        entry("portrait_11.png", 1_500_000),
    ];
    driver.send(Message::Files(FilesMessage::Listed {
        directory: directory.clone(),
        result: Ok(entries.clone()),
    }));
    for entry in entries.iter().filter(|it| !it.is_directory) {
        let result = match entry.name.as_str() {
            "scan.tif" => Err(Unusable::Kind),
            "huge.png" => Err(Unusable::TooLarge {
                found_bytes: 32_000_000,
                limit_bytes: 20 << 20,
            }),
            "wang_takeB.mp3" | "portrait_11.png" => continue,
            _ => Ok(ImageFacts {
                kind: "PNG",
                width_px: 1024,
                height_px: 1024,
                size_bytes: entry.size_bytes,
            }),
        };
        driver.send(Message::Files(FilesMessage::ImageProbed {
            path: entry.path.clone(),
            result,
        }));
    }
    driver.keys("春季宣传片 第二批");
    driver.press(Key::Tab).press(Key::Tab);
    driver.keys("wang_takeB.mp3");
    driver.send(Message::Files(FilesMessage::AudioProbed {
        path: directory.join("wang_takeB.mp3"),
        result: Ok(AudioFacts {
            kind: "MP3",
            duration: Duration::from_secs(48),
            size_bytes: 771_000,
        }),
    }));
    driver.press(Key::Tab).press(Key::Tab);
    // Past the way out, the directory and what cannot be used.
    driver.keys("jjj  ");
    let number = driver.effects.iter().rev().find_map(|effect| match effect {
        Effect::Net(NetEffect::Quote { number, .. }) => Some(*number),
        _ => None,
    });
    for number in number.into_iter().flat_map(|number| [number, number + 1]) {
        driver.net(NetMessage::Quoted {
            number,
            result: Ok(quote(2)),
        });
    }
}

pub fn quote(images: i32) -> v1::QuoteBatchResponse {
    v1::QuoteBatchResponse {
        engine: "lightx2v".to_owned(),
        credits: images * 2,
        credits_per_item: 2,
        balance_before: 214,
        balance_after: 214 - images * 2,
        affordable: true,
        expected_finish_time: at(2_100),
        wait: None,
        items_ahead: 31,
        slot_limit: 3,
        daily_tasks_left: Some(62),
    }
}
