//! What the operator reads: the real screen, fed with the answers of the real face, and drawn.

use futures::StreamExt;
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;
use vbatch_server::domain::ids::UserId;
use vbatch_tui::keymap::Key;
use vbatch_tui::state::{
    Effect, Language, Look, Message, NetEffect, NetMessage, Start, State, Stream, update,
};
use vbatch_tui::view;
use vision_batch::v1;
use vision_batch::v1::batch_service_server::BatchService;

use super::file::{ListSays, ScreenSays};
use crate::face::Face;
use crate::world::World;

/// Below 120 columns the details of an item have the whole width, so that few lines are wrapped.
const SIZE: (u16, u16) = (119, 60);

/// A screen of one user on a world.
pub(super) struct Viewer<'a> {
    pub world: &'a World,
    pub face: &'a Face,
    pub user: UserId,
}

impl Viewer<'_> {
    /// What is missing, or must not be there, of an item's details.
    pub async fn check_item(&self, says: &ScreenSays) -> Vec<String> {
        let mut differences = Vec::new();
        for (language, wanted) in both(&says.english, &says.chinese) {
            let mut screen = Screen::new(self, language);
            screen.answer(self).await;
            screen.press(Key::Enter);
            screen.answer(self).await;
            if !screen.go_to(self, says.item).await {
                differences.push(format!("the screen has no item {}", says.item));
                continue;
            }
            let about = format!("the screen of item {}", says.item);
            differences.extend(screen.check(&about, wanted, &says.never));
        }
        differences
    }

    /// What is missing of the list of batches.
    pub async fn check_list(&self, says: &ListSays) -> Vec<String> {
        let mut differences = Vec::new();
        for (language, wanted) in both(&says.english, &says.chinese) {
            let mut screen = Screen::new(self, language);
            screen.answer(self).await;
            differences.extend(screen.check("the list of batches", wanted, &[]));
        }
        differences
    }
}

fn both<'a>(english: &'a [String], chinese: &'a [String]) -> [(Language, &'a [String]); 2] {
    [(Language::English, english), (Language::Chinese, chinese)]
}

struct Screen {
    state: State,
    asked: Vec<Effect>,
    /// The position of the item whose details were asked for last.
    shown: Option<i32>,
}

impl Screen {
    fn new(viewer: &Viewer<'_>, language: Language) -> Self {
        let start = Start {
            look: Look {
                language,
                ..Look::default()
            },
            server: String::new(),
            username: String::new(),
            resume: false,
            player: false,
            bell: false,
            mouse: false,
            read_only: false,
            directories: None,
            way_here: None,
            now: viewer.world.clock.now(),
            time_zone: TimeZone::UTC,
            size: SIZE,
            seed: 7,
        };
        let (state, _) = State::new(start);
        let mut screen = Self {
            state,
            asked: Vec::new(),
            shown: None,
        };
        let user = v1::User {
            id: viewer.user.to_string(),
            username: "operator".to_owned(),
            role: v1::user::Role::User.into(),
            ..v1::User::default()
        };
        screen.send(Message::Net(NetMessage::SignedIn { user }));
        screen
    }

    fn send(&mut self, message: Message) {
        self.asked.extend(update(&mut self.state, message));
    }

    fn press(&mut self, key: Key) {
        self.send(Message::Key(key));
    }

    /// Answers everything that the screen has asked of the network, until it asks nothing more.
    async fn answer(&mut self, viewer: &Viewer<'_>) {
        while !self.asked.is_empty() {
            for effect in std::mem::take(&mut self.asked) {
                let Effect::Net(effect) = effect else {
                    continue;
                };
                for message in answers(viewer, effect).await {
                    if let NetMessage::Item {
                        result: Ok(answer), ..
                    } = &message
                    {
                        self.shown = answer.item.as_ref().map(|item| item.position);
                    }
                    self.send(Message::Net(message));
                }
            }
        }
    }

    /// Moves the cursor down to an item; the rows are not in the order of their numbers.
    async fn go_to(&mut self, viewer: &Viewer<'_>, position: u32) -> bool {
        const ROWS: usize = 50;
        let wanted = i32::try_from(position).ok();
        for _ in 0..ROWS {
            if self.shown == wanted {
                return true;
            }
            self.press(Key::Char('j'));
            self.answer(viewer).await;
        }
        false
    }

    fn check(&self, about: &str, wanted: &[String], unwanted: &[String]) -> Vec<String> {
        let picture = self.text();
        let shown = squeezed(&picture);
        let says = |words: &&String| shown.contains(&squeezed(words));
        let lacking = wanted.iter().filter(|words| !says(words));
        let mut differences: Vec<String> = lacking
            .map(|words| format!("{about} does not say \"{words}\""))
            .collect();
        let surplus = unwanted.iter().filter(says);
        differences.extend(surplus.map(|words| format!("{about} says \"{words}\"")));
        if let Some(last) = differences.last_mut() {
            last.push_str(&format!("; it is:\n{picture}"));
        }
        differences
    }

    fn text(&self) -> String {
        let mut terminal =
            Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a terminal in memory");
        terminal
            .draw(|frame| view::draw(&self.state, frame))
            .expect("a terminal in memory");
        text(terminal.backend().buffer())
    }
}

/// What the server answers.
async fn answers(viewer: &Viewer<'_>, effect: NetEffect) -> Vec<NetMessage> {
    let face = viewer.face;
    match effect {
        NetEffect::LoadServiceInfo => {
            let request = v1::GetServiceInfoRequest {};
            let request = face.request(viewer.user, request).await;
            let info = face.batches.get_service_info(request).await;
            let info = info.expect("everybody may ask").into_inner();
            vec![NetMessage::ServiceInfo(Box::new(info))]
        }
        NetEffect::WatchBatches(request) => {
            use v1::watch_batches_response::Event;
            let request = face.request(viewer.user, request).await;
            let stream = face.batches.watch_batches(request).await;
            let mut stream = stream.expect("a stream of the own batches").into_inner();
            let mut messages = vec![NetMessage::StreamOpened(Stream::Batches)];
            while let Some(Ok(response)) = stream.next().await {
                let event = response.event.expect("an event in each message");
                let is_complete = matches!(event, Event::SnapshotComplete(_));
                messages.push(NetMessage::Batches(Box::new(event)));
                if is_complete {
                    break;
                }
            }
            messages
        }
        NetEffect::WatchBatch(request) => {
            use v1::batch_status_response::Event;
            let batch_id = request.batch_id.clone();
            let request = face.request(viewer.user, request).await;
            let stream = face.batches.batch_status(request).await;
            let mut stream = stream.expect("a stream of the own batch").into_inner();
            let mut messages = vec![NetMessage::StreamOpened(Stream::Batch(batch_id.clone()))];
            while let Some(Ok(response)) = stream.next().await {
                let event = response.event.expect("an event in each message");
                let is_complete = matches!(event, Event::SnapshotComplete(_));
                messages.push(NetMessage::Batch {
                    batch_id: batch_id.clone(),
                    event: Box::new(event),
                });
                if is_complete {
                    break;
                }
            }
            messages
        }
        NetEffect::LoadItem(request) => {
            let item_id = request.item_id.clone();
            let request = face.request(viewer.user, request).await;
            let item = face.batches.get_item(request).await;
            let item = item.expect("an item of the own batch").into_inner();
            vec![NetMessage::Item {
                item_id,
                result: Ok(Box::new(item)),
            }]
        }
        _ => Vec::new(),
    }
}

/// The characters of a picture, one line a row, without empty rows.
fn text(picture: &Buffer) -> String {
    let mut text = String::new();
    for y in picture.area.top()..picture.area.bottom() {
        let mut row = String::new();
        let mut x = picture.area.left();
        while x < picture.area.right() {
            let symbol = picture[(x, y)].symbol();
            row.push_str(symbol);
            // The second cell of a wide character holds nothing of its own.
            x += u16::try_from(symbol.width().max(1)).unwrap_or(1);
        }
        let row = row.trim_end();
        if !row.is_empty() {
            text.push_str("    ");
            text.push_str(row);
            text.push('\n');
        }
    }
    text
}

/// Without white space: lines are wrapped where they must be.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}
